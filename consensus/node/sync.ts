import { decodeClosedFinalBlock, type Executed, type FinalBlock, openFinalBlock } from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import { encodeEnvelope, WIRE_LIMITS } from '../network/index.ts';
import type { CatchUp } from './catch-up.ts';
import { executeFinal } from './execute-final.ts';
import type { Providers } from './providers.ts';
import { readable } from './readable.ts';
import type { Shared } from './shared.ts';

/** Closes gaps by height: asks one node after the other for final blocks, and answers those who ask. */
export type Sync = {
  /** Somebody says that this height is final. Hearsay: worth a question, no more. */
  readonly heard: (height: number, from: string) => void;
  readonly ask: () => void;
  /** Takes a final block in if it is the next; false for garbage. */
  readonly takeEncoded: (finalBlock: Uint8Array, from: string) => Promise<boolean>;
  readonly takeResponse: (response: SyncResponse, from: string) => Promise<boolean>;
  readonly serve: (to: string, fromHeight: number, maxBlocks: number, via?: number) => Promise<void>;
  /** The highest height heard of. */
  readonly target: () => number;
};

type SyncResponse = {
  readonly headHeight: number;
  readonly firstHeight: number;
  readonly finalBlocks: readonly Uint8Array[];
};

export type SyncOptions = {
  readonly providers: Providers;
  readonly catchUp: Pick<CatchUp, 'taking' | 'taken'>;
  /** The one way a block becomes part of the chain. */
  readonly append: (final: FinalBlock, executed: Executed) => Promise<void>;
  /** The blocks that are missing are not kept any more, or too many: a snapshot may help. */
  readonly seekSnapshot: () => void;
  /** While one is fetched, blocks below it would be fetched in vain. */
  readonly isSeeking: () => boolean;
  /** Whether blocks are preferred to a snapshot wherever somebody has them: this node is to keep all. */
  readonly wantsAllBlocks: boolean;
};

/** No more questions than this, whatever the reason to ask. */
const ASK_INTERVAL_MS = 100;
/** Patience with one provider before the next is asked. */
const ANSWER_MS = 1_000;
/** Of one answer: what every broker passes on, with room for its frame. */
const ANSWER_BYTES_MAX = 512 * 1024;

/** Answers in the making at once, and questions that wait for theirs: blocks of more would fill the memory. */
const SERVED_AT_ONCE = 4;
const ASKERS_MAX = 1024;

type Question = {
  readonly to: string;
  readonly fromHeight: number;
  readonly maxBlocks: number;
  readonly via: number;
};

