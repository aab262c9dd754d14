import type { LocalPlace } from './calendar.ts';
import { type Correction, corrector, noCorrection, withError } from './correction.ts';
import { type Diary, dayMeansKw, emptyDiary, entryKw, turnedTo, written } from './diary.ts';
import { atMidnight, dayAheadKw, type HoltWinters, noHoltWinters, withLoad } from './holt-winters.ts';
import { emptyRegression, type Regression, solveRidge, withSample } from './ridge.ts';
import { type DaySeries, POWER_KW_MAX, partialRate, smoothed, unknownDay, warmRate } from './series.ts';

const MS_PER_HOUR = 3_600_000;
const LAG_DAYS: readonly number[] = [1, 2, 3, 7];
/** What a regression starts from, and comes back to where it learns nothing: the mean of three smoothings. */
const PRIOR: readonly number[] = [0, 0, 1 / 3, 1 / 3, 1 / 3, ...LAG_DAYS.map(() => 0), 0, 0, 0];
export const LOAD_INPUTS = PRIOR.length;
/** kW² h; a week of a small household weighs ten times as much. */
const SHRINKAGE = 10;
/** Rates of smoothing by day; what a day counts for in the fit and in the comparison on the day after. */
const SLOW_RATE = 0.05;
const KIND_RATE = 0.2;
const FIT_KEPT = 0.99;
const COMPARED_KEPT = 0.9;
/** A regression is not heard before it has seen each weekday twice. */
const DAYS_MIN = 14;

/**
 * A home's load by slot of its local day. Two forecasters run side by side: Holt-Winters, which is useful from the second
 * day on, and a ridge regression on calendar, smoothed profiles and the days before. Each issues its
 * day-ahead forecast at midnight; the day that follows shows which of them is better lately, and that one is used.
 * What is written here was known at the time: no forecast is judged by what it was made from.
 */
export type LoadModel = {
  readonly diary: Diary;
  readonly days: { readonly all: number; readonly working: number; readonly weekend: number };
  readonly slowKw: DaySeries;
  readonly workingDayKw: DaySeries;
  readonly weekendKw: DaySeries;
  readonly holtWinters: HoltWinters;
  readonly regression: Regression;
  /** Coefficients as solved at midnight. */
  readonly weights: readonly number[];
  /** Mean squared error of the day-ahead forecasts, the newest days counting most; kW². */
  readonly squaredError: { readonly holtWinters: number; readonly ridge: number };
  readonly correction: Correction;
};

export const noLoadModel = (slotsPerDay: number): LoadModel => ({
  diary: emptyDiary(slotsPerDay),
  days: { all: 0, working: 0, weekend: 0 },
  slowKw: unknownDay(slotsPerDay),
  workingDayKw: unknownDay(slotsPerDay),
  weekendKw: unknownDay(slotsPerDay),
  holtWinters: noHoltWinters(slotsPerDay),
  regression: emptyRegression(LOAD_INPUTS),
  weights: PRIOR,
  squaredError: { holtWinters: 0, ridge: 0 },
  correction: noCorrection,
});

export type LoadSlot = LocalPlace & {
  readonly startMs: number;
  readonly slotMs: number;
};

