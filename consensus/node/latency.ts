/** How long blocks take, from the first that is known to wait for one (a pending transaction or a proposal) to final. */
export type Latency = {
  /** Something waits for the block of this height. The first call counts. */
  readonly begin: (height: number, nowMs: number) => void;
  readonly end: (height: number, nowMs: number) => void;
  readonly summary: () => LatencySummary;
};

/** Over the last 512 blocks that were waited for; `count` is all of them since the start. */
export type LatencySummary = {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly maxMs: number | null;
};

const SAMPLES = 512;

export function createLatency(): Latency {
  const samples: number[] = [];
  let waiting: { height: number; sinceMs: number } | null = null;
  let count = 0;
  return {
    begin(height, nowMs) {
      if (waiting?.height !== height) waiting = { height, sinceMs: nowMs };
    },
    end(height, nowMs) {
      if (waiting?.height !== height) return;
      samples[count % SAMPLES] = nowMs - waiting.sinceMs;
      count += 1;
      waiting = null;
    },
    summary() {
      const sorted = [...samples].sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
      return { count, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
    },
  };
}
