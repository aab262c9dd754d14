import { OptimizerError } from '../errors.ts';

/** What a slot brought: means over the slot. */
export type Observation = { readonly loadKw: number; readonly pvKw: number; readonly outdoorC: number };

/**
 * What is remembered of the past: for every slot of the day the newest days' weighted mean, for each
 * quantity. Its size does not grow.
 */
export type SlotHistory = {
  readonly slotsPerDay: number;
  /** Weight of the newest day against all before it: 1 forgets everything but yesterday. */
  readonly newestDayWeight: number;
  /** By slot of the day; absent until first observed. */
  readonly bySlotOfDay: readonly (Observation | undefined)[];
  readonly latest?: { readonly slot: number; readonly observation: Observation };
};

export type Forecast = {
  readonly loadKw: Float64Array;
  readonly pvKw: Float64Array;
  readonly outdoorC: Float64Array;
};

/** A history of nothing. @throws OptimizerError OPTIMIZER_OUT_OF_RANGE. */
export function emptyHistory(options: { slotsPerDay: number; newestDayWeight?: number }): SlotHistory {
  const { slotsPerDay, newestDayWeight = 0.5 } = options;
  if (!Number.isInteger(slotsPerDay) || slotsPerDay < 1) outOfRange('slotsPerDay', slotsPerDay);
  if (!(newestDayWeight > 0 && newestDayWeight <= 1)) outOfRange('newestDayWeight', newestDayWeight);
  return { slotsPerDay, newestDayWeight, bySlotOfDay: new Array(slotsPerDay).fill(undefined) };
}

/**
 * The history with one more slot. Slots are numbered without end; they may have gaps, but none is told
 * again or late.
 *
 * @throws OptimizerError OPTIMIZER_NOT_FINITE, or OPTIMIZER_OUT_OF_RANGE for a slot not after the latest.
 */
export function observeSlot(history: SlotHistory, slot: number, observation: Observation): SlotHistory {
  if (!Number.isSafeInteger(slot) || slot <= (history.latest?.slot ?? -Infinity)) outOfRange('slot', slot);
  for (const [field, value] of Object.entries(observation)) {
    if (!Number.isFinite(value)) {
      throw new OptimizerError('OPTIMIZER_NOT_FINITE', `${field} is ${value}`, { field, slot });
    }
  }
  const place = slotOfDay(history, slot);
  const bySlotOfDay = [...history.bySlotOfDay];
  bySlotOfDay[place] = blend(bySlotOfDay[place], observation, history.newestDayWeight);
  return { ...history, bySlotOfDay, latest: { slot, observation } };
}

/**
 * Tomorrow like the days before: each slot gets what its time of day has brought. A time of day not yet
 * seen gets the latest observation's load and temperature, and no PV.
 *
 * @returns undefined while nothing at all has been observed.
 */
export function persistenceForecast(
  history: SlotHistory,
  horizon: { fromSlot: number; slots: number },
): Forecast | undefined {
  const { latest } = history;
  if (!latest) return undefined;
  const expected = Array.from(
    { length: horizon.slots },
    (_, k): Observation =>
      history.bySlotOfDay[slotOfDay(history, horizon.fromSlot + k)] ?? { ...latest.observation, pvKw: 0 },
  );
  return {
    loadKw: Float64Array.from(expected, ({ loadKw }) => loadKw),
    pvKw: Float64Array.from(expected, ({ pvKw }) => pvKw),
    outdoorC: Float64Array.from(expected, ({ outdoorC }) => outdoorC),
  };
}

function blend(before: Observation | undefined, now: Observation, weight: number): Observation {
  if (!before) return now;
  const mix = (a: number, b: number): number => a + weight * (b - a);
  return {
    loadKw: mix(before.loadKw, now.loadKw),
    pvKw: mix(before.pvKw, now.pvKw),
    outdoorC: mix(before.outdoorC, now.outdoorC),
  };
}

function slotOfDay({ slotsPerDay }: SlotHistory, slot: number): number {
  return ((slot % slotsPerDay) + slotsPerDay) % slotsPerDay;
}

function outOfRange(field: string, value: number): never {
  throw new OptimizerError('OPTIMIZER_OUT_OF_RANGE', `${field} is ${value}`, { field, value });
}
