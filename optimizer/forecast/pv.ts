import type { LocalPlace } from './calendar.ts';
import { solveConvex } from './convex.ts';
import { type Correction, corrector, noCorrection, withError } from './correction.ts';
import { emptyRegression, type Regression, withSample } from './ridge.ts';
import { type DaySeries, partialRate, smoothed, unknownDay, withValue } from './series.ts';

const MS_PER_HOUR = 3_600_000;
/** Below this much clear sky (kW/m²) a ratio to it would be a ratio of errors. */
const CLEAR_SKY_MIN = 0.02;
/** The ceiling sinks by this share a day until a clear slot lifts it again, and is lifted by no more than this factor. */
const CEILING_SINKS = 0.03;
const CEILING_LIFT_MAX = 1.5;
/** Slots with a smaller share of full power under a clear sky say nothing about clouds. */
const CLOUD_SHARE_MIN = 0.01;
/** Past clearness is remembered on these scales, as rates a day: of the same slot of the day, and of whole days. */
const SLOT_RATES: readonly number[] = [1, 0.3, 0.1];
const DAY_RATES: readonly number[] = [1, 0.3, 0.1, 0.03];
export const SLOT_CLEARNESSES = SLOT_RATES.length;
export const DAY_CLEARNESSES = DAY_RATES.length;
export const CLEARNESS_INPUTS = SLOT_CLEARNESSES + DAY_CLEARNESSES + 1;
const FIT_KEPT = 0.99;
const SHRINKAGE = 1e-3;

/**
 * Generation as clear sky times clearness. The ceiling of a slot is what this array gives in it under a clear
 * sky: the clear sky of the place times a factor by slot of the day, which is a maximum that slowly sinks, and so
 * learns size, orientation and shade by itself. Clearness is generation over ceiling. What is forecast is the ceiling
 * times a convex combination of past clearnesses and of 1; its weights are fitted to how well each would have done.
 */
export type PvModel = {
  readonly day: number | null;
  readonly days: number;
  /** kW for each kW/m² of clear sky, by UTC slot of the day. */
  readonly factor: DaySeries;
  /** By rate, then by UTC slot of the day. */
  readonly slotClearness: readonly DaySeries[];
  readonly dayClearness: readonly number[];
  /** Of the day that runs, as sums over its slots: generation and ceiling, kW. */
  readonly today: { readonly pvKw: number; readonly ceilingKw: number };
  /** Highest that was ever seen, kW. */
  readonly peakKw: number;
  readonly regression: Regression;
  readonly weights: readonly number[];
  readonly correction: Correction;
};

export const noPvModel = (slotsPerDay: number): PvModel => ({
  day: null,
  days: 0,
  factor: unknownDay(slotsPerDay),
  slotClearness: SLOT_RATES.map(() => unknownDay(slotsPerDay)),
  dayClearness: DAY_RATES.map(() => 1),
  today: { pvKw: 0, ceilingKw: 0 },
  peakKw: 0,
  regression: emptyRegression(CLEARNESS_INPUTS),
  weights: new Array<number>(CLEARNESS_INPUTS).fill(1 / CLEARNESS_INPUTS),
  correction: noCorrection,
});

export type PvSlot = {
  readonly startMs: number;
  readonly local: LocalPlace;
  /** UTC slot of the day. */
  readonly place: number;
  /** kW/m² of a level surface under a clear sky; 1 throughout where the location is not known. */
  readonly clearSky: number;
};

export type PvSlotSeen = PvSlot & { readonly slotMs: number };

