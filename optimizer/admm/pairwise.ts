import { goOn, type Position, penaltyOf, type Step } from './acceleration.ts';
import { abs, ceilDiv, floorDiv, max, min, roundDiv } from './integers.ts';
import {
  type Attendance,
  attend,
  type Cleared,
  endOf,
  hold,
  type Opening,
  type PairTrade,
  type RoundReport,
  relax,
  type Series,
  type SessionParameters,
  sorted,
} from './session.ts';

/** What a home would sell to each of the others, by their addresses. */
export type PairwiseOffer = ReadonlyMap<string, Series>;

/**
 * ONE price and ONE target for the unordered pair of `first` < `second`; the target is what `first` sells.
 * Keeping a copy for each direction would let rounding drive the two apart, and then neither fact on which
 * the homes rely (equal prices, trades that can be eliminated) holds any more.
 */
type Pair = {
  readonly first: string;
  readonly second: string;
  readonly priceMicroPerKwh: Series;
  readonly targetMw: Series;
};

/** The coordinator's state of the pairwise form. */
export type PairwiseState = {
  readonly form: 'pairwise';
  readonly parameters: SessionParameters;
  /** Still in, sorted. */
  readonly homes: readonly string[];
  readonly round: number;
  /** Of the homes still in, sorted by first, then second. */
  readonly pairs: readonly Pair[];
  /** Steps of earlier rounds, oldest first: prices and targets by pair, then slot. */
  readonly memory: readonly Step[];
  readonly attendance: Attendance<PairwiseOffer>;
};

const MICRO = 1_000_000n;
const MW_PER_W = 1000n;

/** Pairs start from a target of nothing, or from the trades of a session before. */
export function openPairwise(opening: Opening, before: readonly PairTrade[] = []): PairwiseState {
  const { homes, startPriceMicroPerKwh, ...parameters } = opening;
  const nothing = startPriceMicroPerKwh.map(() => 0n);
  const members = sorted(homes);
  const known = new Map(before.map((pair) => [`${pair.first} ${pair.second}`, pair]));
  const pairs = members.flatMap((first, i) =>
    members.slice(i + 1).map((second): Pair => {
      const pair = known.get(`${first} ${second}`);
      return {
        first,
        second,
        priceMicroPerKwh: pair?.priceMicroPerKwh ?? startPriceMicroPerKwh,
        targetMw: pair?.soldW.map((watts) => watts * MW_PER_W) ?? nothing,
      };
    }),
  );
  const silence = (home: string): PairwiseOffer =>
    new Map(members.filter((other) => other !== home).map((other) => [other, nothing]));
  return {
    form: 'pairwise',
    parameters,
    homes: members,
    round: 0,
    pairs,
    memory: [],
    attendance: { offers: new Map(members.map((home) => [home, silence(home)])), missed: new Map() },
  };
}

/**
 * Closes a round: Eqs. 16 and 17 of Yang & Wang, in integers and over-relaxed, but for where disagreement goes. There a
 * pair's target becomes what its two sides mean by half, and what they disagree in moves the pair's own price. A home
 * sees no more of that than a sum (see eliminate in home-side.ts), disagrees with everybody alike, and so finds half of what it
 * wants in targets and the rest only once all its prices have moved. Here what homes disagree in goes to their targets at
 * once, by half of its sum S over a home's pairs, and its mean to one price for all pairs: the rounds of the pool.
 */
