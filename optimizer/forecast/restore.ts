import { OptimizerError } from '../errors.ts';
import { MS_PER_DAY } from './calendar.ts';
import { SPAN_HOURS } from './correction.ts';
import { DIARY_DAYS } from './diary.ts';
import { dividesDay, FORECASTER_VERSION, type Forecaster } from './forecaster.ts';
import { LOAD_INPUTS } from './load.ts';
import { CLEARNESS_INPUTS, DAY_CLEARNESSES, SLOT_CLEARNESSES } from './pv.ts';
import { packedLength } from './ridge.ts';
import { POWER_KW_MAX } from './series.ts';

/**
 * A forecaster as it was written down: checked in every field, because disks lie. Nothing is repaired; whoever is
 * refused begins anew with `createForecaster`.
 *
 * @param value what JSON.parse made of it.
 * @throws OptimizerError OPTIMIZER_BAD_STATE, whose details name the first wrong field.
 */
export function restoreForecaster(value: unknown): Forecaster {
  const wrong = forecasterShape(slotMsOf(value))(value, '');
  if (wrong !== undefined) throw badState(wrong);
  return value as Forecaster;
}

/** Names the field that is wrong; undefined where all is right. */
type Check = (value: unknown, path: string) => string | undefined;

const MS_MAX = 8.64e15;
const COUNT_MAX = 1e9;
const SUM_MAX = 1e18;

function forecasterShape(slotMs: number): Check {
  const slotsPerDay = MS_PER_DAY / slotMs;
  const kw = number(0, POWER_KW_MAX);
  const byPlace = (of: Check) => list(orNull(of), slotsPerDay);
  const regression = (size: number) =>
    record({
      normal: list(number(-SUM_MAX, SUM_MAX), packedLength(size)),
      moment: list(number(-SUM_MAX, SUM_MAX), size),
    });
  const spans = list(number(-POWER_KW_MAX, POWER_KW_MAX), SPAN_HOURS.length);
  const correction = record({
    recent: spans,
    newestMs: orNull(integer(-MS_MAX, MS_MAX)),
    rehearsal: orNull(record({ startMs: integer(-MS_MAX, MS_MAX), recent: spans })),
    regression: regression(SPAN_HOURS.length),
  });
  const share = number(0, 1);
  const day = orNull(integer(-COUNT_MAX, COUNT_MAX));
  const count = integer(0, COUNT_MAX);
  return record({
    version: integer(FORECASTER_VERSION, FORECASTER_VERSION),
    slotMs: integer(slotMs, slotMs),
    location: orNull(record({ latitudeDeg: number(-90, 90), longitudeDeg: number(-180, 180) })),
    newestMs: orNull(integer(-MS_MAX, MS_MAX)),
    load: record({
      diary: record({ day, pages: list(byPlace(kw), DIARY_DAYS) }),
      days: record({ all: count, working: count, weekend: count }),
      slowKw: byPlace(kw),
      workingDayKw: byPlace(kw),
      weekendKw: byPlace(kw),
      holtWinters: record({
        levelKw: number(-POWER_KW_MAX, POWER_KW_MAX),
        levelAtMidnightKw: number(-POWER_KW_MAX, POWER_KW_MAX),
        deviationKw: byPlace(number(-2 * POWER_KW_MAX, 2 * POWER_KW_MAX)),
        slotsSeen: count,
      }),
      regression: regression(LOAD_INPUTS),
      weights: list(number(-SUM_MAX, SUM_MAX), LOAD_INPUTS),
      squaredError: record({ holtWinters: number(0, SUM_MAX), ridge: number(0, SUM_MAX) }),
      correction,
    }),
    pv: record({
      day,
      days: count,
      factor: byPlace(number(0, SUM_MAX)),
      slotClearness: list(byPlace(share), SLOT_CLEARNESSES),
      dayClearness: list(share, DAY_CLEARNESSES),
      today: record({ pvKw: number(0, SUM_MAX), ceilingKw: number(0, SUM_MAX) }),
      peakKw: kw,
      regression: regression(CLEARNESS_INPUTS),
      weights: list(share, CLEARNESS_INPUTS),
      correction,
    }),
    outdoor: record({
      usualC: byPlace(number(-POWER_KW_MAX, POWER_KW_MAX)),
      newestC: orNull(number(-POWER_KW_MAX, POWER_KW_MAX)),
      correction,
    }),
  });
}

/** The one field that the lengths of others hang on. */
function slotMsOf(value: unknown): number {
  const { slotMs } = (value ?? {}) as { slotMs?: unknown };
  if (typeof slotMs !== 'number' || !dividesDay(slotMs)) throw badState('slotMs');
  return slotMs;
}

const number =
  (min: number, max: number): Check =>
  (value, path) =>
    typeof value === 'number' && value >= min && value <= max ? undefined : path;

const integer =
  (min: number, max: number): Check =>
  (value, path) =>
    Number.isInteger(value) ? number(min, max)(value, path) : path;

const orNull =
  (check: Check): Check =>
  (value, path) =>
    value === null ? undefined : check(value, path);

const list =
  (check: Check, length: number): Check =>
  (value, path) => {
    if (!Array.isArray(value) || value.length !== length) return path;
    for (let index = 0; index < length; index += 1) {
      const wrong = check(value[index], `${path}[${index}]`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };

const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return path || 'state';
    const stranger = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    if (stranger !== undefined) return join(path, stranger);
    for (const [key, check] of Object.entries(fields)) {
      const wrong = check((value as Record<string, unknown>)[key], join(path, key));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };

const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

const badState = (field: string) =>
  new OptimizerError(
    'OPTIMIZER_BAD_STATE',
    `A forecaster cannot be restored: ${field.slice(0, 80)} is wrong.`,
    {
      field: field.slice(0, 80),
    },
  );
