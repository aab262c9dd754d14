import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it; one that is there is left alone. Step by step: Node's own recursive way never
 * ends where nothing can be made, as in /proc.
 *
 * @throws what the file system says; EEXIST when something else has its name.
 */
export async function makeDirectory(directory: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(directory, mode);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST' && existsSync(`${directory}/.`)) return;
    const parent = dirname(directory);
    if (code !== 'ENOENT' || existsSync(parent)) throw cause;
    await makeDirectory(parent, mode);
    await mkdir(directory, mode);
  }
}
