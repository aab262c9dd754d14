import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Contract, executeBlock, type FinalBlock, type Head, verifyFinalBlock } from '../chain/index.ts';
import { blockBatch, firstBatch, pendingEntry } from './batches.ts';
import { type Database, openDatabase } from './database.ts';
import { exists, syncDirectory } from './directory.ts';
import { storeFailure } from './failure.ts';
import { decodeStoredBlock, keys } from './layout.ts';
import { readPending } from './pending.ts';

/** What a start had to mend. The chain goes on at `height`; blocks above it come from the others again. */
export type Recovery = {
  /** What did not fit. */
  readonly reason: string;
  /** Why the replay of the stored blocks ended at `height`. */
  readonly endedBecause: string;
  readonly height: number;
};

export type RebuildOptions = {
  readonly directory: string;
  readonly start: Head;
  readonly contract: Contract;
  readonly reason: string;
};

/**
 * Builds the store anew beside the damaged one, from the genesis and as many of its blocks as prove themselves, with
 * own transactions still pending, and puts it in the other's place. After a crash either the damaged store is still
 * in place and this is done again, or `finishSwap` ends the work.
 */
export async function rebuild(damaged: Database, options: RebuildOptions): Promise<Recovery> {
  const { directory, start, contract, reason } = options;
  const beside = `${directory}.rebuilt`;
  await rm(beside, { recursive: true, force: true });
  const { database: fresh } = await openDatabase(beside);
  await fresh.batch(firstBatch(start));
  const { height, endedBecause } = await replay(damaged, fresh, { start, contract });
  await fresh.batch((await readPending(damaged)).map(pendingEntry));
  for (const key of [keys.votes, keys.votesMark]) {
    const known = await attempt(() => damaged.get(key));
    if (known.ok && known.value !== undefined) await fresh.put(key, known.value);
  }
  // Synced once, last: what was written before stands in the same log or in tables that LevelDB syncs itself.
  await fresh.put(keys.head, (await fresh.get(keys.head))!, { sync: true });
  await fresh.close();
  await damaged.close();
  await rename(directory, `${directory}.damaged`);
  await finishSwap(directory);
  return { reason, endedBecause, height };
}

/**
 * Ends a swap that a crash may have cut: a store that is missing while its replacement waits was moved away after the
 * replacement was complete.
 */
export async function finishSwap(directory: string): Promise<void> {
  if (!(await exists(directory)) && (await exists(`${directory}.rebuilt`))) {
    await rename(`${directory}.rebuilt`, directory);
    await syncDirectory(dirname(directory));
  }
  await rm(`${directory}.damaged`, { recursive: true, force: true });
}

async function replay(
  damaged: Database,
  fresh: Database,
  { start, contract }: Pick<RebuildOptions, 'start' | 'contract'>,
): Promise<{ height: number; endedBecause: string }> {
  let head = start;
  for (;;) {
    const height = head.height + 1;
    const read = await attempt(() => readStored(damaged, height));
    if (!read.ok) return { height: head.height, endedBecause: read.reason };
    if (read.value === undefined)
      return { height: head.height, endedBecause: `block ${height} is not there` };
    const final = verifyFinalBlock(head, read.value);
    if (!final.ok) return { height: head.height, endedBecause: `block ${height}: ${final.code}` };
    const executed = executeBlock(head, read.value.block, contract);
    if (!executed.ok) return { height: head.height, endedBecause: `block ${height}: ${executed.code}` };
    await fresh.batch(blockBatch(read.value, executed.changes));
    head = executed.next;
  }
}

async function readStored(database: Database, height: number): Promise<FinalBlock | undefined> {
  const stored = await database.get(keys.block(height));
  return stored === undefined ? undefined : decodeStoredBlock(height, stored);
}

type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string };

/** Reading from a damaged database: that it fails is what one comes for. */
async function attempt<Value>(read: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    return { ok: false, reason: storeFailure(error, 'reading the damaged store').message };
  }
}
