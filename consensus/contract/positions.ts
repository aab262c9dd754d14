import type { Pair } from './rounds.ts';
import { offers, prices, readRoster, type Session, targets } from './session.ts';
import type { ContractState } from './types.ts';

/** Offers, targets and prices of a session between the packed records of the state and the rounds' arithmetic. */

type Readable = Pick<ContractState, 'get'>;

/** By home as listed, then slot; zeros for one that never offered. mW sold. */
export function readPoolOffers(
  state: Readable,
  session: Session,
  homes: readonly number[],
): (readonly number[])[] {
  return homes.map((home) => orZeros(offers.get(state, home, session.id)?.soldMw, session.terms.slots));
}

/** Pool form: a home's targets by slot, zero at the start. mW sold. */
export function readTargets(state: Readable, session: Session, home: number): readonly number[] {
  return orZeros(targets.get(state, home, session.id)?.mw, session.terms.slots);
}

/** One record of prices; pool form has only the one of index 0. Micro-units per kWh. */
export function readPrices(state: Readable, session: Session, home: number): readonly bigint[] {
  return (prices.get(state, home, session.id)?.micro ?? []).map(BigInt);
}

/** offers[i][j][slot] by index of the roster, filled for the homes listed only. mW that i sells to j. */
export function readPairOffers(
  state: Readable,
  { id, terms }: Session,
  homes: readonly number[],
): (readonly number[] | undefined)[][] {
  const { slots } = terms;
  const size = readRoster(state, id).length;
  const table: (readonly number[] | undefined)[][] = Array.from({ length: size }, () => []);
  for (const home of homes) {
    const sold = orZeros(offers.get(state, home, id)?.soldMw, size * slots);
    table[home] = Array.from({ length: size }, (_, other) => sold.slice(other * slots, (other + 1) * slots));
  }
  return table;
}

/** The pairs among the homes listed, lower index first. */
export function readPairs(state: Readable, { id, terms }: Session, homes: readonly number[]): Pair[] {
  const { slots } = terms;
  const size = readRoster(state, id).length;
  return homes.flatMap((first) => {
    const rowLength = (size - 1 - first) * slots;
    const mw = orZeros(targets.get(state, first, id)?.mw, rowLength);
    const micro = prices.get(state, first, id)?.micro ?? [];
    return homes
      .filter((second) => second > first)
      .map((second) => {
        const from = (second - first - 1) * slots;
        return {
          first,
          second,
          targets: mw.slice(from, from + slots),
          prices: micro.slice(from, from + slots).map(BigInt),
        };
      });
  });
}

/** Writes pairs back; the places of pairs that are not given hold zeros from then on. */
export function writePairs(state: ContractState, { id, terms }: Session, pairs: readonly Pair[]): void {
  const { slots } = terms;
  const size = readRoster(state, id).length;
  for (const first of new Set(pairs.map((pair) => pair.first))) {
    const mw = zeros((size - 1 - first) * slots);
    const micro = zeros((size - 1 - first) * slots);
    for (const pair of pairs.filter((candidate) => candidate.first === first)) {
      for (let slot = 0; slot < slots; slot += 1) {
        const at = (pair.second - first - 1) * slots + slot;
        mw[at] = pair.targets[slot]!;
        micro[at] = Number(pair.prices[slot]!);
      }
    }
    targets.put(state, { mw }, first, id);
    prices.put(state, { micro }, first, id);
  }
}

function orZeros(numbers: readonly number[] | undefined, length: number): readonly number[] {
  return numbers?.length === length ? numbers : zeros(length);
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}
