import { packedLength, type Regression, solvePositiveDefinite, withDiagonal } from './ridge.ts';

/**
 * The convex combination of the inputs that fits best: coefficients >= 0 that sum to 1 and minimise the
 * weighted squared error plus `shrinkage` times their squared distance from equal parts.
 *
 * The optimum lies inside one face of the simplex, and on a face it solves an equation (KKT conditions with one
 * multiplier for the sum). With few inputs (eight have 255 faces) every face is tried and the best feasible
 * one taken: exact, and how long it takes is known beforehand.
 */
export function solveConvex({ normal, moment }: Regression, shrinkage: number): readonly number[] {
  const size = moment.length;
  const equal = new Array<number>(size).fill(1 / size);
  const shrunk = withDiagonal(normal, size, shrinkage);
  const right = moment.map((sum) => sum + shrinkage / size);
  let best = { loss: lossOf(shrunk, right, equal), weights: equal };
  for (let face = 1; face < 2 ** size; face += 1) {
    const members = equal.map((_, k) => k).filter((k) => (face >> k) % 2 === 1);
    const weights = onFace(shrunk, right, members);
    if (weights === undefined) continue;
    const loss = lossOf(shrunk, right, weights);
    if (loss < best.loss) best = { loss, weights };
  }
  return best.weights;
}

/** The optimum of a face with the sum alone as constraint; undefined where it lies outside of the simplex. */
function onFace(
  packed: readonly number[],
  right: readonly number[],
  members: readonly number[],
): number[] | undefined {
  const inner = members.flatMap((row, r) =>
    members.slice(0, r + 1).map((column) => packed[at(row, column)]!),
  );
  const free = solvePositiveDefinite(
    inner,
    members.map((row) => right[row]!),
  );
  const pull = solvePositiveDefinite(
    inner,
    members.map(() => 1),
  );
  if (free === undefined || pull === undefined) return undefined;
  const multiplier = (1 - sumOf(free)) / sumOf(pull);
  const weights = right.map(() => 0);
  for (const [k, row] of members.entries()) weights[row] = free[k]! + multiplier * pull[k]!;
  return weights.every((weight) => weight >= 0) ? weights : undefined;
}

function lossOf(packed: readonly number[], right: readonly number[], weights: readonly number[]): number {
  return weights.reduce((loss, weight, row) => {
    const product = weights.reduce((sum, other, column) => sum + packed[at(row, column)]! * other, 0);
    return loss + weight * (product / 2 - right[row]!);
  }, 0);
}

const at = (row: number, column: number) => packedLength(Math.max(row, column)) + Math.min(row, column);

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
