import type { SessionParameters } from './session.ts';

/**
 * Session parameters for homes of a few kW at some 0.1 to 0.5 units of money per kWh. The pool's do not
 * depend on the number of homes; of the pairwise form, the penalty grows and the tolerances fall with the
 * number of neighbours, since each of N - 1 trades carries its part of a home's total and clearing loses what
 * the two sides of each pair still differ by.
 */
export function defaultSessionParameters({
  homes,
  form,
}: {
  readonly homes: number;
  readonly form: 'pool' | 'pairwise';
}): SessionParameters {
  const pool: SessionParameters = {
    penaltyMicroPerKwhPerKw: 80_000n,
    relaxationPermille: 1700n,
    tolerancePrimalMw: 20_000n,
    toleranceDualMw: 40_000n,
    maxRounds: 40,
  };
  if (form === 'pool') return pool;
  const neighbours = Math.max(1, homes - 1);
  return {
    penaltyMicroPerKwhPerKw: 60_000n * BigInt(neighbours),
    relaxationPermille: 1700n,
    tolerancePrimalMw: BigInt(Math.round(50_000 / neighbours)),
    toleranceDualMw: BigInt(Math.round(80_000 / neighbours)),
    maxRounds: 60,
  };
}
