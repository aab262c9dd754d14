export const MS_PER_DAY = 86_400_000;

/** 1970-01-01 was a Thursday: three days after a Monday. */
const FIRST_WEEKDAY = 3;
const DAYS_PER_WEEK = 7;
const SATURDAY = 5;

/** Where a slot lies in the calendar of the home. */
export type LocalPlace = {
  /** Days since 1970-01-01 by the local clock. */
  readonly day: number;
  /** Slot of the local day, from 0. */
  readonly place: number;
  readonly isWeekend: boolean;
};

/** Where the slot that begins at `startMs` (UTC) lies by a clock that is `utcOffsetMs` ahead of UTC. */
export function localPlace(startMs: number, utcOffsetMs: number, slotMs: number): LocalPlace {
  const localMs = startMs + utcOffsetMs;
  const day = Math.floor(localMs / MS_PER_DAY);
  const place = Math.floor((localMs - day * MS_PER_DAY) / slotMs);
  const weekday = (((day + FIRST_WEEKDAY) % DAYS_PER_WEEK) + DAYS_PER_WEEK) % DAYS_PER_WEEK;
  return { day, place, isWeekend: weekday >= SATURDAY };
}

/** Slot of the day by UTC, from 0: where the sun stands does not depend on anybody's clock. */
export const utcPlace = (startMs: number, slotMs: number): number => localPlace(startMs, 0, slotMs).place;
