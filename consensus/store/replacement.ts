import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Head, type Milestone, nextNonce } from '../chain/index.ts';
import { fromHex } from '../crypto/index.ts';
import { milestoneEntry, type Operation, pendingEntry } from './batches.ts';
import { type Database, openDatabase } from './database.ts';
import { exists, syncDirectory } from './directory.ts';
import { attempt } from './failure.ts';
import { encodeFormat, encodeHeight, keys } from './layout.ts';
import { readPending } from './pending.ts';

/** Where a store is built anew while the old one is still in place. */
export async function openBeside(directory: string): Promise<Database> {
  const beside = besideOf(directory);
  await rm(beside, { recursive: true, force: true });
  return (await openDatabase(beside)).database;
}

/** Of one batch: what native memory takes for it is some three times as much. */
const BATCH_BYTES = 512 * 1024;

/**
 * Everything of a store but its blocks: the state after `head`, and milestones. Not synced.
 * @param firstHeight of the oldest block that it is going to hold
 */
export async function fillFrom(
  fresh: Database,
  {
    head,
    milestones,
    firstHeight,
  }: { readonly head: Head; readonly milestones: readonly Milestone[]; readonly firstHeight: number },
): Promise<void> {
  let batch: Operation[] = [
    { type: 'put', key: keys.format, value: encodeFormat() },
    { type: 'put', key: keys.genesis, value: fromHex(head.genesis) },
    { type: 'put', key: keys.head, value: encodeHeight(head.height) },
    { type: 'put', key: keys.first, value: encodeHeight(firstHeight) },
    ...milestones.map(milestoneEntry),
  ];
  let bytes = 0;
  for (const [key, value] of head.state.entries()) {
    batch.push({ type: 'put', key: keys.state(key), value });
    bytes += key.length + value.length;
    if (bytes < BATCH_BYTES) continue;
    await fresh.batch(batch);
    batch = [];
    bytes = 0;
  }
  await fresh.batch(batch);
}

/**
 * Takes over what is this node's own, syncs, and puts the new store in the other's place; both are closed then. After a
 * crash either the old store is still in place, or `finishSwap` ends the work.
 * @param newest head of the new store: own transactions that its state has behind it are pending no more
 */
export async function swapIn(
  fresh: Database,
  old: Database,
  { directory, newest }: { readonly directory: string; readonly newest: Head },
): Promise<void> {
  const pending = (await readPending(old)).filter(
    ({ sender, nonce }) => nonce >= nextNonce(newest.state, sender),
  );
  await fresh.batch(pending.map(pendingEntry));
  for (const key of [keys.votes, keys.votesMark]) {
    const known = await attempt(() => old.get(key));
    if (known.ok && known.value !== undefined) await fresh.put(key, known.value);
  }
  // Synced once, last: what was written before stands in the same log or in tables that LevelDB syncs itself.
  await fresh.put(keys.head, encodeHeight(newest.height), { sync: true });
  await fresh.close();
  await old.close();
  await rename(directory, damagedOf(directory));
  await finishSwap(directory);
}

/**
 * Ends a swap that a crash may have cut: a store that is missing while its replacement waits was moved away after the
 * replacement was complete.
 */
export async function finishSwap(directory: string): Promise<void> {
  if (!(await exists(directory)) && (await exists(besideOf(directory)))) {
    await rename(besideOf(directory), directory);
    await syncDirectory(dirname(directory));
  }
  await rm(damagedOf(directory), { recursive: true, force: true });
}

const besideOf = (directory: string) => `${directory}.rebuilt`;
const damagedOf = (directory: string) => `${directory}.damaged`;
