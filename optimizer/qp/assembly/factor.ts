import { diagonal, factorRow, factorStart, isRow, meets, meetsStart, row, size, start, value } from './kkt';
import { Bytes, bytes, Integers, integers, Numbers, numbers } from './memory';

/**
 * LDL' of the scaled, regularised matrix [W P + X + d, A'; A, -(Y + d)], which is quasi-definite: it has a
 * factor in every order (Vanderbei 1995). The structure is that of the whole matrix; what is masked (a fixed
 * variable, a row without bounds) counts as not there and its part of every solution is zero.
 */

export let masked: Bytes = changetype<Bytes>(0);
/** Scaled entries off the diagonal, as `load` left them. */
let entry: Numbers = changetype<Numbers>(0);
/** Scaled diagonal without regularisation: W P + extra on variables, -extra on rows. */
export let base: Numbers = changetype<Numbers>(0);
/** Added to it by the present iterate; positive on variables, negative on rows. */
export let barrier: Numbers = changetype<Numbers>(0);
let below: Numbers = changetype<Numbers>(0);
let pivotInverse: Numbers = changetype<Numbers>(0);
let work: Numbers = changetype<Numbers>(0);
let filled: Integers = changetype<Integers>(0);
let residual: Numbers = changetype<Numbers>(0);

/**
 * On variables and on rows. Whatever is eliminated first, rounding in what is left is about 1e-16 divided by
 * the one and must stay well below the other.
 */
const ON_VARIABLES: f64 = 1e-8;
const ON_ROWS: f64 = 1e-6;
let onVariables: f64 = ON_VARIABLES;
let onRows: f64 = ON_ROWS;

/** Of the usual regularisation, the share in force. */
export let share: f64 = 1;
/** On variables it goes no lower than by this share: what is divided by it on the way carries rounding. */
const VARIABLES_SHARE_MIN: f64 = 1e-6;

/** Sets the regularisation to a share of the usual one. */
export function regularise(to: f64): void {
  share = to;
  onVariables = max(to, VARIABLES_SHARE_MIN) * ON_VARIABLES;
  onRows = to * ON_ROWS;
}
/** By which the regularisation is raised when it was too little. */
const RAISED: f64 = 10;
const PIVOT_MIN: f64 = 1e-15;
const PIVOT_BUMP: f64 = 1e-7;
const REFINED: f64 = 1e-11;
const REFINEMENTS: i32 = 3;

export function makeFactorRoom(): void {
  masked = bytes(size);
  entry = numbers(start[size]);
  base = numbers(size);
  barrier = numbers((size + 1) & ~1);
  below = numbers(factorStart[size]);
  pivotInverse = numbers(size);
  work = numbers(size);
  filled = integers(size);
  residual = numbers(size);
  work.fill(size, 0);
}

/** Scales the matrix by one factor a place and P by `weight`; the rest is added to the diagonal's size. */
export function load(by: Numbers, weight: f64, onVariables: f64, onRows: f64): void {
  for (let k = 0; k < size; k++) {
    const inRow = isRow[k] != 0;
    base[k] = inRow ? -onRows : weight * diagonal[k] * by[k] * by[k] + onVariables;
    for (let p = start[k]; p < start[k + 1]; p++) {
      const i = row[p];
      const scaled = value[p] * by[i] * by[k];
      entry[p] = inRow || isRow[i] ? scaled : weight * scaled;
    }
  }
}

/** out = M v with M the scaled matrix without barrier and regularisation; masked places take part. */
export function multiply(v: Numbers, out: Numbers): void {
  for (let k = 0; k < size; k++) {
    const here = v[k];
    let sum = base[k] * here;
    const to = start[k + 1];
    for (let p = start[k]; p < to; p++) {
      const i = row[p];
      const e = entry[p];
      sum += e * v[i];
      out[i] = out[i] + e * here;
    }
    out[k] = sum;
  }
}

/** Pivots that had the wrong sign and were replaced; the first one's place and value. */
export let bumps: i32 = 0;
export let bumpedAt: i32 = -1;
export let bumpedValue: f64 = 0;

