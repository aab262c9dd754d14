import { multiplyA, multiplyP, multiplyTransposed, press } from './answer';
import {
  advance, assignRoles, complementarity, cost, gradient, high, isMoving, low, measure, mixed, pairs, startCold,
} from './barrier';
import { load, regularise, share } from './factor';
import { isRow, placeOfRow, placeOfVariable, size } from './kkt';
import { Numbers, numbers } from './memory';
import { EMPTY, keptAs, lower, singleColumn, singleValue, upper } from './presolve';
import { certificate, l, m, n, pStart, pValue, q, u, x, y } from './problem';
import { scale } from './scaling';

/**
 * Proofs that there is no solution. Both come from problems that always have one and that share the
 * structure of the original: the smallest violation of the constraints, whose residual is a Farkas vector,
 * and the steepest of the directions that leave no constraint.
 */

/** Distances and pressures at the start, at least, against 1 after scaling. */
const ROOM: f64 = 1e-2;
/** Of A'y relative to y; of Pd, and of Ad outside its cone, relative to d; of a gain relative to the terms it sums. */
const CLEAN: f64 = 1e-9;
/** By how much the support (or q'd) must outweigh what is left of A'y (of Pd, Ad). */
const WEIGHT: f64 = 1e6;
/** Weight of P at first, its growth from start to start, and its limit. */
const STEEP: f64 = 1e6;
const STEEPER: f64 = 100;
const STEEPEST: f64 = 1e12;
/** A step so long has come near the minimum under a new weight. */
const REACHED: f64 = 0.5;
/** Share of the regularisation: variables have weight enough of their own here. */
const DUAL_SHARE: f64 = 1e-3;
/** What is left of the regularisation at last, once nothing else holds the residuals up. */
const SHARE_MIN: f64 = 1e-6;
/** Share of its promised decrease that an imbalance must show; less means that regularisation holds it up. */
const OWED: f64 = 0.5;
/** Below this, against 1 after scaling, the answer is that there is no proof. */
const VANISHED: f64 = 1e-10;
/** Mean product of distance and pressure at which a proof's problem counts as solved. */
const SETTLED: f64 = 1e-16;

let rowRoom: Numbers = changetype<Numbers>(0);
let columnRoom: Numbers = changetype<Numbers>(0);
/** 1, or more where the entries of P are so large that rounding in Pd would be seen. */
let curvature: f64 = 1;
const SEEN: f64 = 1e-4;
let direction: Numbers = changetype<Numbers>(0);

export function makeProofRoom(): void {
  rowRoom = numbers(m);
  columnRoom = numbers(n);
  direction = numbers(n);
}

/** To be called whenever P has changed. */
export function measureCurvature(): void {
  curvature = 1;
  for (let p = 0; p < pStart[n]; p++) curvature = max(curvature, SEEN * abs(pValue[p]));
}

/**
 * Minimises the squared violation of the kept rows within the variables' bounds. `limit` steps at most; the
 * number taken, negative when the certificate is in place.
 */
export function provePrimalInfeasible(limit: i32): i32 {
  regularise(1);
  load(scale, 0, 0, 1);
  cost.fill(size, 0);
  assignRoles();
  startCold(ROOM);
  let owed: f64 = Infinity;
  for (let step = 1; step <= limit; step++) {
    measure();
    const off = largestImbalance();
    // Where the least violation lies far away, it is regularisation that keeps the steps from going there.
    if (off > owed || isSettled()) regularise(max(SHARE_MIN, 0.1 * share));
    const length = advance(0.1 * SETTLED);
    owed = (1 - OWED * length) * off;
    if (isFarkas(mixed, false) || (isSettled() && isFarkas(mixed, true))) return -step;
    if (largestMultiplier() < VANISHED || (isSettled() && share <= SHARE_MIN)) return step;
  }
  return limit;
}

/** Of the forces on the variables that move. */
function largestImbalance(): f64 {
  let largest: f64 = 0;
  for (let k = 0; k < size; k++) largest = max(largest, isMoving[k] * abs(gradient[k]));
  return largest;
}

/** No digits are left to be won: the next steps would divide zero by zero. */
function isSettled(): bool {
  return pairs > 0 && !(complementarity > SETTLED);
}

function largestVariable(): f64 {
  let largest: f64 = 0;
  for (let k = 0; k < size; k++) if (!isRow[k]) largest = max(largest, abs(mixed[k]));
  return largest;
}

function largestMultiplier(): f64 {
  let largest: f64 = 0;
  for (let k = 0; k < size; k++) if (isRow[k]) largest = max(largest, abs(mixed[k]));
  return largest;
}

/**
 * Checks A'y = 0 and u'y+ - l'y- < 0 of rows' multipliers, in the problem's own units; `inScale` in those of the
 * scaled problem, where numbers of very different size can be told from rounding.
 */
