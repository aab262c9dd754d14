import { addBalance, addEnergy } from './accounts.ts';
import { type Obligation, readDelivery } from './delivery.ts';
import { amount, count, timeMs as time } from './fields.ts';
import { method, type Scope } from './method.ts';
import { record } from './record.ts';
import { reject, require } from './rejection.ts';
import {
  dropOpenSession,
  endMs,
  heads,
  readRoster,
  type Session,
  sessionId,
  sessionIn,
  trades,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

const INT64_MAX = 2n ** 63n - 1n;
const money = amount(-INT64_MAX, INT64_MAX);
const energyWs = amount(0n, INT64_MAX);
const slotCount = count(0, Number.MAX_SAFE_INTEGER);

/** What a home got and gave in a session: received (negative: paid) for trades, penalties, energy traded. */
const shares = record('settlement/share', {
  paymentMicro: money,
  penaltyPaidMicro: money,
  penaltyReceivedMicro: money,
  soldWs: energyWs,
  boughtWs: energyWs,
});
export type SettlementShare = NonNullable<ReturnType<typeof shares.get>>;

const totals = record('settlement/total', {
  settledMs: time,
  obligations: slotCount,
  met: slotCount,
  short: slotCount,
  soldWs: energyWs,
  penaltiesMicro: money,
});

export type Settlement = NonNullable<ReturnType<typeof totals.get>> & {
  /** By address. paymentMicro adds up to zero, and penalties paid equal penalties received. */
  readonly homes: readonly (SettlementShare & { readonly home: Address })[];
};

/** Undefined before the session is settled. */
export function readSettlement(state: Pick<ContractState, 'get'>, id: string): Settlement | undefined {
  const total = totals.get(state, id);
  if (total === undefined) return undefined;
  const homes = readRoster(state, id).map((home, index) => ({ home, ...shares.get(state, index, id)! }));
  return { ...total, homes };
}

/**
 * `settlement.settle(sessionId)`, by anyone, once: after the last slot, as soon as every slot that was sold has
 * its record, and at the latest when the grace is over. Balances and energy accounts move by sums of zero. What a
 * home owes is booked even beyond its credit: the others were promised it; that home trades no further.
 */
export const settle = method({
  fields: { sessionId },
  run(scope, { sessionId: id }) {
    const { state, timeMs, emit } = scope;
    const session = sessionIn(state, id, 'final');
    require(timeMs >= endMs(session.terms), 'CONTRACT_TOO_EARLY', 'the last slot is not over');
    const delivery = readDelivery(state, id, timeMs) ?? reject('CONTRACT_WRONG_PHASE', `${id} has no trades`);
    require(delivery.pending === 0, 'CONTRACT_TOO_EARLY', `${delivery.pending} records may still come`);
    const booked = divide(scope, session, delivery.slots);
    for (const [index, { home, ...share }] of booked.entries()) {
      const { paymentMicro, penaltyPaidMicro, penaltyReceivedMicro, soldWs, boughtWs } = share;
      shares.put(state, share, index, id);
      addBalance(state, home, paymentMicro + penaltyReceivedMicro - penaltyPaidMicro);
      if (soldWs + boughtWs > 0n) addEnergy(state, home, { soldWs, boughtWs });
    }
    const { obligations, met, short } = delivery;
    const soldWs = booked.reduce((sum, share) => sum + share.soldWs, 0n);
    const penaltiesMicro = booked.reduce((sum, share) => sum + share.penaltyPaidMicro, 0n);
    totals.put(state, { settledMs: timeMs, obligations, met, short, soldWs, penaltiesMicro }, id);
    heads.put(state, { ...session.head, status: 'settled' }, id);
    dropOpenSession(state, id);
    nameShortfalls(scope, id, delivery.slots);
    emit('settlement.settled', { id, obligations, met, short, soldWs, penaltiesMicro });
  },
});

type Booking = { -readonly [K in keyof SettlementShare]: SettlementShare[K] } & { readonly home: Address };

function divide(
  { state, network }: Scope,
  { id, terms }: Session,
  obligations: readonly Obligation[],
): Booking[] {
  const seconds = BigInt(terms.slotMs / 1000);
  const roster = readRoster(state, id);
  const soldW = roster.map((_, index) => trades.get(state, index, id)!.soldW);
  const booked = roster.map((home, index): Booking => {
    const traded = (sign: number) =>
      soldW[index]!.reduce((sum, power) => sum + BigInt(Math.max(0, sign * power)), 0n) * seconds;
    return {
      home,
      paymentMicro: trades.get(state, index, id)!.paymentMicro,
      penaltyPaidMicro: 0n,
      penaltyReceivedMicro: 0n,
      soldWs: traded(1),
      boughtWs: traded(-1),
    };
  });
  const place = new Map(roster.map((home, index) => [home, index]));
  const fines = new Array<bigint>(terms.slots).fill(0n);
  for (const { home, slot, shortWs } of obligations) {
    // Rounded down, in favour of the one who pays.
    const fine = (BigInt(shortWs) * network.penaltyMicroPerKwh) / 3_600_000n;
    booked[place.get(home)!]!.penaltyPaidMicro += fine;
    fines[slot]! += fine;
  }
  for (const [slot, fine] of fines.entries()) {
    if (fine === 0n) continue;
    const parts = partAmongBuyers(
      fine,
      soldW.map((powers) => powers[slot]!),
    );
    for (const [index, part] of parts) booked[index]!.penaltyReceivedMicro += part;
  }
  return booked;
}

/** In proportion to what each bought, rounded down; what is left over goes to the first buyer by address. */
function partAmongBuyers(fine: bigint, soldW: readonly number[]): Map<number, bigint> {
  const bought = [...soldW.entries()].flatMap(([index, power]) =>
    power < 0 ? [{ index, power: BigInt(-power) }] : [],
  );
  const total = bought.reduce((sum, { power }) => sum + power, 0n);
  const parts = new Map(bought.map(({ index, power }) => [index, (fine * power) / total]));
  const parted = [...parts.values()].reduce((sum, part) => sum + part, 0n);
  const first = bought[0]!.index;
  return parts.set(first, parts.get(first)! + fine - parted);
}

/** One event a home: whose meter, which slots, how much in all. */
function nameShortfalls({ emit }: Scope, id: string, obligations: readonly Obligation[]): void {
  const short = obligations.filter(({ outcome }) => outcome === 'short');
  for (const home of new Set(short.map((obligation) => obligation.home))) {
    const own = short.filter((obligation) => obligation.home === home);
    emit('delivery.short', {
      id,
      home,
      meterId: own[0]!.meterId,
      slotStartsMs: own.map((obligation) => obligation.slotStartMs),
      shortWs: own.reduce((sum, { shortWs }) => sum + shortWs, 0),
    });
  }
}
