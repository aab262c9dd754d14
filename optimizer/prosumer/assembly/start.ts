import { listHere } from './bounded';
import { startPeak, setLoadSum } from './border';
import * as home from './home';
import {
  AIM, BASE, BELOW_PEAK, block, CHARGE, CURTAILED, DEMAND, DISCHARGE, DRIFT, DRIVEN, DUAL, EV_CHARGE, EV_DISCHARGE,
  EV_STORED, FED, HEAT, HERE, HIGH, IMPORT, INDOOR, INVERSE_LOAD, LINEAR, loadOf, loadRow, loads, LOADS_HERE, LOW,
  METER, ON, OWN, pairs, PV_HERE, ROOM, row,
  scalars, slots, SOLD, STEP, STORED, TURN, USED, X,
} from './room';

/** The first point: inside every bound, every pair of distance and multiplier at the same product. */

/** Rows the host writes, in this order; the last ones once for each shiftable load. */
const BASE_LOAD: i32 = 0;
const IMPORT_MAX: i32 = 1;
const IMPORT_COST: i32 = 2;
const PV: i32 = 3;
const USED_COST: i32 = 4;
const FED_COST: i32 = 5;
const METER_MIN: i32 = 6;
const METER_MAX: i32 = 7;
const SOLD_COST: i32 = 8;
const INDOOR_DRIFT: i32 = 9;
const STORED_MIN: i32 = 10;
const EV_PRESENT: i32 = 11;
const EV_MIN: i32 = 12;
const EV_DRIVEN: i32 = 13;
const SOLD_FIXED: i32 = 14;
const LOAD_MAX: i32 = 0;
const LOAD_WISH: i32 = 1;
/** Among the scalars, two for each load: twice the weight of discomfort, and the sum to keep. */
const LOAD_SCALARS: usize = 32 * 8;

/** Curvature of what must not move, of what must stay at a point, and of what is free. */
const FIXED: f64 = 1e30;
export const HELD: f64 = 1e9;
const FREE: f64 = 1e-30;
/**
 * Of everything that moves, controls and flows: in Newton's matrix only, so that nearly flat directions are damped
 * and the plan stays what it is. With a tenth of it rounding costs a step at 96 slots, thrice as much changes nothing.
 */
export const DAMPED: f64 = 1e-7;
/** The same for the distance to the peak, against 1 for the peak at its most. */
const PEAK_DAMPED: f64 = 4e-8;
/** An interval no wider than this, in kW, kWh or K, is taken for its middle. */
const POINT: f64 = 1e-9;

/** Pairs of a distance and a multiplier. */
export let pairCount: f64 = 0;

let product: f64 = 0;
/** Where the states have come to. */
let indoorAt: f64 = 0;
let storedAt: f64 = 0;
let evAt: f64 = 0;

/** Share of an interval that the first point keeps from its ends. */
const MARGIN: f64 = 0.3;
/** Shares of their limits at which import, the battery and the vehicle begin: tuned on whole homes. */
const IMPORT_SHARE: f64 = 0.2;
const BATTERY_SHARE: f64 = 0.3;
const VEHICLE_SHARE: f64 = 0.3;
/** Of a kW over a slot, for energy that must be there at the end: the limit below is near, its multiplier ready. */
const WORTH: f64 = 0.12;

@inline function inside(at: f64, low: f64, high: f64): f64 {
  const margin = MARGIN * (high - low);
  return Math.min(Math.max(at, low + margin), high - margin);
}

@inline function given(index: i32, t: i32): f64 {
  return load<f64>(row(index) + ((<usize>t) << 3));
}

export function start(complementarity: f64): void {
  product = complementarity;
  pairCount = 0;
  const peakAt = home.peakMin + 0.75 * (home.peakMax - home.peakMin);
  if (home.hasPeak) {
    startPeak(peakAt, home.peakMin, home.peakMax, complementarity);
    pairCount += 2;
  }
  for (let k = 0; k < loads; k++) setLoadSum(k, load<f64>(scalars + LOAD_SCALARS + <usize>(16 * k + 8)));
  startBefore();
  indoorAt = home.indoorFirst;
  storedAt = home.storedFirst;
  evAt = home.evFirst;
  for (let t = 0; t < slots; t++) startSlot(block(t >> 1) + ((<usize>t & 1) << 3), t, peakAt);
  if (slots & 1) startNowhere(block(pairs - 1) + 8);
  for (let i = 0; i < pairs; i++) {
    store<u32>(block(i) + HERE, hereIn(2 * i) | (2 * i + 1 < slots ? hereIn(2 * i + 1) : 0));
    listHere(i);
  }
}

