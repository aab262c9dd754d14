import type { ObservedSlot } from '../../optimizer/index.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** A Monday. */
export const MONDAY = Date.UTC(2026, 2, 2);

/** Mulberry32: the same histories on every machine. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Household = {
  readonly seed: number;
  readonly days: number;
  readonly slotMs?: number;
  readonly utcOffsetMs?: number;
  readonly startMs?: number;
  /** Load of a weekend against that of a working day. */
  readonly weekendFactor?: number;
};

/** A household that was made up: breakfast, dinner, moods that last some hours, and clouds that last some days. */
export function household(options: Household): ObservedSlot[] {
  const { seed, days, slotMs = HOUR, utcOffsetMs = 0, startMs = MONDAY, weekendFactor = 1.3 } = options;
  const random = seeded(seed);
  const perDay = DAY / slotMs;
  const hours = slotMs / HOUR;
  let mood = 0;
  let cloud = 0.5;
  const slots: ObservedSlot[] = [];
  for (let k = 0; k < days * perDay; k += 1) {
    const utcMs = startMs - utcOffsetMs + k * slotMs;
    const hour = (k % perDay) * hours;
    const isWeekend = Math.floor(k / perDay) % 7 >= 5;
    mood = mood * Math.exp(-hours / 4) + (random() - 0.5) * Math.sqrt(hours);
    if (k % perDay === 0) cloud = Math.min(1, Math.max(0, 0.6 * cloud + 0.7 * (random() - 0.2)));
    const meals = 1.2 * bump(hour, 7.5, 1.2) + 2 * bump(hour, 19, 2);
    const loadKw = Math.max(0.05, (0.4 + meals) * (isWeekend ? weekendFactor : 1) + 0.4 * mood);
    const sun = Math.max(0, Math.cos(((hour + hours / 2 - 12.2) / 24) * 2 * Math.PI) - 0.05);
    const pvKw = 4 * sun * (1 - cloud * (0.5 + 0.4 * random()));
    const outdoorC = 12 + 6 * Math.sin(((hour - 9) / 24) * 2 * Math.PI) - 4 * cloud + random();
    slots.push({ startMs: utcMs, utcOffsetMs, loadKw, pvKw, outdoorC });
  }
  return slots;
}

const bump = (hour: number, at: number, width: number) => Math.exp(-(((hour - at) / width) ** 2) / 2);
