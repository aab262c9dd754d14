import { batteryOf, evOf, feedInPricePerKwh, hvacOf } from './defaults.ts';
import { normal, type RandomStream, randomStream, uniform } from './random.ts';
import type { HomeDescription, Neighbourhood } from './types.ts';

/**
 * A neighbourhood when there is no data: one week of spring, Monday 2025-05-05 to Sunday, hourly, at 40 degrees
 * north. Plausible in shape, measured nowhere. The same seed gives the same homes, and home007 is the same home
 * however many stand beside it.
 *
 * - Temperature: a daily sine (coldest at five, warmest at fifteen) around a mean that wanders from day to day.
 * - PV for seven homes in ten, 3 to 8 kW: clear sky after Haurwitz (1945), clouds after Kasten & Czeplak (1980), a
 *   cloud cover that all share and that wanders by the hour, and a little shade of their own.
 * - Load: one of three ways of living (out at work, at home, late riser) over a standby load, weekends flatter.
 * - Batteries for half of the homes with PV and a tenth of the others.
 * - Retail price by time of use (night 0.18, day 0.26, 16 to 21 h 0.44); wholesale with a dip at noon and a
 *   peak in the evening, negative on some noons.
 */
export function generateNeighbourhood(choice: {
  readonly homes: number;
  readonly seed: number;
  readonly hvac: boolean;
  readonly ev: boolean;
}): Neighbourhood {
  const { seed } = choice;
  const cloud = cloudCover(randomStream(seed, 'cloud'));
  const retail = hourly(timeOfUsePerKwh);
  const wholesale = wholesalePerKwh(randomStream(seed, 'wholesale'));
  return {
    source: `generator, seed ${seed}`,
    currency: 'USD',
    days: Array.from({ length: dayCount }, (_, day) =>
      new Date(firstSlotMs + day * 86_400_000).toISOString().slice(0, 10),
    ),
    slotMinutes: 60,
    firstSlotMs,
    importPricePerKwh: retail,
    feedInPricePerKwh: retail.map((price, hour) => feedInPricePerKwh(wholesale[hour] ?? 0, price)),
    outdoorC: temperatureC(randomStream(seed, 'temperature')),
    homes: homeNames(choice.homes).map((home) => generateHome(home, choice, cloud)),
  };
}

/** As many as a session has room for. */
export const generatedHomesMax = 1000;

/** Three digits, so that names sort by number; the thousandth home is called home000. */
const homeNames = (homes: number): string[] =>
  Array.from(
    { length: homes },
    (_, i) => `home${String((i + 1) % generatedHomesMax).padStart(3, '0')}`,
  ).sort();

const firstSlotMs = Date.UTC(2025, 4, 5);
const dayCount = 7;
const firstDayOfYear = 125;
const latitudeRad = (40 * Math.PI) / 180;

function generateHome(
  home: string,
  choice: { readonly seed: number; readonly hvac: boolean; readonly ev: boolean },
  cloud: readonly number[],
): HomeDescription {
  const random = randomStream(choice.seed, 'home', home);
  const pvRatedKw = random() < 0.7 ? Math.round(uniform(random, 3, 8) * 2) / 2 : 0;
  const hasBattery = random() < (pvRatedKw > 0 ? 0.5 : 0.1);
  const batteryKwh = hasBattery ? [6.4, 10, 13.5][Math.floor(random() * 3)] : undefined;
  const hvac = choice.hvac ? hvacOf(choice.seed, home) : undefined;
  const ev = choice.ev ? evOf(choice.seed, home) : undefined;
  return {
    home,
    baseLoadKw: loadKw(randomStream(choice.seed, 'load', home)),
    pvKw: pvKw(randomStream(choice.seed, 'pv', home), pvRatedKw, cloud),
    ...(pvRatedKw > 0 ? { pvRatedKw } : {}),
    ...(batteryKwh === undefined ? {} : { battery: batteryOf({ capacityKwh: batteryKwh, powerKw: 5 }) }),
    ...(hvac === undefined ? {} : { hvac }),
    ...(ev === undefined ? {} : { ev }),
  };
}

