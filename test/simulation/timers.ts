import type { Agenda } from './agenda.ts';

/** What a life has planned: none of it happens after its end. */
export type Timers = {
  readonly later: (delayMs: number, action: () => void) => void;
  /** Setting a timer again replaces it. */
  readonly set: (name: string, delayMs: number, action: () => void) => void;
  readonly clear: (name: string) => void;
  readonly end: () => void;
};

export function createTimers(agenda: Agenda): Timers {
  const newest = new Map<string, number>();
  let timersSet = 0;
  let over = false;
  const later = (delayMs: number, action: () => void) => {
    agenda.plan(delayMs, () => {
      if (!over) action();
    });
  };
  return {
    later,
    set(name, delayMs, action) {
      timersSet += 1;
      const mine = timersSet;
      newest.set(name, mine);
      later(delayMs, () => {
        if (newest.get(name) === mine) action();
      });
    },
    clear: (name) => newest.delete(name),
    end() {
      over = true;
    },
  };
}
