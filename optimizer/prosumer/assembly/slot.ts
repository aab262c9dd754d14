import * as border from './border';
import { canFeedBack, gain, hasBattery, hasHeat, hasImportLimit, hasMeter, hasPeak, hasVehicle, evPerCharge,
  evPerDischarge, isPriced, kept, penalty, storedPerCharge, storedPerDischarge } from './home';
import { add, both, get, mul, over, put, sub } from './lanes';
import {
  advance, advanceControl, advanceLow, advanceStaged, correct, correctLow, correctStaged, costSlope,
} from './quantity';
import {
  BALANCE_PRICE, BALANCE_TO_BALANCE, BALANCE_TO_DEMAND, BALANCE_TO_METER, BASE, BELOW_PEAK, blockBytes, CHARGE,
  CURTAILED, CURVE, DAMPING, DEMAND, DISCHARGE, DRIFT, DRIVEN, EV_CHARGE, EV_DISCHARGE, EV_STORED, FED, HEAT,
  HERE, IMPORT, INDOOR, INVERSE_FF, INVERSE_IMPORT, INVERSE_LOAD, INVERSE_METER, INVERSE_UF, INVERSE_UU, LINEAR, loadOf,
  loads, LOADS_HERE, METER, METER_TO_DEMAND, NEW_PRICE, OFF_BALANCE, OFF_EV, OFF_INDOOR, OFF_METER, OFF_STORED,
  PEAK_SHARE,
  PRICE, PRICE_CURVE, PRICE_TO_PEAK, PV_HERE, SLOPE, SOLD, STEP, STORED, USED, VEHICLE_HERE, X,
} from './room';

/**
 * Everything in a pair of slots that knows no other slot: import, PV, what the meter sees, trade and shiftable
 * loads. Two equations join them, the home's balance and the meter's,
 *
 *   import + used - sold - demand = base        meter + used + fed - demand = base
 *
 * and in both stands the demand of the devices whose state goes from slot to slot. Newton's step is solved
 * here for the equations' two prices (2 x 2), the loads are folded in, and what is left for the stages is one
 * number: the price of energy that answers to their demand, price = PRICE + PRICE_CURVE * demand, and to the
 * peak and the prices of the loads' sums (the border).
 */

/** Softens the balance, in kW per unit of scaled price, so that a slot with nothing to give still has a price. */
const SOFT: f64 = 1e-11;
/** Curvature at least of sold power at no penalty: it damps the step, not the answer. */
const DAMPED: f64 = 1e-8;

/** The same for shiftable loads, whose preference may weigh nothing. */
const LOAD_DAMPED: f64 = 1e-7;

