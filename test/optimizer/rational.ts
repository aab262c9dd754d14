/** Exact fractions for proofs by sampling: the denominator is positive, nothing is ever rounded. */
export type Rational = { readonly n: bigint; readonly d: bigint };

export function rational(n: bigint, d = 1n): Rational {
  const sign = d < 0n ? -1n : 1n;
  const divisor = gcd(n < 0n ? -n : n, d * sign) || 1n;
  return { n: (sign * n) / divisor, d: (sign * d) / divisor };
}

export const plus = (a: Rational, b: Rational): Rational => rational(a.n * b.d + b.n * a.d, a.d * b.d);
export const minus = (a: Rational, b: Rational): Rational => rational(a.n * b.d - b.n * a.d, a.d * b.d);
export const times = (a: Rational, b: Rational): Rational => rational(a.n * b.n, a.d * b.d);
export const over = (a: Rational, b: Rational): Rational => rational(a.n * b.d, a.d * b.n);
export const same = (a: Rational, b: Rational): boolean => a.n === b.n && a.d === b.d;
export const sum = (terms: readonly Rational[]): Rational => terms.reduce(plus, rational(0n));

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
