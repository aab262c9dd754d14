import { floorDivBig } from './integers.ts';

/**
 * Turns last offers into trades in whole W that clear every slot exactly. Nobody sells more than he offered
 * nor buys more than he asked for, so that a home can always carry out its trade.
 */

/**
 * Pool, one slot: the long side gives in proportion, the remaining watts one each, largest first, ties in
 * address order. `offersMw` by home in address order; returns W sold by home, of sum zero.
 */
export function clearPoolSlot(offersMw: readonly number[]): number[] {
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

/** What two homes offer each other in a slot: mW that each sells to the other. */
export type PairOffers = {
  readonly first: number;
  readonly second: number;
  readonly thereMw: number;
  readonly backMw: number;
};

/**
 * Pairwise, one slot: in each pair the smaller of what one sells and the other buys, else nothing, in W sold by the
 * first. Whole watts in every pair would cost a home half a watt for each neighbour, so single watts are given back,
 * largest remainder first, ties in order, while both homes' cut-off parts in that direction make up one.
 */
export function clearPairsSlot(pairs: readonly PairOffers[]): number[] {
  const meant = pairs.map(({ thereMw, backMw }) => agreedMw(thereMw, backMw));
  const soldW = meant.map(wholeWatts);
  const cut = meant.map((mw) => Math.abs(mw % MW_PER_W));
  const sides = pairs.map(({ first, second }, pair) =>
    meant[pair]! > 0 ? { seller: first, buyer: second } : { seller: second, buyer: first },
  );
  const toSell = new Map<number, number>();
  const toBuy = new Map<number, number>();
  for (const [pair, { seller, buyer }] of sides.entries()) {
    toSell.set(seller, (toSell.get(seller) ?? 0) + cut[pair]!);
    toBuy.set(buyer, (toBuy.get(buyer) ?? 0) + cut[pair]!);
  }
  const largestFirst = [...cut.keys()]
    .filter((pair) => cut[pair]! > 0)
    .sort((a, b) => cut[b]! - cut[a]! || a - b);
  for (const pair of largestFirst) {
    const { seller, buyer } = sides[pair]!;
    if (toSell.get(seller)! < MW_PER_W || toBuy.get(buyer)! < MW_PER_W) continue;
    soldW[pair]! += Math.sign(meant[pair]!);
    toSell.set(seller, toSell.get(seller)! - MW_PER_W);
    toBuy.set(buyer, toBuy.get(buyer)! - MW_PER_W);
  }
  return soldW;
}

/** The part of a trade that both sides mean: nothing when they differ in direction. */
function agreedMw(thereMw: number, backMw: number): number {
  if (Math.sign(thereMw) * Math.sign(backMw) >= 0) return 0;
  return Math.sign(thereMw) * Math.min(Math.abs(thereMw), Math.abs(backMw));
}

/** What one home sells in a slot (to one other home, in pairwise form): W, negative when it buys. */
export type Trade = { readonly slot: number; readonly soldW: number; readonly priceMicro: bigint };

/** A home's trades added up by slot, W sold. */
export function netSoldW(trades: readonly Trade[], slots: number): number[] {
  const net = new Array<number>(slots).fill(0);
  for (const { slot, soldW } of trades) net[slot]! += soldW;
  return net;
}

/**
 * What each home receives (negative: pays) in micro-units, of sum exactly zero: numerators exact, one division
 * a home rounded down, and what the roundings leave over goes to the first home by address that buys in some
 * slot (or, where all trades of all homes cancel, in some pair).
 */
export function payments(
  tradesByHome: readonly (readonly Trade[])[],
  { slots, slotMs }: { readonly slots: number; readonly slotMs: number },
): bigint[] {
  const received = tradesByHome.map((trades) => {
    const worth = trades.reduce((total, { soldW, priceMicro }) => total + priceMicro * BigInt(soldW), 0n);
    return floorDivBig(worth * BigInt(slotMs), W_MS_PER_KWH);
  });
  const netBuyer = tradesByHome.findIndex((trades) => netSoldW(trades, slots).some((power) => power < 0));
  const pairBuyer = tradesByHome.findIndex((trades) => trades.some(({ soldW }) => soldW < 0));
  const firstBuyer = netBuyer >= 0 ? netBuyer : pairBuyer;
  if (firstBuyer >= 0) received[firstBuyer]! -= received.reduce((total, micro) => total + micro, 0n);
  return received;
}

const MW_PER_W = 1000;
const W_MS_PER_KWH = 3_600_000_000n;

/** Toward zero, and never minus zero. */
function wholeWatts(powerMw: number): number {
  return Math.trunc(powerMw / MW_PER_W) + 0;
}
