import {
  blockDigest,
  type Checkpoint,
  type Contract,
  checkCertificate,
  executeBlock,
  type FinalBlock,
  followMilestone,
  type Head,
  headOf,
  type Milestone,
  transactionsRoot,
  verifyFinalBlock,
} from '../chain/index.ts';
import { blockBatch, milestoneOf } from './batches.ts';
import type { Database } from './database.ts';
import { attempt } from './failure.ts';
import { decodeStoredBlock, decodeStoredMilestone, encodeHeight, keys, rangeOf } from './layout.ts';
import { fillFrom, openBeside, swapIn } from './replacement.ts';
import type { Snapshots } from './snapshots.ts';

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
  /** Where trust in committees begins: the genesis, or a later height that somebody vouched for. */
  readonly trusted: Checkpoint;
  readonly contract: Contract;
  readonly epochBlocks: number;
  readonly snapshots: Pick<Snapshots, 'heights' | 'find' | 'load'>;
  readonly reason: string;
};

/**
 * Builds the store anew beside the damaged one, from the newest snapshot that proves itself, or else the genesis, and as
 * many of the blocks after it as prove themselves, with own transactions still pending, and puts it in the other's
 * place.
 */
export async function rebuild(damaged: Database, options: RebuildOptions): Promise<Recovery> {
  const { directory, reason } = options;
  const base = await newestSnapshot(await followMilestones(damaged, options.trusted), options);
  const fresh = await openBeside(directory);
  const firstHeight = base.head.height + 1;
  await fillFrom(fresh, { head: base.head, milestones: base.milestones, firstHeight });
  const { head, endedBecause } = await replay(damaged, fresh, { ...options, start: base.head });
  await copyOlder(damaged, fresh, base);
  await swapIn(fresh, damaged, { directory, newest: head });
  return { reason, endedBecause, height: head.height };
}

type Followed = { readonly milestone: Milestone; readonly checkpoint: Checkpoint };

/** Those of the damaged store that follow from the genesis, up to the first that does not. */
async function followMilestones(damaged: Database, start: Checkpoint): Promise<Followed[]> {
  const followed: Followed[] = [];
  // Past a damaged table there is nothing to be had; what came before it is still good.
  await attempt(async () => {
    for await (const bytes of damaged.values(rangeOf('milestone'))) {
      const milestone = decodeStoredMilestone(bytes);
      if (milestone.header.height <= start.height) continue;
      const step = followMilestone(followed.at(-1)?.checkpoint ?? start, milestone);
      if (!step.ok) return;
      followed.push({ milestone, checkpoint: step.checkpoint });
    }
  });
  return followed;
}

type Base = {
  readonly head: Head;
  readonly milestones: readonly Milestone[];
  readonly committees: Committees;
};
/** The committee that decided on a height. */
type Committees = (height: number) => Checkpoint['validators'];

async function newestSnapshot(
  followed: readonly Followed[],
  { start, trusted, snapshots, contract }: RebuildOptions,
): Promise<Base> {
  const before = (height: number) =>
    followed.filter(({ checkpoint }) => checkpoint.height < height).at(-1)?.checkpoint;
  const committees: Committees = (height) => (before(height) ?? trusted).validators;
  const upTo = (height: number) =>
    followed.filter(({ checkpoint }) => checkpoint.height <= height).map(({ milestone }) => milestone);
  for (const height of [...(await snapshots.heights())].reverse()) {
    const found = await snapshots.find(height);
    // Its own milestone may be missing among those of the damaged store: it is followed from the last before it.
    const step = found && followMilestone(before(height) ?? trusted, found.milestone);
    if (found === undefined || !step?.ok) continue;
    const state = await snapshots.load(found);
    if (state === undefined) continue;
    const { genesis } = start;
    const head = headOf(found.milestone.header, state, { genesis, contract });
    if (head === null) continue;
    const milestones = [...upTo(height - 1), found.milestone];
    return { head, milestones, committees };
  }
  return { head: start, milestones: [], committees };
}

async function replay(
  damaged: Database,
  fresh: Database,
  { start, contract, epochBlocks }: Pick<RebuildOptions, 'start' | 'contract' | 'epochBlocks'>,
): Promise<{ head: Head; endedBecause: string }> {
  let head = start;
  for (;;) {
    const height = head.height + 1;
    const read = await attempt(() => readStored(damaged, height));
    if (!read.ok) return { head, endedBecause: read.reason };
    if (read.value === undefined) return { head, endedBecause: `block ${height} is not there` };
    const final = verifyFinalBlock(head, read.value);
    if (!final.ok) return { head, endedBecause: `block ${height}: ${final.code}` };
    const executed = executeBlock(head, read.value.block, contract);
    if (!executed.ok) return { head, endedBecause: `block ${height}: ${executed.code}` };
    const { next, changes } = executed;
    const milestone = milestoneOf(read.value, { before: head.validators, next, epochBlocks });
    await fresh.batch(blockBatch(read.value, changes, { milestone }));
    head = next;
  }
}

/** Blocks below the snapshot are not needed, but kept for those who ask, as far down as they prove themselves. */
async function copyOlder(damaged: Database, fresh: Database, { head, committees }: Base): Promise<void> {
  const { genesis } = head;
  let expected = head.digest;
  for (let height = head.height; height > 0; height -= 1) {
    const read = await attempt(() => readStored(damaged, height));
    if (!read.ok || read.value === undefined) return;
    const { block, certificate } = read.value;
    const digest = blockDigest(block.header);
    if (digest !== expected || transactionsRoot(block.transactions) !== block.header.transactionsRoot) return;
    if (checkCertificate(certificate, { genesis, height, digest, validators: committees(height) }) !== null)
      return;
    const batch = [
      { type: 'put', key: keys.block(height), value: (await damaged.get(keys.block(height)))! },
      { type: 'put', key: keys.first, value: encodeHeight(height) },
    ] as const;
    await fresh.batch([...batch]);
    expected = block.header.parent;
  }
}

async function readStored(database: Database, height: number): Promise<FinalBlock | undefined> {
  const stored = await database.get(keys.block(height));
  return stored === undefined ? undefined : decodeStoredBlock(height, stored);
}
