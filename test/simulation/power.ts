import type { Fate } from './disk.ts';
import type { Self } from './self.ts';

/** Thrown through whatever a node is doing when its power fails. */
export const POWER_FAILS = Symbol('power fails');

/** A `part` is one of a snapshot from others. */
export type Written = 'votes' | 'block' | 'transaction' | 'snapshot' | 'part' | 'adoption';
export type Write = (what: Written, action: (fate: Fate) => void) => void;

/** Writes to the disk, and fails where the story wants it. */
export function createWrite({ fateOf }: Pick<Self, 'fateOf'>): Write {
  return (what, action) => {
    const fate = fateOf(what);
    action(fate);
    if (fate !== 'goes on') throw POWER_FAILS;
  };
}
