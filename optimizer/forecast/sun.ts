import { MS_PER_DAY } from './calendar.ts';

/** Degrees north and degrees east. */
export type Location = { readonly latitudeDeg: number; readonly longitudeDeg: number };

const RADIANS_PER_DEGREE = Math.PI / 180;
const MINUTES_PER_DEGREE = 4;
const MS_PER_MINUTE = 60_000;
/** Days of the Gregorian year, and of its start in 1970, which Spencer's angle counts from. */
const DAYS_PER_YEAR = 365.2425;

/**
 * Sine of the sun's elevation at an instant: 1 in the zenith, negative below the horizon. Declination and equation of
 * time by Spencer's Fourier series ("Fourier series representation of the position of the sun", Search 2(5), 1971;
 * as printed in Iqbal, An Introduction to Solar Radiation, 1983, Eqs. 1.3.1 and 1.4.1): right to some minutes of
 * arc. A year angle that passes over leap days is off by a day at most: 0.4 degrees, at the equinoxes.
 */
export function sineOfElevation(utcMs: number, { latitudeDeg, longitudeDeg }: Location): number {
  const days = utcMs / MS_PER_DAY;
  const year = days / DAYS_PER_YEAR;
  const angle = 2 * Math.PI * (year - Math.floor(year));
  const [c1, s1, c2, s2] = [Math.cos(angle), Math.sin(angle), Math.cos(2 * angle), Math.sin(2 * angle)];
  const declination =
    0.006918 -
    0.399912 * c1 +
    0.070257 * s1 -
    0.006758 * c2 +
    0.000907 * s2 -
    0.002697 * Math.cos(3 * angle) +
    0.00148 * Math.sin(3 * angle);
  const equationMinutes = 229.18 * (0.000075 + 0.001868 * c1 - 0.032077 * s1 - 0.014615 * c2 - 0.040849 * s2);
  const utcMinutes = (utcMs - Math.floor(days) * MS_PER_DAY) / MS_PER_MINUTE;
  const solarMinutes = utcMinutes + equationMinutes + MINUTES_PER_DEGREE * longitudeDeg;
  const hourAngle = (solarMinutes / MINUTES_PER_DEGREE - 180) * RADIANS_PER_DEGREE;
  const latitude = latitudeDeg * RADIANS_PER_DEGREE;
  return (
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
  );
}

/** An instant for each ten minutes, in the middle of its part, is as good as the integral. */
const INSTANT_MS = 600_000;

/**
 * Irradiance of a level surface under a clear sky, kW/m², mean over a slot: Haurwitz's formula
 * (Journal of Meteorology 2, 1945, 154), the best of those that need the sun's elevation alone (Reno, Hansen &
 * Stein, Global Horizontal Irradiance Clear Sky Models, SAND2012-2389, 2012).
 */
export function clearSkyKwPerM2(startMs: number, slotMs: number, location: Location): number {
  const parts = Math.ceil(slotMs / INSTANT_MS);
  let sum = 0;
  for (let part = 0; part < parts; part += 1) {
    const sine = sineOfElevation(startMs + ((part + 0.5) / parts) * slotMs, location);
    if (sine > 0) sum += 1.098 * sine * Math.exp(-0.057 / sine);
  }
  return sum / parts;
}
