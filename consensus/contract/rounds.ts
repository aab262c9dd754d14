import { ceilDiv, floorDiv, roundDivBig } from './integers.ts';

/**
 * The coordinator's half of the trading rounds, in integers (Yang & Wang, Eqs. 16 and 17, over-relaxed as in
 * Boyd et al. 2011, 3.4.3). Power in mW, prices in micro-units of money per kWh.
 *
 * Why plain numbers suffice: an offer is at most 4e9 mW (both directions of a 2 MW connection), an
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
  /** Largest |sum of all offers| of a slot over the number of homes, rounded up: the primal residual. */
  readonly imbalanceMw: number;
  /** How far targets move: the largest mean over homes of a slot, rounded up. */
  readonly dualMw: number;
};

export type Round = {
  /** By home in address order, then slot: power sold in all, mW. */
  readonly offers: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
  /** By slot. */
  readonly prices: readonly bigint[];
  /** Into so many parts the penalty is divided: see `penaltyParts`. */
  readonly penaltyParts: number;
};

/**
 * Exchange ADMM: every home's target is its offer less its share of the surplus; the price falls with it. By pairs it is
 * the same at r / (N - 1): a home sees sums of its pairs alone (it eliminates the rest), so what it says to single
 * neighbours beyond its total moves neither prices nor targets.
 */
export function moveTargets(
  { offers, targets, prices, penaltyParts }: Round,
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
  return { targets: nextTargets, prices: nextPrices, imbalanceMw, dualMw };
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

/**
 * What one home is to sell to each of the others by slot, mW, for homes by address order and their targets in all: for both
 * sides of a pair the same, turned. Rounded so that what a home's pairs add up to is within a mW a neighbour of its own.
 */
export function pairTargets(targets: readonly (readonly number[])[], own: number): number[][] {
  const mine = targets[own]!;
  return targets
    .map((theirs, other) =>
      mine.map((power, slot) =>
        own < other
          ? floorDiv(power - theirs[slot]!, targets.length)
          : 0 - floorDiv(theirs[slot]! - power, targets.length),
      ),
    )
    .filter((_, other) => other !== own);
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
