import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AgentError } from './errors.ts';

/**
 * Replaces a file of the agent's own, or makes it: written beside and renamed over, so that a cut leaves what was
 * there before or the new text, never half of one. On disk, synced, when it resolves. One writer at a time.
 *
 * @throws AgentError AGENT_DISK_FULL; the system's error otherwise.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  try {
    await replace(file, text);
  } catch (cause) {
    if (!FULL.has((cause as NodeJS.ErrnoException).code)) throw cause;
    throw new AgentError(
      'AGENT_DISK_FULL',
      `Writing ${file}: the disk is full. Free some space and start again; nothing confirmed is lost.`,
      { file },
      { cause },
    );
  }
}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

async function replace(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  await syncFolder(dirname(file));
}

/** A new name is on disk only when its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
