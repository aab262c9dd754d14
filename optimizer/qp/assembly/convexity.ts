import { bentDirection, bumpedAt, bumps, factorise, load, masked, barrier, regularise } from './factor';
import { diagonal, givenAs, isRow, placeOfVariable, row, size, start, value } from './kkt';
import { Numbers, numbers } from './memory';
import { certificate, n } from './problem';

let by: Numbers = changetype<Numbers>(0);
let direction: Numbers = changetype<Numbers>(0);

export function makeConvexityRoom(): void {
  by = numbers(size);
  direction = numbers(size);
}

/**
 * Whether P is positive semidefinite, by the signs of its pivots: -1, or the variable at which a pivot was
 * negative. P is brought to a unit diagonal first, so that the answer does not depend on units: eigenvalues of
 * that matrix above -1e-8 count as zero. When P is not, `certificate` is a d with d'Pd < 0.
 */
export function findBend(): i32 {
  const place = bendOfDiagonal();
  const at = place >= 0 ? place : bendOfPivots();
  if (at < 0) return -1;
  for (let j = 0; j < n; j++) certificate[j] = direction[placeOfVariable[j]];
  return givenAs[at];
}

/** The place, with a direction, where the diagonal alone shows that P is not semidefinite; sets `by` besides. */
function bendOfDiagonal(): i32 {
  direction.fill(size, 0);
  for (let k = 0; k < size; k++) {
    const d = diagonal[k];
    if (d < 0) {
      direction[k] = 1;
      return k;
    }
    by[k] = d > 0 ? 1 / sqrt(d) : 0;
  }
  for (let k = 0; k < size; k++) {
    for (let p = start[k]; p < start[k + 1]; p++) {
      const i = row[p];
      if (isRow[i] || isRow[k] || value[p] == 0 || (diagonal[i] > 0 && diagonal[k] > 0)) continue;
      const flat = diagonal[k] == 0 ? k : i;
      const other = flat == k ? i : k;
      // With b off the diagonal and c at the other end, (-(c + 1) / 2b, 1) gives -1.
      direction[flat] = -(diagonal[other] + 1) / (2 * value[p]);
      direction[other] = 1;
      return flat;
    }
  }
  return -1;
}

function bendOfPivots(): i32 {
  for (let k = 0; k < size; k++) {
    masked[k] = by[k] == 0 ? 1 : 0;
    barrier[k] = 0;
  }
  regularise(1);
  load(by, 1, 0, 0);
  factorise();
  if (bumps == 0) return -1;
  bentDirection(direction);
  for (let k = 0; k <= bumpedAt; k++) direction[k] = direction[k] * by[k];
  return bumpedAt;
}
