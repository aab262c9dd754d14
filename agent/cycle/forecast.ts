import type { DayAhead } from '../config/schema.ts';

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

const MS_PER_HOUR = 3_600_000;

/**
 * Second of the six: the day as it is expected. Load and generation come with the day's file, where a forecaster
 * put them; what is left of the day is cut out of it.
 */
export const forecast = (day: DayAhead, fromSlot: number): Outlook => ({
  fromSlot,
  slots: day.importPricePerKwh.length - fromSlot,
  slotHours: day.slotMs / MS_PER_HOUR,
  importPricePerKwh: day.importPricePerKwh.slice(fromSlot),
  feedInPricePerKwh: day.feedInPricePerKwh.slice(fromSlot),
  outdoorC: day.outdoorC.slice(fromSlot),
  loadKw: day.loadForecastKw.slice(fromSlot),
  pvKw: day.pvForecastKw.slice(fromSlot),
});