/** Share of a home's active load by hour, for three ways of living. */
const archetypes: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 2, 6, 7, 3, 1, 1, 1, 1, 1, 1, 2, 4, 8, 10, 9, 7, 5, 3, 1],
  [0, 0, 0, 0, 0, 1, 3, 5, 5, 4, 4, 5, 7, 5, 4, 4, 5, 6, 8, 7, 6, 5, 3, 1],
  [2, 1, 0, 0, 0, 0, 0, 1, 2, 4, 4, 4, 4, 3, 3, 3, 3, 4, 6, 8, 10, 10, 8, 5],
];
const weekend = [1, 0, 0, 0, 0, 0, 1, 2, 4, 6, 6, 6, 7, 6, 5, 5, 5, 6, 7, 7, 6, 5, 4, 2];

function loadKw(random: RandomStream): number[] {
  const workdays = archetypes[Math.floor(random() * archetypes.length)] ?? weekend;
  const standbyKw = uniform(random, 0.12, 0.4);
  const dailyKwh = 9 * Math.exp(0.4 * normal(random));
  return hourly((hour, day) => {
    const shape = day >= 5 ? weekend : workdays;
    const share = (shape[hour] ?? 0) / shape.reduce((sum, part) => sum + part, 0);
    const kw = standbyKw + dailyKwh * share * Math.exp(0.35 * normal(random));
    return round(Math.min(kw, 9));
  });
}

function pvKw(random: RandomStream, ratedKw: number, cloud: readonly number[]): number[] {
  const shade = uniform(random, 0.02, 0.12);
  return hourly((hour, day) => {
    const cover = Math.min(1, Math.max(0, (cloud[day * 24 + hour] ?? 0) + 0.05 * normal(random)));
    // Kasten & Czeplak: global irradiance under n of cloud is 1 - 0.75 n^3.4 of the clear one.
    const irradianceKwPerM2 = clearSkyKwPerM2(hour + 0.5, firstDayOfYear + day) * (1 - 0.75 * cover ** 3.4);
    return round(Math.min(ratedKw, ratedKw * irradianceKwPerM2 * 0.95 * (1 - shade)));
  });
}

/** Haurwitz (1945): 1098 cos(z) exp(-0.057 / cos(z)) W per m2 on the flat. */
function clearSkyKwPerM2(solarHour: number, dayOfYear: number): number {
  const declination = ((-23.44 * Math.PI) / 180) * Math.cos((2 * Math.PI * (dayOfYear + 10)) / 365);
  const hourAngle = ((solarHour - 12) * Math.PI) / 12;
  const cosZenith =
    Math.sin(latitudeRad) * Math.sin(declination) +
    Math.cos(latitudeRad) * Math.cos(declination) * Math.cos(hourAngle);
  return cosZenith <= 0.01 ? 0 : 1.098 * cosZenith * Math.exp(-0.057 / cosZenith);
}

function cloudCover(random: RandomStream): number[] {
  let deviation = 0;
  let meanCover = 0.4;
  return hourly((hour) => {
    if (hour === 0) meanCover = uniform(random, 0.1, 0.7);
    deviation = 0.8 * deviation + 0.15 * normal(random);
    return Math.min(1, Math.max(0, meanCover + deviation));
  });
}

function temperatureC(random: RandomStream): number[] {
  let meanC = 14;
  const swingK = uniform(random, 4, 6);
  return hourly((hour) => {
    if (hour === 0) meanC = 0.6 * meanC + 0.4 * uniform(random, 10, 18);
    return round(meanC - swingK * Math.cos(((hour - 3) * Math.PI) / 12) + 0.3 * normal(random));
  });
}

function timeOfUsePerKwh(hour: number): number {
  if (hour < 6) return 0.18;
  return hour >= 16 && hour < 21 ? 0.44 : 0.26;
}

function wholesalePerKwh(random: RandomStream): number[] {
  let sunny = 1;
  return hourly((hour) => {
    if (hour === 0) sunny = uniform(random, 0.6, 1.5);
    const noonDip = 0.035 * sunny * Math.exp(-(((hour - 12.5) / 3) ** 2));
    const eveningPeak = 0.055 * Math.exp(-(((hour - 19) / 2) ** 2));
    return round(0.038 - noonDip + eveningPeak + 0.003 * normal(random));
  });
}

/** One value for every hour of the week; `day` counts from Monday, 0. */
function hourly(value: (hour: number, day: number) => number): number[] {
  return Array.from({ length: dayCount * 24 }, (_, i) => value(i % 24, Math.floor(i / 24)));
}

/** Four decimals, as measured series come. */
function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
