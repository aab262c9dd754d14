import { lookIntoKeyFile } from '../key-file.ts';
import { lookOf, renderFacts } from '../terminal/index.ts';
import type { CliIo, KeysShowOptions } from './actions.ts';

/**
 * Prints whose key a file holds, without opening it.
 *
 * @throws ConsensusError CONSENSUS_KEY_EXPOSED, CONSENSUS_BAD_KEY, CONSENSUS_STORE_FAILED, naming the file.
 */
export async function keysShow({ file, json }: KeysShowOptions, io: CliIo): Promise<void> {
  const { address, publicKey, sealed } = await lookIntoKeyFile(file);
  if (json) {
    io.stdout.write(`${JSON.stringify({ address, publicKey, encrypted: sealed })}\n`);
    return;
  }
  const facts = [
    { label: 'address', value: address },
    { label: 'public key', value: publicKey },
    { label: 'encrypted', value: sealed ? 'yes' : 'no: gridquorum keys encrypt FILE' },
  ];
  io.stdout.write(`${renderFacts(file, facts, lookOf(io.stdout, io.env))}\n`);
}
