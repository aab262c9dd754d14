import type { HomeProblem } from '../../optimizer/index.ts';

/** The clock at the start of a slot, `07:30`; a plan begins at midnight. A second day goes on from 24. */
export function atClock(slot: number, slotHours: number): string {
  const minutes = Math.round(slot * slotHours * 60);
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** Slots in a row in which something happens, from the first to one past the last. */
export type Period = {
  readonly fromSlot: number;
  readonly toSlot: number;
  /** `01-05 h`, or `01:15-05:00`. */
  readonly text: string;
};

/** No more periods are told of, and none that is so small beside the largest. */
const namedMax = 3;
const largestOver = 20;

/**
 * When something happens: the periods in which `amount` is more than a twentieth of its highest; of those the three
 * with the largest sums, in order of time.
 */
export function periodsOf({ slots, slotHours }: Clock, amount: ArrayLike<number>): readonly Period[] {
  const highest = Array.from(amount).reduce((most, value) => Math.max(most, value), 0);
  const runs: { fromSlot: number; toSlot: number; sum: number }[] = [];
  for (let slot = 0; slot < slots; slot += 1) {
    const value = amount[slot]!;
    if (!(value > highest / largestOver)) continue;
    const run = runs.at(-1);
    if (run?.toSlot === slot) {
      run.toSlot = slot + 1;
      run.sum += value;
    } else {
      runs.push({ fromSlot: slot, toSlot: slot + 1, sum: value });
    }
  }
  runs.sort((a, b) => b.sum - a.sum);
  return runs
    .slice(0, namedMax)
    .filter(({ sum }) => sum > runs[0]!.sum / largestOver)
    .sort((a, b) => a.fromSlot - b.fromSlot)
    .map(({ fromSlot, toSlot }) => ({ fromSlot, toSlot, text: span(fromSlot, toSlot, slotHours) }));
}

/** `01-05 h and 22-24 h`; empty when it never happens. */
export function whenOf(clock: Clock, amount: ArrayLike<number>): string {
  return listed(periodsOf(clock, amount).map(({ text }) => text));
}

/** `a, b and c`. */
export function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

type Clock = Pick<HomeProblem, 'slots' | 'slotHours'>;

function span(fromSlot: number, toSlot: number, slotHours: number): string {
  const [from, to] = [fromSlot * slotHours, toSlot * slotHours];
  const whole = [from, to].every((hour) => Math.abs(hour - Math.round(hour)) < 1e-9);
  if (whole) return `${two(Math.round(from))}-${two(Math.round(to))} h`;
  return `${atClock(fromSlot, slotHours)}-${atClock(toSlot, slotHours)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
