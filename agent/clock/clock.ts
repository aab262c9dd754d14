import { AgentError } from '../errors.ts';

/**
 * The agent's two times. UTC is what the ledger, the plan and the devices live by, and may be simulated and
 * accelerated; monotonic time is real, and drives the timers of protocols and links.
 */
export type Clock = {
  /** UTC in milliseconds; goes back only where the chain shows that it was ahead. */
  utcMs(): number;
  /** False until a clock that must be told the time has been told it. */
  readonly set?: boolean;
  /** Against the chain's time; absent where one process tells all others the time. */
  standing?(): ClockStanding;
  /** Resolves once `utcMs()` has reached the given time; rejects with AGENT_ABORTED when the signal fires. */
  waitUntil(utcMs: number, signal: AbortSignal): Promise<void>;
};

/** What is known of a clock from the times of final blocks, which a quorum has looked at. */
export type ClockStanding = {
  /** Whether it agrees with the chain: only then what it says may end a slot, or give anything up. */
  readonly proven: boolean;
  /** Whether the chain shows that it is wrong: then no device is steered by it. Not the same as not proven. */
  readonly disproven: boolean;
  /** Ahead of what the chain's time must be by now at least; negative: behind it, and wrong for sure. */
  readonly aheadOfChainMs: number;
  /** How far the computer's clock has leapt and is not followed; 0 as a rule. */
  readonly leapMs: number;
  /** The sum of all leaps that were followed: what was dated before one is that much off. */
  readonly setByMs: number;
};

export const isProven = (clock: Clock): boolean => clock.standing?.().proven ?? true;

export const isDisproven = (clock: Clock): boolean => clock.standing?.().disproven ?? false;

/** How often it is looked whether a time is proven. */
const PROOF_LOOK_MS = 1_000;

/** Like `waitUntil`, but does not take an unproven clock's word that it is so late. */
export async function untilProven(clock: Clock, utcMs: number, signal: AbortSignal): Promise<void> {
  await clock.waitUntil(utcMs, signal);
  while (!isProven(clock) || clock.utcMs() < utcMs) {
    await sleep(PROOF_LOOK_MS, signal);
    await clock.waitUntil(utcMs, signal);
  }
}

/** A pause in real time. Rejects with AGENT_ABORTED when the signal fires. */
export const sleep = (durationMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(aborted());
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(aborted());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, durationMs);
    signal.addEventListener('abort', onAbort, { once: true });
  });

const aborted = () => new AgentError('AGENT_ABORTED', 'The agent is stopping.');
