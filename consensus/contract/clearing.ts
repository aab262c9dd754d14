import { floorDivBig } from './integers.ts';

/**
 * Turns last offers into trades in whole W that clear every slot exactly. Nobody sells more than he offered
 * nor buys more than he asked for, so that a home can always carry out its trade.
 */

/**
 * One slot: the long side gives in proportion, the remaining watts one each, largest first, ties in
 * address order. `offersMw` by home in address order; returns W sold by home, of sum zero.
 */
export function clearSlot(offersMw: readonly number[]): number[] {
  const soldW = offersMw.map((offer) => wholeWatts(offer));
  const surplus = soldW.reduce((total, power) => total + power, 0);
  const side = Math.sign(surplus);
  const long = [...soldW.keys()].filter((home) => soldW[home]! * side > 0);
  const total = long.reduce((power, home) => power + BigInt(soldW[home]! * side), 0n);
  let left = Math.abs(surplus);
  const cuts = new Map<number, number>();
  for (const home of long) {
    const cut = Number((BigInt(Math.abs(surplus)) * BigInt(soldW[home]! * side)) / total);
    cuts.set(home, cut);
    left -= cut;
  }
  const largestFirst = [...long].sort((a, b) => soldW[b]! * side - soldW[a]! * side || a - b);
  for (const home of largestFirst.slice(0, left)) cuts.set(home, cuts.get(home)! + 1);
  for (const [home, cut] of cuts) soldW[home]! -= side * cut;
  return soldW;
}

export type PairSale = { readonly seller: number; readonly buyer: number; readonly watts: number };

/** Who sells to whom, where that is asked, in one slot: each seller in turn serves the buyers in turn. Net W sold by home, of sum zero. */
export function pairUp(netW: readonly number[]): PairSale[] {
  const left = [...netW];
  const sales: PairSale[] = [];
  let buyer = 0;
  for (const seller of left.keys()) {
    while (left[seller]! > 0) {
      while (left[buyer]! >= 0) buyer += 1;
      const watts = Math.min(left[seller]!, -left[buyer]!);
      left[seller]! -= watts;
      left[buyer]! += watts;
      sales.push({ seller, buyer, watts });
    }
  }
  return sales;
}

/**
 * What each home receives (negative: pays) in micro-units, of sum exactly zero: numerators exact, one division
 * a home rounded down, and what the roundings leave over goes to the first home by address that buys in some slot.
 * @param soldW by home in address order, then slot
 */
export function payments(
  soldW: readonly (readonly number[])[],
  { pricesMicro, slotMs }: { readonly pricesMicro: readonly bigint[]; readonly slotMs: number },
): bigint[] {
  const received = soldW.map((series) => {
    const worth = series.reduce((total, watts, slot) => total + pricesMicro[slot]! * BigInt(watts), 0n);
    return floorDivBig(worth * BigInt(slotMs), W_MS_PER_KWH);
  });
  const buyer = soldW.findIndex((series) => series.some((watts) => watts < 0));
  if (buyer >= 0) received[buyer]! -= received.reduce((total, micro) => total + micro, 0n);
  return received;
}

const W_MS_PER_KWH = 3_600_000_000n;

/** Toward zero, and never minus zero. */
function wholeWatts(powerMw: number): number {
  return Math.trunc(powerMw / 1000) + 0;
}