function startSlot(q: usize, t: i32, peakAt: f64): void {
  const importMax = given(IMPORT_MAX, t);
  const cost = given(IMPORT_COST, t);
  if (importMax <= POINT) {
    fix(q + IMPORT, 0, cost);
    if (home.hasPeak) startBelowPeak(q + BELOW_PEAK, peakAt);
  } else {
    let imported = IMPORT_SHARE * importMax;
    if (home.hasPeak) {
      imported = Math.min(imported, 0.5 * peakAt);
      startBelowPeak(q + BELOW_PEAK, peakAt - imported);
    }
    if (home.hasImportLimit) bound(q + IMPORT, 0, importMax, imported, cost);
    else {
      boundLow(q + IMPORT, 0, imported);
      store<f64>(q + IMPORT + LINEAR, cost);
    }
  }
  store<f64>(q + BASE, given(BASE_LOAD, t));
  const low = home.hasMeter ? given(METER_MIN, t) : -Infinity;
  const high = home.hasMeter ? given(METER_MAX, t) : Infinity;
  const metered = low > -Infinity || high < Infinity;
  if (home.hasPv) startPv(q, t, metered);
  if (home.hasMeter) startMeter(q, low, high, metered);
  if (home.hasHeat) {
    const drift = given(INDOOR_DRIFT, t);
    const holding = -(home.kept * indoorAt + drift) / home.gain;
    const heat = inside(holding, 0, home.heatMax);
    indoorAt = inside(home.kept * indoorAt + home.gain * heat + drift, home.indoorMin, home.indoorMax);
    bound(q + HEAT, 0, home.heatMax, heat, 0);
    store<f64>(q + DRIFT, drift);
    if (t < slots - 1) {
      boundState(q + INDOOR, home.indoorMin, home.indoorMax, indoorAt, 0);
      addDiscomfort(q + INDOOR, home.discomfort);
    } else if (home.hasIndoorEnd) {
      startIndoorEnd(q + INDOOR);
    } else {
      fix(q + INDOOR, 0, 0);
      store<f64>(q + INDOOR + OWN, FREE);
    }
  }
  if (home.hasBattery) {
    const least = given(STORED_MIN, t);
    bound(q + CHARGE, 0, home.chargeMax, BATTERY_SHARE * home.chargeMax, home.wear);
    bound(q + DISCHARGE, 0, home.dischargeMax, BATTERY_SHARE * home.dischargeMax, home.wear);
    const flow = BATTERY_SHARE * (home.storedPerCharge * home.chargeMax - home.storedPerDischarge * home.dischargeMax);
    storedAt = inside(storedAt + flow, least, home.storedMax);
    if (t == slots - 1) storedAt = Math.min(storedAt, least + product * home.storedPerCharge / WORTH);
    boundState(q + STORED, least, home.storedMax, storedAt, 0);
  }
  if (home.hasVehicle) {
    const present = given(EV_PRESENT, t) > 0;
    const least = given(EV_MIN, t);
    const chargeMax = present ? home.evChargeMax : 0;
    bound(q + EV_CHARGE, 0, chargeMax, VEHICLE_SHARE * chargeMax, home.evWear);
    const dischargeMax = present ? home.evDischargeMax : 0;
    if (home.canFeedBack) bound(q + EV_DISCHARGE, 0, dischargeMax, VEHICLE_SHARE * dischargeMax, home.evWear);
    const driven = given(EV_DRIVEN, t);
    const flow = VEHICLE_SHARE * (home.evPerCharge * chargeMax - home.evPerDischarge * dischargeMax);
    evAt = inside(evAt + flow - driven, least, home.evMax);
    if (t == slots - 1 || least > given(EV_MIN, t + 1)) evAt = Math.min(evAt, least + product * home.evPerCharge / WORTH);
    boundState(q + EV_STORED, least, home.evMax, evAt, 0);
    store<f64>(q + DRIVEN, driven);
  }
  let demand: f64 = 0;
  for (let k = 0; k < loads; k++) demand += startLoad(q, k, t);
  store<f64>(q + SOLD + STEP, 0);
  store<f64>(q + SOLD + LINEAR, given(SOLD_COST, t));
  let sold = given(SOLD_FIXED, t);
  if (home.isPriced) {
    // The balance holds from the start.
    demand += given(BASE_LOAD, t);
    if (home.hasHeat) demand += load<f64>(q + HEAT + X);
    if (home.hasBattery) demand += load<f64>(q + CHARGE + X) - load<f64>(q + DISCHARGE + X);
    if (home.hasVehicle) {
      demand += load<f64>(q + EV_CHARGE + X);
      if (home.canFeedBack) demand -= load<f64>(q + EV_DISCHARGE + X);
    }
    sold = load<f64>(q + IMPORT + X) - demand;
    if (home.hasPv) sold += load<f64>(q + USED + X);
  }
  store<f64>(q + SOLD + X, sold);
}

