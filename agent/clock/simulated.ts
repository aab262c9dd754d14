import { z } from 'zod';
import { AgentError } from '../errors.ts';
import { type Clock, sleep } from './clock.ts';

/**
 * How simulated UTC follows the computer's clock: at `wallMs` it was `utcMs`, and since then it has run `speed`
 * times as fast. One process tells it to all others of a run, over the broker.
 */
export type ClockSetting = { readonly utcMs: number; readonly wallMs: number; readonly speed: number };

/** The last millisecond that is a date: who tells a later one must not take the time from those that hear it. */
const UTC_MS_MAX = 8_640_000_000_000_000;

const settingSchema = z.strictObject({
  utcMs: z.int().nonnegative().max(UTC_MS_MAX),
  wallMs: z.number().nonnegative(),
  speed: z.number().min(0).max(1_000_000),
});

/** @throws AgentError AGENT_BAD_DATA when the bytes are no clock setting. */
export function decodeClockSetting(payload: Uint8Array): ClockSetting {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(0, 1_024)));
  } catch (cause) {
    throw new AgentError('AGENT_BAD_DATA', 'The clock setting is not JSON.', {}, { cause });
  }
  const parsed = settingSchema.safeParse(value);
  if (!parsed.success) {
    throw new AgentError(
      'AGENT_BAD_DATA',
      `The clock setting is malformed: ${z.prettifyError(parsed.error)}`,
    );
  }
  return parsed.data;
}

export const encodeClockSetting = (setting: ClockSetting): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(setting));

export type SimulatedClock = Clock & {
  /** Follow a new setting from now on. Time already told is never taken back: the clock waits instead. */
  adjust(setting: ClockSetting): void;
  /** False until anybody has set it; until then it stands still at its start. */
  readonly set: boolean;
};

/** How long a wait may trust the present speed before it looks again. */
const RECHECK_MS = 1_000;

/** @param startMs UTC at which the clock stands until it is set. */
export function simulatedClock(startMs: number, wallMs: () => number = Date.now): SimulatedClock {
  let setting: ClockSetting = { utcMs: startMs, wallMs: wallMs(), speed: 0 };
  let isSet = false;
  let latestMs = startMs;
  let woken = new AbortController();

  const utcMs = () => {
    const elapsedMs = Math.max(0, wallMs() - setting.wallMs);
    const toldMs = Math.floor(setting.utcMs + elapsedMs * setting.speed);
    latestMs = Math.max(latestMs, Math.min(toldMs, UTC_MS_MAX));
    return latestMs;
  };

  /** Sleeps, but wakes when the clock is adjusted. */
  const nap = async (durationMs: number, signal: AbortSignal) => {
    const { signal: adjusted } = woken;
    try {
      await sleep(durationMs, AbortSignal.any([signal, adjusted]));
    } catch (error) {
      if (signal.aborted || !adjusted.aborted) throw error;
    }
  };

  return {
    utcMs,
    get set() {
      return isSet;
    },
    adjust: (next) => {
      utcMs();
      setting = next;
      isSet = true;
      const old = woken;
      woken = new AbortController();
      old.abort();
    },
    waitUntil: async (targetMs, signal) => {
      for (let nowMs = utcMs(); nowMs < targetMs; nowMs = utcMs()) {
        const realMs = setting.speed > 0 ? (targetMs - nowMs) / setting.speed : RECHECK_MS;
        await nap(Math.min(Math.max(1, realMs), RECHECK_MS), signal);
      }
    },
  };
}
