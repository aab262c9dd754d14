import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AgentError } from './errors.ts';
import { replaceFile } from './replace-file.ts';

/** What was found: nothing where there is no such file, and a doubt where it cannot be used. */
export type CheckedFile = { readonly body?: string; readonly doubt?: string };

const checksum = (body: string) => createHash('sha256').update(body).digest('hex');

/** Reads a file of {@link replaceChecked}: its first line is the checksum of the rest. @throws AgentError AGENT_BAD_CONFIG for a directory. */
export async function readChecked(file: string): Promise<CheckedFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    // It could not be replaced either: better told at the start than in the middle of the day.
    if (code === 'EISDIR')
      throw new AgentError(
        'AGENT_BAD_CONFIG',
        `${file} is a directory: move it away.`,
        { file },
        { cause: error },
      );
    return { doubt: `${file} cannot be read: ${(error as Error).message}` };
  }
  const cut = text.indexOf('\n');
  const body = text.slice(cut + 1);
  if (cut < 0 || text.slice(0, cut) !== checksum(body)) return { doubt: `${file} is damaged` };
  return { body };
}

/** Replaced whole, with its checksum; on disk, synced, when it resolves. One writer at a time. */
export const replaceChecked = (file: string, body: string): Promise<void> =>
  replaceFile(file, `${checksum(body)}\n${body}`);
