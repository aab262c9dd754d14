import { stat } from 'node:fs/promises';
import { ConsensusError, inspectKeyFile, type NodeKey, readKeyFile } from '../consensus/index.ts';

/** Without a passphrase for what is not sealed; its file is named in what is thrown. */
export type Opening = {
  readonly passphrase?: string | undefined;
  readonly passphraseFile?: string | undefined;
};

/**
 * Reads a key file, and says which one when it will not do.
 *
 * @throws ConsensusError as `readKeyFile`; CONSENSUS_BAD_KEY also for what is no file.
 */
export const openKeyFile = (file: string, { passphrase, passphraseFile }: Opening = {}): Promise<NodeKey> =>
  named(file, () => readKeyFile(file, { passphrase }), passphraseFile);

/** What a key file says of itself without its passphrase. @throws ConsensusError as {@link openKeyFile}. */
export const lookIntoKeyFile = (file: string): ReturnType<typeof inspectKeyFile> =>
  named(file, () => inspectKeyFile(file));

async function named<Result>(
  file: string,
  read: () => Promise<Result>,
  passphraseFile?: string,
): Promise<Result> {
  const found = await stat(file).catch(() => undefined);
  // A pipe that nobody writes into would be waited for without end.
  if (found !== undefined && !found.isFile())
    throw new ConsensusError('CONSENSUS_BAD_KEY', `${file} is no file that could hold a key`, { file });
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof ConsensusError)) throw cause;
    const here = cause.message.includes(file) ? cause.message : `${file}: ${cause.message}`;
    const next = cause.code === 'CONSENSUS_KEY_LOCKED' ? passphraseWords(passphraseFile) : '';
    throw new ConsensusError(cause.code, `${here}${next}`, { ...cause.details, file }, { cause });
  }
}

const passphraseWords = (passphraseFile: string | undefined): string =>
  passphraseFile === undefined
    ? '. Let passphraseFile in the configuration name the file that holds it'
    : `. The passphrase tried is that of passphraseFile, ${passphraseFile}`;
