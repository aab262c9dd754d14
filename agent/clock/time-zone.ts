const MS_PER_MINUTE = 60_000;
const MINUTES_PER_HOUR = 60;
const MS_PER_DAY = 86_400_000;

/** Whether the IANA database that Node carries has this zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    format(timeZone);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** How far the clocks of a zone are ahead of UTC at an instant, summer time included. @throws RangeError. */
export const utcOffsetMs = (timeZone: string, utcMs: number): number => zoneClock(timeZone)(utcMs);

/** Like `utcOffsetMs`, for many instants. */
function zoneClock(timeZone: string): (utcMs: number) => number {
  const formatter = format(timeZone);
  return (utcMs) => {
    const name = formatter.formatToParts(utcMs).find(({ type }) => type === 'timeZoneName')?.value;
    const match = /^GMT(?:([+-])(\d{2}):(\d{2})(?::\d{2})?)?$/.exec(name ?? '');
    if (match === null) throw new RangeError(`${timeZone} has no offset that can be read: ${name}`);
    const [, sign, hours = '0', minutes = '0'] = match;
    const offsetMs = (Number(hours) * MINUTES_PER_HOUR + Number(minutes)) * MS_PER_MINUTE;
    return sign === '-' ? -offsetMs : offsetMs;
  };
}

/**
 * The instants at which the clocks of a zone show a local time (given as if it were UTC), in order: one as a rule, two
 * in the hour after which they are put back, none in the hour that they leap. Takes one change in two days at most.
 *
 * @throws RangeError.
 */
export function clockShowing(timeZone: string): (localMs: number) => readonly number[] {
  const offsetMsOf = zoneClock(timeZone);
  const byDay = new Map<number, readonly [before: number, after: number]>();
  const around = (day: number): readonly [before: number, after: number] => {
    const known = byDay.get(day);
    if (known !== undefined) return known;
    const offsets = [offsetMsOf((day - 1) * MS_PER_DAY), offsetMsOf((day + 2) * MS_PER_DAY)] as const;
    byDay.set(day, offsets);
    return offsets;
  };
  return (localMs) => {
    const [before, after] = around(Math.floor(localMs / MS_PER_DAY));
    if (before === after) return [localMs - before];
    // Where both are such instants, the clock was put back, and the first is the earlier.
    return [localMs - before, localMs - after].filter((utcMs) => utcMs + offsetMsOf(utcMs) === localMs);
  };
}

const format = (timeZone: string) => new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
