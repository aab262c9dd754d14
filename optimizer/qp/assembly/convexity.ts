import { bentDirection, bumpedAt, bumps, factorise, load, masked, barrier } from './factor';
import { diagonal, isRow, placeOfVariable, row, size, start, value } from './kkt';
import { mark, Numbers, numbers, release } from './memory';
import { certificate, n } from './problem';

/**
 * Whether P is positive semidefinite, by the signs of its pivots. P is brought to a unit diagonal first, so
 * that the answer does not depend on units: eigenvalues of that matrix above -1e-8 count as zero. When it is
 * not, the certificate d has d'Pd < 0.
 */
export function isConvex(): bool {
  const level = mark();
  const by = numbers(size);
  const direction = numbers(size);
  const convex = scaleToUnitDiagonal(by, direction) && hasPositivePivots(by, direction);
  if (!convex) for (let j = 0; j < n; j++) certificate[j] = direction[placeOfVariable[j]];
  release(level);
  return convex;
}

/** False, with a direction, when the diagonal alone shows that P is not semidefinite. */
function scaleToUnitDiagonal(by: Numbers, direction: Numbers): bool {
  direction.fill(size, 0);
  for (let k = 0; k < size; k++) {
    const d = diagonal[k];
    if (d < 0) {
      direction[k] = 1;
      return false;
    }
    by[k] = d > 0 ? 1 / sqrt(d) : 0;
  }
  for (let k = 0; k < size; k++) {
    for (let p = start[k]; p < start[k + 1]; p++) {
      const i = row[p];
      if (isRow[i] || isRow[k] || (diagonal[i] > 0 && diagonal[k] > 0)) continue;
      const flat = diagonal[k] == 0 ? k : i;
      const other = flat == k ? i : k;
      // With b off the diagonal and c at the other end, (-(c + 1) / 2b, 1) gives -1.
      direction[flat] = -(diagonal[other] + 1) / (2 * value[p]);
      direction[other] = 1;
      return false;
    }
  }
  return true;
}

function hasPositivePivots(by: Numbers, direction: Numbers): bool {
  for (let k = 0; k < size; k++) {
    masked[k] = by[k] == 0 ? 1 : 0;
    barrier[k] = 0;
  }
  load(by, 1, 0, 0);
  factorise();
  if (bumps == 0) return true;
  bentDirection(direction);
  for (let k = 0; k <= bumpedAt; k++) direction[k] = direction[k] * by[k];
  return false;
}
