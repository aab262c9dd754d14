import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AgentError } from './errors.ts';

const BYTES_MAX = 1_024;

/**
 * The first line of a file that is its owner's alone: what opens an encrypted key.
 *
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_CONFIG when it is no file or others may read it, AGENT_BAD_DATA when
 * it is too long.
 */
export async function readPassphraseFile(file: string): Promise<string> {
  // Opening a pipe that nobody writes into would not come back.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      throw new AgentError(
        'AGENT_FILE_MISSING',
        `The passphrase's file ${file} cannot be read (${cause.code ?? 'unknown reason'}).`,
        { file },
        { cause },
      );
    },
  );
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw new AgentError(
        'AGENT_BAD_CONFIG',
        `${file} is no file that could hold a passphrase: write it into one, and chmod 600 it.`,
        { file },
      );
    }
    if ((stat.mode & 0o077) !== 0) {
      throw new AgentError('AGENT_BAD_CONFIG', `Others may read the passphrase in ${file}: chmod 600 it.`, {
        file,
      });
    }
    const bytes = Buffer.alloc(BYTES_MAX + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length);
    if (bytesRead > BYTES_MAX)
      throw new AgentError('AGENT_BAD_DATA', `${file} has more than ${BYTES_MAX} bytes: no passphrase.`, {
        file,
      });
    return bytes.toString('utf8', 0, bytesRead).split(/\r?\n/, 1)[0] ?? '';
  } finally {
    await handle.close();
  }
}
