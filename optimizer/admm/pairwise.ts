import { goOn, type Position, penaltyOf, type Step } from './acceleration.ts';
import { floorDiv, max, min, roundDiv } from './integers.ts';
import { balance, exchange } from './pool.ts';
import {
  type Attendance,
  attend,
  type Cleared,
  endOf,
  hold,
  type Opening,
  type PairTrade,
  type RoundReport,
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
 * Closes a round. Eqs. 16 and 17 of Yang & Wang give each pair a price, moved by half of what its sides disagree in. A
 * home sees no more of that than sums (see eliminate in home-side.ts), disagrees with everybody alike, and finds half
 * of what it wants only once all its prices have moved. So totals are exchanged as in the pool, at r / (N - 1), and each
 * home's new target is laid on its pairs by equal shares. A home's word on single pairs beyond its total moves nothing.
 */
export function closePairwiseRound(
  state: PairwiseState,
  received: ReadonlyMap<string, PairwiseOffer>,
): { state: PairwiseState; report: RoundReport } {
  const { parameters } = state;
  const { homes, left, attendance } = attend(state.homes, state.attendance, received);
  const stillIn = new Set(homes);
  const round = state.round + 1;
  const before = state.pairs.filter(({ first, second }) => stillIn.has(first) && stillIn.has(second));
  const targetMw = targetsInAll(homes, before);
  const { primalMw, dualMw, ...exchanged } = exchange(homes, {
    offeredMw: offersInAll(homes, attendance),
    targetMw,
    priceMicroPerKwh: meanPrice(before),
    penalty: { numerator: penaltyOf(parameters, round), denominator: max(1n, BigInt(homes.length - 1)) },
    parameters,
  });
  const moved = (home: string, t: number) => exchanged.targetMw.get(home)![t]! - targetMw.get(home)![t]!;
  const plain = before.map(
    (pair): Pair => ({
      ...pair,
      priceMicroPerKwh: exchanged.priceMicroPerKwh,
      targetMw: pair.targetMw.map(
        (target, t) => target + floorDiv(moved(pair.first, t) - moved(pair.second, t), BigInt(homes.length)),
      ),
    }),
  );
  const ended = endOf(parameters, round, homes.length, { primalMw, dualMw });
  const memory = left.length > 0 ? [] : state.memory;
  const next = ended ? { pairs: plain, memory: [] } : accelerated({ ...state, pairs: before, memory }, plain);
  return {
    state: { form: 'pairwise', parameters, homes, round, ...next, attendance },
    report: { primalMw, dualMw, imbalanceMw: primalMw, left, ...(ended && { ended }) },
  };
}

/** By home: what it is to sell in all. */
function targetsInAll(homes: readonly string[], pairs: readonly Pair[]): Map<string, bigint[]> {
  const slots = pairs[0]?.targetMw.length ?? 0;
  const sums = new Map(homes.map((home) => [home, new Array<bigint>(slots).fill(0n)]));
  for (const { first, second, targetMw } of pairs) {
    targetMw.forEach((target, t) => {
      sums.get(first)![t]! += target;
      sums.get(second)![t]! -= target;
    });
  }
  return sums;
}

/** By home: what it would sell in all, parts meant for homes that have left included: so much its plan can bear. */
function offersInAll(homes: readonly string[], { offers }: Attendance<PairwiseOffer>): Map<string, bigint[]> {
  return new Map(
    homes.map((home) => {
      const [one, ...others] = [...offers.get(home)!.values()];
      const sum = (one ?? []).map((mw, t) => others.reduce((total, series) => total + series[t]!, mw));
      return [home, sum];
    }),
  );
}

/** Pairs' prices differ only where a session started from ones that did. */
function meanPrice(pairs: readonly Pair[]): bigint[] {
  const [one] = pairs;
  return (one?.priceMicroPerKwh ?? []).map((_, t) =>
    roundDiv(
      pairs.reduce((total, pair) => total + pair.priceMicroPerKwh[t]!, 0n),
      BigInt(pairs.length),
    ),
  );
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
 * Totals are cleared as in the pool, so that no home sells or buys more than its plan can bear, whatever others said to
 * it; then those who sell are paired with those who buy, both by address.
 */
export function clearPairwise({ homes, pairs, attendance }: PairwiseState): Cleared {
  const slots = pairs[0]?.targetMw.length ?? 0;
  const offered = offersInAll(homes, attendance);
  const traded = new Map(
    pairs.map((pair) => [
      `${pair.first} ${pair.second}`,
      { ...pair, soldW: new Array<bigint>(slots).fill(0n) },
    ]),
  );
  const soldW = new Map(homes.map((home) => [home, new Array<bigint>(slots).fill(0n)]));
  const earned = new Map(homes.map((home) => [home, 0n]));
  for (let t = 0; t < slots; t += 1) {
    const net = balance(homes.map((home) => offered.get(home)![t]! / MW_PER_W));
    for (const { seller, buyer, watts } of paired(homes, net)) {
      const [first, second, sold] = seller < buyer ? [seller, buyer, watts] : [buyer, seller, -watts];
      const pair = traded.get(`${first} ${second}`)!;
      pair.soldW[t] = sold;
      soldW.get(seller)![t]! += watts;
      soldW.get(buyer)![t]! -= watts;
      earned.set(seller, earned.get(seller)! + pair.priceMicroPerKwh[t]! * watts);
      earned.set(buyer, earned.get(buyer)! - pair.priceMicroPerKwh[t]! * watts);
    }
  }
  return {
    soldW,
    earned,
    buyers: new Set(homes.filter((home) => soldW.get(home)!.some((w) => w < 0n))),
    pairs: [...traded.values()].map(({ first, second, soldW: sold, priceMicroPerKwh }) => ({
      ...{ first, second, priceMicroPerKwh },
      soldW: sold,
    })),
  };
}

type Trade = { readonly seller: string; readonly buyer: string; readonly watts: bigint };

/** Each seller in turn serves the buyers in turn. */
function paired(homes: readonly string[], net: readonly bigint[]): Trade[] {
  const left = [...net];
  const trades: Trade[] = [];
  let buying = 0;
  for (let selling = 0; selling < left.length; selling += 1) {
    while (left[selling]! > 0n) {
      while (left[buying]! >= 0n) buying += 1;
      const watts = min(left[selling]!, -left[buying]!);
      left[selling]! -= watts;
      left[buying]! += watts;
      trades.push({ seller: homes[selling]!, buyer: homes[buying]!, watts });
    }
  }
  return trades;
}
