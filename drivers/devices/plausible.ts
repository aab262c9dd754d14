import type { ReadingBase } from './capabilities.ts';

/** A value, or the reason why it must not be believed. `quiet`: absent, and nobody is alarmed. */
export type Judged = { readonly value?: number; readonly fault?: string };

/** A power against what the device can do: half as much again, and some noise, is still believed. */
export function judgePower(value: number | undefined, ratedW: number): Judged {
  if (value === undefined) return { fault: 'not available' };
  if (Math.abs(value) > 1.5 * ratedW + 100) return { fault: `implausible ${Math.round(value)} W` };
  return { value };
}

export function judgeWithin(value: number | undefined, min: number, max: number): Judged {
  if (value === undefined) return { fault: 'not available' };
  return value >= min && value <= max ? { value } : { fault: `implausible ${value}` };
}

export type CounterWatch = (valueWh: number | undefined, nowMs: number) => Judged;

const believedAfter = 5;
const slackHours = 1;

/**
 * Watches an energy counter: one that goes back (zeros after a restart, a wrap, a daily reset) or leaps by more
 * than `ratedW` can deliver is not believed. A counter that goes on from its new place for five readings in a row has
 * been reset: it is believed again, and that reading says so, since differences across it mean nothing.
 */
export function watchCounter(ratedW: number): CounterWatch {
  let last: { valueWh: number; atMs: number } | undefined;
  let doubted: { valueWh: number; atMs: number; times: number } | undefined;
  const follows = (from: { valueWh: number; atMs: number }, valueWh: number, nowMs: number) => {
    const hours = Math.max(0, nowMs - from.atMs) / 3_600_000 + slackHours;
    return valueWh >= from.valueWh && valueWh - from.valueWh <= 1.5 * ratedW * hours;
  };
  return (valueWh, nowMs) => {
    if (valueWh === undefined) return { fault: 'not available' };
    if (!last || follows(last, valueWh, nowMs)) {
      last = { valueWh, atMs: nowMs };
      doubted = undefined;
      return { value: valueWh };
    }
    const times = doubted && follows(doubted, valueWh, nowMs) ? doubted.times + 1 : 1;
    doubted = { valueWh, atMs: nowMs, times };
    if (times < believedAfter) {
      return {
        fault: `${valueWh < last.valueWh ? 'went back' : 'leapt'} from ${last.valueWh} to ${valueWh} Wh`,
      };
    }
    last = { valueWh, atMs: nowMs };
    doubted = undefined;
    return { value: valueWh, fault: 'restarted' };
  };
}

/**
 * The head of a reading: 'bad' when none of the essential values can be believed, 'partial' when something is
 * amiss, else 'good'. `judged` names values as the reading does.
 */
export function readingHead(
  atMs: number,
  judged: Readonly<Record<string, Judged | undefined>>,
  essential: readonly string[],
): ReadingBase {
  const faults = Object.entries(judged).flatMap(([name, one]) =>
    one?.fault ? [`${name}: ${one.fault}`] : [],
  );
  const usable = essential.some((name) => judged[name]?.value !== undefined);
  return { atMs, quality: usable ? (faults.length > 0 ? 'partial' : 'good') : 'bad', faults };
}

/** Only the fields that have a value: `undefined` is absence, and absent keys say it best. */
export function present<T extends Record<string, unknown>>(
  fields: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
