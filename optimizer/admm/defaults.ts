import type { SessionParameters } from './session.ts';

/** Session parameters that suit homes of a few kW trading at some 0.1 to 0.5 money units per kWh. */
export function defaultSessionParameters({
  homes,
  form,
}: {
  readonly homes: number;
  readonly form: 'pool' | 'pairwise';
}): SessionParameters {
  return {
    penaltyMicroPerKwhPerKw: form === 'pool' ? 30_000n : BigInt(Math.max(1, homes - 1)) * 10_000n,
    relaxationPermille: 1700n,
    tolerancePrimalMw: 5_000n,
    toleranceDualMw: 50_000n,
    maxRounds: 60,
  };
}
