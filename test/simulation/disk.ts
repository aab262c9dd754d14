import type { Head, Milestone, SignedTransaction } from '../../consensus/chain/index.ts';
import type { VoteRecord } from '../../consensus/protocol/index.ts';
import type { Random } from './random.ts';
import { createShelf, type Shelf, type ShelfCopy } from './shelf.ts';
import { nameOf } from './signatures.ts';

/** What a write comes to when the power fails: nothing of it, one copy of two, or all of it and nothing after it. */
export type Fate = 'goes on' | 'before' | 'half' | 'after';

export type Frame = {
  readonly records: readonly VoteRecord[];
  readonly bodies: ReadonlyMap<string, Uint8Array>;
};
export type StoredBlock = {
  readonly finalBlock: Uint8Array;
  readonly head: Head;
  /** What it is for proofs and for those who come later, if anything. */
  readonly milestone: Milestone | null;
  /** Own transactions in it: pending no more, in the same write. */
  readonly settled: readonly SignedTransaction[];
};

/**
 * What survives a node's crashes. Votes are synced, in two copies one after the other, before a write returns; blocks
 * are on disk when the system likes, and a crash takes what is not: a worse disk than the real store counts on.
 */
export type Disk = {
  /** Of those that are not pruned, ascending. */
  readonly finalBlocks: () => readonly Uint8Array[];
  readonly finalBlockAt: (height: number) => Uint8Array | undefined;
  /** Of the oldest block that is kept; one above the head's where there is none. */
  readonly firstHeight: () => number;
  /** Ascending. */
  readonly milestones: () => readonly Milestone[];
  /** Lets go of blocks below that height, so many at most; returns how many. */
  readonly prune: (belowHeight: number, blocksMax: number) => number;
  readonly snapshots: Shelf;
  /** A snapshot of the newest state must not be newer than the chain: what it stands on is synced with it. */
  readonly sync: () => void;
  /** Goes on from a snapshot, all or nothing, and has no block then. */
  readonly adopt: (adopted: Adopted) => void;
  readonly pending: Map<number, SignedTransaction>;
  readonly head: () => Head;
  readonly appendVotes: (frame: Frame, fate: Fate) => void;
  readonly holds: (name: string) => boolean;
  readonly appendBlock: (block: StoredBlock, random: Random) => void;
  /** Votes up to there are needed no more; now and then the log is written anew without them. */
  readonly finalised: (height: number, random: Random) => void;
  /** Loses what was not synced, and finds out what the two copies of the votes say together. */
  readonly crash: (random: Random) => void;
  /** The record of votes is gone, perhaps with the newest blocks: a disk replaced by an old copy. */
  readonly loseVotes: (random: Random) => void;
  readonly frames: () => readonly Frame[];
  readonly floorHeight: () => number;
  readonly doubt: () => { readonly highestHeight: number } | null;
  readonly endDoubt: (height: number) => void;
  /** A word has turned up that the record does not hold. */
  readonly beginDoubt: (highestHeight: number) => void;
  /** Whether a record with such a beginning and end is on disk. */
  readonly holdsWord: (start: string, end: string) => boolean;
  /** All of it, as it stands. */
  readonly copy: () => Backup;
  /** Everything as it was: nothing on the disk says so. */
  readonly putBack: (backup: Backup) => void;
};

export type Adopted = {
  readonly head: Head;
  /** Those that lead from the genesis to it, with its own. */
  readonly milestones: readonly Milestone[];
  /** Own transactions whose nonces its state has used up. */
  readonly settled: readonly SignedTransaction[];
};

type Backup = {
  readonly blocks: readonly StoredBlock[];
  readonly older: readonly Milestone[];
  readonly firstHeight: number;
  readonly snapshots: ShelfCopy;
  readonly pending: readonly SignedTransaction[];
  readonly frames: readonly Frame[];
  readonly floorHeight: number;
};