/** Makes the last step in these slots, then prepares the prediction. */
export function prepare(p: usize, share: v128, dualShare: v128): void {
  const zero = both(0);
  const one = both(1);
  const here = load<u32>(p + HERE);
  const hasPvHere = (here & PV_HERE) != 0;

  const importBelow = hasImportLimit ? advance(p + IMPORT, share, dualShare) : advanceLow(p + IMPORT, share, dualShare);
  let peakCurve = zero;
  if (hasPeak) peakCurve = advanceLow(p + BELOW_PEAK, share, dualShare);
  const inverseImport = over(one, add(importBelow, peakCurve));
  const peakShare = mul(peakCurve, inverseImport);
  put(p, INVERSE_IMPORT, inverseImport);
  put(p + IMPORT, CURVE, importBelow);
  put(p + BELOW_PEAK, CURVE, peakCurve);
  put(p, PEAK_SHARE, peakShare);
  put(p + IMPORT, SLOPE, get(p + IMPORT, LINEAR));
  const imported = get(p + IMPORT, X);

  let sold = get(p + SOLD, X);
  let soft = both(SOFT);
  if (isPriced) {
    sold = add(sold, mul(share, get(p + SOLD, STEP)));
    put(p + SOLD, X, sold);
    put(p + SOLD, SLOPE, add(get(p + SOLD, LINEAR), mul(both(penalty), sold)));
    soft = both(1 / Math.max(penalty, DAMPED));
  }
  const importAndSold = add(inverseImport, soft);

  // The stages' devices.
  let demand = zero;
  if (hasHeat) {
    advanceControl(p + HEAT, share, dualShare);
    const indoorBefore = before(p + INDOOR, share);
    advanceStaged(p + INDOOR, share, dualShare);
    const heat = get(p + HEAT, X);
    const next = add(add(mul(both(kept), indoorBefore), mul(both(gain), heat)), get(p, DRIFT));
    put(p, OFF_INDOOR, sub(next, get(p + INDOOR, X)));
    demand = heat;
  }
  if (hasBattery) {
    advanceControl(p + CHARGE, share, dualShare);
    advanceControl(p + DISCHARGE, share, dualShare);
    const storedBefore = before(p + STORED, share);
    advanceStaged(p + STORED, share, dualShare);
    const charge = get(p + CHARGE, X);
    const discharge = get(p + DISCHARGE, X);
    const flow = sub(mul(both(storedPerCharge), charge), mul(both(storedPerDischarge), discharge));
    put(p, OFF_STORED, sub(add(storedBefore, flow), get(p + STORED, X)));
    demand = add(demand, sub(charge, discharge));
  }
  if (hasVehicle) {
    const storedBefore = before(p + EV_STORED, share);
    advanceStaged(p + EV_STORED, share, dualShare);
    let flow = f64x2.neg(get(p, DRIVEN));
    if (here & VEHICLE_HERE) {
      advanceControl(p + EV_CHARGE, share, dualShare);
      const charge = get(p + EV_CHARGE, X);
      flow = add(flow, mul(both(evPerCharge), charge));
      demand = add(demand, charge);
      if (canFeedBack) {
        advanceControl(p + EV_DISCHARGE, share, dualShare);
        const discharge = get(p + EV_DISCHARGE, X);
        flow = sub(flow, mul(both(evPerDischarge), discharge));
        demand = sub(demand, discharge);
      }
    }
    put(p, OFF_EV, sub(add(storedBefore, flow), get(p + EV_STORED, X)));
  }
  let inverseLoads = zero;
  for (let k = 0; k < loads; k++) {
    if (!isLoadHere(here, k)) continue;
    const q = loadOf(p, k);
    const inverse = over(one, add(advance(q, share, dualShare), both(LOAD_DAMPED)));
    put(q, INVERSE_LOAD, inverse);
    put(q, SLOPE, costSlope(q));
    inverseLoads = add(inverseLoads, inverse);
    demand = add(demand, get(q, X));
    border.addLoadSum(k, get(q, X));
  }

  // PV and the meter: curvatures of what is used (u), fed in (f) and curtailed (a), none of the three inverted with
  // a difference of large numbers.
  let off = sub(sub(imported, sold), add(demand, get(p, BASE)));
  let balanceToBalance: v128;
  let balanceToDemand: v128;
  let curve: v128;
  if (hasPvHere) {
    const u = advanceLow(p + USED, share, dualShare);
    const a = advanceLow(p + CURTAILED, share, dualShare);
    const used = get(p + USED, X);
    off = add(off, used);
    put(p + USED, SLOPE, get(p + USED, LINEAR));
    if (hasMeter) {
      const f = advanceLow(p + FED, share, dualShare);
      put(p + FED, SLOPE, get(p + FED, LINEAR));
      const inverse = over(one, add(mul(u, f), mul(a, add(u, f))));
      const ui = mul(u, inverse);
      const fi = mul(f, inverse);
      const ai = mul(a, inverse);
      const uu = add(fi, ai);
      put(p, INVERSE_UU, uu);
      put(p, INVERSE_UF, f64x2.neg(ai));
      put(p, INVERSE_FF, add(ui, ai));
      const inverseMeter = over(one, advance(p + METER, share, dualShare));
      put(p, INVERSE_METER, inverseMeter);
      put(p + METER, SLOPE, costSlope(p + METER));
      const m22 = add(inverseMeter, add(ui, fi));
      const inverse2 = over(one, add(add(mul(importAndSold, m22), mul(uu, inverseMeter)), inverse));
      balanceToBalance = mul(m22, inverse2);
      put(p, BALANCE_TO_METER, f64x2.neg(mul(fi, inverse2)));
      balanceToDemand = mul(add(inverseMeter, ui), inverse2);
      const meterToDemand = mul(add(importAndSold, ai), inverse2);
      put(p, METER_TO_DEMAND, meterToDemand);
      curve = add(balanceToDemand, meterToDemand);
      put(p, OFF_METER, sub(add(add(get(p + METER, X), used), get(p + FED, X)), add(demand, get(p, BASE))));
    } else {
      const fromUsed = over(one, add(u, a));
      put(p, INVERSE_UU, fromUsed);
      balanceToBalance = over(one, add(importAndSold, fromUsed));
      balanceToDemand = balanceToBalance;
      curve = balanceToBalance;
    }
  } else if (hasMeter) {
    balanceToBalance = over(one, importAndSold);
    balanceToDemand = balanceToBalance;
    const m = advance(p + METER, share, dualShare);
    put(p, INVERSE_METER, over(one, m));
    put(p + METER, SLOPE, costSlope(p + METER));
    put(p, METER_TO_DEMAND, m);
    put(p, BALANCE_TO_METER, zero);
    curve = add(balanceToDemand, m);
    put(p, OFF_METER, sub(get(p + METER, X), add(demand, get(p, BASE))));
  } else {
    balanceToBalance = over(one, importAndSold);
    balanceToDemand = balanceToBalance;
    curve = balanceToBalance;
  }
  put(p, OFF_BALANCE, off);
  put(p, BALANCE_TO_BALANCE, balanceToBalance);
  put(p, BALANCE_TO_DEMAND, balanceToDemand);

  const damping = here >> LOADS_HERE ? over(one, add(one, mul(curve, inverseLoads))) : one;
  const dampedCurve = mul(curve, damping);
  put(p, DAMPING, damping);
  put(p, PRICE_CURVE, dampedCurve);
  if (!hasPeak) put(p, PRICE_TO_PEAK, zero);
  if (hasPeak) {
    const answer = mul(balanceToDemand, damping);
    put(p, PRICE_TO_PEAK, f64x2.neg(mul(answer, peakShare)));
    const softened = sub(balanceToBalance, mul(mul(inverseLoads, answer), balanceToDemand));
    border.addPeakCurve(add(mul(peakShare, importBelow), mul(mul(peakShare, peakShare), softened)));
    for (let k = 0; k < loads; k++) {
      if (isLoadHere(here, k)) border.addPeakLoad(k, mul(mul(peakShare, answer), get(loadOf(p, k), INVERSE_LOAD)));
    }
  }
  for (let k = 0; k < loads; k++) {
    if (!isLoadHere(here, k)) continue;
    const inverse = get(loadOf(p, k), INVERSE_LOAD);
    const weighed = mul(dampedCurve, inverse);
    let others = zero;
    for (let j = 0; j < loads; j++) {
      if (!isLoadHere(here, j)) continue;
      const other = get(loadOf(p, j), INVERSE_LOAD);
      if (j != k) others = add(others, other);
      if (j < k) border.addLoads(k, j, mul(weighed, other));
    }
    // damping * (1 + curve * others) = 1 - dampedCurve * inverse, without its cancellation.
    border.addLoads(k, k, f64x2.neg(mul(mul(inverse, damping), add(one, mul(curve, others)))));
  }
  price(p, here);
}