/** Up-looking: row k of the factor from the rows before it. */
export function factorise(): void {
  bumps = 0;
  filled.copy(factorStart, size);
  for (let k = 0; k < size; k++) {
    if (masked[k]) {
      skipRow(k);
      continue;
    }
    for (let p = start[k]; p < start[k + 1]; p++) {
      const i = row[p];
      if (!masked[i]) work[i] = entry[p];
    }
    const sign: f64 = isRow[k] ? -1 : 1;
    let d = eliminateRow(k, base[k] + barrier[k] + (sign > 0 ? onVariables : -onRows));
    if (!(d * sign >= PIVOT_MIN)) {
      if (bumps++ == 0) {
        bumpedAt = k;
        bumpedValue = d;
      }
      d = sign * PIVOT_BUMP;
    }
    pivotInverse[k] = 1 / d;
  }
}

/** The same with more regularisation, up to the usual one, where pivots show that there is too little of it. */
export function factoriseSoundly(): void {
  factorise();
  while (bumps > 0 && share < 1) {
    regularise(min(1, RAISED * share));
    factorise();
  }
}

/** Row k, spread in `work`, becomes a row of the factor; `work` is left zero and the pivot returned. */
@inline
function eliminateRow(k: i32, onDiagonal: f64): f64 {
  let d = onDiagonal;
  const to = meetsStart[k + 1];
  for (let t = meetsStart[k]; t < to; t++) {
    const c = meets[t];
    const end = filled[c];
    filled[c] = end + 1;
    const here = work[c];
    if (here == 0) {
      below[end] = 0;
      continue;
    }
    work[c] = 0;
    for (let p = factorStart[c]; p < end; p++) {
      const i = factorRow[p];
      work[i] = work[i] - below[p] * here;
    }
    const lower = here * pivotInverse[c];
    below[end] = lower;
    d -= here * lower;
  }
  return d;
}

function skipRow(k: i32): void {
  for (let t = meetsStart[k]; t < meetsStart[k + 1]; t++) {
    const c = meets[t];
    below[filled[c]] = 0;
    filled[c] = filled[c] + 1;
  }
  pivotInverse[k] = 1;
}

/** What `refine` last found to be left, relative to the right side, before its last improvement. */
export let inaccuracy: f64 = 0;

/** Solves for `right` (zero at masked places). */
export function solve(right: Numbers, out: Numbers): void {
  out.copy(right, size);
  substitute(out);
}

/**
 * Improves a solution until the residual of the regularised matrix is small: the regularisation itself is no
 * error but a proximal term, which vanishes as the iterates settle. Whether there was anything to improve.
 */
export function refine(right: Numbers, out: Numbers): bool {
  let norm: f64 = 0;
  for (let k = 0; k < size; k++) norm = max(norm, abs(right[k]));
  inaccuracy = 0;
  for (let round = 0; round < REFINEMENTS; round++) {
    multiply(out, residual);
    let worst: f64 = 0;
    for (let k = 0; k < size; k++) {
      if (masked[k]) {
        residual[k] = 0;
        continue;
      }
      const onDiagonal = barrier[k] + (isRow[k] ? -onRows : onVariables);
      const r = right[k] - residual[k] - onDiagonal * out[k];
      residual[k] = r;
      worst = max(worst, abs(r));
    }
    inaccuracy = worst / norm;
    if (worst <= REFINED * norm) return round > 0;
    substitute(residual);
    for (let k = 0; k < size; k++) out[k] = out[k] + residual[k];
  }
  return true;
}

function substitute(v: Numbers): void {
  for (let k = 0; k < size; k++) {
    const here = v[k];
    const to = factorStart[k + 1];
    for (let p = factorStart[k]; p < to; p++) {
      const i = factorRow[p];
      v[i] = v[i] - below[p] * here;
    }
  }
  for (let k = size - 1; k >= 0; k--) {
    let here = v[k] * pivotInverse[k];
    const to = factorStart[k + 1];
    for (let p = factorStart[k]; p < to; p++) here -= below[p] * v[factorRow[p]];
    v[k] = here;
  }
}

/**
 * The direction along which the matrix bends by the wrong pivot at `bumpedAt`: L' d = e there, for the leading
 * part of the factor.
 */
export function bentDirection(out: Numbers): void {
  out.fill(size, 0);
  out[bumpedAt] = 1;
  for (let k = bumpedAt - 1; k >= 0; k--) {
    let here: f64 = 0;
    for (let p = factorStart[k]; p < factorStart[k + 1] && factorRow[p] <= bumpedAt; p++) {
      here -= below[p] * out[factorRow[p]];
    }
    out[k] = here;
  }
}