/** @param syncRate how often a block is on disk as soon as it is written */
export function createDisk(start: Head, syncRate: number): Disk {
  /** After the first one, which is the genesis or the head of a snapshot. */
  const blocks: StoredBlock[] = [baseOf(start)];
  /** Milestones that a snapshot came with. */
  let older: readonly Milestone[] = [];
  let firstHeight = 1;
  const snapshots = createShelf();
  const pending = new Map<number, SignedTransaction>();
  let copies: { a: Frame[]; b: Frame[] } = { a: [], b: [] };
  let names = new Set<string>();
  let synced = 1;
  let floorHeight = 0;
  let doubt: { highestHeight: number } | null = null;
  const head = () => blocks.at(-1)!.head;
  const syncedHeight = () => blocks[synced - 1]!.head.height;
  const keepOnly = (frames: Frame[]) => {
    copies = { a: [...frames], b: [...frames] };
    names = new Set(frames.flatMap(({ records }) => records.map(({ message }) => nameOf(message))));
  };

  return {
    finalBlocks: () =>
      blocks
        .filter(({ head }, at) => at > 0 && head.height >= firstHeight)
        .map(({ finalBlock }) => finalBlock),
    finalBlockAt(height) {
      const at = height - blocks[0]!.head.height;
      return at > 0 && height >= firstHeight ? blocks[at]?.finalBlock : undefined;
    },
    firstHeight: () => firstHeight,
    milestones: () => [
      ...older,
      ...blocks.map(({ milestone }) => milestone).filter((milestone) => milestone !== null),
    ],
    prune(belowHeight, blocksMax) {
      const first = firstHeight;
      firstHeight = Math.max(first, Math.min(belowHeight, first + blocksMax, syncedHeight()));
      return firstHeight - first;
    },
    snapshots,
    sync() {
      synced = blocks.length;
    },
    adopt(adopted) {
      blocks.splice(0, blocks.length, baseOf(adopted.head));
      synced = 1;
      older = adopted.milestones;
      firstHeight = adopted.head.height + 1;
      for (const { nonce } of adopted.settled) pending.delete(nonce);
    },
    pending,
    head,
    appendVotes(frame, fate) {
      if (fate === 'before') return;
      copies.a.push(frame);
      if (fate === 'half') return;
      copies.b.push(frame);
      for (const { message } of frame.records) names.add(nameOf(message));
    },
    holds: (name) => names.has(name),
    appendBlock(block, random) {
      blocks.push(block);
      for (const { nonce } of block.settled) pending.delete(nonce);
      if (random.chance(syncRate)) synced = blocks.length;
    },
    finalised(newest, random) {
      if (!random.chance(0.25)) return;
      // As the real log, which is told only of blocks that are on disk.
      const height = Math.min(newest, syncedHeight());
      floorHeight = Math.max(floorHeight, height);
      const left = copies.b.map(({ records, bodies }) => ({
        records: records.filter(({ message }) => message.height > height),
        bodies,
      }));
      keepOnly(left.filter(({ records }) => records.length > 0));
    },
    crash(random) {
      synced = Math.min(blocks.length, synced + random.below(blocks.length - synced + 1));
      for (const { settled } of blocks.splice(synced))
        for (const transaction of settled) pending.set(transaction.nonce, transaction);
      snapshots.crash(random);
      // A frame that only one copy has is whole there, or cut short: kept as if it had been sent, or never sent.
      keepOnly(copies.a.length > copies.b.length && random.chance(0.5) ? copies.a : copies.b);
    },
    loseVotes(random) {
      const highestHeight = head().height + 1;
      if (random.chance(0.5)) blocks.length = 1 + random.below(blocks.length);
      synced = Math.min(synced, blocks.length);
      firstHeight = Math.min(firstHeight, head().height + 1);
      snapshots.loseAbove(head().height);
      keepOnly([]);
      pending.clear();
      doubt = { highestHeight: random.chance(0.5) ? highestHeight : head().height + 1 };
    },
    frames: () => copies.b,
    floorHeight: () => floorHeight,
    doubt: () => doubt,
    beginDoubt(highestHeight) {
      doubt = { highestHeight };
    },
    holdsWord: (start, end) => [...names].some((name) => name.startsWith(start) && name.endsWith(end)),
    copy: () => ({
      blocks: [...blocks],
      older,
      firstHeight,
      snapshots: snapshots.copy(),
      pending: [...pending.values()],
      frames: [...copies.b],
      floorHeight,
    }),
    putBack(backup) {
      blocks.splice(0, blocks.length, ...backup.blocks);
      synced = blocks.length;
      older = backup.older;
      firstHeight = backup.firstHeight;
      snapshots.putBack(backup.snapshots);
      pending.clear();
      for (const transaction of backup.pending) pending.set(transaction.nonce, transaction);
      keepOnly([...backup.frames]);
      floorHeight = backup.floorHeight;
    },
    endDoubt(height) {
      doubt = null;
      floorHeight = height;
    },
  };
}

function baseOf(head: Head): StoredBlock {
  return { finalBlock: new Uint8Array(0), head, milestone: null, settled: [] };
}
