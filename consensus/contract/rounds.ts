import { ceilDiv, floorDiv, roundDivBig } from './integers.ts';

/**
 * The coordinator's half of the trading rounds, in integers (Yang & Wang, Eqs. 16 and 17, over-relaxed as in
 * Boyd et al. 2011, 3.4.3). Power in mW, prices in micro-units of money per kWh.
 *
 * Why plain numbers suffice: an offer is at most 1.6e10 mW (four times both directions of a 2 MW connection), an
 * accelerated target 2^36 mW (acceleration.ts). A round's projection lengthens no vector, so with a relaxation
 * w < 2 no target grows beyond the greater of what it started from and w / (2 - w) times an offer, times the root
 * of the homes. With w <= 1.9 and 1000 homes every product below stays under 2^53.
 */
export type RoundRules = {
  /** r: micro-units of money per kWh per kW. */
  readonly penaltyMicro: bigint;
  /** w: 1000 is plain ADMM. */
  readonly relaxationPermille: number;
  /** Prices are held within plus and minus this. */
  readonly priceLimitMicro: bigint;
};

export type Residuals = {
  /** The imbalance. */
  readonly primalMw: number;
  /** How far targets move: the largest mean over homes of a slot, rounded up; in pairwise form of homes' totals. */
  readonly dualMw: number;
  /** Largest |sum of all offers| of a slot over the number of homes, rounded up. */
  readonly imbalanceMw: number;
};

export type PoolRound = {
  /** By home in address order, then slot: power sold, mW. */
  readonly offers: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
  /** By slot. */
  readonly prices: readonly bigint[];
  /** Into so many parts the penalty is divided: the neighbours of a home in pairwise form, else 1. */
  readonly penaltyParts: number;
};

/** Exchange ADMM: every home's target is its offer less its share of the surplus; the price falls with it. */
export function closePoolRound(
  { offers, targets, prices, penaltyParts }: PoolRound,
  rules: RoundRules,
): Residuals & { readonly targets: readonly number[][]; readonly prices: readonly bigint[] } {
  const homes = offers.length;
  const nextTargets = targets.map((target) => [...target]);
  const nextPrices: bigint[] = [];
  let imbalanceMw = 0;
  let dualMw = 0;
  for (const [slot, price] of prices.entries()) {
    const relaxed = offers.map((offer, home) =>
      relax(offer[slot]!, targets[home]![slot]!, rules.relaxationPermille),
    );
    const surplus = sum(relaxed);
    const share = floorDiv(surplus, homes);
    const remainder = surplus - share * homes;
    let moved = 0;
    for (const [home, power] of relaxed.entries()) {
      const target = power - share - (home < remainder ? 1 : 0);
      moved += Math.abs(target - targets[home]![slot]!);
      nextTargets[home]![slot] = target;
    }
    dualMw = Math.max(dualMw, ceilDiv(moved, homes));
    const divisor = BigInt(homes * penaltyParts) * 1_000_000n;
    const fall = roundDivBig(rules.penaltyMicro * BigInt(surplus), divisor);
    nextPrices.push(hold(price - fall, rules.priceLimitMicro));
    const offered = sum(offers.map((offer) => offer[slot]!));
    imbalanceMw = Math.max(imbalanceMw, ceilDiv(Math.abs(offered), homes));
  }
  return { targets: nextTargets, prices: nextPrices, primalMw: imbalanceMw, dualMw, imbalanceMw };
}

/** By home, then slot: less each slot's mean, whose remainder goes one mW each in order. Sums are zero. */
export function evenOut(targets: readonly (readonly number[])[]): number[][] {
  const slots = targets[0]!.length;
  const means = Array.from({ length: slots }, (_, slot) => {
    const total = sum(targets.map((target) => target[slot]!));
    const share = floorDiv(total, targets.length);
    return { share, remainder: total - share * targets.length };
  });
  return targets.map((target, home) =>
    target.map((power, slot) => power - means[slot]!.share - (home < means[slot]!.remainder ? 1 : 0)),
  );
}

/** One unordered pair of homes, the lower address first: ONE price and ONE target, or rounding splits them. */
export type Pair = {
  /** Index of the homes, `first` < `second`. */
  readonly first: number;
  readonly second: number;
  /** By slot: what `first` is to sell to `second`, mW. */
  readonly targets: readonly number[];
  /** By slot. */
  readonly prices: readonly bigint[];
};

export type PairwiseRound = {
  /** offers[i][j][slot]: power that home i sells to home j, mW, by index of the roster; none of a home to itself. */
  readonly offers: readonly (readonly (readonly number[] | undefined)[])[];
  /** The pairs whose homes both take part. */
  readonly pairs: readonly Pair[];
  /** Indices of those that take part, ascending; two at least. */
  readonly homes: readonly number[];
};

/**
 * Totals are exchanged as in the pool, at r / (N - 1), and each home's move is laid on its pairs by equal shares:
 * what a home says to single neighbours beyond its total moves neither prices nor targets.
 */
export function closePairwiseRound(
  { offers, pairs, homes }: PairwiseRound,
  rules: RoundRules,
): Residuals & { readonly pairs: readonly Pair[] } {
  const before = targetsInAll(pairs, homes);
  const { targets, prices, ...residuals } = closePoolRound(
    {
      offers: homes.map((home) => inAll(offers[home]!)),
      targets: before,
      prices: meanPrice(pairs),
      penaltyParts: homes.length - 1,
    },
    rules,
  );
  const places = new Map(homes.map((home, place) => [home, place]));
  const moved = (home: number, slot: number) => {
    const place = places.get(home)!;
    return targets[place]![slot]! - before[place]![slot]!;
  };
  const nextPairs = pairs.map((pair) => ({
    ...pair,
    prices,
    targets: pair.targets.map(
      (target, slot) => target + floorDiv(moved(pair.first, slot) - moved(pair.second, slot), homes.length),
    ),
  }));
  return { pairs: nextPairs, ...residuals };
}

/** By slot: what a home offers to all others together, mW; to those that have left too: so much its plan can bear. */
export function inAll(row: readonly (readonly number[] | undefined)[]): number[] {
  const [one, ...others] = row.filter((series) => series !== undefined);
  return (one ?? []).map((mw, slot) => others.reduce((total, series) => total + series[slot]!, mw));
}

/** By home as listed, then slot. */
function targetsInAll(pairs: readonly Pair[], homes: readonly number[]): number[][] {
  const slots = pairs[0]!.targets.length;
  const sums = new Map(homes.map((home) => [home, new Array<number>(slots).fill(0)]));
  for (const { first, second, targets } of pairs) {
    for (const [slot, target] of targets.entries()) {
      sums.get(first)![slot]! += target;
      sums.get(second)![slot]! -= target;
    }
  }
  return [...sums.values()];
}

/** Pairs' prices differ only where a session started from ones that did. */
function meanPrice(pairs: readonly Pair[]): bigint[] {
  return pairs[0]!.prices.map((_, slot) =>
    roundDivBig(
      pairs.reduce((total, pair) => total + pair.prices[slot]!, 0n),
      BigInt(pairs.length),
    ),
  );
}

function relax(offer: number, target: number, relaxationPermille: number): number {
  return target + floorDiv(relaxationPermille * (offer - target), 1000);
}

function hold(price: bigint, limit: bigint): bigint {
  if (price > limit) return limit;
  return price < -limit ? -limit : price;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
