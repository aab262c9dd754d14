import { readPairs, readPrices, readTargets } from './positions.ts';
import {
  activeHomes,
  findSession,
  type Head,
  nominations,
  pairTrades,
  penaltyOf,
  type RoundReport,
  readHistory,
  readLeft,
  readRoster,
  type Session,
  seats,
  type Terms,
  trades,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

/** What the agent reads of a session; nothing here changes the state. */

type Readable = Pick<ContractState, 'get'>;

export type SessionView = Terms & {
  readonly id: string;
  readonly status: Head['status'];
  /** From 1; the last one when final. */
  readonly round: number;
  /** When `coordination.advance` may be called for this round. */
  readonly deadlineMs: number;
  /** r of this round. */
  readonly roundPenaltyMicro: bigint;
  /** Homes still in, and how many of them have offered in this round. */
  readonly awaited: number;
  readonly offersIn: number;
  /** When the trades were fixed. */
  readonly finalMs: number | undefined;
  /** Homes at opening and those that left since, sorted by address. */
  readonly homes: readonly Address[];
  readonly left: readonly Address[];
  /** Pool: prices by slot, micro-units per kWh. Pairwise: none, see `readTurn` and `readTrades`. */
  readonly pricesMicro: readonly bigint[] | undefined;
  readonly residuals: readonly RoundReport[];
};

export function readSession(state: Readable, id: string): SessionView | undefined {
  const session = findSession(state, id);
  if (session === undefined) return undefined;
  const { status, round, deadlineMs, awaited, offersIn, finalMs } = session.head;
  const homes = readRoster(state, id);
  return {
    ...session.terms,
    ...{ id, status, round, deadlineMs, awaited, offersIn, homes },
    roundPenaltyMicro: penaltyOf(session.terms, round),
    finalMs: status === 'rounds' ? undefined : finalMs,
    left: readLeft(state, id).map((index) => homes[index]!),
    pricesMicro: session.terms.form === 'pool' ? readPrices(state, session, 0) : undefined,
    residuals: readHistory(state, id),
  };
}

/** What a home needs to compute its next offer: prices and targets, from its own side. */
export type Turn =
  | {
      readonly form: 'pool';
      readonly round: number;
      /** By slot: micro-units per kWh, and mW sold. */
      readonly pricesMicro: readonly bigint[];
      readonly targetsMw: readonly number[];
    }
  | {
      readonly form: 'pairwise';
      readonly round: number;
      /** The other homes still in, in address order: the order of an offer's rows. */
      readonly others: readonly Address[];
      /** By other home, then slot; targets are mW sold to that home. */
      readonly pricesMicro: readonly (readonly bigint[])[];
      readonly targetsMw: readonly (readonly number[])[];
    };

/** Undefined when no such session is in its rounds or the home takes no part in it (any more). */
export function readTurn(state: Readable, id: string, home: Address): Turn | undefined {
  const session = findSession(state, id);
  const own = seats.get(state, home, id)?.index;
  if (session?.head.status !== 'rounds' || own === undefined || readLeft(state, id).includes(own))
    return undefined;
  const { round } = session.head;
  if (session.terms.form === 'pool') {
    const pricesMicro = readPrices(state, session, 0);
    return { form: 'pool', round, pricesMicro, targetsMw: readTargets(state, session, own) };
  }
  const roster = readRoster(state, id);
  const sides = ownPairs(state, session, own);
  return {
    form: 'pairwise',
    round,
    others: sides.map(({ other }) => roster[other]!),
    pricesMicro: sides.map(({ prices }) => prices),
    targetsMw: sides.map(({ targets }) => targets),
  };
}

/** A home's pairs by the other's address, turned so that a positive target is sold by the home. */
function ownPairs(state: Readable, session: Session, own: number) {
  return readPairs(state, session, activeHomes(state, session.id))
    .filter(({ first, second }) => first === own || second === own)
    .map(({ first, second, targets, prices }) =>
      first === own
        ? { other: second, prices, targets }
        : { other: first, prices, targets: targets.map((target) => 0 - target) },
    );
}

export type HomeTrade = {
  readonly home: Address;
  /** By slot, W; negative: bought. Over the homes each slot adds up to zero. */
  readonly soldW: readonly number[];
  /** Received; negative: paid. Over the homes it adds up to zero. */
  readonly paymentMicro: bigint;
};

export type PairTrade = {
  readonly first: Address;
  readonly second: Address;
  /** By slot: W that the first sells to the second, and micro-units per kWh. */
  readonly soldW: readonly number[];
  readonly pricesMicro: readonly bigint[];
};

/** The trades of a final or settled session. `pairs` is empty in pool form. */
export function readTrades(
  state: Readable,
  id: string,
): { readonly homes: readonly HomeTrade[]; readonly pairs: readonly PairTrade[] } | undefined {
  const session = findSession(state, id);
  if (session === undefined || session.head.status === 'rounds') return undefined;
  const homes = readRoster(state, id).map((home, index) => {
    const { soldW, paymentMicro } = trades.get(state, index, id)!;
    return { home, soldW, paymentMicro };
  });
  return { homes, pairs: session.terms.form === 'pool' ? [] : tradedPairs(state, session) };
}

function tradedPairs(state: Readable, session: Session): PairTrade[] {
  const { id, terms } = session;
  const roster = readRoster(state, id);
  return readPairs(state, session, activeHomes(state, id)).map(({ first, second, prices }) => {
    const from = (second - first - 1) * terms.slots;
    const soldW = pairTrades.get(state, first, id)!.soldW.slice(from, from + terms.slots);
    return { first: roster[first]!, second: roster[second]!, soldW, pricesMicro: prices };
  });
}

/** When a home nominated and what: net import, W by slot. */
export function readNomination(
  state: Readable,
  id: string,
  home: Address,
): { readonly atMs: number; readonly netImportW: readonly number[] } | undefined {
  const index = seats.get(state, home, id)?.index;
  return index === undefined ? undefined : nominations.get(state, index, id);
}
