import { MEMORY_ROUNDS_MAX, type Position, type Step } from './acceleration.ts';
import { count, packed } from './fields.ts';
import { record } from './record.ts';
import { MEMBERS_MAX } from './registry.ts';
import { ROUNDS_MAX, type Session } from './session.ts';
import type { ContractState } from './types.ts';

/**
 * The steps that acceleration looks back on: a record a home and step, the first home's with the prices. A closing round
 * writes its own step over the oldest, and the rest stays. All of it leaves the state when trades are fixed.
 */

const heads = record('coordination/memory', {
  /** Homes that took part: once one has left, what is remembered is of no use. */
  homes: count(0, MEMBERS_MAX),
  /** The newest round remembered, and how many there are up to it. */
  round: count(1, ROUNDS_MAX),
  steps: count(1, MEMORY_ROUNDS_MAX),
});
/** Micro-units per kWh, from and to; then mW sold, from and to. */
const rows = record('coordination/memoryStep', { prices: packed, targets: packed });

const placeOf = (round: number) => round % MEMORY_ROUNDS_MAX;

/** Oldest first; none when other homes took part then. */
export function readMemory(
  state: Pick<ContractState, 'get'>,
  { id, terms: { slots } }: Session,
  homes: readonly number[],
): Step[] {
  const head = heads.get(state, id);
  if (head?.homes !== homes.length) return [];
  return Array.from({ length: head.steps }, (_, nth) => {
    const place = placeOf(head.round - head.steps + 1 + nth);
    const found = homes.map((index) => rows.get(state, place, index, id)!);
    return {
      from: {
        prices: found[0]!.prices.slice(0, slots),
        targets: found.flatMap(({ targets }) => targets.slice(0, slots)),
      },
      to: {
        prices: found[0]!.prices.slice(slots),
        targets: found.flatMap(({ targets }) => targets.slice(slots)),
      },
    };
  });
}

/** Remembers the step of a round, and of the ones before as many as make `steps` with it; nothing for 0. */
export function remember(
  state: ContractState,
  { id, head, terms: { slots } }: Session,
  homes: readonly number[],
  { step: { from, to }, steps }: { readonly step: Step; readonly steps: number },
): void {
  if (steps === 0) {
    heads.drop(state, id);
    return;
  }
  heads.put(state, { homes: homes.length, round: head.round, steps }, id);
  for (const [place, index] of homes.entries()) {
    const own = ({ targets }: Position) => targets.slice(place * slots, (place + 1) * slots);
    const prices = place === 0 ? [...from.prices, ...to.prices] : [];
    rows.put(state, { prices, targets: [...own(from), ...own(to)] }, placeOf(head.round), index, id);
  }
}

/** All that a session with a roster of so many remembers. */
export function forget(state: ContractState, { id }: Pick<Session, 'id'>, homes: number): void {
  heads.drop(state, id);
  for (let place = 0; place < MEMORY_ROUNDS_MAX; place += 1) {
    for (let index = 0; index < homes; index += 1) rows.drop(state, place, index, id);
  }
}
