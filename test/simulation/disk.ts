import type { Head, SignedTransaction } from '../../consensus/chain/index.ts';
import type { VoteRecord } from '../../consensus/protocol/index.ts';
import type { Random } from './random.ts';
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
  /** Own transactions in it: pending no more, in the same write. */
  readonly settled: readonly SignedTransaction[];
};

/**
 * What survives a node's crashes. Votes are synced, in two copies one after the other, before a write returns; blocks
 * are on disk when the system likes, and a crash takes what is not: a worse disk than the real store counts on.
 */
export type Disk = {
  /** 0 is the genesis. */
  readonly blocks: StoredBlock[];
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

type Backup = {
  readonly blocks: readonly StoredBlock[];
  readonly pending: readonly SignedTransaction[];
  readonly frames: readonly Frame[];
  readonly floorHeight: number;
};

/** @param syncRate how often a block is on disk as soon as it is written */
export function createDisk(start: Head, syncRate: number): Disk {
  const blocks: StoredBlock[] = [{ finalBlock: new Uint8Array(0), head: start, settled: [] }];
  const pending = new Map<number, SignedTransaction>();
  let copies: { a: Frame[]; b: Frame[] } = { a: [], b: [] };
  let names = new Set<string>();
  let synced = 1;
  let floorHeight = 0;
  let doubt: { highestHeight: number } | null = null;
  const head = () => blocks.at(-1)!.head;
  const keepOnly = (frames: Frame[]) => {
    copies = { a: [...frames], b: [...frames] };
    names = new Set(frames.flatMap(({ records }) => records.map(({ message }) => nameOf(message))));
  };

  return {
    blocks,
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
      const height = Math.min(newest, synced - 1);
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
      // A frame that only one copy has is whole there, or cut short: kept as if it had been sent, or never sent.
      keepOnly(copies.a.length > copies.b.length && random.chance(0.5) ? copies.a : copies.b);
    },
    loseVotes(random) {
      const highestHeight = head().height + 1;
      if (random.chance(0.5)) blocks.length = 1 + random.below(blocks.length);
      synced = Math.min(synced, blocks.length);
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
      pending: [...pending.values()],
      frames: [...copies.b],
      floorHeight,
    }),
    putBack(backup) {
      blocks.splice(0, blocks.length, ...backup.blocks);
      synced = blocks.length;
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
