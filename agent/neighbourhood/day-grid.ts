/** How a day is cut: `slots` from midnight on, each `slotMs` long. */
export type DayGrid = { readonly slots: number; readonly slotMs: number };

/**
 * 24 slots are the hours of the day; 48, 72, 96, 144 or 288 cut each hour into equal parts; 1 to 23 are the
 * first hours of the day only. Anything else does not fit: undefined.
 */
export function dayGrid(slots: number): DayGrid | undefined {
  if (!Number.isInteger(slots) || slots < 1) return undefined;
  if (slots <= 24) return { slots, slotMs: 3_600_000 };
  return finerSlots.includes(slots) ? { slots, slotMs: 86_400_000 / slots } : undefined;
}

/** Said wherever a number of slots is refused. */
export const slotsAllowed = 'use 24, 48, 72, 96, 144 or 288, or 1 to 23 for the first hours only';
const finerSlots = [48, 72, 96, 144, 288];
