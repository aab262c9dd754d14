import { add, both, get, mul, over, put, sub, unit } from './lanes';
import { AIM, CURVE, DUAL, HIGH, INVERSE, LINEAR, LOW, ON, OWN, ROOM, SLOPE, STEP, TURN, X } from './room';

/**
 * One bounded quantity through a step of Mehrotra's predictor-corrector method. With d its distance from a
 * bound and z the bound's multiplier, the pair asks for z + (z/d) * step = turn: curvature z/d, slope -turn
 * below and +turn above. `turn` is 0 in the prediction and (target - predicted curvature of z d) / d in the
 * correction. A side that is not ON has z = 0 and 1/d = 0, and takes no part.
 */

/** Makes the last step, multipliers by `dualShare` of it, and @returns the curvature at the new point. */
@inline export function advance(q: usize, share: v128, dualShare: v128): v128 {
  const step = mul(share, get(q, STEP));
  put(q, X, add(get(q, X), step));
  const low = advanceSide(q + LOW, step, dualShare);
  const high = advanceSide(q + HIGH, f64x2.neg(step), dualShare);
  return add(get(q, OWN), add(low, high));
}

/** The same for a quantity that is bounded below only. */
@inline export function advanceLow(q: usize, share: v128, dualShare: v128): v128 {
  const step = mul(share, get(q, STEP));
  put(q, X, add(get(q, X), step));
  return add(get(q, OWN), advanceSide(q + LOW, step, dualShare));
}

@inline function advanceSide(side: usize, step: v128, dualShare: v128): v128 {
  const on = get(side, ON);
  const room = add(get(side, ROOM), mul(on, step));
  const dual = add(get(side, DUAL), mul(dualShare, get(side, TURN)));
  const inverse = over(on, room);
  put(side, ROOM, room);
  put(side, DUAL, dual);
  put(side, INVERSE, inverse);
  return mul(dual, inverse);
}

/** As `advance`, for a device in the stages: keeps curvature and the slope of its cost. */
@inline export function advanceStaged(q: usize, share: v128, dualShare: v128): void {
  put(q, CURVE, advance(q, share, dualShare));
  put(q, SLOPE, costSlope(q));
}

/** As `advance`, for a control: its own curvature damps the step and costs nothing. */
@inline export function advanceControl(q: usize, share: v128, dualShare: v128): void {
  put(q, CURVE, advance(q, share, dualShare));
  put(q, SLOPE, get(q, LINEAR));
}

@inline export function costSlope(q: usize): v128 {
  return add(get(q, LINEAR), mul(get(q, OWN), sub(get(q, X), get(q, AIM))));
}

/** Share of the predicted bend that the correction takes on: less where the prediction does not reach far. */
export let weight: f64 = 1;

const weights: usize = memory.data(16, 16);

export function weigh(share: f64): void {
  weight = share;
  put(weights, 0, both(share));
}

@inline function weightOf(): v128 {
  return get(weights, 0);
}

/** Aims every pair at `target`. @returns what that adds to the slope. */
@inline export function correct(q: usize, target: v128): v128 {
  const step = get(q, STEP);
  const inverseLow = get(q + LOW, INVERSE);
  const inverseHigh = get(q + HIGH, INVERSE);
  const weighed = mul(weightOf(), step);
  const low = mul(get(q + LOW, DUAL), add(unit(), mul(step, inverseLow)));
  const high = mul(get(q + HIGH, DUAL), sub(unit(), mul(step, inverseHigh)));
  const turnLow = mul(add(target, mul(weighed, low)), inverseLow);
  const turnHigh = mul(sub(target, mul(weighed, high)), inverseHigh);
  put(q + LOW, TURN, turnLow);
  put(q + HIGH, TURN, turnHigh);
  return sub(turnHigh, turnLow);
}

/** @returns the turn; the slope changes by its negative. */
@inline export function correctLow(q: usize, target: v128): v128 {
  const step = get(q, STEP);
  const inverse = get(q + LOW, INVERSE);
  const low = mul(get(q + LOW, DUAL), add(unit(), mul(step, inverse)));
  const turn = mul(add(target, mul(mul(weightOf(), step), low)), inverse);
  put(q + LOW, TURN, turn);
  return turn;
}

@inline export function correctStaged(q: usize, target: v128): void {
  put(q, SLOPE, add(get(q, SLOPE), correct(q, target)));
}
