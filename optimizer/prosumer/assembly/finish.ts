import { boundedAt, boundedBelowAt, boundedBelowCount, boundedCount } from './bounded';
import { advancePeak, loadSum, peakComplementarity } from './border';
import {
  canFeedBack, evPerCharge, evPerDischarge, gain, hasBattery, hasHeat, hasMeter, hasPv, hasVehicle, isPriced, kept,
  storedPerCharge, storedPerDischarge,
} from './home';
import { add, both, get, larger, largest, mul, put, sub, sum } from './lanes';
import {
  AIM, BASE, block, blockBytes, CHARGE, DISCHARGE, DRIFT, DRIVEN, DUAL, EV_CHARGE, EV_DISCHARGE, EV_STORED, FED, HEAT,
  HIGH, IMPORT, INDOOR, loadOf, loadRow, loads, LOAD_ROWS_IN, LOW, METER, NEW_PRICE, ON, OWN, pairs, ROOM, row,
  ROWS_IN, slots, SOLD,
  STEP, STORED, USED, X,
} from './room';
import { advance, advanceLow, costSlope } from './quantity';
import { DAMPED, HELD } from './start';

/**
 * Makes the last step and writes the plan into rows, in this order: what the host reads. Nothing is taken on trust: the
 * gap is summed up anew, and the equations are evaluated at what is told.
 *
 * @returns by how much the plan misses an equation or a point that it must keep, in kW, kWh or K: interior point
 *   steps lead to the nearest one where there is no plan. Infinity where the gap is wider than `gapMax`.
 */
export function finish(share: f64, dualShare: f64, gapMax: f64): f64 {
  advancePeak(share, dualShare);
  const drag = moveLast(share, dualShare);
  const isClose = gapThere <= ROUNDED * gapMax && drag <= DRAG_MAX * gapMax;
  const off = isClose ? misfit() : Infinity;
  if (off <= MISFIT_MAX) writePlan();
  return off;
}

/** The gap after the last step, as summed up anew. */
export let gapThere: f64 = 0;

/** By what share this may exceed the gap that was kept account of step by step. */
const ROUNDED: f64 = 1.01;
/** Of the gap that is asked for, what damping may keep any one quantity from gaining. */
const DRAG_MAX: f64 = 0.03;
/** What an equation may be missed by, in kW, kWh or K. */
export const MISFIT_MAX: f64 = 1e-8;

function writePlan(): void {
  write(IMPORT, 0);
  if (hasPv) write(USED, 1);
  if (hasPv && hasMeter) write(FED, 2);
  if (isPriced) writeSold(row(ROWS_IN + 3));
  if (hasHeat) {
    write(HEAT, 4);
    write(INDOOR, 5);
  }
  if (hasBattery) {
    write(CHARGE, 6);
    write(DISCHARGE, 7);
    write(STORED, 8);
    writeWorth(STORED, 12);
  }
  if (hasVehicle) {
    write(EV_CHARGE, 9);
    if (canFeedBack) write(EV_DISCHARGE, 10);
    write(EV_STORED, 11);
    writeWorth(EV_STORED, 13);
  }
  for (let i = 0; i < pairs; i++) put(row(ROWS_IN + 14) + ((<usize>i) << 4), 0, get(block(i), NEW_PRICE));
  for (let k = 0; k < loads; k++) writeTo(loadOf(0, k), loadRow(k, LOAD_ROWS_IN));
}

/** Largest change of a priced trade by the last step made in full, kW. */
export function lastTradeStep(): f64 {
  if (!isPriced) return 0;
  let most = both(0);
  for (let i = 0; i < pairs; i++) most = larger(most, f64x2.abs(get(block(i) + SOLD, STEP)));
  return largest(most);
}

/** @returns the most that damping may have kept a quantity from gaining by its last step. */
function moveLast(share: f64, dualShare: f64): f64 {
  const by = both(share), dualBy = both(dualShare);
  let drag = both(0), all = both(0);
  for (let i = 0; i < pairs; i++) {
    const p = block(i);
    for (let j = 0; j < boundedCount; j++) {
      const q = p + boundedAt(j);
      drag = larger(drag, dragOn(q));
      advance(q, by, dualBy);
      all = add(all, add(productOf(q + LOW), productOf(q + HIGH)));
    }
    for (let j = 0; j < boundedBelowCount; j++) {
      const q = p + boundedBelowAt(j);
      drag = larger(drag, dragOn(q));
      advanceLow(q, by, dualBy);
      all = add(all, productOf(q + LOW));
    }
    if (isPriced) put(p + SOLD, X, add(get(p + SOLD, X), mul(by, get(p + SOLD, STEP))));
  }
  gapThere = sum(all) + peakComplementarity();
  return largest(drag);
}

