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
  /** Pool: the imbalance. Pairwise: the largest |sold i to j + sold j to i|. */
  readonly primalMw: number;
  /** How far targets move. Pool: largest mean over homes of a slot, rounded up. Pairwise: of any pair and slot. */
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
};

/** Exchange ADMM: every home's target is its offer less its share of the surplus; the price falls with it. */
export function closePoolRound(
  { offers, targets, prices }: PoolRound,
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
    const fall = roundDivBig(rules.penaltyMicro * BigInt(surplus), BigInt(homes) * 1_000_000n);
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
  /** offers[i][j][slot]: power that home i sells to home j, mW; undefined on the diagonal and where one left. */
  readonly offers: readonly (readonly (readonly number[] | undefined)[])[];
  /** The pairs whose homes both take part. */
  readonly pairs: readonly Pair[];
  readonly homes: number;
  readonly slots: number;
};

export function closePairwiseRound(
  { offers, pairs, homes, slots }: PairwiseRound,
  rules: RoundRules,
): Residuals & { readonly pairs: readonly Pair[] } {
  const balance = new Array<number>(slots).fill(0);
  let primalMw = 0;
  let dualMw = 0;
  const nextPairs = pairs.map((pair) => {
    const there = offers[pair.first]![pair.second]!;
    const back = offers[pair.second]![pair.first]!;
    const targets: number[] = [];
    const prices = pair.prices.map((price, slot) => {
      const target = pair.targets[slot]!;
      const gap = there[slot]! + back[slot]!;
      balance[slot]! += gap;
      const relaxedThere = relax(there[slot]!, target, rules.relaxationPermille);
      const relaxedBack = relax(back[slot]!, -target, rules.relaxationPermille);
      const nextTarget = floorDiv(relaxedThere - relaxedBack, 2);
      primalMw = Math.max(primalMw, Math.abs(gap));
      dualMw = Math.max(dualMw, Math.abs(nextTarget - target));
      targets.push(nextTarget);
      const fall = roundDivBig(rules.penaltyMicro * BigInt(relaxedThere + relaxedBack), 2_000_000n);
      return hold(price - fall, rules.priceLimitMicro);
    });
    return { ...pair, targets, prices };
  });
  const imbalanceMw = Math.max(0, ...balance.map((offered) => ceilDiv(Math.abs(offered), homes)));
  return { pairs: nextPairs, primalMw, dualMw, imbalanceMw };
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
