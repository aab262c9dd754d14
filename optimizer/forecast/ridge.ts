/**
 * What a least-squares fit remembers of its samples: the normal equations. `normal` is the sum of x xᵀ, its lower
 * triangle row by row; `moment` the sum of x y. Older samples count less with each new one.
 */
export type Regression = { readonly normal: readonly number[]; readonly moment: readonly number[] };

export const packedLength = (size: number): number => (size * (size + 1)) / 2;

export const emptyRegression = (size: number): Regression => ({
  normal: new Array<number>(packedLength(size)).fill(0),
  moment: new Array<number>(size).fill(0),
});

export type Sample = {
  readonly inputs: readonly number[];
  readonly output: number;
  /** What a sample is worth, and what all before it are worth from now on, against before. */
  readonly weight: number;
  readonly keep: number;
};

/** The normal equations with one sample more: exponentially weighted recursive least squares, unsolved. */
export function withSample({ normal, moment }: Regression, sample: Sample): Regression {
  const { inputs, output, weight, keep } = sample;
  const next: number[] = [];
  for (let row = 0, at = 0; row < inputs.length; row += 1) {
    const scaled = weight * inputs[row]!;
    for (let column = 0; column <= row; column += 1, at += 1) {
      next.push(keep * normal[at]! + scaled * inputs[column]!);
    }
  }
  return { normal: next, moment: moment.map((sum, row) => keep * sum + weight * inputs[row]! * output) };
}

/**
 * Ridge regression (Hoerl & Kennard, Technometrics 12, 1970) toward a prior guess instead of zero: the coefficients
 * that minimise the weighted squared error plus `shrinkage` times their squared distance from `prior`. With few
 * samples that is the prior. Also where the equations are no sum of squares, which only damage can bring about.
 */
export function solveRidge(
  { normal, moment }: Regression,
  { prior, shrinkage }: { readonly prior: readonly number[]; readonly shrinkage: number },
): readonly number[] {
  const shrunk = withDiagonal(normal, prior.length, shrinkage);
  const right = moment.map((sum, row) => sum + shrinkage * prior[row]!);
  return solvePositiveDefinite(shrunk, right) ?? prior;
}

export function withDiagonal(packed: readonly number[], size: number, added: number): number[] {
  const next = [...packed];
  for (let row = 0; row < size; row += 1) next[packedLength(row) + row]! += added;
  return next;
}

/** A pivot smaller than this share of its diagonal is rounding error. */
const PIVOT_MIN = 1e-13;

/** x of A x = b by Cholesky's factorisation, A as in {@link Regression}; undefined unless A is positive definite. */
export function solvePositiveDefinite(
  packed: readonly number[],
  right: readonly number[],
): number[] | undefined {
  const size = right.length;
  const factor = [...packed];
  const at = (row: number, column: number) => packedLength(row) + column;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let rest = factor[at(row, column)]!;
      for (let k = 0; k < column; k += 1) rest -= factor[at(row, k)]! * factor[at(column, k)]!;
      if (column < row) factor[at(row, column)] = rest / factor[at(column, column)]!;
      else if (rest > PIVOT_MIN * packed[at(row, row)]!) factor[at(row, row)] = Math.sqrt(rest);
      else return undefined;
    }
  }
  const solution = [...right];
  for (let row = 0; row < size; row += 1) {
    for (let k = 0; k < row; k += 1) solution[row]! -= factor[at(row, k)]! * solution[k]!;
    solution[row]! /= factor[at(row, row)]!;
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    for (let k = row + 1; k < size; k += 1) solution[row]! -= factor[at(k, row)]! * solution[k]!;
    solution[row]! /= factor[at(row, row)]!;
  }
  return solution.every(Number.isFinite) ? solution : undefined;
}