@inline function isLoadHere(here: u32, k: i32): bool {
  return ((here >> (LOADS_HERE + <u32>k)) & 1) != 0;
}

/** A state one slot earlier, after the step: the pair before has yet to make it. */
@inline function before(q: usize, share: v128): v128 {
  const earlier = q - blockBytes;
  const there = add(get(earlier, X), mul(share, get(earlier, STEP)));
  const here = get(q, X);
  const hereAfter = add(here, mul(share, get(q, STEP)));
  return v128.shuffle<f64>(there, hereAfter, 1, 2);
}

/** From the slopes: the energy price at the staged devices' unchanged demand, and the border's slopes. */
function price(p: usize, here: u32): void {
  const importSlope = get(p + IMPORT, SLOPE);
  let balance = sub(mul(get(p, INVERSE_IMPORT), importSlope), get(p, OFF_BALANCE));
  if (isPriced) balance = sub(balance, mul(both(1 / Math.max(penalty, DAMPED)), get(p + SOLD, SLOPE)));
  let meter = both(0);
  if (hasMeter) meter = sub(mul(get(p, INVERSE_METER), get(p + METER, SLOPE)), get(p, OFF_METER));
  if (here & PV_HERE) {
    const uu = get(p, INVERSE_UU);
    const usedSlope = get(p + USED, SLOPE);
    balance = add(balance, mul(uu, usedSlope));
    if (hasMeter) {
      const uf = get(p, INVERSE_UF);
      const ff = get(p, INVERSE_FF);
      const fedSlope = get(p + FED, SLOPE);
      balance = add(balance, mul(uf, fedSlope));
      meter = add(meter, add(mul(add(uu, uf), usedSlope), mul(add(uf, ff), fedSlope)));
    }
  }
  const toBalance = get(p, BALANCE_TO_BALANCE);
  const toDemand = get(p, BALANCE_TO_DEMAND);
  let balancePrice = mul(toBalance, balance);
  let energyPrice = mul(toDemand, balance);
  if (hasMeter) {
    balancePrice = add(balancePrice, mul(get(p, BALANCE_TO_METER), meter));
    energyPrice = add(energyPrice, mul(get(p, METER_TO_DEMAND), meter));
  }
  put(p, BALANCE_PRICE, balancePrice);

  if (here >> LOADS_HERE) {
    let inverseLoads = both(0);
    let wished = both(0);
    for (let k = 0; k < loads; k++) {
      if (!isLoadHere(here, k)) continue;
      const q = loadOf(p, k);
      const inverse = get(q, INVERSE_LOAD);
      inverseLoads = add(inverseLoads, inverse);
      wished = add(wished, mul(inverse, get(q, SLOPE)));
    }
    const damping = get(p, DAMPING);
    const given = mul(damping, add(wished, mul(inverseLoads, energyPrice)));
    balancePrice = sub(balancePrice, mul(toDemand, given));
    energyPrice = sub(mul(damping, energyPrice), mul(get(p, PRICE_CURVE), wished));
    for (let k = 0; k < loads; k++) {
      if (!isLoadHere(here, k)) continue;
      const q = loadOf(p, k);
      border.addLoadSlope(k, f64x2.neg(mul(get(q, INVERSE_LOAD), add(get(q, SLOPE), energyPrice))));
    }
  }
  put(p, PRICE, energyPrice);
  if (hasPeak) border.addPeakSlope(mul(get(p, PEAK_SHARE), sub(importSlope, balancePrice)));
}

