import { hasPeak, peakPrice } from './home';
import { add, both, get, put, sum } from './lanes';
import { weight } from './quantity';
import { loads } from './room';

/**
 * What all slots share: the peak, and for each shiftable load the price of keeping its sum. Eliminating all
 * slots leaves a small symmetric system in these, gathered sweep by sweep: place 0 is the peak, place 1 + k
 * load k. Quasidefinite (positive in the peak, negative in the prices), so that it is solved without pivoting
 * (Vanderbei 1995).
 */

const ORDER: i32 = 17;
/** Sums by lane of what each pair of slots adds; the lanes are added up at the end. */
const matrixLanes: usize = memory.data(17 * 17 * 16);
const slopeLanes: usize = memory.data(17 * 16);
const sumLanes: usize = memory.data(17 * 16);
const matrix: usize = memory.data(17 * 17 * 8);
const factor: usize = memory.data(17 * 17 * 8);
const slope: usize = memory.data(17 * 8);
const step: usize = memory.data(18 * 8);
const shared: usize = memory.data(9 * 16);
/** What the equations' misfits add to every right-hand side. */
const drift: usize = memory.data(17 * 8);
const wanted: usize = memory.data(17 * 8);

export let peakStep: f64 = 0;
export let peak: f64 = 0;
let roomLow: f64 = 0;
let roomHigh: f64 = 0;
let dualLow: f64 = 0;
let dualHigh: f64 = 0;
let turnLow: f64 = 0;
let turnHigh: f64 = 0;

@inline function place(i: i32, j: i32): usize {
  return <usize>(i * ORDER + j);
}

@inline function accumulate(at: usize, value: v128): void {
  put(at, 0, add(get(at, 0), value));
}

@inline export function addPeakCurve(value: v128): void {
  accumulate(matrixLanes, value);
}

@inline export function addPeakLoad(k: i32, value: v128): void {
  accumulate(matrixLanes + (place(k + 1, 0) << 4), value);
}

/** k >= j. */
@inline export function addLoads(k: i32, j: i32, value: v128): void {
  accumulate(matrixLanes + (place(k + 1, j + 1) << 4), value);
}

@inline export function addPeakSlope(value: v128): void {
  accumulate(slopeLanes, value);
}

@inline export function addLoadSlope(k: i32, value: v128): void {
  accumulate(slopeLanes + (<usize>(k + 1) << 4), value);
}

@inline export function addLoadSum(k: i32, value: v128): void {
  accumulate(sumLanes + (<usize>(k + 1) << 4), value);
}

/** The price of load k's sum, in both lanes. */
@inline export function loadPrice(k: i32): v128 {
  return both(load<f64>(step + (<usize>(k + 1) << 3)));
}

@inline function stepOf(i: i32): f64 {
  return load<f64>(step + (<usize>i << 3));
}

/** The prices of loads 2 i and 2 i + 1. */
@inline export function loadPrices(i: i32): v128 {
  return get(step + 8 + (<usize>i << 4), 0);
}

/** From the correction's backward sweep: what the elimination of a control leaves for loads 2 i and 2 i + 1. */
@inline export function shareLoads(i: i32, value: v128): void {
  accumulate(shared + (<usize>i << 4), value);
}

export function takeShared(): void {
  for (let k = 0; k < loads; k++) addSlope(k + 1, -load<f64>(shared + (<usize>k << 3)));
}

/** From the stages: i >= j. */
export function addMatrix(i: i32, j: i32, value: f64): void {
  const at = matrix + (place(i, j) << 3);
  store<f64>(at, load<f64>(at) + value);
}

export function addSlope(i: i32, value: f64): void {
  const at = slope + (<usize>i << 3);
  store<f64>(at, load<f64>(at) + value);
}

export function addDrift(i: i32, value: f64): void {
  const at = drift + (<usize>i << 3);
  store<f64>(at, load<f64>(at) + value);
}

export function setLoadSum(k: i32, sumKw: f64): void {
  store<f64>(wanted + (<usize>(k + 1) << 3), sumKw);
}

export function loadSum(k: i32): f64 {
  return load<f64>(wanted + (<usize>(k + 1) << 3));
}

export function startPeak(at: f64, low: f64, high: f64, complementarity: f64): void {
  peak = at;
  roomLow = at - low;
  roomHigh = high - at;
  dualLow = complementarity / roomLow;
  dualHigh = complementarity / roomHigh;
  turnLow = 0;
  turnHigh = 0;
  peakStep = 0;
}

/** Of two points: the peak, its distances and multipliers. */
const kept: usize = memory.data(2 * 5 * 8);

export function keepPeak(point: i32): void {
  const at = kept + <usize>(40 * point);
  store<f64>(at, peak);
  store<f64>(at, roomLow, 8);
  store<f64>(at, roomHigh, 16);
  store<f64>(at, dualLow, 24);
  store<f64>(at, dualHigh, 32);
}

/** @returns the peak to begin with: the kept one if its bounds leave it some room. */
export function resumePeak(point: i32): f64 {
  const at = kept + <usize>(40 * point);
  const keptPeak = load<f64>(at);
  const low = roomLow + keptPeak - peak;
  const high = roomHigh - keptPeak + peak;
  if (low > 0.1 * load<f64>(at, 8) && high > 0.1 * load<f64>(at, 16)) {
    peak = keptPeak;
    roomLow = low;
    roomHigh = high;
    dualLow = load<f64>(at, 24);
    dualHigh = load<f64>(at, 32);
  }
  return peak;
}

