import { clearSlot, payments } from './clearing.ts';
import { forget } from './memory.ts';
import type { Scope } from './method.ts';
import { readOffers, readPrices } from './positions.ts';
import { activeHomes, heads, offers, readRoster, type Session, targets, trades } from './session.ts';
import type { ContractState } from './types.ts';

/**
 * Fixes a session's trades from the last offers, at the newest prices, and what every home is to be paid.
 * Offers and targets leave the state; trades, payments and prices stay.
 */
export function finalise({ state, timeMs, emit }: Scope, session: Session): void {
  const { id, terms } = session;
  const sold = soldByHome(state, session);
  const paid = payments(sold, { pricesMicro: readPrices(state, session), slotMs: terms.slotMs });
  let soldWs = 0n;
  for (const [home, soldW] of sold.entries()) {
    for (const power of soldW) if (power > 0) soldWs += BigInt(power) * BigInt(terms.slotMs / 1000);
    trades.put(state, { paymentMicro: paid[home]!, soldW }, home, id);
    offers.drop(state, home, id);
    targets.drop(state, home, id);
  }
  forget(state, session, sold.length);
  heads.put(state, { ...session.head, status: 'final', finalMs: timeMs }, id);
  emit('coordination.finalised', { id, rounds: session.head.round, soldWs });
}

/** By home of the roster, then slot; zeros for those that left. */
function soldByHome(state: ContractState, session: Session): number[][] {
  const { id, terms } = session;
  const sold = readRoster(state, id).map(() => new Array<number>(terms.slots).fill(0));
  const homes = activeHomes(state, id);
  const offered = readOffers(state, session, homes);
  for (let slot = 0; slot < terms.slots; slot += 1) {
    const cleared = clearSlot(offered.map((offer) => offer[slot]!));
    for (const [place, watts] of cleared.entries()) sold[homes[place]!]![slot] = watts;
  }
  return sold;
}
