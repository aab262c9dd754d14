import { type DaySeries, kept, unknownDay } from './series.ts';

/** Today, and the same weekday a week ago with all between. */
export const DIARY_DAYS = 8;
/** A day counts once half of it was seen. */
const DAY_SHARE_MIN = 0.5;

/** The newest days by the local clock, slot by slot; what was not seen is null. */
export type Diary = {
  /** Days since 1970-01-01; null before anything was written. */
  readonly day: number | null;
  /** Today first. */
  readonly pages: readonly DaySeries[];
};

export const emptyDiary = (slotsPerDay: number): Diary => ({
  day: null,
  pages: new Array<DaySeries>(DIARY_DAYS).fill(unknownDay(slotsPerDay)),
});

/** A new page for a new day, and an empty one for each that was missed. */
export function turnedTo({ day, pages }: Diary, newDay: number): Diary {
  const turns = Math.min(DIARY_DAYS, day === null ? 0 : Math.max(0, newDay - day));
  const blank = new Array<DaySeries>(turns).fill(unknownDay(pages[0]!.length));
  return { day: newDay, pages: [...blank, ...pages].slice(0, DIARY_DAYS) };
}

export function written({ day, pages }: Diary, place: number, kw: number): Diary {
  const [today, ...before] = pages;
  const page = [...today!];
  page[place] = kept(kw);
  return { day, pages: [page, ...before] };
}

export const entryKw = ({ pages }: Diary, daysBack: number, place: number): number | null =>
  pages[daysBack]?.[place] ?? null;

/** Mean of each day but today, yesterday first; null where too little of it was seen. */
export function dayMeansKw({ pages }: Diary): (number | null)[] {
  return pages.slice(1).map((page) => {
    const seen = page.filter((kw) => kw !== null);
    if (seen.length < DAY_SHARE_MIN * page.length) return null;
    return seen.reduce((sum, kw) => sum + kw, 0) / seen.length;
  });
}
