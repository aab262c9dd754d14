import { offers, prices, type Session, targets } from './session.ts';
import type { ContractState } from './types.ts';

/** Offers, targets and prices of a session, from the packed records of the state. */

type Readable = Pick<ContractState, 'get'>;

/** By home as listed, then slot; zeros for one that never offered. mW sold. */
export function readOffers(
  state: Readable,
  { id, terms }: Session,
  homes: readonly number[],
): (readonly number[])[] {
  return homes.map((home) => offers.get(state, home, id)?.soldMw ?? zeros(terms.slots));
}

/** By home as listed, then slot; zero at the start. mW sold. */
export function readTargets(
  state: Readable,
  { id, terms }: Session,
  homes: readonly number[],
): (readonly number[])[] {
  return homes.map((home) => targets.get(state, home, id)?.mw ?? zeros(terms.slots));
}

/** By slot, micro-units per kWh. */
export function readPrices(state: Readable, { id }: Session): readonly bigint[] {
  return (prices.get(state, id)?.micro ?? []).map(BigInt);
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}