/** Beyond its limit on the side that power leads to, the multiplier ready for what power costs. */
function startIndoorEnd(q: usize): void {
  const room = product * Math.abs(home.gain) / WORTH;
  place(q, home.gain > 0 ? home.indoorEnd + room : home.indoorEnd - room, 0);
  store<f64>(q + OWN, 0);
  if (home.gain > 0) {
    side(q + LOW, room);
    off(q + HIGH);
  } else {
    off(q + LOW);
    side(q + HIGH, room);
  }
}

/** What can move in slot t, in the bits of HERE. */
function hereIn(t: i32): u32 {
  let here: u32 = 0;
  if (home.hasVehicle && given(EV_PRESENT, t) > 0) here |= 1 << (t & 1);
  if (home.hasPv && given(PV, t) > 0) here |= PV_HERE;
  for (let k = 0; k < loads; k++) {
    if (load<f64>(loadRow(k, LOAD_MAX) + ((<usize>t) << 3)) > 0) here |= 1 << (LOADS_HERE + <u32>k);
  }
  return here;
}

function startPv(q: usize, t: i32, metered: bool): void {
  const available = given(PV, t);
  const cost = given(USED_COST, t);
  if (available > 0) {
    const share = metered ? available / 3 : available / 2;
    boundLow(q + USED, 0, share);
    store<f64>(q + USED + LINEAR, cost);
    boundLow(q + CURTAILED, 0, share);
    if (metered) {
      boundLow(q + FED, 0, share);
      store<f64>(q + FED + LINEAR, given(FED_COST, t));
      return;
    }
  } else {
    fix(q + USED, 0, 0);
    fix(q + CURTAILED, 0, 0);
    store<f64>(q + CURTAILED + OWN, 0);
  }
  if (home.hasMeter) fix(q + FED, 0, 0);
}

function startMeter(q: usize, low: f64, high: f64, metered: bool): void {
  if (!metered) {
    fix(q + METER, 0, 0);
    store<f64>(q + METER + OWN, FREE);
  } else if (high == Infinity) {
    boundState(q + METER, low, low + 2, low + 1, 0);
    off(q + METER + HIGH);
    pairCount--;
  } else if (low == -Infinity) {
    boundState(q + METER, high - 2, high, high - 1, 0);
    off(q + METER + LOW);
    pairCount--;
  } else {
    boundState(q + METER, low, high, 0.5 * (low + high), 0);
  }
}

/** @returns the power it starts with. */
function startLoad(q: usize, k: i32, t: i32): f64 {
  const at = loadOf(q, k);
  const powerMax = load<f64>(loadRow(k, LOAD_MAX) + ((<usize>t) << 3));
  if (powerMax <= 0) {
    fix(at, 0, 0);
    store<f64>(at + INVERSE_LOAD, 0);
    return 0;
  }
  const curvature = load<f64>(scalars + LOAD_SCALARS + <usize>(16 * k));
  const even = load<f64>(scalars + LOAD_SCALARS + <usize>(16 * loads + 8 * k));
  bound(at, 0, powerMax, even, 0);
  store<f64>(at + OWN, curvature);
  store<f64>(at + AIM, load<f64>(loadRow(k, LOAD_WISH) + ((<usize>t) << 3)));
  return even;
}

