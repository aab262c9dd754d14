import { MEMORY_ROUNDS_MAX } from './acceleration.ts';
import { address, amount, count, hex, list, oneOf, packed, text, timeMs } from './fields.ts';
import { record } from './record.ts';
import { MEMBERS_MAX, POWER_W_MAX } from './registry.ts';
import { reject } from './rejection.ts';
import type { Address, ContractState } from './types.ts';

/**
 * How a session lies in the state: O(homes * slots), and cut so that an offer touches only the small head and
 * its own record, while closing a round touches every home's once.
 */

export const SLOTS_MAX = 300;
/** A home's offer has a row for each of the others: the pool form is meant for more. */
export const PAIRWISE_HOMES_MAX = 32;
export const ROUNDS_MAX = 1000;
/** Sessions not yet settled. */
const OPEN_SESSIONS_MAX = 64;
/** Rounds whose residuals are kept, the newest. */
const HISTORY_MAX = 256;
/** With pairs it grows with the number of homes. */
const PENALTY_MICRO_MAX = 100_000_000n;
const MILLIWATT_MAX = Number.MAX_SAFE_INTEGER;

/** Chosen by the opener, such as `2017-05-08/pool`. */
export const sessionId = text(40, /^[0-9A-Za-z][0-9A-Za-z._:/-]*$/);
export const sessionIdOrNone = text(40, /^([0-9A-Za-z][0-9A-Za-z._:/-]*)?$/);
export const price = amount(-(10n ** 8n), 10n ** 8n);

/** What the opener fixes, argument for argument of `coordination.open` but for the start prices. */
export const termsFields = {
  /** Start of the first slot. */
  startMs: timeMs,
  slotMs: count(1000, 86_400_000),
  slots: count(1, SLOTS_MAX),
  form: oneOf(['pool', 'pairwise']),
  /** r of the first round, and at most: micro-units of money per kWh per kW. */
  penaltyMicro: amount(1n, PENALTY_MICRO_MAX),
  penaltyMicroMax: amount(1n, PENALTY_MICRO_MAX),
  /** By which r grows from round to round: 1000 is constant. */
  penaltyGrowthPermille: count(1000, 10_000),
  /** w: 1000 is plain ADMM; beyond 1900 targets could leave the integers' range. */
  relaxationPermille: count(100, 1900),
  tolerancePrimalMw: count(0, 1_000_000_000),
  toleranceDualMw: count(0, 1_000_000_000),
  maxRounds: count(1, ROUNDS_MAX),
  /** Rounds that acceleration looks back on; 0: plain ADMM. */
  memoryRounds: count(0, MEMORY_ROUNDS_MAX),
  /** Time for one round's offers. */
  roundMs: count(1, 86_400_000),
};

export const terms = record('coordination/terms', { ...termsFields, openedBy: address });
export type Terms = NonNullable<ReturnType<typeof terms.get>>;

export const heads = record('coordination/head', {
  status: oneOf(['rounds', 'final', 'settled']),
  /** From 1; the last one when final. */
  round: count(1, ROUNDS_MAX),
  deadlineMs: timeMs,
  /** Homes still in, and how many of them have offered in this round. */
  awaited: count(0, MEMBERS_MAX),
  offersIn: count(0, MEMBERS_MAX),
  /** Blocks of the first and of the newest call to advance this round; 0 for none. */
  firstCallHeight: count(0, Number.MAX_SAFE_INTEGER),
  lastCallHeight: count(0, Number.MAX_SAFE_INTEGER),
  /** When the trades were fixed; 0 before. */
  finalMs: timeMs,
});
export type Head = NonNullable<ReturnType<typeof heads.get>>;

/** The homes at opening, sorted by address: a home's index is its place here, for the whole session. */
export const rosters = record('coordination/roster', { homes: list(address, 1, MEMBERS_MAX) });
/** Indices of the homes that left; absent while there are none. */
export const leavers = record('coordination/left', {
  indices: list(count(0, MEMBERS_MAX - 1), 0, MEMBERS_MAX),
});

/** A home's place and its meter's limits, as they were at opening. */
export const seats = record('coordination/seat', {
  index: count(0, MEMBERS_MAX - 1),
  meterId: hex(32),
  importWMax: count(0, POWER_W_MAX),
  exportWMax: count(0, POWER_W_MAX),
});
export type Seat = NonNullable<ReturnType<typeof seats.get>>;

/** A home's last offer, mW sold in all, by slot. */
export const offers = record('coordination/offer', {
  round: count(0, ROUNDS_MAX),
  /** Deadlines missed in a row. */
  missed: count(0, 1),
  soldMw: packed,
});
/** What a home is to sell in all, by slot. */
export const targets = record('coordination/target', { mw: packed });
/** One for all, by slot. Micro-units per kWh. */
export const prices = record('coordination/price', { micro: packed });

const histories = record('coordination/history', {
  rounds: list(
    {
      read: (value, where) => list(count(0, MILLIWATT_MAX), 3, 3).read(value, where),
      write: (round: readonly number[]) => round.map(BigInt),
    },
    0,
    HISTORY_MAX,
  ),
});

