import { MEMORY_ROUNDS_MAX, type Position, type Step } from './acceleration.ts';
import { count, packed } from './fields.ts';
import { record } from './record.ts';
import { MEMBERS_MAX } from './registry.ts';
import { ROUNDS_MAX, type Session } from './session.ts';
import type { ContractState } from './types.ts';

/**
 * The steps that acceleration looks back on, cut as targets and prices are: a record a home and step. A closing round
 * writes its own step over the oldest, and the rest stays. All of it leaves the state when trades are fixed.
 */

/** How positions are cut: whose records hold how many prices and targets, in the order of the position. */
export type Cut = readonly {
  readonly index: number;
  readonly prices: number;
  readonly targets: number;
}[];

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
  { id }: Session,
  { homes, cut }: { readonly homes: number; readonly cut: Cut },
): Step[] {
  const head = heads.get(state, id);
  if (head?.homes !== homes) return [];
  return Array.from({ length: head.steps }, (_, nth) => {
    const place = placeOf(head.round - head.steps + 1 + nth);
    const from = emptyPosition();
    const to = emptyPosition();
    for (const { index, prices, targets } of cut) {
      const row = rows.get(state, place, index, id)!;
      from.prices.push(...row.prices.slice(0, prices));
      to.prices.push(...row.prices.slice(prices));
      from.targets.push(...row.targets.slice(0, targets));
      to.targets.push(...row.targets.slice(targets));
    }
    return { from, to };
  });
}

const emptyPosition = () => ({ prices: [] as number[], targets: [] as number[] });

/** Remembers the step of a round, and of the ones before as many as make `steps` with it; nothing for 0. */
export function remember(
  state: ContractState,
  { id, head }: Session,
  {
    step,
    steps,
    homes,
    cut,
  }: { readonly step: Step; readonly steps: number; readonly homes: number; readonly cut: Cut },
): void {
  if (steps === 0) {
    heads.drop(state, id);
    return;
  }
  heads.put(state, { homes, round: head.round, steps }, id);
  let price = 0;
  let target = 0;
  for (const { index, prices, targets } of cut) {
    const own = ({ prices: all, targets: powers }: Position) => ({
      prices: all.slice(price, price + prices),
      targets: powers.slice(target, target + targets),
    });
    const [from, to] = [own(step.from), own(step.to)];
    const row = { prices: [...from.prices, ...to.prices], targets: [...from.targets, ...to.targets] };
    rows.put(state, row, placeOf(head.round), index, id);
    price += prices;
    target += targets;
  }
}

/** All that a session with a roster of so many remembers. */
export function forget(state: ContractState, { id }: Pick<Session, 'id'>, homes: number): void {
  heads.drop(state, id);
  for (let place = 0; place < MEMORY_ROUNDS_MAX; place += 1) {
    for (let index = 0; index < homes; index += 1) rows.drop(state, place, index, id);
  }
}