@inline function productOf(side: usize): v128 {
  return mul(get(side, ROOM), get(side, DUAL));
}

@inline function dragOn(q: usize): v128 {
  const own = get(q, OWN);
  const step = get(q, STEP);
  return v128.and(f64x2.le(own, both(DAMPED)), mul(own, mul(step, step)));
}

function write(quantity: usize, index: i32): void {
  writeTo(quantity, row(ROWS_IN + index));
}

function writeTo(quantity: usize, to: usize): void {
  for (let i = 0; i < pairs; i++) put(to + ((<usize>i) << 4), 0, told(block(i) + quantity));
}

/** What must not move is told as it is given, without the steps' dust. */
@inline function told(q: usize): v128 {
  return v128.bitselect(get(q, AIM), get(q, X), isHeld(q));
}

@inline function isHeld(q: usize): v128 {
  return f64x2.ge(get(q, OWN), both(HELD));
}

function writeSold(to: usize): void {
  for (let i = 0; i < pairs; i++) put(to + ((<usize>i) << 4), 0, get(block(i) + SOLD, X));
}

/** By how much the bounds of a store's energy hold it up: multiplier below less multiplier above. */
function writeWorth(quantity: usize, index: i32): void {
  const to = row(ROWS_IN + index);
  for (let i = 0; i < pairs; i++) {
    const q = block(i) + quantity;
    put(to + ((<usize>i) << 4), 0, sub(sub(get(q + LOW, DUAL), get(q + HIGH, DUAL)), costSlope(q)));
  }
}

@inline function worse(most: v128, value: v128): v128 {
  return f64x2.max(most, f64x2.abs(value));
}

@inline function earlier(q: usize): v128 {
  return v128.shuffle<f64>(told(q - blockBytes), told(q), 1, 2);
}

/** By how much the equations are missed by what is told. */
function misfit(): f64 {
  let all = both(0);
  for (let i = 0; i < pairs; i++) {
    const p = block(i);
    let most = both(0);
    let demand = get(p, BASE);
    if (hasHeat) {
      const heat = told(p + HEAT);
      const next = add(add(mul(both(kept), earlier(p + INDOOR)), mul(both(gain), heat)), get(p, DRIFT));
      most = worse(most, sub(next, told(p + INDOOR)));
      demand = add(demand, heat);
    }
    if (hasBattery) {
      const charge = told(p + CHARGE);
      const discharge = told(p + DISCHARGE);
      const flow = sub(mul(both(storedPerCharge), charge), mul(both(storedPerDischarge), discharge));
      most = worse(most, sub(add(earlier(p + STORED), flow), told(p + STORED)));
      demand = add(demand, sub(charge, discharge));
    }
    if (hasVehicle) {
      const charge = told(p + EV_CHARGE);
      let flow = sub(mul(both(evPerCharge), charge), get(p, DRIVEN));
      demand = add(demand, charge);
      if (canFeedBack) {
        const discharge = told(p + EV_DISCHARGE);
        flow = sub(flow, mul(both(evPerDischarge), discharge));
        demand = sub(demand, discharge);
      }
      most = worse(most, sub(add(earlier(p + EV_STORED), flow), told(p + EV_STORED)));
    }
    for (let k = 0; k < loads; k++) demand = add(demand, told(loadOf(p, k)));
    let supply = told(p + IMPORT);
    let atMeter = told(p + METER);
    if (hasPv) {
      const used = told(p + USED);
      supply = add(supply, used);
      if (hasMeter) atMeter = add(atMeter, add(used, told(p + FED)));
    }
    most = worse(most, sub(sub(supply, get(p + SOLD, X)), demand));
    if (hasMeter) most = worse(most, mul(isMetered(p), sub(atMeter, demand)));
    // A quantity that must not fall below 0 is its own distance, unless numbers have run away.
    for (let j = 0; j < boundedBelowCount; j++) {
      const q = p + boundedBelowAt(j);
      most = worse(most, mul(get(q + LOW, ON), sub(get(q, X), get(q + LOW, ROOM))));
    }
    // Behind an odd last slot there is none.
    if (2 * i + 1 == slots) most = f64x2.replace_lane(most, 1, 0);
    all = worse(all, most);
  }
  let off = largest(all);
  for (let k = 0; k < loads; k++) {
    let total = both(0);
    for (let i = 0; i < pairs; i++) total = add(total, told(loadOf(block(i), k)));
    off = Math.max(off, Math.abs(sum(total) - loadSum(k)));
  }
  return off;
}

/** 1 where the operator limits the meter; elsewhere what it sees is nobody's business here. */
@inline function isMetered(p: usize): v128 {
  return v128.and(f64x2.ge(get(p + METER, OWN), both(1e-20)), both(1));
}