export function createSync(shared: Shared, options: SyncOptions): Sync {
  const { head, transport, timers, gate, counters, store, contract, nowMs, log } = shared;
  const { providers, catchUp, append, seekSnapshot, isSeeking, wantsAllBlocks } = options;
  let provider = 0;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  /** Whose answer is waited for, and who gave none in his time since one last helped: hearsay turns to others. */
  let waitingFor: string | null = null;
  const silent = new Set<string>();
  /** The highest height heard of, and how many providers may still be asked for it. */
  let target = 0;
  let patience = 0;
  const asking: Question[] = [];
  let serving = 0;

  /** Those who have said that they keep the next block no more, since the head last moved. */
  const pruned = new Set<string>();

  const ask = () => {
    const waitMs = askedAtMs + ASK_INTERVAL_MS - nowMs();
    if (waitMs > 0) {
      timers.set('sync ask', waitMs, ask);
      return;
    }
    const candidates = providers.list();
    const to = candidates[provider % candidates.length];
    if (to === undefined || !transport.connected || isSeeking()) return;
    askedAtMs = nowMs();
    const fromHeight = head().height + 1;
    const payload = encodeEnvelope({
      channel: 'sync-request',
      fromHeight,
      maxBlocks: WIRE_LIMITS.finalBlocks,
    });
    if (!transport.publish({ channel: 'sync-request', to, payload })) counters.unsent += 1;
    // Asking again, him or another, gives nobody more time: else those that are silent would be asked for ever.
    if (waitingFor !== null) return;
    waitingFor = to;
    timers.set('sync answer', ANSWER_MS, () => {
      waitingFor = null;
      silent.add(to);
      const all = providers.list();
      if (all[provider % all.length] === to) provider += 1;
      if (patience <= 0) return;
      patience -= 1;
      ask();
    });
  };

  const askAround = () => {
    patience = providers.list().length;
    ask();
  };

  const take = async (encoded: Uint8Array, from: string): Promise<boolean> => {
    const closed = readable(() => decodeClosedFinalBlock(encoded));
    if (closed === null) return false;
    const { height } = closed.header;
    if (height <= head().height) return true;
    if (height > head().height + 1) {
      heard(height, from);
      return true;
    }
    const opened = openFinalBlock(head(), closed);
    if (!opened.ok) {
      log({ event: 'final-block-refused', height, from, code: opened.code, reason: opened.reason });
      return false;
    }
    const { final } = opened;
    await append(final, executeFinal(head(), final.block, contract));
    return true;
  };

  const heard = (height: number, from: string) => {
    if (height <= head().height) return;
    target = Math.max(target, height);
    const known = silent.has(from) ? -1 : providers.list().indexOf(from);
    if (known >= 0) provider = known;
    if (isFarBehind(height)) seekSnapshot();
    askAround();
  };

  /** Hearsay too: if it is a lie, nobody can show a snapshot, and blocks are asked for again. */
  const isFarBehind = (height: number) => !wantsAllBlocks && height > head().height + store.epochBlocks;

  /** Nobody has the next block: then only a snapshot leads past it. One who says so is enough for who needs no blocks. */
  const isPruned = (from: string, firstHeight: number): boolean => {
    const asked: readonly string[] = providers.list();
    if (firstHeight <= head().height + 1 || !asked.includes(from)) return false;
    pruned.add(from);
    return !wantsAllBlocks || asked.every((name) => pruned.has(name));
  };

  /** All blocks of one answer; false where one of them does not hold. */
  const takeAll = async (
    { headHeight, finalBlocks }: Pick<SyncResponse, 'headHeight' | 'finalBlocks'>,
    from: string,
  ): Promise<boolean> => {
    const before = head().height;
    if (finalBlocks.length > 1) catchUp.taking();
    try {
      for (const encoded of finalBlocks) if (!(await take(encoded, from))) return false;
      return true;
    } finally {
      const { height } = head();
      catchUp.taken({ moved: height - before, left: headHeight - height });
    }
  };

  /** One that cannot be read any more is as good as none: the others have it, and the node works without it. */
  const readBlock = async (height: number): Promise<Uint8Array | undefined> => {
    try {
      const read = await store.readEncodedBlock(height);
      return read.ok ? read.found : undefined;
    } catch (error) {
      if (!(error instanceof ConsensusError) || error.code !== 'CONSENSUS_STORE_CORRUPT') throw error;
      log({ event: 'block-unreadable', height, reason: error.message });
      return undefined;
    }
  };

  const answer = async ({ to, fromHeight, maxBlocks }: Question) => {
    const finalBlocks: Uint8Array[] = [];
    const headHeight = head().height;
    const { firstHeight } = store;
    const count = Math.min(maxBlocks, WIRE_LIMITS.finalBlocks, headHeight - fromHeight + 1);
    let bytes = 0;
    for (let height = fromHeight; height < fromHeight + count; height += 1) {
      const encoded = height > 0 ? await readBlock(height) : undefined;
      if (encoded === undefined || (bytes > 0 && bytes + encoded.length > ANSWER_BYTES_MAX)) break;
      finalBlocks.push(encoded);
      bytes += encoded.length;
    }
    const payload = encodeEnvelope({ channel: 'sync-response', headHeight, firstHeight, finalBlocks });
    if (!transport.publish({ channel: 'sync-response', to, payload })) counters.unsent += 1;
  };

  return {
    heard,
    ask: askAround,
    takeEncoded: take,
    target: () => Math.max(target, head().height),
    async takeResponse({ headHeight, firstHeight, finalBlocks }, from) {
      timers.clear('sync answer');
      waitingFor = null;
      const before = head().height;
      if (!(await takeAll({ headHeight, finalBlocks }, from))) {
        providers.drop(from, 'a block of its answer does not hold');
        askAround();
        return false;
      }
      // Who gave nothing may be behind, or lie about it: the next question is another's, whenever it comes.
      const helped = head().height > before;
      if (helped) {
        pruned.clear();
        silent.clear();
      } else provider += 1;
      target = Math.max(headHeight, head().height);
      if (head().height === target) return true;
      if (isFarBehind(headHeight) || isPruned(from, firstHeight)) seekSnapshot();
      // Ask on at once while it helps.
      if (helped) askedAtMs = Number.NEGATIVE_INFINITY;
      if (helped || patience > 0) {
        patience = helped ? providers.list().length : patience - 1;
        ask();
      }
      return true;
    },
    async serve(to, fromHeight, maxBlocks, via = 0) {
      const ahead = asking.filter((other) => other.via === via).length;
      if (ahead >= ASKERS_MAX || !gate.serves(to, nowMs(), via)) {
        counters.unserved += 1;
        return;
      }
      asking.push({ to, fromHeight, maxBlocks, via });
      if (serving >= SERVED_AT_ONCE) return;
      serving += 1;
      try {
        for (let next = asking.shift(); next !== undefined; next = asking.shift()) await answer(next);
      } finally {
        serving -= 1;
      }
    },
  };
}