/** Turns the predicted step into the correction's slopes, every pair aimed at `target`. */
export function aim(p: usize, target: v128): void {
  const here = load<u32>(p + HERE);
  const ofImport = hasImportLimit ? correct(p + IMPORT, target) : f64x2.neg(correctLow(p + IMPORT, target));
  let importSlope = add(get(p + IMPORT, SLOPE), ofImport);
  if (hasPeak) {
    const turn = correctLow(p + BELOW_PEAK, target);
    importSlope = add(importSlope, turn);
    border.addPeakSlope(f64x2.neg(turn));
  }
  put(p + IMPORT, SLOPE, importSlope);
  if (here & PV_HERE) {
    const turn = correctLow(p + CURTAILED, target);
    put(p + USED, SLOPE, add(get(p + USED, SLOPE), sub(turn, correctLow(p + USED, target))));
    if (hasMeter) put(p + FED, SLOPE, add(get(p + FED, SLOPE), sub(turn, correctLow(p + FED, target))));
  }
  if (hasMeter) correctStaged(p + METER, target);
  if (hasHeat) {
    correctStaged(p + HEAT, target);
    correctStaged(p + INDOOR, target);
  }
  if (hasBattery) {
    correctStaged(p + CHARGE, target);
    correctStaged(p + DISCHARGE, target);
    correctStaged(p + STORED, target);
  }
  if (hasVehicle) {
    correctStaged(p + EV_STORED, target);
    if (here & VEHICLE_HERE) {
      correctStaged(p + EV_CHARGE, target);
      if (canFeedBack) correctStaged(p + EV_DISCHARGE, target);
    }
  }
  for (let k = 0; k < loads; k++) if (isLoadHere(here, k)) correctStaged(loadOf(p, k), target);
  price(p, here);
}