export function withPvSlot(before: PvModel, slot: PvSlotSeen, pvKw: number): PvModel {
  const model = onDay(before, slot.local.day);
  const { place } = slot;
  const clearSky = Math.max(slot.clearSky, CLEAR_SKY_MIN);
  const expectedCeilingKw = ceilingKw(model, slot);
  const inputs = inputsOf(model, slot);
  const peakKw = Math.max(model.peakKw, pvKw);
  const lifted = { ...model, peakKw, factor: withValue(model.factor, place, factorOf(model, slot, pvKw)) };
  const ceiling = lifted.factor[place]! * clearSky;
  const clearness = ceiling > CLOUD_SHARE_MIN * peakKw ? Math.min(1, pvKw / ceiling) : undefined;
  const isFirst = model.factor[place] === null;
  const hours = slot.slotMs / MS_PER_HOUR;
  return {
    ...lifted,
    slotClearness:
      clearness === undefined
        ? model.slotClearness
        : model.slotClearness.map((series, k) => smoothed(series, place, clearness, SLOT_RATES[k]!)),
    today: { pvKw: model.today.pvKw + pvKw, ceilingKw: model.today.ceilingKw + ceiling },
    regression: isFirst
      ? model.regression
      : withSample(model.regression, {
          inputs,
          output: pvKw,
          weight: hours,
          keep: 1 - partialRate(1 - FIT_KEPT, model.factor.length),
        }),
    correction: isFirst
      ? model.correction
      : withError(model.correction, {
          ...slot,
          error: pvKw - combined(model, inputs),
          scale: peakKw > 0 ? expectedCeilingKw / peakKw : 0,
        }),
  };
}

/** Generation of slots in order of time, each after the newest observed. */
export function forecastPvKw(before: PvModel, slots: readonly PvSlot[]): number[] {
  const correctionKw = corrector(before.correction);
  let model = before;
  return slots.map((slot) => {
    model = onDay(model, slot.local.day);
    const { peakKw } = model;
    const ceiling = ceilingKw(model, slot);
    if (ceiling === 0) return 0;
    const expectedKw = combined(model, inputsOf(model, slot));
    const kw = expectedKw + correctionKw(slot.startMs, ceiling / peakKw);
    return Math.min(Math.max(0, kw), ceiling);
  });
}

/** At midnight the day that has passed becomes a clearness, and the weights are solved for anew. */
function onDay(model: PvModel, day: number): PvModel {
  if (model.day !== null && day <= model.day) return model;
  const { today, dayClearness } = model;
  const clearness = today.ceilingKw > 0 ? Math.min(1, today.pvKw / today.ceilingKw) : undefined;
  return {
    ...model,
    day,
    days: model.days + 1,
    today: { pvKw: 0, ceilingKw: 0 },
    dayClearness:
      clearness === undefined
        ? dayClearness
        : dayClearness.map((mean, k) => mean + DAY_RATES[k]! * (clearness - mean)),
    weights: solveConvex(model.regression, SHRINKAGE),
  };
}

/** The sinking maximum. One wild value cannot lift it by more than half, a series of them can. */
function factorOf(model: PvModel, { place, clearSky }: PvSlot, pvKw: number): number {
  const seen = pvKw / Math.max(clearSky, CLEAR_SKY_MIN);
  const before = model.factor[place] ?? null;
  if (before === null) return seen;
  const highest = model.factor.reduce<number>((most, factor) => Math.max(most, factor ?? 0), 0);
  const liftMax = highest === 0 ? seen : CEILING_LIFT_MAX * Math.max(before, 0.1 * highest);
  return Math.max(Math.min(seen, liftMax), before * (1 - CEILING_SINKS));
}

function ceilingKw({ factor, peakKw }: PvModel, { place, clearSky }: PvSlot): number {
  return Math.min((factor[place] ?? 0) * Math.max(clearSky, CLEAR_SKY_MIN), peakKw);
}

function inputsOf(model: PvModel, slot: PvSlot): number[] {
  const ceiling = ceilingKw(model, slot);
  const clearnesses = [
    ...model.slotClearness.map((series) => series[slot.place] ?? 1),
    ...model.dayClearness,
    1,
  ];
  return clearnesses.map((clearness) => ceiling * clearness);
}

const combined = ({ weights }: PvModel, inputs: readonly number[]): number =>
  inputs.reduce((sum, input, k) => sum + input * weights[k]!, 0);
