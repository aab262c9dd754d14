/**
 * Waiting times between attempts: full jitter (uniform between 0 and the step), the step doubling from
 * `minMs` to `maxMs`. Full jitter spreads a neighbourhood that lost its broker at one moment.
 */
export function createBackoff(options: {
  minMs: number;
  maxMs: number;
  /** Uniform in [0, 1). */
  random: () => number;
}): { nextMs(): number; reset(): void } {
  let stepMs = options.minMs;
  return {
    nextMs: () => {
      const waitMs = Math.floor(options.random() * stepMs);
      stepMs = Math.min(options.maxMs, stepMs * 2);
      return waitMs;
    },
    reset: () => {
      stepMs = options.minMs;
    },
  };
}
