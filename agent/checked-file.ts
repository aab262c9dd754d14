import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { replaceFile } from './replace-file.ts';

/** What was found: nothing where there is no such file, and a doubt where it cannot be used. */
export type CheckedFile = { readonly body?: string; readonly doubt?: string };

const checksum = (body: string) => createHash('sha256').update(body).digest('hex');

/** Reads a file of {@link replaceChecked}: its first line is the checksum of the rest. */
export async function readChecked(file: string): Promise<CheckedFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
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
