import { add, both, get, larger, largest, mul, over, put, smaller, sub, sum, unit } from './lanes';
import { DUAL, HIGH, INVERSE, LOW, STEP, TURN } from './room';

/**
 * How far a step may go, and how straight the way is. Of a pair (d, z) with step s, let m = 1 + s/d, the share of
 * its distance that a full step leaves: a bound is met at the share 1/(1 - least m) of the step, a predicted
 * multiplier, whose step is -z m, vanishes at 1/most m, a corrected one at 1/steepest. `bend` sums up by how much
 * the products z d miss a straight line.
 */
let least: v128 = f64x2.splat(1);
let most: v128 = f64x2.splat(0);
let steepest: v128 = f64x2.splat(0);
let bend: v128 = f64x2.splat(0);
let pull: v128 = f64x2.splat(0);

export function resetMeasures(): void {
  least = both(1);
  most = both(0);
  steepest = both(0);
  bend = both(0);
  pull = both(0);
}

/** Largest share^-1 of the predicted step that a bound or a multiplier allows. */
export function predictedLimit(): f64 {
  return Math.max(largest(most), boundLimit());
}

/** Of the corrected step: what a multiplier allows. */
export function dualLimit(): f64 {
  return largest(steepest);
}

/** Of either step: what a bound allows. */
export function boundLimit(): f64 {
  return 1 - Math.min(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1));
}

export function bendSum(): f64 {
  return sum(bend);
}

/** By how much the corrected step, multipliers apart, changes the sum of z d. */
export function pullSum(): f64 {
  return sum(pull);
}

/** The predicted step in a pair of slots: of the quantities in its list. */
export function measurePrediction(p: usize, list: usize): void {
  const one = unit();
  let few = least, many = most, b = bend;
  let at = list + 8;
  for (const end = at + (<usize>load<u32>(list) << 2); at < end; at += 4) {
    const q = p + <usize>load<u32>(at);
    const step = get(q, STEP);
    const low = add(one, mul(step, get(q + LOW, INVERSE)));
    const high = sub(one, mul(step, get(q + HIGH, INVERSE)));
    few = smaller(few, smaller(low, high));
    many = larger(many, larger(low, high));
    b = add(b, mul(step, sub(mul(get(q + LOW, DUAL), low), mul(get(q + HIGH, DUAL), high))));
  }
  for (const end = at + (<usize>load<u32>(list, 4) << 2); at < end; at += 4) {
    const q = p + <usize>load<u32>(at);
    const step = get(q, STEP);
    const low = add(one, mul(step, get(q + LOW, INVERSE)));
    few = smaller(few, low);
    many = larger(many, low);
    b = add(b, mul(step, mul(get(q + LOW, DUAL), low)));
  }
  least = few;
  most = many;
  bend = b;
}

/** The corrected step; leaves the multipliers' steps in the place of the turns. */
export function measureCorrection(p: usize, list: usize): void {
  const one = unit(), zero = both(0);
  let few = least, steep = steepest, b = bend, l = pull;
  let at = list + 8;
  for (const end = at + (<usize>load<u32>(list) << 2); at < end; at += 4) {
    const q = p + <usize>load<u32>(at);
    const step = get(q, STEP);
    const low = add(one, mul(step, get(q + LOW, INVERSE)));
    const high = sub(one, mul(step, get(q + HIGH, INVERSE)));
    few = smaller(few, smaller(low, high));
    const dualLow = get(q + LOW, DUAL);
    const dualHigh = get(q + HIGH, DUAL);
    const stepLow = sub(get(q + LOW, TURN), mul(dualLow, low));
    const stepHigh = sub(get(q + HIGH, TURN), mul(dualHigh, high));
    put(q + LOW, TURN, stepLow);
    put(q + HIGH, TURN, stepHigh);
    b = add(b, mul(step, sub(stepLow, stepHigh)));
    l = add(l, mul(step, sub(dualLow, dualHigh)));
    if (v128.any_true(v128.or(isSteeper(stepLow, dualLow, steep), isSteeper(stepHigh, dualHigh, steep)))) {
      steep = larger(steep, larger(fallOf(stepLow, dualLow), fallOf(stepHigh, dualHigh)));
    }
  }
  for (const end = at + (<usize>load<u32>(list, 4) << 2); at < end; at += 4) {
    const q = p + <usize>load<u32>(at);
    const step = get(q, STEP);
    const low = add(one, mul(step, get(q + LOW, INVERSE)));
    few = smaller(few, low);
    const dual = get(q + LOW, DUAL);
    const dualStep = sub(get(q + LOW, TURN), mul(dual, low));
    put(q + LOW, TURN, dualStep);
    b = add(b, mul(step, dualStep));
    l = add(l, mul(step, dual));
    if (v128.any_true(isSteeper(dualStep, dual, steep))) steep = larger(steep, fallOf(dualStep, dual));
  }
  least = few;
  steepest = steep;
  bend = b;
  pull = l;
}

/** Few multipliers fall faster than all before them: only for those is it divided. */
@inline function isSteeper(dualStep: v128, dual: v128, steep: v128): v128 {
  return f64x2.lt(add(dualStep, mul(steep, dual)), both(0));
}

/** Share of a multiplier by which it falls; 0 where there is none. */
@inline function fallOf(dualStep: v128, dual: v128): v128 {
  return v128.and(f64x2.gt(dual, both(0)), f64x2.neg(over(dualStep, dual)));
}
