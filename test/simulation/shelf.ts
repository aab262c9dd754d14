import type { Manifest, Milestone } from '../../consensus/chain/index.ts';
import type { Random } from './random.ts';

export type StoredSnapshot = {
  readonly milestone: Milestone;
  readonly manifest: Manifest;
  /** By index; empty ones are not there. */
  readonly parts: ReadonlyMap<number, Uint8Array>;
};

/** Snapshots on a disk, and parts that have come from others. What has a name is whole and synced; those parts are not. */
export type Shelf = {
  /** Ascending. */
  readonly heights: () => readonly number[];
  readonly at: (height: number) => StoredSnapshot | undefined;
  /** The newest two stay. */
  readonly keep: (snapshot: StoredSnapshot) => void;
  /** By hash. */
  readonly incoming: Map<string, Uint8Array>;
  readonly crash: (random: Random) => void;
  readonly loseAbove: (height: number) => void;
  readonly copy: () => ShelfCopy;
  readonly putBack: (copy: ShelfCopy) => void;
};

export type ShelfCopy = {
  readonly snapshots: readonly StoredSnapshot[];
  readonly incoming: readonly (readonly [hash: string, bytes: Uint8Array])[];
};

const KEPT = 2;

export function createShelf(): Shelf {
  const snapshots = new Map<number, StoredSnapshot>();
  const incoming = new Map<string, Uint8Array>();
  const heights = () => [...snapshots.keys()].sort((left, right) => left - right);
  const keep = (snapshot: StoredSnapshot) => {
    snapshots.set(snapshot.milestone.header.height, snapshot);
    for (const old of heights().slice(0, -KEPT)) snapshots.delete(old);
  };
  return {
    heights,
    at: (height) => snapshots.get(height),
    keep,
    incoming,
    crash(random) {
      // Named before they are synced: some are gone then, some cut short.
      for (const [hash, bytes] of [...incoming]) {
        if (random.chance(0.7)) continue;
        if (random.chance(0.5)) incoming.delete(hash);
        else incoming.set(hash, bytes.subarray(0, random.below(bytes.length)));
      }
    },
    loseAbove(height) {
      for (const kept of heights()) if (kept > height) snapshots.delete(kept);
      incoming.clear();
    },
    copy: () => ({ snapshots: [...snapshots.values()], incoming: [...incoming] }),
    putBack(copy) {
      snapshots.clear();
      for (const snapshot of copy.snapshots) keep(snapshot);
      incoming.clear();
      for (const [hash, bytes] of copy.incoming) incoming.set(hash, bytes);
    },
  };
}
