import { OptimizerError } from '../errors.ts';
import { localPlace, MS_PER_DAY, utcPlace } from './calendar.ts';
import { forecastLoadKw, type LoadModel, noLoadModel, withLoadSlot } from './load.ts';
import { forecastOutdoorC, noOutdoorModel, type OutdoorModel, withOutdoorSlot } from './outdoor.ts';
import { forecastPvKw, noPvModel, type PvModel, withPvSlot } from './pv.ts';
import { POWER_KW_MAX } from './series.ts';
import { clearSkyKwPerM2, type Location } from './sun.ts';

export const FORECASTER_VERSION = 1;
/** A forecast looks no further ahead of what was observed than this, nor does a gap matter that is longer. */
const HORIZON_DAYS_MAX = 8;
const SLOT_MS_MIN = 60_000;
const OUTDOOR_C_MAX = 100;
const UTC_OFFSET_MS_MAX = MS_PER_DAY;

/**
 * All that a home's forecaster has learnt: a plain value that JSON carries without loss. It does not grow: about 23
 * numbers for each slot of a day and 250 besides, 8 kB of JSON for hours and 45 kB for slots of five minutes.
 */
export type Forecaster = {
  readonly version: typeof FORECASTER_VERSION;
  readonly slotMs: number;
  readonly location: Location | null;
  /** Start of the newest slot observed, UTC; null before the first. */
  readonly newestMs: number | null;
  readonly load: LoadModel;
  readonly pv: PvModel;
  readonly outdoor: OutdoorModel;
};

/** What a slot brought, as means over it. What was not measured, or measured while it was held down, is left out. */
export type ObservedSlot = {
  /** Start of the slot, UTC in milliseconds. */
  readonly startMs: number;
  /** The home's clock ahead of UTC in this slot: people live by it. */
  readonly utcOffsetMs: number;
  /** Of all that is neither battery, vehicle, heat pump nor generation. */
  readonly loadKw?: number;
  readonly pvKw?: number;
  readonly outdoorC?: number;
};

export type ForecastRequest = {
  /** Start of the first slot, UTC in milliseconds; after the newest observed. */
  readonly fromMs: number;
  readonly slots: number;
  readonly utcOffsetMs: number;
};

/** By slot of the request; a quantity never observed is absent. */
export type Forecast = {
  readonly loadKw?: Float64Array;
  readonly pvKw?: Float64Array;
  readonly outdoorC?: Float64Array;
};

/**
 * A forecaster that knows nothing.
 *
 * @param location where the sun is looked for; without one, a clear day is only known by the days before.
 * @throws OptimizerError OPTIMIZER_OUT_OF_RANGE for a slot that is no whole part of a day, or a place not on earth.
 */
export function createForecaster(options: { slotMs: number; location?: Location }): Forecaster {
  const { slotMs, location } = options;
  if (!dividesDay(slotMs)) throw outOfRange('slotMs', slotMs);
  if (location !== undefined) {
    within('latitudeDeg', location.latitudeDeg, 90, -90);
    within('longitudeDeg', location.longitudeDeg, 180, -180);
  }
  const slotsPerDay = MS_PER_DAY / slotMs;
  return {
    version: FORECASTER_VERSION,
    slotMs,
    location: location === undefined ? null : { ...location },
    newestMs: null,
    load: noLoadModel(slotsPerDay),
    pv: noPvModel(slotsPerDay),
    outdoor: noOutdoorModel(slotsPerDay),
  };
}

/**
 * The forecaster with one slot more. Slots come in order of time and may have gaps.
 *
 * @throws OptimizerError OPTIMIZER_NOT_FINITE, or OPTIMIZER_OUT_OF_RANGE for a value no home has or a slot that is
 * not after the newest.
 */