export function closePairwiseRound(
  state: PairwiseState,
  received: ReadonlyMap<string, PairwiseOffer>,
): { state: PairwiseState; report: RoundReport } {
  const { parameters } = state;
  const { homes, left, attendance } = attend(state.homes, state.attendance, received);
  const stillIn = new Set(homes);
  const round = state.round + 1;
  const penalty = penaltyOf(parameters, round);
  let primalMw = 0n;
  let dualMw = 0n;
  const before = state.pairs.filter(({ first, second }) => stillIn.has(first) && stillIn.has(second));
  const voiced = before.map((pair): Voiced => {
    const sold = attendance.offers.get(pair.first)!.get(pair.second)!;
    const bought = attendance.offers.get(pair.second)!.get(pair.first)!;
    sold.forEach((mw, t) => {
      primalMw = max(primalMw, abs(mw + bought[t]!));
    });
    const { relaxationPermille } = parameters;
    return {
      pair,
      one: pair.targetMw.map((target, t) => relax(target, sold[t]!, relaxationPermille)),
      other: pair.targetMw.map((target, t) => relax(-target, bought[t]!, relaxationPermille)),
    };
  });
  const priceMicroPerKwh = onePrice(voiced, penalty).map((price) => hold(price, parameters));
  const disagreed = disagreements(homes, voiced);
  const n = BigInt(homes.length);
  const plain = voiced.map(({ pair, one, other }): Pair => {
    const [ofFirst, ofSecond] = [disagreed.get(pair.first)!, disagreed.get(pair.second)!];
    const targetMw = pair.targetMw.map((target, t) => {
      const next = floorDiv(n * (one[t]! - other[t]!) + ofFirst[t]! - ofSecond[t]!, 2n * n);
      dualMw = max(dualMw, abs(next - target));
      return next;
    });
    return { ...pair, priceMicroPerKwh, targetMw };
  });
  const ended = endOf(parameters, round, homes.length, { primalMw, dualMw });
  const memory = left.length > 0 ? [] : state.memory;
  const next = ended ? { pairs: plain, memory: [] } : accelerated({ ...state, pairs: before, memory }, plain);
  return {
    state: { form: 'pairwise', parameters, homes, round, ...next, attendance },
    report: { primalMw, dualMw, imbalanceMw: imbalance(homes, attendance), left, ...(ended && { ended }) },
  };
}

/** A pair with both sides' relaxed offers by slot, mW that each sells. */
type Voiced = { readonly pair: Pair; readonly one: Series; readonly other: Series };

/** Mean of all pairs' prices by slot, less r / 2 times the mean of what they disagree in. */
function onePrice(voiced: readonly Voiced[], penalty: bigint): bigint[] {
  const slots = voiced[0]?.one.length ?? 0;
  return Array.from({ length: slots }, (_, t) => {
    const sum = voiced.reduce(
      (total, { pair, one, other }) =>
        total + 2n * MICRO * pair.priceMicroPerKwh[t]! - penalty * (one[t]! + other[t]!),
      0n,
    );
    return roundDiv(sum, 2n * MICRO * BigInt(voiced.length));
  });
}

/** By home and slot: the sum over its pairs of what both sides together offer too much, mW. */
function disagreements(homes: readonly string[], voiced: readonly Voiced[]): Map<string, bigint[]> {
  const slots = voiced[0]?.one.length ?? 0;
  const sums = new Map(homes.map((home) => [home, new Array<bigint>(slots).fill(0n)]));
  for (const { pair, one, other } of voiced) {
    for (let t = 0; t < slots; t += 1) {
      sums.get(pair.first)![t]! += one[t]! + other[t]!;
      sums.get(pair.second)![t]! += one[t]! + other[t]!;
    }
  }
  return sums;
}

function accelerated(before: PairwiseState, plain: readonly Pair[]): Pick<PairwiseState, 'pairs' | 'memory'> {
  const flat = (pairs: readonly Pair[]): Position => ({
    prices: pairs.flatMap(({ priceMicroPerKwh }) => priceMicroPerKwh),
    targets: pairs.flatMap(({ targetMw }) => targetMw),
  });
  const { position, memory } = goOn(
    before.memory,
    { from: flat(before.pairs), to: flat(plain) },
    { round: before.round + 1, parameters: before.parameters, priceWeight: 1n },
  );
  const slots = plain[0]?.targetMw.length ?? 0;
  const pairs = plain.map((pair, place): Pair => {
    const from = place * slots;
    return {
      ...pair,
      priceMicroPerKwh: position.prices
        .slice(from, from + slots)
        .map((price) => hold(price, before.parameters)),
      targetMw: position.targets.slice(from, from + slots),
    };
  });
  return { pairs, memory };
}

