import { type LocalPlace, localPlace, MS_PER_DAY } from './calendar.ts';
import {
  createForecaster,
  type Forecast,
  forecastSlots,
  type ObservedSlot,
  observeSlot,
} from './forecaster.ts';
import type { Location } from './sun.ts';

/** How far a forecast was off, and by what share less than the same slots of the day before would have been. */
export type Accuracy = {
  /** Mean absolute and root mean square error, kW. */
  readonly mae: number;
  readonly rmse: number;
  /** 1 - error / error of 24 h persistence; 0 where persistence made none. */
  readonly skillMae: number;
  readonly skillRmse: number;
};

export type WalkForward = {
  readonly load: Accuracy;
  readonly pv: Accuracy;
  /** Days that were forecast. */
  readonly days: number;
  /** Mean by slot of the local day, kW: what was, and the mean absolute errors of forecast and persistence. */
  readonly bySlotOfDay: { readonly load: SlotErrors; readonly pv: SlotErrors };
};

export type SlotErrors = {
  readonly measuredKw: readonly number[];
  readonly forecastErrorKw: readonly number[];
  readonly persistenceErrorKw: readonly number[];
};

/**
 * Walks through a history day by day as a home would live it: at each local midnight the coming day is forecast from
 * what lies before it, and only then looked at. Days of the warm-up, counted from the first midnight, are learnt from
 * and not judged; nor is a slot that was not measured, on its day or on the day before.
 *
 * @param history slots in order of time; gaps are allowed.
 * @returns undefined when the warm-up leaves no load or no generation to judge.
 * @throws OptimizerError as `createForecaster` and `observeSlot` do.
 */
export function walkForward(
  history: readonly ObservedSlot[],
  options: WalkForwardOptions,
): WalkForward | undefined {
  const { slotMs, warmUpDays, location } = options;
  let forecaster = createForecaster({ slotMs, ...(location !== undefined && { location }) });
  const slotsPerDay = MS_PER_DAY / slotMs;
  const load = createTally(slotsPerDay);
  const pv = createTally(slotsPerDay);
  const placed = history.map((slot) => ({ slot, ...localPlace(slot.startMs, slot.utcOffsetMs, slotMs) }));
  const byPlace = new Map(placed.map(({ slot, day, place }) => [day * slotsPerDay + place, slot]));
  const firstDay = firstMidnight(placed[0]) + warmUpDays;
  let today: { readonly day: number; readonly fromMs: number; readonly forecast: Forecast } | undefined;
  let days = 0;
  for (const { slot, day, place } of placed) {
    if (day >= firstDay && day !== today?.day) {
      const { startMs: fromMs, utcOffsetMs } = slot;
      const request = { fromMs, utcOffsetMs, slots: Math.ceil(LONGEST_DAY * slotsPerDay) };
      today = { day, fromMs, forecast: forecastSlots(forecaster, request) };
      days += 1;
    }
    if (today !== undefined) {
      const { loadKw = [], pvKw = [] } = today.forecast;
      const t = (slot.startMs - today.fromMs) / slotMs;
      const yesterday = byPlace.get((day - 1) * slotsPerDay + place);
      load.add(place, { measured: slot.loadKw, forecast: loadKw[t], persistence: yesterday?.loadKw });
      pv.add(place, { measured: slot.pvKw, forecast: pvKw[t], persistence: yesterday?.pvKw });
    }
    forecaster = observeSlot(forecaster, slot);
  }
  if (load.count() === 0 || pv.count() === 0) return undefined;
  return {
    load: load.accuracy(),
    pv: pv.accuracy(),
    days,
    bySlotOfDay: { load: load.bySlotOfDay(), pv: pv.bySlotOfDay() },
  };
}

export type WalkForwardOptions = {
  readonly slotMs: number;
  readonly warmUpDays: number;
  readonly location?: Location;
};

/** Of an autumn night an hour is lived twice. */
const LONGEST_DAY = 25 / 24;

function firstMidnight(first: LocalPlace | undefined): number {
  return first === undefined ? 0 : first.day + (first.place > 0 ? 1 : 0);
}

type Judged = { readonly measured: number; readonly forecast: number; readonly persistence: number };
type MaybeJudged = { readonly [name in keyof Judged]: number | undefined };

function createTally(slotsPerDay: number) {
  const all: Judged[][] = Array.from({ length: slotsPerDay }, () => []);
  const means = (of: (judged: Judged) => number) => all.map((slot) => mean(slot.map(of)));
  const overall = (of: (judged: Judged) => number) => mean(all.flat().map(of));
  const skill = (error: number, reference: number) => (reference > 0 ? 1 - error / reference : 0);
  return {
    /** What lacks one of the three says nothing about any of them. */
    add: (place: number, { measured, forecast, persistence }: MaybeJudged) => {
      if (measured === undefined || forecast === undefined || persistence === undefined) return;
      all[place]!.push({ measured, forecast, persistence });
    },
    count: () => all.flat().length,
    accuracy: (): Accuracy => {
      const mae = overall(missedBy);
      const rmse = Math.sqrt(overall((judged) => missedBy(judged) ** 2));
      return {
        mae,
        rmse,
        skillMae: skill(mae, overall(persistenceMissedBy)),
        skillRmse: skill(rmse, Math.sqrt(overall((judged) => persistenceMissedBy(judged) ** 2))),
      };
    },
    bySlotOfDay: (): SlotErrors => ({
      measuredKw: means(({ measured }) => measured),
      forecastErrorKw: means(missedBy),
      persistenceErrorKw: means(persistenceMissedBy),
    }),
  };
}

const missedBy = ({ measured, forecast }: Judged) => Math.abs(measured - forecast);
const persistenceMissedBy = ({ measured, persistence }: Judged) => Math.abs(measured - persistence);
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
