/** CPU and wall time in ms of one call, by batches long enough for the clock. */
export type Timing = { readonly cpuMs: number; readonly wallMs: number };

/** A batch lasts at least so long; the accounting of CPU time is not finer. */
const BATCH_MS = 4;

/** `repeats` batches of calls after one that warms up. Timings are per call. */
export function time(work: () => unknown, repeats: number): Timing[] {
  const begun = performance.now();
  work();
  const first = performance.now() - begun;
  let calls = 1;
  if (first < BATCH_MS) {
    const until = performance.now() + 10 * BATCH_MS;
    let warmed = 0;
    while (performance.now() < until) {
      work();
      warmed++;
    }
    calls = Math.max(1, Math.ceil(warmed / 10));
  }
  return Array.from({ length: repeats }, () => batch(work, calls));
}

function batch(work: () => unknown, calls: number): Timing {
  const cpuBefore = process.cpuUsage();
  const wallBefore = performance.now();
  for (let call = 0; call < calls; call++) work();
  const wallMs = performance.now() - wallBefore;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { cpuMs: (user + system) / 1000 / calls, wallMs: wallMs / calls };
}

export type Spread = { readonly median: number; readonly low: number; readonly high: number };

/** Median, 10th and 90th percentile. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}