export function observeSlot(forecaster: Forecaster, observed: ObservedSlot): Forecaster {
  const { slotMs } = forecaster;
  const { startMs, utcOffsetMs, loadKw, pvKw, outdoorC } = observed;
  afterNewest('startMs', startMs, forecaster);
  within('utcOffsetMs', utcOffsetMs, UTC_OFFSET_MS_MAX, -UTC_OFFSET_MS_MAX);
  if (loadKw !== undefined) within('loadKw', loadKw, POWER_KW_MAX);
  if (pvKw !== undefined) within('pvKw', pvKw, POWER_KW_MAX);
  if (outdoorC !== undefined) within('outdoorC', outdoorC, OUTDOOR_C_MAX, -OUTDOOR_C_MAX);
  const slot = { ...slotAt(forecaster, startMs, utcOffsetMs), slotMs };
  return {
    ...forecaster,
    newestMs: startMs,
    ...(loadKw !== undefined && { load: withLoadSlot(forecaster.load, { ...slot, ...slot.local }, loadKw) }),
    ...(pvKw !== undefined && { pv: withPvSlot(forecaster.pv, slot, pvKw) }),
    ...(outdoorC !== undefined && { outdoor: withOutdoorSlot(forecaster.outdoor, slot, outdoorC) }),
  };
}

/**
 * What is expected of the slots from `fromMs` on, by what was observed so far.
 *
 * @throws OptimizerError OPTIMIZER_OUT_OF_RANGE for slots observed already, or further ahead than eight days.
 */
export function forecastSlots(forecaster: Forecaster, request: ForecastRequest): Forecast {
  const { slotMs, newestMs, load, pv, outdoor } = forecaster;
  const { fromMs, slots, utcOffsetMs } = request;
  afterNewest('fromMs', fromMs, forecaster);
  within('utcOffsetMs', utcOffsetMs, UTC_OFFSET_MS_MAX, -UTC_OFFSET_MS_MAX);
  const slotsMax = (HORIZON_DAYS_MAX * MS_PER_DAY) / slotMs;
  if (!Number.isInteger(slots) || slots < 1 || slots > slotsMax) throw outOfRange('slots', slots);
  if (newestMs === null) return {};
  // What lies between the newest slot and the first one asked for is forecast too, and left out of the answer.
  const between = Math.min((fromMs - newestMs) / slotMs - 1, slotsMax);
  const all = Array.from({ length: between + slots }, (_, k) =>
    slotAt(forecaster, fromMs + (k - between) * slotMs, utcOffsetMs),
  );
  const asked = (values: readonly number[]) => Float64Array.from(values.slice(between));
  const outdoorC = forecastOutdoorC(outdoor, all);
  return {
    ...(load.diary.day !== null && {
      loadKw: asked(
        forecastLoadKw(
          load,
          all.map((slot) => ({ ...slot, ...slot.local })),
        ),
      ),
    }),
    ...(pv.day !== null && { pvKw: asked(forecastPvKw(pv, all)) }),
    ...(outdoorC !== undefined && { outdoorC: asked(outdoorC) }),
  };
}

/** Whether a day has a whole number of such slots, of a minute at least. */
export const dividesDay = (slotMs: number): boolean =>
  slotMs >= SLOT_MS_MIN && Number.isInteger(slotMs) && MS_PER_DAY % slotMs === 0;

function slotAt({ slotMs, location }: Forecaster, startMs: number, utcOffsetMs: number) {
  return {
    startMs,
    local: localPlace(startMs, utcOffsetMs, slotMs),
    place: utcPlace(startMs, slotMs),
    clearSky: location === null ? 1 : clearSkyKwPerM2(startMs, slotMs, location),
  };
}

/** Slots begin anywhere, but then one slot length apart: a clock may be half an hour off UTC. */
function afterNewest(field: string, startMs: number, { newestMs, slotMs }: Forecaster): void {
  if (!Number.isSafeInteger(startMs)) throw outOfRange(field, startMs);
  if (newestMs !== null && (startMs <= newestMs || (startMs - newestMs) % slotMs !== 0)) {
    throw outOfRange(field, startMs);
  }
}

function within(field: string, value: number, max: number, min = 0): void {
  if (!Number.isFinite(value)) {
    throw new OptimizerError('OPTIMIZER_NOT_FINITE', `${field} is ${value}`, { field });
  }
  if (value < min || value > max) throw outOfRange(field, value);
}

const outOfRange = (field: string, value: number) =>
  new OptimizerError('OPTIMIZER_OUT_OF_RANGE', `${field} is ${value}`, { field, value });
