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

/**
 * A pair's target becomes what its two sides mean by half, and what a home disagrees in with all others goes to its
 * targets too, half of it in all; the mean of all disagreements moves one price for all pairs. So homes see the
 * rounds of the pool. What single sides offer beyond that, by mistake or by malice, neither prices nor targets follow:
 * an offer adds to a target three times its size at most, and a relaxation w < 2 forgets what was before.
 */
export function closePairwiseRound(
  { offers, pairs, homes, slots }: PairwiseRound,
  rules: RoundRules,
): Residuals & { readonly pairs: readonly Pair[] } {
  const zeros = () => new Array<number>(slots).fill(0);
  const balance = zeros();
  const disagreedInAll = zeros();
  const disagreed = new Map<number, number[]>();
  let primalMw = 0;
  const apart = pairs.map(({ first, second, targets }) => {
    const there = offers[first]![second]!;
    const back = offers[second]![first]!;
    for (const home of [first, second]) if (!disagreed.has(home)) disagreed.set(home, zeros());
    return targets.map((target, slot) => {
      const offeredGap = there[slot]! + back[slot]!;
      balance[slot]! += offeredGap;
      primalMw = Math.max(primalMw, Math.abs(offeredGap));
      const relaxedThere = relax(there[slot]!, target, rules.relaxationPermille);
      const relaxedBack = relax(back[slot]!, -target, rules.relaxationPermille);
      const gap = relaxedThere + relaxedBack;
      disagreed.get(first)![slot]! += gap;
      disagreed.get(second)![slot]! += gap;
      disagreedInAll[slot]! += gap;
      return relaxedThere - relaxedBack;
    });
  });
  const prices = disagreedInAll.map((gap, slot) => {
    const sum = pairs.reduce((total, pair) => total + pair.prices[slot]!, 0n);
    const moved = 2_000_000n * sum - rules.penaltyMicro * BigInt(gap);
    return hold(roundDivBig(moved, 2_000_000n * BigInt(pairs.length)), rules.priceLimitMicro);
  });
  let dualMw = 0;
  const nextPairs = pairs.map((pair, place) => {
    const [ofFirst, ofSecond] = [disagreed.get(pair.first)!, disagreed.get(pair.second)!];
    const targets = pair.targets.map((target, slot) => {
      const shift = ofFirst[slot]! - ofSecond[slot]!;
      const next = floorDiv(homes * apart[place]![slot]! + shift, 2 * homes);
      dualMw = Math.max(dualMw, Math.abs(next - target));
      return next;
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
