import { isEqual, isFixed, mixed } from './barrier';
import { givenAs, isRow, placeOfRow, placeOfVariable, size } from './kkt';
import { Numbers, numbers } from './memory';
import { keptAs, lower, lowerRow, singleValue, upper, upperRow } from './presolve';
import { aRow, aStart, aValue, l, m, n, pRow, pStart, pValue, q, u, x, y } from './problem';
import { scale } from './scaling';
import { above, below, Side } from './side';

/**
 * The answer in the problem's own units: x inside its bounds, a multiplier for every row, and the residuals
 * as OSQP defines them (Stellato et al. 2020, section 3.4), taken from the given matrices.
 */

export let objective: f64 = 0;
export let primalResidual: f64 = 0;
export let dualResidual: f64 = 0;
/** |x'Px + q'x + support of the bounds at y|. */
export let gap: f64 = 0;
/** Size of the terms in each: what a relative tolerance refers to. */
export let primalSize: f64 = 0;
export let dualSize: f64 = 0;
export let gapSize: f64 = 0;

/** The best answer since `forget`: what matters of it is put back by `recall`. */
let bestX: Numbers = changetype<Numbers>(0);
let bestY: Numbers = changetype<Numbers>(0);
export let bestMerit: f64 = Infinity;

let rowValue: Numbers = changetype<Numbers>(0);
let curved: Numbers = changetype<Numbers>(0);
let pushed: Numbers = changetype<Numbers>(0);

export function makeAnswerRoom(): void {
  bestX = numbers(n);
  bestY = numbers(m);
  rowValue = numbers(m);
  curved = numbers(n);
  pushed = numbers(n);
}

/** `costScale` is the factor by which the objective was scaled. */
export function readAnswer(costScale: f64): void {
  for (let j = 0; j < n; j++) {
    const k = placeOfVariable[j];
    x[j] = min(max(lower[j], upper[j]), max(lower[j], mixed[k] * scale[k]));
  }
  multiplyP(x, curved);
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    const place = as < 0 ? 0 : placeOfRow[as];
    y[i] = as >= 0 && isEqual(place) ? (mixed[place] * scale[place]) / costScale : 0;
  }
  readPressures(costScale);
  multiplyTransposed(y, pushed);
  readFixed();
  multiplyTransposed(y, pushed);
  judge();
}

export function forget(): void {
  bestMerit = Infinity;
}

/** Remembers the present answer if it is the best so far. */
export function remember(merit: f64): void {
  if (!(merit < bestMerit)) return;
  bestMerit = merit;
  bestX.copy(x, n);
  bestY.copy(y, m);
}

/** Puts the best answer back. */
export function recall(): void {
  x.copy(bestX, n);
  y.copy(bestY, m);
  multiplyP(x, curved);
  multiplyTransposed(y, pushed);
  judge();
}

/** There is no answer; `bound` is what the objective tends to. */
export function blank(bound: f64): void {
  x.fill(n, 0);
  y.fill(m, 0);
  objective = bound;
  primalResidual = NaN;
  dualResidual = NaN;
}

/** The pressure on a bound is the multiplier of the row that gave the bound: its sign is right by itself. */
function readPressures(costScale: f64): void {
  for (let k = 0; k < size; k++) {
    readPressure(below, k, costScale);
    readPressure(above, k, costScale);
  }
}

@inline
function readPressure(side: Side, k: i32, costScale: f64): void {
  if (side.has[k] == 0) return;
  const force = (-side.sign * side.pressure[k]) / costScale;
  if (isRow[k]) {
    const i = givenAs[k];
    y[i] = y[i] + force * scale[k];
  } else press(givenAs[k], force / scale[k]);
}

/** A fixed variable is held by whatever force its balance needs. */
function readFixed(): void {
  for (let j = 0; j < n; j++) {
    if (isFixed(placeOfVariable[j])) press(j, -(curved[j] + q[j] + pushed[j]));
  }
}

/** Adds to the multiplier of the row behind the upper bound (`force` > 0) or the lower one (< 0). */
export function press(j: i32, force: f64): void {
  if (force == 0) return;
  const i = force > 0 ? upperRow[j] : lowerRow[j];
  y[i] = y[i] + force / singleValue[i];
}

function judge(): void {
  multiplyA(x, rowValue);
  primalResidual = 0;
  primalSize = 0;
  let support: f64 = 0;
  for (let i = 0; i < m; i++) {
    const here = rowValue[i];
    primalResidual = max(primalResidual, max(l[i] - here, here - u[i]));
    primalSize = max(primalSize, abs(here));
    if (y[i] != 0) support += y[i] > 0 ? u[i] * y[i] : l[i] * y[i];
  }
  dualResidual = 0;
  dualSize = 0;
  let linear: f64 = 0;
  let quadratic: f64 = 0;
  for (let j = 0; j < n; j++) {
    dualResidual = max(dualResidual, abs(curved[j] + q[j] + pushed[j]));
    dualSize = max(dualSize, max(abs(curved[j]), max(abs(q[j]), abs(pushed[j]))));
    linear += q[j] * x[j];
    quadratic += x[j] * curved[j];
  }
  objective = 0.5 * quadratic + linear;
  gap = abs(quadratic + linear + support);
  gapSize = max(abs(objective), abs(-0.5 * quadratic - support));
}

export function multiplyP(v: Numbers, out: Numbers): void {
  out.fill(n, 0);
  for (let j = 0; j < n; j++) {
    for (let p = pStart[j]; p < pStart[j + 1]; p++) {
      const i = pRow[p];
      out[j] = out[j] + pValue[p] * v[i];
      if (i != j) out[i] = out[i] + pValue[p] * v[j];
    }
  }
}

export function multiplyA(v: Numbers, out: Numbers): void {
  out.fill(m, 0);
  for (let j = 0; j < n; j++) {
    const here = v[j];
    for (let p = aStart[j]; p < aStart[j + 1]; p++) {
      const i = aRow[p];
      out[i] = out[i] + aValue[p] * here;
    }
  }
}

export function multiplyTransposed(v: Numbers, out: Numbers): void {
  for (let j = 0; j < n; j++) {
    let sum: f64 = 0;
    for (let p = aStart[j]; p < aStart[j + 1]; p++) sum += aValue[p] * v[aRow[p]];
    out[j] = sum;
  }
}
