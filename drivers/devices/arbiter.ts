/** Who wants to steer; the lower rank wins: 0 safety, 1 grid operator, 2 the plan, 3 trials by hand. */
export type Claimant = { readonly who: string; readonly rank: 0 | 1 | 2 | 3 };
export type Claim =
  | { readonly ok: true; readonly untilMs: number }
  | { readonly ok: false; readonly heldBy: string; readonly untilMs: number };

export type Permit =
  | { readonly ok: true; readonly write: boolean }
  | { readonly ok: false; readonly reason: 'too-soon' | 'budget-spent'; readonly retryInMs: number };

export type ArbiterRules = {
  /** Least time between two writes of different values. */
  readonly intervalMsMin: number;
  /** Writes in any 24 hours: flash wears out (a common figure is 100,000 writes in a register's life). */
  readonly writesPerDayMax: number;
  /** The same value is written again only after this long, when the device's watchdog needs it. */
  readonly refreshMs: number;
  /** No claim lasts longer than this without being made again. */
  readonly claimMsMax: number;
};

/**
 * Who may set one device's set-point, for how long, and how often it may be written. A claim holds until its time is over or
 * its holder lets go; a better rank takes it over at once. Keeps at most `writesPerDayMax` times of writes.
 */
export type Arbiter = {
  claim(claimant: Claimant, forMs: number, nowMs: number): Claim;
  letGo(who: string): void;
  /** Whether `value` may be written now; `write: false`: it stands there already and need not be repeated yet. */
  permit(value: number, nowMs: number): Permit;
  wrote(value: number, nowMs: number): void;
  /** The value on the device is no longer known: the next one is written. */
  forget(): void;
};

const dayMs = 86_400_000;

export function createArbiter(rules: ArbiterRules): Arbiter {
  let holder: (Claimant & { untilMs: number }) | undefined;
  let last: { value: number; atMs: number } | undefined;
  let lastWriteMs: number | undefined;
  let writes: number[] = [];
  return {
    claim(claimant, forMs, nowMs) {
      const untilMs = nowMs + Math.min(forMs, rules.claimMsMax);
      const inForce = holder && holder.untilMs > nowMs && holder.who !== claimant.who;
      if (holder && inForce && holder.rank <= claimant.rank) {
        return { ok: false, heldBy: holder.who, untilMs: holder.untilMs };
      }
      holder = { ...claimant, untilMs };
      return { ok: true, untilMs };
    },
    letGo(who) {
      if (holder?.who === who) holder = undefined;
    },
    permit(value, nowMs) {
      if (last && last.value === value && nowMs - last.atMs < rules.refreshMs)
        return { ok: true, write: false };
      const sinceMs = lastWriteMs === undefined ? Number.POSITIVE_INFINITY : nowMs - lastWriteMs;
      if (last?.value !== value && sinceMs < rules.intervalMsMin) {
        return { ok: false, reason: 'too-soon', retryInMs: rules.intervalMsMin - sinceMs };
      }
      writes = writes.filter((atMs) => nowMs - atMs < dayMs);
      if (writes.length >= rules.writesPerDayMax) {
        return { ok: false, reason: 'budget-spent', retryInMs: writes[0]! + dayMs - nowMs };
      }
      return { ok: true, write: true };
    },
    wrote(value, nowMs) {
      last = { value, atMs: nowMs };
      lastWriteMs = nowMs;
      writes.push(nowMs);
    },
    forget() {
      last = undefined;
    },
  };
}
