import { pairUp } from './clearing.ts';
import { readPrices, readTargets } from './positions.ts';
import { pairTargets } from './rounds.ts';
import {
  activeHomes,
  findSession,
  type Head,
  nominations,
  penaltyOf,
  type RoundReport,
  readHistory,
  readLeft,
  readRoster,
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
  /** By slot, micro-units per kWh. */
  readonly pricesMicro: readonly bigint[];
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
    pricesMicro: readPrices(state, session),
    residuals: readHistory(state, id),
  };
}

/** What a home needs to compute its next offer, from its own side: prices by slot, targets in mW sold. */
export type Turn = {
  readonly round: number;
  readonly pricesMicro: readonly bigint[];
} & (
  | { readonly form: 'pool'; readonly targetsMw: readonly number[] }
  | {
      readonly form: 'pairwise';
      /** The other homes still in, in address order: the order of an offer's rows. */
      readonly others: readonly Address[];
      /** By other home, then slot. */
      readonly targetsMw: readonly (readonly number[])[];
    }
);

/** Undefined when no such session is in its rounds or the home takes no part in it (any more). */
export function readTurn(state: Readable, id: string, home: Address): Turn | undefined {
  const session = findSession(state, id);
  const own = seats.get(state, home, id)?.index;
  if (session?.head.status !== 'rounds' || own === undefined || readLeft(state, id).includes(own))
    return undefined;
  const turn = { round: session.head.round, pricesMicro: readPrices(state, session) };
  if (session.terms.form === 'pool') {
    return { form: 'pool', ...turn, targetsMw: readTargets(state, session, [own])[0]! };
  }
  const roster = readRoster(state, id);
  const homes = activeHomes(state, id);
  return {
    form: 'pairwise',
    ...turn,
    others: homes.filter((other) => other !== own).map((other) => roster[other]!),
    targetsMw: pairTargets(readTargets(state, session, homes), homes.indexOf(own)),
  };
}

export type HomeTrade = {
  readonly home: Address;
  /** By slot, W; negative: bought. Over the homes each slot adds up to zero. */
  readonly soldW: readonly number[];
  /** Received; negative: paid. Over the homes it adds up to zero. */
  readonly paymentMicro: bigint;
};

/** W that the first sells to the second by slot (negative: buys), at the session's prices. */
export type PairTrade = {
  readonly first: Address;
  readonly second: Address;
  readonly soldW: readonly number[];
};

/** The trades of a final or settled session. `pairs` are those that trade; none in pool form. */
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
  return { homes, pairs: session.terms.form === 'pool' ? [] : pairsOf(homes, session.terms.slots) };
}

/** Who trades with whom follows from what each trades in all. */
function pairsOf(homes: readonly HomeTrade[], slots: number): PairTrade[] {
  const pairs = new Map<string, { first: Address; second: Address; soldW: number[] }>();
  for (let slot = 0; slot < slots; slot += 1) {
    for (const { seller, buyer, watts } of pairUp(homes.map(({ soldW }) => soldW[slot]!))) {
      const [first, second] = seller < buyer ? [seller, buyer] : [buyer, seller];
      const key = `${first}/${second}`;
      const pair = pairs.get(key) ?? {
        first: homes[first]!.home,
        second: homes[second]!.home,
        soldW: new Array<number>(slots).fill(0),
      };
      pair.soldW[slot] = first === seller ? watts : -watts;
      pairs.set(key, pair);
    }
  }
  return [...pairs.values()].sort((a, b) => (a.first + a.second < b.first + b.second ? -1 : 1));
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
