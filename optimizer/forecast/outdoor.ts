import { type Correction, corrector, noCorrection, withError } from './correction.ts';
import { type DaySeries, smoothed, unknownDay } from './series.ts';

/** Yesterday's share against all days before. */
const NEWEST_DAY = 0.6;

/**
 * Outdoor temperature by diurnal persistence: as at this time of the newest days, plus what the last hours say about
 * how much warmer or colder this day is.
 */
export type OutdoorModel = {
  readonly usualC: DaySeries;
  readonly newestC: number | null;
  readonly correction: Correction;
};

export const noOutdoorModel = (slotsPerDay: number): OutdoorModel => ({
  usualC: unknownDay(slotsPerDay),
  newestC: null,
  correction: noCorrection,
});

export type OutdoorSlot = {
  /** UTC slot of the day. */
  readonly place: number;
  readonly startMs: number;
};

export function withOutdoorSlot(
  model: OutdoorModel,
  slot: OutdoorSlot & { readonly slotMs: number },
  outdoorC: number,
): OutdoorModel {
  const usualC = model.usualC[slot.place] ?? null;
  return {
    usualC: smoothed(model.usualC, slot.place, outdoorC, NEWEST_DAY),
    newestC: outdoorC,
    correction:
      usualC === null
        ? model.correction
        : withError(model.correction, { ...slot, error: outdoorC - usualC, scale: 1 }),
  };
}

/** A time of day not seen yet is as warm as it was last. Undefined while nothing at all was seen. */
export function forecastOutdoorC(
  { usualC, newestC, correction }: OutdoorModel,
  slots: readonly OutdoorSlot[],
): number[] | undefined {
  if (newestC === null) return undefined;
  const correctionC = corrector(correction);
  return slots.map(({ place, startMs }) => {
    const usual = usualC[place] ?? null;
    return usual === null ? newestC : usual + correctionC(startMs, 1);
  });
}
