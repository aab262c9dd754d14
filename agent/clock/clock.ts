import { AgentError } from '../errors.ts';

/**
 * The agent's two times. UTC is what the ledger, the plan and the devices live by, and may be simulated and
 * accelerated; monotonic time is real, and drives the timers of protocols and links.
 */
export type Clock = {
  /** UTC in milliseconds; never goes back. */
  utcMs(): number;
  /** False until a clock that must be told the time has been told it. */
  readonly set?: boolean;
  /** Resolves once `utcMs()` has reached the given time; rejects with AGENT_ABORTED when the signal fires. */
  waitUntil(utcMs: number, signal: AbortSignal): Promise<void>;
};

/** Longest single sleep: a step of the system clock is noticed after this long at the latest. */
const SLEEP_MS_MAX = 60_000;

export function systemClock(): Clock {
  let latestMs = 0;
  const utcMs = () => {
    latestMs = Math.max(latestMs, Date.now());
    return latestMs;
  };
  return {
    utcMs,
    waitUntil: async (targetMs, signal) => {
      while (utcMs() < targetMs) await sleep(Math.min(targetMs - utcMs(), SLEEP_MS_MAX), signal);
    },
  };
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