export function isFarkas(multipliers: Numbers, inScale: bool): bool {
  y.fill(m, 0);
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as < 0) continue;
    const place = placeOfRow[as];
    const here = multipliers[place] * scale[place];
    if (here > 0 ? u[i] < Infinity : l[i] > -Infinity) y[i] = here;
  }
  multiplyTransposed(y, columnRoom);
  for (let j = 0; j < n; j++) {
    const force = -columnRoom[j];
    if (force > 0 ? upper[j] < Infinity : lower[j] > -Infinity) press(j, force);
  }
  multiplyTransposed(y, columnRoom);
  let norm: f64 = 0;
  let support: f64 = 0;
  let terms: f64 = 0;
  for (let i = 0; i < m; i++) {
    norm = max(norm, abs(y[i]));
    if (y[i] == 0) continue;
    const term = (y[i] > 0 ? u[i] : l[i]) * y[i];
    support += term;
    terms += abs(term);
  }
  if (!(-support > CLEAN * terms)) return false;
  let left: f64 = 0;
  for (let j = 0; j < n; j++) left = max(left, abs(columnRoom[j]) * (inScale ? scale[placeOfVariable[j]] : 1));
  if (!outweighs(-support, left, inScale ? largestForce() : norm)) return false;
  for (let i = 0; i < m; i++) certificate[i] = y[i] / norm;
  return true;
}

/** Of y, in the scaled problem's units. */
function largestForce(): f64 {
  let largest: f64 = 0;
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as == EMPTY) continue;
    const unit = as < 0 ? abs(singleValue[i]) * scale[placeOfVariable[singleColumn[i]]] : 1 / scale[placeOfRow[as]];
    largest = max(largest, abs(y[i]) * unit);
  }
  return largest;
}

/**
 * Minimises q'd + 1/2 |d|^2 over the directions d with Pd = 0 that stay within every bound, Pd = 0 by the
 * method of multipliers: they follow as soon as a new weight has been felt or, if `isPatient`, only from minimum to
 * minimum, which is slower and cannot go round in circles. The same answer as above.
 */
export function proveDualInfeasible(limit: i32, costScale: f64, isPatient: bool): i32 {
  let weight = STEEP;
  let isReached = false;
  regularise(DUAL_SHARE);
  load(scale, weight, 1, 0);
  for (let k = 0; k < size; k++) {
    low[k] = low[k] > -Infinity ? 0 : -Infinity;
    high[k] = high[k] < Infinity ? 0 : Infinity;
    cost[k] = 0;
  }
  for (let j = 0; j < n; j++) {
    const place = placeOfVariable[j];
    cost[place] = q[j] * scale[place] * costScale;
  }
  assignRoles();
  startCold(ROOM);
  for (let step = 1; step <= limit; step++) {
    measure();
    const length = advance(0.1 * SETTLED);
    if (isRecession(mixed, false) || (isSettled() && isRecession(mixed, true))) return -step;
    if (largestVariable() < VANISHED) return step;
    if (length >= REACHED) isReached = true;
    if (isPatient ? isSettled() : isReached) chargeCurvature(weight);
    if (!isSettled()) continue;
    isReached = false;
    weight = min(STEEPEST, weight * STEEPER);
    regularise(max(SHARE_MIN, 0.1 * share));
    load(scale, weight, 1, 0);
  }
  return limit;
}

/** The multipliers of Pd = 0 follow what is left of Pd. */
function chargeCurvature(weight: f64): void {
  for (let j = 0; j < n; j++) {
    const place = placeOfVariable[j];
    cost[place] = cost[place] + weight * columnRoom[j] * scale[place];
  }
}

/** Whether a proof's gain stands against what should be zero in it, both relative to its norm. */
function outweighs(gain: f64, left: f64, norm: f64): bool {
  return norm > 0 && left <= CLEAN * norm && gain > CLEAN * norm && gain >= WEIGHT * left;
}

/** Checks Pd = 0, q'd < 0 and that Ad points out of no finite bound; units as above. */
export function isRecession(along: Numbers, inScale: bool): bool {
  let norm: f64 = 0;
  let size: f64 = 0;
  let slope: f64 = 0;
  let terms: f64 = 0;
  let steepness: f64 = 0;
  for (let j = 0; j < n; j++) {
    const unit = scale[placeOfVariable[j]];
    let here = along[placeOfVariable[j]] * unit;
    if (here > 0 ? upper[j] < Infinity : lower[j] > -Infinity) here = 0;
    direction[j] = here;
    norm = max(norm, abs(here));
    size = max(size, inScale ? abs(here) / unit : abs(here));
    slope += q[j] * here;
    terms += abs(q[j] * here);
    steepness = max(steepness, abs(q[j]) * (inScale ? unit : 1));
  }
  if (!(-slope > CLEAN * terms)) return false;
  multiplyP(direction, columnRoom);
  multiplyA(direction, rowRoom);
  let left: f64 = 0;
  for (let j = 0; j < n; j++) {
    left = max(left, inScale ? abs(columnRoom[j]) * scale[placeOfVariable[j]] : abs(columnRoom[j]) / curvature);
  }
  for (let i = 0; i < m; i++) {
    // A variable's own bounds are kept exactly.
    const as = keptAs[i];
    if (as < 0) continue;
    const unit = inScale ? scale[placeOfRow[as]] : 1;
    if (u[i] < Infinity) left = max(left, unit * rowRoom[i]);
    if (l[i] > -Infinity) left = max(left, -unit * rowRoom[i]);
  }
  if (!outweighs(-slope / steepness, left, size)) return false;
  for (let j = 0; j < n; j++) certificate[j] = direction[j] / norm;
  return true;
}
