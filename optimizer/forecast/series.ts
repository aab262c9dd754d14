/** Nothing in a home is larger; a value beyond it is a fault of a device. */
export const POWER_KW_MAX = 100_000;

/** One value for each slot of a day; null where none is known yet. */
export type DaySeries = readonly (number | null)[];

export const unknownDay = (slotsPerDay: number): DaySeries => new Array<null>(slotsPerDay).fill(null);

/** Kept to the millionth (of a kW: a milliwatt): states stay short when they are written down. */
export const kept = (value: number): number => Math.round(value * 1e6) / 1e6;

export function withValue(series: DaySeries, place: number, value: number): DaySeries {
  const next = [...series];
  next[place] = kept(value);
  return next;
}

/** Exponential smoothing of one slot of the day; the first value stands for all before it. */
export function smoothed(series: DaySeries, place: number, value: number, rate: number): DaySeries {
  const before = series[place] ?? value;
  return withValue(series, place, before + rate * (value - before));
}

/** So that the first few values are averaged, and later ones smoothed: 1, 1/2, 1/3, ... but not below `rate`. */
export const warmRate = (rate: number, seenBefore: number): number => Math.max(rate, 1 / (seenBefore + 1));

/** A rate meant for a longer span, taken in parts. */
export const partialRate = (rate: number, parts: number): number => 1 - (1 - rate) ** (1 / parts);
