import { type DaySeries, kept, partialRate, unknownDay, warmRate, withValue } from './series.ts';

/** Of the level, by day; of the deviation from it, by slot of the day. */
const LEVEL_RATE = 0.38;
const SEASON_RATE = 0.1;

/**
 * Additive exponential smoothing with a season of one day and no trend (Winters, Management Science 6, 1960; a
 * household's load goes nowhere in the long run): a level, and for each slot of the day its deviation.
 */
export type HoltWinters = {
  readonly levelKw: number;
  /** The level when the day began: the day-ahead forecast does not move while its day passes. */
  readonly levelAtMidnightKw: number;
  readonly deviationKw: DaySeries;
  readonly slotsSeen: number;
};

export const noHoltWinters = (slotsPerDay: number): HoltWinters => ({
  levelKw: 0,
  levelAtMidnightKw: 0,
  deviationKw: unknownDay(slotsPerDay),
  slotsSeen: 0,
});

export const dayAheadKw = ({ levelAtMidnightKw, deviationKw }: HoltWinters, place: number): number =>
  Math.max(0, levelAtMidnightKw + (deviationKw[place] ?? 0));

/** A new day: deviations are made to sum to zero again, which the level makes up for. */
export function atMidnight(model: HoltWinters): HoltWinters {
  const known = model.deviationKw.filter((value) => value !== null);
  const mean = known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length;
  const levelKw = model.levelKw + mean;
  const deviationKw = model.deviationKw.map((value) => (value === null ? null : kept(value - mean)));
  return { ...model, levelKw, levelAtMidnightKw: levelKw, deviationKw };
}

export function withLoad(model: HoltWinters, place: number, loadKw: number): HoltWinters {
  const { deviationKw, slotsSeen } = model;
  const slotsPerDay = deviationKw.length;
  const deviation = deviationKw[place] ?? null;
  const error = loadKw - model.levelKw - (deviation ?? 0);
  const rate = warmRate(partialRate(LEVEL_RATE, slotsPerDay), slotsSeen);
  const levelKw = model.levelKw + rate * error;
  const seasonal = warmRate(SEASON_RATE, Math.floor(slotsSeen / slotsPerDay));
  return {
    levelKw,
    // On the first day there was no midnight to remember.
    levelAtMidnightKw: slotsSeen < slotsPerDay ? levelKw : model.levelAtMidnightKw,
    deviationKw: withValue(
      deviationKw,
      place,
      deviation === null ? loadKw - levelKw : deviation + seasonal * error,
    ),
    slotsSeen: slotsSeen + 1,
  };
}
