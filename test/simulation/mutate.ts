import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Mutant } from './mutant.ts';

const COMPILED = fileURLToPath(new URL('../../consensus/', import.meta.url));

/**
 * A copy of the compiled code with the change made, beside the true one so that it finds its packages.
 * @throws Error when a text to change is not there exactly once
 */
export async function plant({
  name,
  changes,
}: Mutant): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(COMPILED, '../mutant-'));
  const remove = () => rm(folder, { recursive: true });
  try {
    await cp(COMPILED, folder, { recursive: true, filter: (path) => !/\.(map|d\.ts)$/.test(path) });
    for (const { file, from, to } of changes) {
      const path = join(folder, file);
      const parts = (await readFile(path, 'utf8')).split(from);
      if (parts.length !== 2) throw new Error(`mutant '${name}': ${parts.length - 1} places in ${file}`);
      await writeFile(path, parts.join(to));
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder: `${pathToFileURL(folder).href}/`, remove };
}
