import type { MeterReading } from '../../drivers/index.ts';
import type { Home } from '../home.ts';

/** At most so many: of more, every second is let go, and a boundary is found less exactly. */
const UNPLACED_MAX = 4_096;

/** Keeps what the meter says until it is known when that was. */
export function keepUnplaced({ state, clock }: Home, reading: MeterReading | undefined): void {
  if (reading === undefined) return;
  const setByMs = clock.standing?.().setByMs ?? 0;
  const kept = [...(state.unplaced ?? []), { reading, setByMs }];
  state.unplaced = kept.length > UNPLACED_MAX ? kept.filter((_, index) => index % 2 === 0) : kept;
}

/** The kept ones, oldest first, dated by the clock as it is proven now: monotonic time has run between. */
export function takeUnplaced({ state, clock }: Home): readonly MeterReading[] {
  const setByMs = clock.standing?.().setByMs ?? 0;
  const kept = state.unplaced ?? [];
  delete state.unplaced;
  return kept.map(({ reading, setByMs: then }) => ({ ...reading, atMs: reading.atMs + setByMs - then }));
}
