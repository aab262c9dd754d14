import { OptimizerError } from '../errors.ts';
import type { RoundTerms } from '../prosumer/home-planner.ts';
import type { Series } from './session.ts';

const MICRO = 1e6;

/** The terms of a pool round for the home's planner, from the contract's integers. */
export function poolTerms(round: {
  readonly priceMicroPerKwh: Series;
  readonly penaltyMicroPerKwhPerKw: bigint;
  readonly targetMw: Series;
}): RoundTerms {
  return {
    pricePerKwh: Float64Array.from(round.priceMicroPerKwh, (price) => Number(price) / MICRO),
    penaltyPerKwhPerKw: Number(round.penaltyMicroPerKwhPerKw) / MICRO,
    targetSoldKw: Float64Array.from(round.targetMw, (mw) => Number(mw) / MICRO),
  };
}

/** A planner's answer in mW, to the nearest. @throws OptimizerError OPTIMIZER_NOT_FINITE. */
export function toOfferMw(soldKw: ArrayLike<number>): bigint[] {
  return Array.from(soldKw, (kw, slot) => {
    if (!Number.isFinite(kw)) {
      throw new OptimizerError('OPTIMIZER_NOT_FINITE', `soldKw[${slot}] is ${kw}`, { field: 'soldKw', slot });
    }
    return BigInt(Math.round(kw * MICRO));
  });
}

/** One neighbour in a pairwise round, seen from the home: the pair's price, and what the home is to sell. */
export type Neighbour = { readonly priceMicroPerKwh: Series; readonly targetMw: Series };

export type Elimination = {
  /** For the planner: one sold power a slot, however many neighbours there are. */
  readonly terms: RoundTerms;
  /** The planner's total parted into offers in mW, in the order of the neighbours. */
  split(soldKw: ArrayLike<number>): bigint[][];
};

/**
 * Eliminates a home's N - 1 trades. With c_j = target_j + price_j / r, the sum over j of
 * -price_j p_j + r/2 (p_j - target_j)^2 under sum p_j = E is, up to a constant, r/(2(N-1)) (E - sum c)^2, reached
 * at p_j = c_j + (E - sum c)/(N - 1). So the planner sees a price of zero, a penalty of r/(N - 1) and a
 * target of sum c.
 *
 * @throws OptimizerError OPTIMIZER_BAD_LENGTH without neighbours.
 */
export function eliminate(neighbours: readonly Neighbour[], penaltyMicroPerKwhPerKw: bigint): Elimination {
  const first = neighbours[0];
  if (!first) {
    throw new OptimizerError('OPTIMIZER_BAD_LENGTH', 'a pairwise round needs a neighbour', {
      field: 'neighbours',
    });
  }
  const count = neighbours.length;
  const centres = neighbours.map(({ priceMicroPerKwh, targetMw }) =>
    Float64Array.from(
      targetMw,
      (mw, t) => Number(mw) / MICRO + Number(priceMicroPerKwh[t]!) / Number(penaltyMicroPerKwhPerKw),
    ),
  );
  const slots = first.targetMw.length;
  const sumOfCentres = new Float64Array(slots);
  for (const centre of centres) for (let t = 0; t < slots; t += 1) sumOfCentres[t]! += centre[t]!;
  return {
    terms: {
      pricePerKwh: new Float64Array(slots),
      penaltyPerKwhPerKw: Number(penaltyMicroPerKwhPerKw) / MICRO / count,
      targetSoldKw: sumOfCentres,
    },
    split: (soldKw) =>
      centres.map((centre) => toOfferMw(centre.map((c, t) => c + (soldKw[t]! - sumOfCentres[t]!) / count))),
  };
}
