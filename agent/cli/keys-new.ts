import { ConsensusError, drawKey, nodeKeyOf, toHex, writeKeyFile } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import type { CliIo, KeysNewOptions } from './actions.ts';
import { readPassphrase } from './passphrase.ts';

/**
 * Writes a new private key to a file of its owner alone, and prints address and public key as JSON.
 *
 * @throws AgentError AGENT_BAD_OPTION when the file is there already or cannot be made.
 */
export async function keysNew(
  { file, encrypt, account, passphraseFile }: KeysNewOptions,
  io: CliIo,
): Promise<void> {
  const passphrase = encrypt ? await readPassphrase({ file: passphraseFile, twice: true }, io) : undefined;
  const key = nodeKeyOf(drawKey().privateKey, account);
  try {
    await writeKeyFile(file, key, { passphrase });
  } catch (cause) {
    if (!(cause instanceof ConsensusError) || cause.code === 'CONSENSUS_STORE_FULL') throw cause;
    const reason = (cause.cause as NodeJS.ErrnoException | undefined)?.code ?? cause.code;
    const what = reason === 'EEXIST' ? 'is there already' : `cannot be made (${reason})`;
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${file} ${what}: give --out another place.`,
      { file },
      { cause },
    );
  }
  io.stdout.write(`${JSON.stringify({ address: key.address, publicKey: toHex(key.publicKey) })}\n`);
}
