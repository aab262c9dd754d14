const MS_PER_MINUTE = 60_000;
const MINUTES_PER_HOUR = 60;

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

/** Like {@link utcOffsetMs}, for many instants. */
export function zoneClock(timeZone: string): (utcMs: number) => number {
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

const format = (timeZone: string) => new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
