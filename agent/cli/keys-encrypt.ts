import { replaceKeyFile } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import { lookIntoKeyFile, openKeyFile } from '../key-file.ts';
import type { CliIo, KeysEncryptOptions } from './actions.ts';
import { readPassphrase } from './passphrase.ts';

/**
 * Puts a key file under a passphrase, in its place.
 *
 * @throws AgentError AGENT_BAD_OPTION when it is encrypted already; ConsensusError as for any key file.
 */
export async function keysEncrypt({ file, passphraseFile }: KeysEncryptOptions, io: CliIo): Promise<void> {
  const { sealed, address } = await lookIntoKeyFile(file);
  if (sealed) throw new AgentError('AGENT_BAD_OPTION', `${file} is encrypted already.`, { file });
  const passphrase = await readPassphrase({ file: passphraseFile, twice: true }, io);
  await replaceKeyFile(file, await openKeyFile(file), { passphrase });
  io.stderr.write(
    `The key of ${address} is encrypted now. What it was written on before may still hold it: if that matters, rotate it.\n`,
  );
}
