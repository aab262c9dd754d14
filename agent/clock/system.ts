import { type Clock, type ClockStanding, sleep } from './clock.ts';
import { createWitnesses, type Witness } from './witnesses.ts';

/** The computer's clock, held against the two things that do not leap with it: monotonic time, and the chain's. */
export type SystemClock = Clock & {
  standing(): ClockStanding;
  /**
   * A final block has this time. `alone`: nobody else decides, so that it proves nothing. `witness`: where it came as it
   * was made, by another.
   */
  heard(blockMs: number, alone: boolean, witness?: Witness): void;
};

export type SystemClockOptions = {
  /** How far apart two times may lie that are the same: the validators' clocks differ, and agreement takes its time. */
  readonly toleranceMs: number;
  /** Told when the computer's clock has leapt, and when a leap is followed. */
  readonly onLeap?: (leap: { readonly byMs: number; readonly followed: boolean }) => void;
  readonly wallMs?: () => number;
  readonly monotonicMs?: () => number;
};

/** Longest single sleep: a step of the system clock is noticed after this long at the latest. */
const SLEEP_MS_MAX = 60_000;

/**
 * Goes with the computer's clock, but not over a leap: then it goes on by monotonic time until blocks show which of the
 * two is right. A block's time is a lower bound of the true time (no quorum signs one from the future), and it grows with
 * monotonic time; so a clock that says much more is not believed yet, and is wrong where enough witnesses agree; one that
 * says much less is wrong.
 */
export function systemClock({
  toleranceMs,
  onLeap = () => undefined,
  wallMs = Date.now,
  monotonicMs = () => performance.now(),
}: SystemClockOptions): SystemClock {
  /** The time told at an instant of monotonic time. */
  let anchor = { utcMs: wallMs(), monotonicMs: monotonicMs() };
  let chain = { utcMs: Number.NEGATIVE_INFINITY, monotonicMs: anchor.monotonicMs };
  const witnesses = createWitnesses(toleranceMs);
  let alone = false;
  let latestMs = anchor.utcMs;
  let leapMs = 0;
  let setByMs = 0;

  const grown = (from: typeof anchor) => from.utcMs + monotonicMs() - from.monotonicMs;
  const isPossible = (utcMs: number) => utcMs >= grown(chain) - toleranceMs;
  const isShown = (utcMs: number) =>
    alone || chain.utcMs === Number.NEGATIVE_INFINITY ? alone : Math.abs(utcMs - grown(chain)) <= toleranceMs;
  const isDisproven = (utcMs: number) => !isShown(utcMs) && (!isPossible(utcMs) || witnesses.agree());

  /** Whether the computer's clock is the better one of two that differ. */
  const isBetter = (wall: number, told: number) =>
    alone || (isShown(wall) && !isShown(told)) || (isPossible(wall) && !isPossible(told));

  const look = () => {
    const wall = wallMs();
    const told = grown(anchor);
    const stepMs = wall - told;
    const isLeap = Math.abs(stepMs) > toleranceMs;
    if (!isLeap && (isShown(wall) || !isShown(told))) {
      anchor = { utcMs: wall, monotonicMs: monotonicMs() };
      leapMs = 0;
    } else if (isBetter(wall, told)) {
      anchor = { utcMs: wall, monotonicMs: monotonicMs() };
      leapMs = 0;
      setByMs += stepMs;
      latestMs = wall;
      onLeap({ byMs: Math.round(stepMs), followed: true });
    } else {
      if (leapMs === 0 && isLeap) onLeap({ byMs: Math.round(stepMs), followed: false });
      leapMs = isLeap ? stepMs : 0;
    }
  };

  const utcMs = () => {
    look();
    // A small step back is waited for: what was told stays true.
    latestMs = Math.max(latestMs, Math.floor(grown(anchor)));
    return latestMs;
  };

  return {
    utcMs,
    standing: () => {
      const nowMs = utcMs();
      const aheadOfChainMs = Number.isFinite(chain.utcMs) ? Math.round(nowMs - grown(chain)) : 0;
      return {
        proven: isShown(nowMs),
        disproven: isDisproven(nowMs),
        aheadOfChainMs,
        leapMs: Math.round(leapMs),
        setByMs,
      };
    },
    heard: (blockMs, isAlone, witness) => {
      alone = isAlone;
      witnesses.heard({ utcMs: blockMs, monotonicMs: monotonicMs() }, witness);
      if (blockMs > grown(chain)) chain = { utcMs: blockMs, monotonicMs: monotonicMs() };
    },
    waitUntil: async (targetMs, signal) => {
      for (let nowMs = utcMs(); nowMs < targetMs; nowMs = utcMs())
        await sleep(Math.min(targetMs - nowMs, SLEEP_MS_MAX), signal);
    },
  };
}
