import type { SessionParameters } from './session.ts';

/**
 * Session parameters for homes of a few kW at some 0.1 to 0.5 units of money per kWh, however many homes. A pair's
 * penalty is N - 1 times the pool's: each of a home's N - 1 trades carries its part of the total.
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
    penaltyMicroPerKwhPerKwMax: 300_000n,
    penaltyGrowthPermille: 1200n,
    relaxationPermille: 1700n,
    memoryRounds: 5,
    tolerancePrimalMw: 10_000n,
    toleranceDualMw: 8_000n,
    maxRounds: 40,
    priceLimitMicroPerKwh: 10_000_000n,
  };
  if (form === 'pool') return pool;
  const neighbours = Math.max(1, homes - 1);
  return {
    ...pool,
    penaltyMicroPerKwhPerKw: pool.penaltyMicroPerKwhPerKw * BigInt(neighbours),
    penaltyMicroPerKwhPerKwMax: pool.penaltyMicroPerKwhPerKwMax * BigInt(neighbours),
  };
}

/**
 * For a session that starts from the prices and trades of one before: prices are about right and need no
 * first rounds of a low penalty to be found, and steps as they are settle sooner than long ones.
 */
export function warmSessionParameters<
  Parameters extends Pick<SessionParameters, 'penaltyMicroPerKwhPerKwMax'>,
>(parameters: Parameters) {
  const half = parameters.penaltyMicroPerKwhPerKwMax / 2n;
  return { ...parameters, penaltyMicroPerKwhPerKw: half > 0n ? half : 1n, relaxationPermille: 1000n };
}
