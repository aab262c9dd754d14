/** How long a unit that does not answer is left alone, so that it does not starve its neighbours. */
export type Backoff = { readonly failures: number; readonly untilMs: number };
export type BackoffRule = { readonly firstMs: number; readonly maxMs: number };

export const defaultBackoffRule: BackoffRule = { firstMs: 200, maxMs: 10_000 };

/** The next pause doubles without chance in it: the same faults give the same times. `nowMs` is monotonic. */
export function afterFailure(backoff: Backoff | undefined, nowMs: number, rule: BackoffRule): Backoff {
  const failures = Math.min((backoff?.failures ?? 0) + 1, 32);
  return { failures, untilMs: nowMs + Math.min(rule.firstMs * 2 ** (failures - 1), rule.maxMs) };
}
