import { ConsensusError, drawKey, toHex, writeKeyFile } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import type { CliIo, KeysNewOptions } from './actions.ts';

/**
 * Writes a new private key to a file of its owner alone, and prints address and public key as JSON.
 *
 * @throws AgentError AGENT_BAD_OPTION when the file is there already or cannot be made.
 */
export async function keysNew(options: KeysNewOptions, io: CliIo): Promise<void> {
  const { privateKey, publicKey, address } = drawKey();
  try {
    await writeKeyFile(options.file, privateKey);
  } catch (cause) {
    if (!(cause instanceof ConsensusError)) throw cause;
    const reason = (cause.cause as NodeJS.ErrnoException | undefined)?.code ?? cause.code;
    const what = reason === 'EEXIST' ? 'is there already' : `cannot be made (${reason})`;
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${options.file} ${what}: give --out another place.`,
      { file: options.file },
      { cause },
    );
  }
  io.stdout.write(`${JSON.stringify({ address, publicKey: toHex(publicKey) })}\n`);
}
