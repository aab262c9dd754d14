import type { FinalBlock, Head } from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import type { Shared } from './shared.ts';

/** What a store needs beside blocks: a snapshot at every epoch, and that old blocks go. Never in the way of a vote. */
export type Upkeep = {
  /** A final block has been stored. */
  readonly advanced: (final: FinalBlock, next: Head) => void;
  /** Gives up what is under way. */
  readonly stop: () => Promise<void>;
};

/** Deleted after one block: fast enough to catch up, too few to be felt. */
const PRUNED_AT_ONCE = 64;

/** @param keepBlocksMs age, by the chain's own time, up to which blocks are kept; null for all of them */
export function createUpkeep({ store, head, nowMs, log }: Shared, keepBlocksMs: number | null): Upkeep {
  const stopping = new AbortController();
  let snapshot: Promise<void> | null = null;
  let pruning: Promise<void> | null = null;
  /** Blocks below it may go. */
  let pruneBelow = 0;

  const keepSnapshot = async (next: Head) => {
    const startedMs = nowMs();
    try {
      const milestone = await store.readMilestone(next.height);
      if (milestone === undefined) return;
      const { parts, bytes } = await store.snapshots.write(milestone, next.state, stopping.signal);
      const ms = Math.round(nowMs() - startedMs);
      log({ event: 'snapshot-kept', height: next.height, parts, bytes, ms });
      await findPrunable();
    } catch (error) {
      tell('snapshot-failed', error);
    }
  };

  /** Whole epochs go, once all of one is too old and lies below both snapshots: by their last blocks' times. */
  const findPrunable = async () => {
    const kept = await store.snapshots.heights();
    const [older] = kept;
    if (keepBlocksMs === null || kept.length < 2 || older === undefined) return;
    const { epochBlocks } = store;
    const beforeMs = head().header.timeMs - keepBlocksMs;
    let height = Math.ceil(store.firstHeight / epochBlocks) * epochBlocks;
    for (; height <= older; height += epochBlocks) {
      const milestone = await store.readMilestone(height);
      if (milestone !== undefined && milestone.header.timeMs >= beforeMs) return;
      pruneBelow = height;
    }
  };

  const prune = async () => {
    try {
      const blocks = await store.prune(pruneBelow, PRUNED_AT_ONCE);
      if (blocks > 0 && store.firstHeight >= pruneBelow)
        log({ event: 'blocks-pruned', firstHeight: store.firstHeight });
    } catch (error) {
      tell('pruning-failed', error);
    }
  };

  /** The ledger goes on without: what fails here is told, and tried again with the next epoch or block. */
  const tell = (event: string, error: unknown) => {
    if (stopping.signal.aborted) return;
    if (!(error instanceof ConsensusError)) throw error;
    log({ event, code: error.code, reason: error.message });
  };

  return {
    advanced({ block }, next) {
      if (block.header.height % store.epochBlocks === 0) {
        // The next one comes; two at once would hold two states in memory.
        if (snapshot !== null) log({ event: 'snapshot-skipped', height: next.height });
        snapshot ??= keepSnapshot(next).finally(() => {
          snapshot = null;
        });
      }
      if (store.firstHeight >= pruneBelow || pruning !== null) return;
      pruning = prune().finally(() => {
        pruning = null;
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all([snapshot, pruning]);
    },
  };
}