/**
 * Damped by no more than what counts as nothing over all of the peak's range: a connection that is called unlimited
 * has a peak that must come down from a million kW.
 */
function startBelowPeak(q: usize, at: f64): void {
  boundLow(q, 0, at);
  store<f64>(q + OWN, Math.min(DAMPED, PEAK_DAMPED / (home.peakMax * home.peakMax)));
}

/** Curvature about the preferred temperature, which is 0; on a held quantity it is a slope at that point. */
function addDiscomfort(q: usize, curvature: f64): void {
  if (load<f64>(q + OWN) == 0) {
    store<f64>(q + OWN, curvature);
    store<f64>(q + AIM, 0);
  }
  else store<f64>(q + LINEAR, curvature * load<f64>(q + AIM));
}

/** The lane behind an odd last slot: nothing in it moves or counts. */
function startNowhere(q: usize): void {
  for (let i: usize = IMPORT; i <= EV_STORED; i += BELOW_PEAK - IMPORT) fix(q + i, 0, 0);
  store<f64>(q + BELOW_PEAK + OWN, 0);
  for (let k = 0; k < loads; k++) {
    fix(loadOf(q, k), 0, 0);
    store<f64>(loadOf(q, k) + INVERSE_LOAD, 0);
  }
  store<f64>(q + SOLD + X, 0);
  store<f64>(q + SOLD + STEP, 0);
  store<f64>(q + SOLD + LINEAR, 0);
  store<f64>(q + DEMAND, 0);
  store<f64>(q + BASE, 0);
  store<f64>(q + DRIFT, 0);
  store<f64>(q + DRIVEN, 0);
}

/** What the states are before slot 0: the second lane of the block before the first. */
function startBefore(): void {
  const q = block(-1) + 8;
  store<f64>(q + INDOOR + X, home.indoorFirst);
  store<f64>(q + INDOOR + STEP, 0);
  store<f64>(q + INDOOR + OWN, 0);
  store<f64>(q + STORED + X, home.storedFirst);
  store<f64>(q + STORED + STEP, 0);
  store<f64>(q + STORED + OWN, 0);
  store<f64>(q + EV_STORED + X, home.evFirst);
  store<f64>(q + EV_STORED + STEP, 0);
  store<f64>(q + EV_STORED + OWN, 0);
}

/** The same for what the controls move, and for the meter: no damping. */
function boundState(q: usize, low: f64, high: f64, at: f64, cost: f64): void {
  bound(q, low, high, at, cost);
  if (load<f64>(q + OWN) == DAMPED) store<f64>(q + OWN, 0);
}

function bound(q: usize, low: f64, high: f64, at: f64, cost: f64): void {
  if (high - low <= POINT) {
    fix(q, 0.5 * (low + high), cost);
    store<f64>(q + OWN, low == 0 ? FIXED : HELD);
    return;
  }
  place(q, at, cost);
  side(q + LOW, at - low);
  side(q + HIGH, high - at);
}

/** A distance that stays above `low`; without the slope of a cost. */
function boundLow(q: usize, low: f64, at: f64): void {
  place(q, at, 0);
  side(q + LOW, at - low);
  off(q + HIGH);
}

function fix(q: usize, at: f64, cost: f64): void {
  place(q, at, cost);
  store<f64>(q + OWN, FIXED);
  off(q + LOW);
  off(q + HIGH);
}

function place(q: usize, at: f64, cost: f64): void {
  store<f64>(q + X, at);
  store<f64>(q + STEP, 0);
  store<f64>(q + OWN, DAMPED);
  store<f64>(q + AIM, at);
  store<f64>(q + LINEAR, cost);
}

function side(at: usize, room: f64): void {
  pairCount++;
  store<f64>(at + ROOM, room);
  store<f64>(at + DUAL, product / room);
  store<f64>(at + ON, 1);
  store<f64>(at + TURN, 0);
}

function off(at: usize): void {
  store<f64>(at + ROOM, 1);
  store<f64>(at + DUAL, 0);
  store<f64>(at + ON, 0);
  store<f64>(at + TURN, 0);
}
