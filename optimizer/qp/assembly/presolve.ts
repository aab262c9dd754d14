import { Integers, integers, Numbers, numbers } from './memory';
import { aRow, aStart, aValue, certificate, l, m, n, u } from './problem';

/**
 * Rows with one entry become bounds on their variable; rows with none say only whether 0 is allowed; the
 * others are kept. Which row is which follows from A's structure alone, so that l, u and values may change at will.
 */

/** Of a row: its number among the kept ones, or SINGLE or EMPTY. */
export let keptAs: Integers = changetype<Integers>(0);
export let kept: i32 = 0;
export const SINGLE: i32 = -1;
export const EMPTY: i32 = -2;

/** Bounds of the variables, and the row that gave each. */
export let lower: Numbers = changetype<Numbers>(0);
export let upper: Numbers = changetype<Numbers>(0);
export let lowerRow: Integers = changetype<Integers>(0);
export let upperRow: Integers = changetype<Integers>(0);

/** Of a single row: its variable and coefficient. */
export let singleColumn: Integers = changetype<Integers>(0);
export let singleValue: Numbers = changetype<Numbers>(0);

export function classifyRows(): void {
  keptAs = integers(m);
  lower = numbers(n);
  upper = numbers(n);
  lowerRow = integers(n);
  upperRow = integers(n);
  singleColumn = integers(m);
  singleValue = numbers(m);
  const entries = keptAs;
  entries.fill(m, 0);
  for (let p = 0; p < aStart[n]; p++) entries[aRow[p]] = entries[aRow[p]] + 1;
  kept = 0;
  for (let i = 0; i < m; i++) {
    const here = entries[i];
    keptAs[i] = here == 0 ? EMPTY : here == 1 ? SINGLE : kept++;
  }
  readSingleRows();
}

export function readSingleRows(): void {
  for (let j = 0; j < n; j++) {
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const i = aRow[p];
      if (keptAs[i] != SINGLE) continue;
      singleColumn[i] = j;
      singleValue[i] = aValue[p];
    }
  }
}

/** Widths below this, relative to the bound, count as none: an interior would have no room for digits. */
const NO_WIDTH: f64 = 1e-10;

@inline
export function isPinned(low: f64, high: f64): bool {
  return low > -Infinity && high < Infinity && high - low <= NO_WIDTH * max(1, abs(low));
}

/**
 * Draws the variables' bounds from the single rows. False when two of them, or an empty row, contradict each
 * other: the certificate is then in place.
 */
export function drawBounds(): bool {
  lower.fill(n, -Infinity);
  upper.fill(n, Infinity);
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as == EMPTY || (as == SINGLE && singleValue[i] == 0)) {
      if (l[i] <= 0 && u[i] >= 0) continue;
      certificate.fill(m, 0);
      certificate[i] = l[i] > 0 ? -1 : 1;
      return false;
    }
    if (as != SINGLE) continue;
    const j = singleColumn[i];
    const value = singleValue[i];
    const low = (value > 0 ? l[i] : u[i]) / value;
    const high = (value > 0 ? u[i] : l[i]) / value;
    if (low > lower[j]) {
      lower[j] = low;
      lowerRow[j] = i;
    }
    if (high < upper[j]) {
      upper[j] = high;
      upperRow[j] = i;
    }
  }
  for (let j = 0; j < n; j++) {
    const width = upper[j] - lower[j];
    if (width >= 0 || width >= -NO_WIDTH * max(1, abs(lower[j]))) continue;
    const alpha = 1 / abs(singleValue[upperRow[j]]);
    const beta = 1 / abs(singleValue[lowerRow[j]]);
    const norm = max(alpha, beta);
    certificate.fill(m, 0);
    certificate[upperRow[j]] = singleValue[upperRow[j]] > 0 ? alpha / norm : -alpha / norm;
    certificate[lowerRow[j]] = singleValue[lowerRow[j]] > 0 ? -beta / norm : beta / norm;
    return false;
  }
  return true;
}
