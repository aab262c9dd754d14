import { type Forecast, forecastSlots } from '../../optimizer/index.ts';
import { utcOffsetMs } from '../clock/time-zone.ts';
import type { DayAhead } from '../config/schema.ts';
import type { Home } from '../home.ts';
import type { Journal } from '../journal.ts';
import { baseLoadKw } from './learn.ts';
import type { Snapshot } from './sense.ts';

/** What is expected of the slots from `fromSlot` to the end of the day. */
export type Outlook = {
  readonly fromSlot: number;
  readonly slots: number;
  readonly slotHours: number;
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  readonly outdoorC: readonly number[];
  readonly loadKw: readonly number[];
  readonly pvKw: readonly number[];
};

type Expected = NonNullable<Journal['dayAhead']>;
type Forecasting = Pick<Home, 'config' | 'day' | 'state'>;

const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 86_400_000;
/** The forecaster looks so far ahead; a longer day goes on like its last one. */
const HORIZON_DAYS = 7;
/** Of a home that has no sensor outdoors and nothing learnt: heat neither comes nor goes. */
const MILD_C = 20;

/**
 * Second of the six: the rest of the day as it is expected now. What the day's file says is taken from there; for
 * the rest the home forecasts by itself, from all it has observed up to this slot, so that each plan knows how the day
 * has turned out so far.
 */
export const forecast = (home: Forecasting, fromSlot: number, now: Snapshot): Outlook =>
  outlook(home.day, fromSlot, expected(home, fromSlot, now));

/** The whole day as it was expected when it was first planned: offers, promises and costs are all about that one. */
export function outlookOfTheDay(home: Forecasting): Outlook {
  const issued = home.state.journal.dayAhead;
  return outlook(home.day, 0, issued ?? expected(home, 0, { missing: [] }));
}

/** What the journal must remember of the day-ahead forecast: nothing where the day's file has all of it. */
export function dayAhead(home: Forecasting, now: Snapshot): Pick<Journal, 'dayAhead'> {
  return tellsAll(home.day) ? {} : { dayAhead: expected(home, 0, now) };
}

const tellsAll = ({ outdoorC, loadForecastKw, pvForecastKw }: DayAhead): boolean =>
  outdoorC !== undefined && loadForecastKw !== undefined && pvForecastKw !== undefined;

const outlook = (day: DayAhead, fromSlot: number, series: Expected): Outlook => ({
  fromSlot,
  slots: day.importPricePerKwh.length - fromSlot,
  slotHours: day.slotMs / MS_PER_HOUR,
  importPricePerKwh: day.importPricePerKwh.slice(fromSlot),
  feedInPricePerKwh: day.feedInPricePerKwh.slice(fromSlot),
  ...series,
});

/** A home that has learnt nothing yet goes by what it measures now, and reckons with no sun. */
function expected(home: Forecasting, fromSlot: number, now: Snapshot): Expected {
  const { day } = home;
  const slots = day.importPricePerKwh.length - fromSlot;
  const learnt = tellsAll(day) ? {} : learntOf(home, fromSlot, slots);
  const constant = (value: number) => new Array<number>(slots).fill(value);
  return {
    outdoorC:
      day.outdoorC?.slice(fromSlot) ??
      learnt.outdoorC ??
      constant(now.hvac?.outdoorC ?? home.config.hvac?.preferredC ?? MILD_C),
    loadKw:
      day.loadForecastKw?.slice(fromSlot) ?? learnt.loadKw ?? constant(baseLoadKw(home.config, now) ?? 0),
    pvKw: day.pvForecastKw?.slice(fromSlot) ?? learnt.pvKw ?? constant(0),
  };
}

/**
 * What the forecaster says. Slots that it has observed already (an agent that starts again within a slot, or plans a
 * day that has begun) get what it expects of the first one it has not.
 */
function learntOf({ config, day, state }: Forecasting, fromSlot: number, slots: number): Partial<Expected> {
  const { forecaster } = state;
  const { slotMs } = day;
  const askedMs = day.startMs + fromSlot * slotMs;
  const fromMs = Math.max(askedMs, (forecaster.newestMs ?? Number.NEGATIVE_INFINITY) + slotMs);
  const seen = (fromMs - askedMs) / slotMs;
  if (seen >= slots) return {};
  const { loadKw, pvKw, outdoorC }: Forecast = forecastSlots(forecaster, {
    fromMs,
    slots: Math.min(slots - seen, (HORIZON_DAYS * MS_PER_DAY) / slotMs),
    utcOffsetMs: utcOffsetMs(config.timeZone, fromMs),
  });
  const perDay = MS_PER_DAY / slotMs;
  const stretched = (series: Float64Array) =>
    Array.from({ length: slots }, (_, t) => {
      const beyond = Math.max(0, t - seen - series.length + 1);
      return series[Math.max(0, t - seen - Math.ceil(beyond / perDay) * perDay)]!;
    });
  return {
    ...(loadKw && { loadKw: stretched(loadKw) }),
    ...(pvKw && { pvKw: stretched(pvKw) }),
    ...(outdoorC && { outdoorC: stretched(outdoorC) }),
  };
}