/** A home's fixed trade: W sold by slot (negative: bought), and what it receives (negative: pays). */
export const trades = record('coordination/trade', {
  paymentMicro: amount(-(2n ** 62n), 2n ** 62n),
  soldW: packed,
});
/** Net import at the meter that a home announced, W by slot (negative: out of the home). */
export const nominations = record('coordination/nomination', { atMs: timeMs, netImportW: packed });

const openSessions = record('coordination/open', {
  sessions: list(
    {
      read(value, where) {
        if (!Array.isArray(value)) reject('CONTRACT_BAD_ARGUMENTS', `${where} must be a list`);
        const [id, startMs, endMs] = value;
        return {
          id: sessionId.read(id ?? null, where),
          startMs: timeMs.read(startMs ?? null, where),
          endMs: timeMs.read(endMs ?? null, where),
        };
      },
      write: ({ id, startMs, endMs }: OpenSession) => [id, BigInt(startMs), BigInt(endMs)],
    },
    0,
    OPEN_SESSIONS_MAX,
  ),
});

export type OpenSession = { readonly id: string; readonly startMs: number; readonly endMs: number };

/** Sessions that are not settled yet, oldest opening first. Their slots never overlap. */
export function readOpenSessions(state: Pick<ContractState, 'get'>): readonly OpenSession[] {
  return openSessions.get(state)?.sessions ?? [];
}

export function addOpenSession(state: ContractState, session: OpenSession): void {
  const others = readOpenSessions(state);
  const clash = others.find(({ startMs, endMs }) => session.startMs < endMs && startMs < session.endMs);
  if (clash !== undefined) {
    reject('CONTRACT_ALREADY_EXISTS', `${clash.id} trades some of these slots and is not settled`);
  }
  if (others.length >= OPEN_SESSIONS_MAX) {
    reject('CONTRACT_OUT_OF_RANGE', `more than ${OPEN_SESSIONS_MAX} sessions not settled`);
  }
  openSessions.put(state, { sessions: [...others, session] });
}

export function dropOpenSession(state: ContractState, id: string): void {
  openSessions.put(state, { sessions: readOpenSessions(state).filter((session) => session.id !== id) });
}

/** r of a round, from 1: it grows by its share, rounded down, until it reaches its greatest. */
export function penaltyOf(
  { penaltyMicro, penaltyMicroMax, penaltyGrowthPermille }: Terms,
  round: number,
): bigint {
  let penalty = penaltyMicro;
  for (let grown = 1; grown < round && penalty < penaltyMicroMax; grown += 1) {
    const next = (penalty * BigInt(penaltyGrowthPermille)) / 1000n;
    if (next === penalty) break;
    penalty = next < penaltyMicroMax ? next : penaltyMicroMax;
  }
  return penalty;
}

export type Session = { readonly id: string; readonly terms: Terms; readonly head: Head };

export function findSession(state: Pick<ContractState, 'get'>, id: string): Session | undefined {
  const found = terms.get(state, id);
  const head = heads.get(state, id);
  return found === undefined || head === undefined ? undefined : { id, terms: found, head };
}

/** Rejects with CONTRACT_NOT_FOUND, or CONTRACT_WRONG_PHASE when the session is not in the given status. */
export function sessionIn(state: ContractState, id: string, status: Head['status']): Session {
  const session = findSession(state, id) ?? reject('CONTRACT_NOT_FOUND', `no session ${id}`);
  if (session.head.status !== status) {
    reject('CONTRACT_WRONG_PHASE', `session ${id} is in phase ${session.head.status}, not ${status}`);
  }
  return session;
}

export function readRoster(state: Pick<ContractState, 'get'>, id: string): readonly Address[] {
  return rosters.get(state, id)?.homes ?? [];
}

export function readLeft(state: Pick<ContractState, 'get'>, id: string): readonly number[] {
  return leavers.get(state, id)?.indices ?? [];
}

/** Indices of the homes still in, ascending: that is address order. */
export function activeHomes(state: Pick<ContractState, 'get'>, id: string): number[] {
  const left = new Set(readLeft(state, id));
  return [...readRoster(state, id).keys()].filter((index) => !left.has(index));
}

export type RoundReport = {
  readonly round: number;
  readonly imbalanceMw: number;
  readonly dualMw: number;
};

/** Residuals by round, oldest first; the newest 256. */
export function readHistory(state: Pick<ContractState, 'get'>, id: string): readonly RoundReport[] {
  return (histories.get(state, id)?.rounds ?? []).map(([round, imbalanceMw, dualMw]) => ({
    round: round!,
    imbalanceMw: imbalanceMw!,
    dualMw: dualMw!,
  }));
}

export function addHistory(state: ContractState, id: string, report: RoundReport): void {
  const before = histories.get(state, id)?.rounds ?? [];
  const { round, imbalanceMw, dualMw } = report;
  const after = [...before, [round, imbalanceMw, dualMw]].slice(-HISTORY_MAX);
  histories.put(state, { rounds: after }, id);
}

/** Into so many parts the penalty is divided: by pairs, a home has it with each of its neighbours. */
export function penaltyParts({ form }: Pick<Terms, 'form'>, homes: number): number {
  return form === 'pool' ? 1 : Math.max(1, homes - 1);
}

/** When a session's slot begins. */
export function slotStartMs({ startMs, slotMs }: Terms, slot: number): number {
  return startMs + slot * slotMs;
}

export function endMs(of: Terms): number {
  return slotStartMs(of, of.slots);
}
