import { clearPoolSlot, netSoldW, pairUp, payments, type Trade } from './clearing.ts';
import { forget } from './memory.ts';
import type { Scope } from './method.ts';
import { readPairOffers, readPairs, readPoolOffers, readPrices } from './positions.ts';
import { inAll } from './rounds.ts';
import {
  activeHomes,
  heads,
  offers,
  pairTrades,
  readRoster,
  type Session,
  targets,
  trades,
} from './session.ts';
import type { ContractState } from './types.ts';

/**
 * Fixes a session's trades from the last offers, at the newest prices, and what every home is to be paid.
 * Offers and targets leave the state; trades, payments and prices stay.
 */
export function finalise({ state, timeMs, emit }: Scope, session: Session): void {
  const { id, terms } = session;
  const tradesByHome = terms.form === 'pool' ? poolTrades(state, session) : pairwiseTrades(state, session);
  const paid = payments(tradesByHome, terms);
  let soldWs = 0n;
  for (const [home, homeTrades] of tradesByHome.entries()) {
    const soldW = netSoldW(homeTrades, terms.slots);
    for (const power of soldW) if (power > 0) soldWs += BigInt(power) * BigInt(terms.slotMs / 1000);
    trades.put(state, { paymentMicro: paid[home]!, soldW }, home, id);
    offers.drop(state, home, id);
    targets.drop(state, home, id);
  }
  forget(state, session, tradesByHome.length);
  heads.put(state, { ...session.head, status: 'final', finalMs: timeMs }, id);
  emit('coordination.finalised', { id, rounds: session.head.round, soldWs });
}

function poolTrades(state: ContractState, session: Session): Trade[][] {
  const table: Trade[][] = readRoster(state, session.id).map(() => []);
  const homes = activeHomes(state, session.id);
  const offered = readPoolOffers(state, session, homes);
  for (const [slot, priceMicro] of readPrices(state, session, 0).entries()) {
    const cleared = clearPoolSlot(offered.map((offer) => offer[slot]!));
    for (const [place, soldW] of cleared.entries()) table[homes[place]!]!.push({ slot, soldW, priceMicro });
  }
  return table;
}

/** Totals are cleared as in the pool: so no home trades more than its plan can bear, whatever others said to it. */
function pairwiseTrades(state: ContractState, session: Session): Trade[][] {
  const { id, terms } = session;
  const size = readRoster(state, id).length;
  const table: Trade[][] = Array.from({ length: size }, () => []);
  const homes = activeHomes(state, id);
  const offered = readPairOffers(state, session, homes);
  const totals = homes.map((home) => inAll(offered[home]!));
  const prices = readPairs(state, session, homes)[0]?.prices ?? [];
  const rows = new Map(
    homes.slice(0, -1).map((first) => [first, new Array<number>((size - 1 - first) * terms.slots).fill(0)]),
  );
  for (const [slot, priceMicro] of prices.entries()) {
    const netW = clearPoolSlot(totals.map((total) => total[slot]!));
    for (const sale of pairUp(netW)) {
      const [seller, buyer] = [homes[sale.seller]!, homes[sale.buyer]!];
      const [first, second] = seller < buyer ? [seller, buyer] : [buyer, seller];
      rows.get(first)![(second - first - 1) * terms.slots + slot] =
        first === seller ? sale.watts : -sale.watts;
      table[seller]!.push({ slot, soldW: sale.watts, priceMicro });
      table[buyer]!.push({ slot, soldW: -sale.watts, priceMicro });
    }
  }
  for (const [first, soldW] of rows) pairTrades.put(state, { soldW }, first, id);
  return table;
}