/**
 * In each pair and slot the smaller of what one side sells and the other buys, in whole watts. What that cuts off
 * adds up with the number of neighbours, so single watts are given back, largest remainder first, while both homes'
 * cut-off parts in that direction make up one: no home sells or buys more in all than was agreed in mW.
 */
export function clearPairwise({ homes, pairs, attendance }: PairwiseState): Cleared {
  const slots = pairs[0]?.targetMw.length ?? 0;
  const agreedMw = pairs.map(({ first, second }) => {
    const sold = attendance.offers.get(first)!.get(second)!;
    const bought = attendance.offers.get(second)!.get(first)!;
    return sold.map((mw, t) => agreed(mw, -bought[t]!));
  });
  const bySlot = Array.from({ length: slots }, (_, t) =>
    wholeWatts(
      pairs,
      agreedMw.map((series) => series[t]!),
    ),
  );
  const soldW = new Map(homes.map((home) => [home, new Array<bigint>(slots).fill(0n)]));
  const earned = new Map(homes.map((home) => [home, 0n]));
  const buyers = new Set<string>();
  const traded = pairs.map(({ first, second, priceMicroPerKwh }, place): PairTrade => {
    const watts = bySlot.map((all) => all[place]!);
    watts.forEach((w, t) => {
      if (w !== 0n) buyers.add(w > 0n ? second : first);
      soldW.get(first)![t]! += w;
      soldW.get(second)![t]! -= w;
      earned.set(first, earned.get(first)! + priceMicroPerKwh[t]! * w);
      earned.set(second, earned.get(second)! - priceMicroPerKwh[t]! * w);
    });
    return { first, second, soldW: watts, priceMicroPerKwh };
  });
  return { soldW, earned, buyers, pairs: traded };
}

/** One slot's agreed trades of all pairs, mW that `first` sells, in whole watts. */
function wholeWatts(pairs: readonly Pair[], agreedMw: readonly bigint[]): bigint[] {
  const spare = { sold: new Map<string, bigint>(), bought: new Map<string, bigint>() };
  const add = (side: Map<string, bigint>, home: string, mw: bigint) =>
    side.set(home, (side.get(home) ?? 0n) + mw);
  const rests = agreedMw.map((mw, place) => {
    const { first, second } = pairs[place]!;
    const [seller, buyer] = mw > 0n ? [first, second] : [second, first];
    const rest = abs(mw) % MW_PER_W;
    add(spare.sold, seller, rest);
    add(spare.bought, buyer, rest);
    return { place, seller, buyer, rest, sign: mw > 0n ? 1n : -1n };
  });
  const watts = agreedMw.map((mw) => mw / MW_PER_W);
  const largestFirst = rests
    .filter(({ rest }) => rest > 0n)
    .sort((a, b) => (a.rest === b.rest ? a.place - b.place : a.rest > b.rest ? -1 : 1));
  for (const { place, seller, buyer, sign } of largestFirst) {
    if (spare.sold.get(seller)! < MW_PER_W || spare.bought.get(buyer)! < MW_PER_W) continue;
    watts[place] = watts[place]! + sign;
    add(spare.sold, seller, -MW_PER_W);
    add(spare.bought, buyer, -MW_PER_W);
  }
  return watts;
}

/** The part of a trade that both sides mean: nothing when they differ in direction. */
function agreed(sold: bigint, wanted: bigint): bigint {
  if (sold > 0n && wanted > 0n) return min(sold, wanted);
  if (sold < 0n && wanted < 0n) return max(sold, wanted);
  return 0n;
}

function imbalance(homes: readonly string[], { offers }: Attendance<PairwiseOffer>): bigint {
  const sums: bigint[] = [];
  for (const home of homes) {
    for (const [other, series] of offers.get(home)!) {
      if (!offers.has(other)) continue;
      series.forEach((mw, t) => {
        sums[t] = (sums[t] ?? 0n) + mw;
      });
    }
  }
  return sums.reduce((greatest, sum) => max(greatest, ceilDiv(abs(sum), BigInt(homes.length))), 0n);
}