/** Before the prediction: makes the last step and forgets the last system. */
export function advanceBorder(share: f64, dualShare: f64): void {
  // Rows of this home's order only: the rest is never read.
  const order = <usize>(loads + 1);
  memory.fill(matrixLanes, 0, order * 17 * 16);
  memory.fill(sumLanes, 0, order * 16);
  memory.fill(matrix, 0, order * 17 * 8);
  memory.fill(drift, 0, order * 8);
  forgetSlopes();
  advancePeak(share, dualShare);
  if (!hasPeak) return;
  addMatrix(0, 0, dualLow / roomLow + dualHigh / roomHigh);
  addSlope(0, peakPrice);
}

export function advancePeak(share: f64, dualShare: f64): void {
  if (!hasPeak) return;
  peak += share * peakStep;
  roomLow += share * peakStep;
  roomHigh -= share * peakStep;
  dualLow += dualShare * turnLow;
  dualHigh += dualShare * turnHigh;
}

function forgetSlopes(): void {
  const order = <usize>(loads + 1);
  memory.fill(slopeLanes, 0, order * 16);
  memory.fill(slope, 0, order * 8);
  memory.fill(shared, 0, order * 16);
}

/** Before the correction: the prediction's step aims the peak's own pairs at `target`. */
export function aimBorder(target: f64): void {
  forgetSlopes();
  if (!hasPeak) return;
  const partLow = peakStep / roomLow;
  const partHigh = -peakStep / roomHigh;
  turnLow = (target + weight * dualLow * peakStep * (1 + partLow)) / roomLow;
  turnHigh = (target - weight * dualHigh * peakStep * (1 + partHigh)) / roomHigh;
  addSlope(0, peakPrice + turnHigh - turnLow);
}

/** With all sweeps' sums in: the elimination. */
export function factorBorder(): void {
  const order = loads + 1;
  for (let i = 0; i < order; i++) {
    for (let j = 0; j <= i; j++) {
      const at = place(i, j) << 3;
      store<f64>(factor + at, load<f64>(matrix + at) + sum(get(matrixLanes + (place(i, j) << 4), 0)));
    }
  }
  if (!hasPeak) {
    store<f64>(factor, 1);
    for (let i = 1; i < order; i++) store<f64>(factor + (place(i, 0) << 3), 0);
  }
  // L D L' in place.
  for (let j = 0; j < order; j++) {
    const pivot = load<f64>(factor + (place(j, j) << 3));
    for (let i = j + 1; i < order; i++) {
      const entry = load<f64>(factor + (place(i, j) << 3));
      const ratio = entry / pivot;
      for (let k = j + 1; k <= i; k++) {
        const at = factor + (place(i, k) << 3);
        const other = k < i ? load<f64>(factor + (place(k, j) << 3)) : 0;
        store<f64>(at, load<f64>(at) - ratio * (k < i ? other * pivot : entry));
      }
      store<f64>(factor + (place(i, j) << 3), ratio);
    }
  }
}

export function solveBorder(): void {
  const order = loads + 1;
  for (let i = 0; i < order; i++) {
    let value = load<f64>(slope + (<usize>i << 3)) + load<f64>(drift + (<usize>i << 3));
    value += sum(get(slopeLanes + (<usize>i << 4), 0));
    if (i > 0) value += sum(get(sumLanes + (<usize>i << 4), 0)) - load<f64>(wanted + (<usize>i << 3));
    if (i == 0 && !hasPeak) value = 0;
    for (let j = 0; j < i; j++) value -= load<f64>(factor + (place(i, j) << 3)) * stepOf(j);
    store<f64>(step + (<usize>i << 3), value);
  }
  for (let i = order - 1; i >= 0; i--) {
    let value = stepOf(i) / load<f64>(factor + (place(i, i) << 3));
    for (let j = i + 1; j < order; j++) value -= load<f64>(factor + (place(j, i) << 3)) * stepOf(j);
    store<f64>(step + (<usize>i << 3), value);
  }
  for (let i = 0; i < order; i++) store<f64>(step + (<usize>i << 3), -stepOf(i));
  peakStep = hasPeak ? stepOf(0) : 0;
}

/** The peak's own bounds in a prediction and a correction; see quantity.ts. */
export function peakPredictedLimit(limit: f64): f64 {
  if (!hasPeak) return limit;
  const partLow = peakStep / roomLow;
  const partHigh = -peakStep / roomHigh;
  return max(limit, max(max(-partLow, 1 + partLow), max(-partHigh, 1 + partHigh)));
}

export function peakPredictedBend(): f64 {
  if (!hasPeak) return 0;
  return dualLow * peakStep * (1 + peakStep / roomLow) - dualHigh * peakStep * (1 - peakStep / roomHigh);
}

/** Leaves the multipliers' steps in the place of the turns. */
export function peakBoundLimit(limit: f64): f64 {
  if (!hasPeak) return limit;
  turnLow -= dualLow * (1 + peakStep / roomLow);
  turnHigh -= dualHigh * (1 - peakStep / roomHigh);
  return max(limit, max(-peakStep / roomLow, peakStep / roomHigh));
}

/** After `peakBoundLimit`. */
export function peakDualLimit(limit: f64): f64 {
  return hasPeak ? max(limit, max(-turnLow / dualLow, -turnHigh / dualHigh)) : limit;
}

export function peakPull(): f64 {
  return hasPeak ? peakStep * (dualLow - dualHigh) : 0;
}

export function peakCorrectedBend(): f64 {
  return hasPeak ? peakStep * (turnLow - turnHigh) : 0;
}

export function peakComplementarity(): f64 {
  return hasPeak ? roomLow * dualLow + roomHigh * dualHigh : 0;
}

/** What one kW more of metered peak would save. */
export function peakMinDual(): f64 {
  return dualLow;
}
