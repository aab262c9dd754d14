/**
 * Divisions with a stated rounding. Numbers here are safe integers: rounds.ts shows why no product leaves
 * that range (a dividend and a divisor together, here). A float quotient may round up to the next integer, so the remainder is taken off first.
 */

/** Rounds toward minus infinity; `divisor` > 0. */
export function floorDiv(dividend: number, divisor: number): number {
  const remainder = dividend % divisor;
  return (dividend - (remainder < 0 ? remainder + divisor : remainder)) / divisor;
}

/** Rounds toward plus infinity; `divisor` > 0. */
export function ceilDiv(dividend: number, divisor: number): number {
  return -floorDiv(-dividend, divisor);
}

/** Rounds toward minus infinity; `divisor` > 0. */
export function floorDivBig(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** Rounds to the nearest integer, halves away from zero; `divisor` > 0. */
export function roundDivBig(dividend: bigint, divisor: bigint): bigint {
  const size = dividend < 0n ? -dividend : dividend;
  const quotient = (2n * size + divisor) / (2n * divisor);
  return dividend < 0n ? -quotient : quotient;
}
