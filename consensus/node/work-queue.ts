/** Runs one piece of work after the other, so that the state of the node has one writer. */
export type WorkQueue = {
  /** False when the queue is full, or over: the work is not done. */
  readonly add: (work: () => Promise<void> | void) => boolean;
  readonly length: () => number;
  /** Finishes the piece under way and does no other. */
  readonly stop: () => Promise<void>;
};

/** Done work is cut off the list in pieces of this length. */
const TIDY_LENGTH = 1024;
/** Longest that work runs before sockets and timers get their turn. */
const SLICE_MS = 5;

/** @param onFailure told once, when a piece of work throws: nothing is done after it. */
export function createWorkQueue(maxLength: number, onFailure: (error: unknown) => void): WorkQueue {
  let waiting: (() => Promise<void> | void)[] = [];
  let at = 0;
  let running: Promise<void> | null = null;
  let over = false;

  const next = () => {
    const work = waiting[at];
    if (work === undefined) {
      waiting = [];
      at = 0;
      return undefined;
    }
    at += 1;
    if (at === TIDY_LENGTH) {
      waiting = waiting.slice(at);
      at = 0;
    }
    return work;
  };

  const run = async () => {
    // Never within the call that adds: work may add work.
    await null;
    let sinceMs = performance.now();
    for (let work = next(); work !== undefined && !over; work = next()) {
      await work();
      if (performance.now() - sinceMs < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sinceMs = performance.now();
    }
  };

  const wake = () => {
    running ??= run()
      .catch((error: unknown) => {
        over = true;
        onFailure(error);
      })
      .finally(() => {
        running = null;
        if (!over && at < waiting.length) wake();
      });
  };

  return {
    add(work) {
      if (over || waiting.length - at >= maxLength) return false;
      waiting.push(work);
      wake();
      return true;
    },
    length: () => waiting.length - at,
    async stop() {
      over = true;
      await running;
    },
  };
}
