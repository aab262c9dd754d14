/** Division of integers whose rounding is said in the name. The divisor is positive. */

export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

export function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  return -floorDiv(-dividend, divisor);
}

/** To nearest; halves away from zero. */
export function roundDiv(dividend: bigint, divisor: bigint): bigint {
  const half = (2n * abs(dividend) + divisor) / (2n * divisor);
  return dividend < 0n ? -half : half;
}

export function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
