import { diagonal, isRow, row, size, start, value } from './kkt';
import { Numbers, numbers } from './memory';

/**
 * Equilibration of [P A'; A 0] (Ruiz 2001): every column's largest entry is brought near 1 by one factor a
 * place, the same for its row.
 */
export let scale: Numbers = changetype<Numbers>(0);
/** 1 / scale. */
export let unscale: Numbers = changetype<Numbers>(0);

let largest: Numbers = changetype<Numbers>(0);

const ROUNDS: i32 = 10;
const SMALLEST: f64 = 1e-8;
const LARGEST: f64 = 1e8;

export function makeScalingRoom(): void {
  const room = (size + 1) & ~1;
  scale = numbers(room);
  unscale = numbers(room);
  unscale.fill(room, 1);
  scale.fill(room, 1);
  largest = numbers(size);
}

export function equilibrate(): void {
  scale.fill(size, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (let k = 0; k < size; k++) largest[k] = abs(diagonal[k]) * scale[k] * scale[k];
    for (let k = 0; k < size; k++) {
      for (let p = start[k]; p < start[k + 1]; p++) {
        const i = row[p];
        const here = abs(value[p]) * scale[i] * scale[k];
        largest[i] = max(largest[i], here);
        largest[k] = max(largest[k], here);
      }
    }
    for (let k = 0; k < size; k++) {
      if (largest[k] > 0) scale[k] = min(LARGEST, max(SMALLEST, scale[k] / sqrt(largest[k])));
    }
  }
  for (let k = 0; k < size; k++) unscale[k] = 1 / scale[k];
}

/** Mean size of P's columns after scaling: with q's it sets the scale of the objective. */
export function meanCurvature(variables: i32): f64 {
  let sum: f64 = 0;
  for (let k = 0; k < size; k++) {
    sum += abs(diagonal[k]) * scale[k] * scale[k];
    if (isRow[k]) continue;
    for (let p = start[k]; p < start[k + 1]; p++) {
      const i = row[p];
      if (!isRow[i]) sum += abs(value[p]) * scale[i] * scale[k];
    }
  }
  return sum / max(1, variables);
}