/** The steps of everything that knows no other slot, from those of the staged devices and of the border. */
export function recover(p: usize): void {
  const here = load<u32>(p + HERE);
  const hasPvHere = (here & PV_HERE) != 0;
  const staged = get(p, DEMAND);
  let energyPrice = add(get(p, PRICE), mul(get(p, PRICE_CURVE), staged));
  const peakStep = both(border.peakStep);
  if (hasPeak) energyPrice = add(energyPrice, mul(get(p, PRICE_TO_PEAK), peakStep));
  let demand = staged;
  if (here >> LOADS_HERE) {
    let raised = both(0);
    for (let k = 0; k < loads; k++) {
      if (isLoadHere(here, k)) raised = add(raised, mul(get(loadOf(p, k), INVERSE_LOAD), border.loadPrice(k)));
    }
    energyPrice = sub(energyPrice, mul(get(p, PRICE_CURVE), raised));
    for (let k = 0; k < loads; k++) {
      if (!isLoadHere(here, k)) continue;
      const q = loadOf(p, k);
      const step = mul(get(q, INVERSE_LOAD), add(get(q, SLOPE), add(energyPrice, border.loadPrice(k))));
      put(q, STEP, f64x2.neg(step));
      demand = sub(demand, step);
    }
  }
  let balancePrice = energyPrice;
  if (hasMeter) {
    balancePrice = add(get(p, BALANCE_PRICE), mul(get(p, BALANCE_TO_DEMAND), demand));
    if (hasPeak) balancePrice = sub(balancePrice, mul(mul(get(p, BALANCE_TO_BALANCE), get(p, PEAK_SHARE)), peakStep));
  }
  put(p, NEW_PRICE, energyPrice);
  let importStep = mul(get(p, INVERSE_IMPORT), sub(balancePrice, get(p + IMPORT, SLOPE)));
  if (hasPeak) importStep = add(importStep, mul(get(p, PEAK_SHARE), peakStep));
  let usedStep = both(0);
  if (hasPvHere) {
    const forUsed = sub(energyPrice, get(p + USED, SLOPE));
    usedStep = mul(get(p, INVERSE_UU), forUsed);
    if (hasMeter) {
      const forFed = sub(sub(energyPrice, balancePrice), get(p + FED, SLOPE));
      const uf = get(p, INVERSE_UF);
      usedStep = add(usedStep, mul(uf, forFed));
      put(p + FED, STEP, add(mul(uf, forUsed), mul(get(p, INVERSE_FF), forFed)));
    }
  }
  // What rounding leaves of the balance goes to where there is room.
  const left = sub(sub(demand, get(p, OFF_BALANCE)), add(importStep, usedStep));
  if (isPriced) {
    put(p + SOLD, STEP, f64x2.neg(left));
  } else {
    const inverse = get(p, INVERSE_IMPORT);
    const share = hasPvHere ? over(inverse, add(inverse, get(p, INVERSE_UU))) : both(1);
    const toImport = mul(share, left);
    importStep = add(importStep, toImport);
    if (hasPvHere) usedStep = add(usedStep, sub(left, toImport));
  }
  put(p + IMPORT, STEP, importStep);
  if (hasPeak) put(p + BELOW_PEAK, STEP, sub(peakStep, importStep));
  let generated = usedStep;
  if (hasPvHere) {
    put(p + USED, STEP, usedStep);
    if (hasMeter) generated = add(generated, get(p + FED, STEP));
    put(p + CURTAILED, STEP, f64x2.neg(generated));
  }
  if (hasMeter) put(p + METER, STEP, sub(sub(demand, get(p, OFF_METER)), generated));
}