export function withLoadSlot(before: LoadModel, slot: LoadSlot, loadKw: number): LoadModel {
  const model = onDay(before, slot);
  const { place, isWeekend } = slot;
  const slotsPerDay = model.slowKw.length;
  const hours = slot.slotMs / MS_PER_HOUR;
  const inputs = inputsOf(model, slot);
  const ahead = { holtWinters: dayAheadKw(model.holtWinters, place), ridge: ridgeKw(model, inputs) };
  const compared = partialRate(1 - COMPARED_KEPT, slotsPerDay);
  const squared = (old: number, forecastKw: number) => old + compared * ((loadKw - forecastKw) ** 2 - old);
  const { days } = model;
  const kind = isWeekend ? 'weekendKw' : 'workingDayKw';
  const kindDays = isWeekend ? days.weekend : days.working;
  return {
    ...model,
    slowKw: smoothed(model.slowKw, place, loadKw, warmRate(SLOW_RATE, days.all - 1)),
    [kind]: smoothed(model[kind], place, loadKw, warmRate(KIND_RATE, kindDays - 1)),
    holtWinters: withLoad(model.holtWinters, place, loadKw),
    regression: withSample(model.regression, {
      inputs,
      output: loadKw,
      weight: hours,
      keep: 1 - partialRate(1 - FIT_KEPT, slotsPerDay),
    }),
    squaredError: {
      holtWinters: squared(model.squaredError.holtWinters, ahead.holtWinters),
      ridge: squared(model.squaredError.ridge, ahead.ridge),
    },
    correction: withError(model.correction, {
      ...slot,
      error: loadKw - (usesRidge(model) ? ahead.ridge : ahead.holtWinters),
      scale: 1,
    }),
    diary: written(model.diary, place, loadKw),
  };
}

/**
 * Load of slots in order of time, each after the newest observed. Days further ahead take what is forecast for
 * the days between as if it had been seen.
 */
export function forecastLoadKw(
  model: LoadModel,
  slots: readonly (LocalPlace & { readonly startMs: number })[],
): number[] {
  const correctionKw = corrector(model.correction);
  let imagined = model;
  return slots.map((slot) => {
    imagined = onDay(imagined, slot);
    const expectedKw = usesRidge(imagined)
      ? ridgeKw(imagined, inputsOf(imagined, slot))
      : dayAheadKw(imagined.holtWinters, slot.place);
    const kw = Math.min(Math.max(0, expectedKw + correctionKw(slot.startMs, 1)), POWER_KW_MAX);
    imagined = { ...imagined, diary: written(imagined.diary, slot.place, kw) };
    return kw;
  });
}

const usesRidge = ({ days, squaredError }: LoadModel): boolean =>
  days.all > DAYS_MIN && squaredError.ridge < squaredError.holtWinters;

/** The model on the slot's day: at each midnight the coefficients are solved for anew, and stand until the next. */
function onDay(model: LoadModel, { day, isWeekend }: LocalPlace): LoadModel {
  // A clock put back over midnight does not turn a page back.
  if (model.diary.day !== null && day <= model.diary.day) return model;
  const { all, working, weekend } = model.days;
  return {
    ...model,
    diary: turnedTo(model.diary, day),
    days: { all: all + 1, working: working + (isWeekend ? 0 : 1), weekend: weekend + (isWeekend ? 1 : 0) },
    holtWinters: atMidnight(model.holtWinters),
    weights: solveRidge(model.regression, { prior: PRIOR, shrinkage: SHRINKAGE }),
  };
}

/** All of it known at midnight: what has not been seen is replaced by what is usual. */
function inputsOf(model: LoadModel, { place, isWeekend }: LocalPlace): number[] {
  const { diary, holtWinters } = model;
  const smoothKw = dayAheadKw(holtWinters, place);
  const slowKw = model.slowKw[place] ?? smoothKw;
  const kindKw = (isWeekend ? model.weekendKw : model.workingDayKw)[place] ?? slowKw;
  const means = dayMeansKw(diary);
  const known = means.filter((kw) => kw !== null);
  const weekKw =
    known.length === 0
      ? holtWinters.levelAtMidnightKw
      : known.reduce((sum, kw) => sum + kw, 0) / known.length;
  return [
    1,
    isWeekend ? 1 : 0,
    smoothKw,
    slowKw,
    kindKw,
    ...LAG_DAYS.map((daysBack) => entryKw(diary, daysBack, place) ?? kindKw),
    means[0] ?? weekKw,
    weekKw,
    means.at(-1) ?? weekKw,
  ];
}

function ridgeKw({ weights }: LoadModel, inputs: readonly number[]): number {
  const kw = inputs.reduce((sum, input, k) => sum + input * weights[k]!, 0);
  return Math.min(Math.max(0, kw), POWER_KW_MAX);
}
