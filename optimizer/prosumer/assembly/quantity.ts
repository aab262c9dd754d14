import { add, both, get, larger, mul, over, put, sub } from './lanes';
import { AIM, CURVE, DUAL, HIGH, INVERSE, LINEAR, LOW, ON, OWN, ROOM, SLOPE, STEP, TURN, X } from './room';

/**
 * One bounded quantity through a step of Mehrotra's predictor-corrector method. With d its distance from a
 * bound and z the bound's multiplier, the pair asks for z + (z/d) * step = turn: curvature z/d, slope -turn
 * below and +turn above. `turn` is 0 in the prediction and (target - predicted curvature of z d) / d in the
 * correction. A side that is not ON has z = 0 and 1/d = 0, and takes no part.
 */

/** Makes the last step, and @returns the curvature at the new point. */
@inline export function advance(q: usize, share: v128): v128 {
  const step = mul(share, get(q, STEP));
  put(q, X, add(get(q, X), step));
  const low = advanceSide(q + LOW, step, share);
  const high = advanceSide(q + HIGH, f64x2.neg(step), share);
  return add(get(q, OWN), add(low, high));
}

/** The same for a quantity that is bounded below only. */
@inline export function advanceLow(q: usize, share: v128): v128 {
  const step = mul(share, get(q, STEP));
  put(q, X, add(get(q, X), step));
  return add(get(q, OWN), advanceSide(q + LOW, step, share));
}

@inline function advanceSide(side: usize, step: v128, share: v128): v128 {
  const on = get(side, ON);
  const room = add(get(side, ROOM), mul(on, step));
  const dual = add(get(side, DUAL), mul(share, get(side, TURN)));
  const inverse = over(on, room);
  put(side, ROOM, room);
  put(side, DUAL, dual);
  put(side, INVERSE, inverse);
  return mul(dual, inverse);
}

/** As `advance`, for a device in the stages: keeps curvature and the slope of its cost. */
@inline export function advanceStaged(q: usize, share: v128): void {
  put(q, CURVE, advance(q, share));
  put(q, SLOPE, costSlope(q));
}

/** As `advance`, for a control: its own curvature damps the step and costs nothing. */
@inline export function advanceControl(q: usize, share: v128): void {
  put(q, CURVE, advance(q, share));
  put(q, SLOPE, get(q, LINEAR));
}

@inline export function costSlope(q: usize): v128 {
  return add(get(q, LINEAR), mul(get(q, OWN), sub(get(q, X), get(q, AIM))));
}

/** Largest share^-1 of the predicted step that a bound or a multiplier allows, with `limit` so far. */
@inline export function predictedLimit(q: usize, step: v128, limit: v128): v128 {
  return limitLow(q + HIGH, f64x2.neg(step), limitLow(q + LOW, step, limit));
}

@inline export function predictedLimitLow(q: usize, step: v128, limit: v128): v128 {
  return limitLow(q + LOW, step, limit);
}

@inline function limitLow(side: usize, step: v128, limit: v128): v128 {
  const part = mul(step, get(side, INVERSE));
  return larger(limit, larger(f64x2.neg(part), add(both(1), part)));
}

/** Adds up -step * dual's step of the prediction, by which z d will miss a straight line. */
@inline export function predictedBend(q: usize, step: v128, bend: v128): v128 {
  return predictedBendOf(q + HIGH, f64x2.neg(step), predictedBendOf(q + LOW, step, bend));
}

@inline export function predictedBendLow(q: usize, step: v128, bend: v128): v128 {
  return predictedBendOf(q + LOW, step, bend);
}

@inline function predictedBendOf(side: usize, step: v128, bend: v128): v128 {
  const part = mul(step, get(side, INVERSE));
  return add(bend, mul(mul(get(side, DUAL), step), add(both(1), part)));
}

/** Share of the predicted bend that the correction takes on: less where the prediction does not reach far. */
export let weight: f64 = 1;

export function weigh(share: f64): void {
  weight = share;
}

/** Aims every pair at `target`. @returns what that adds to the slope. */
@inline export function correct(q: usize, target: v128): v128 {
  const step = get(q, STEP);
  const low = correctSide(q + LOW, step, target);
  return sub(correctSide(q + HIGH, f64x2.neg(step), target), low);
}

/** @returns the turn; the slope changes by its negative. */
@inline export function correctLow(q: usize, target: v128): v128 {
  return correctSide(q + LOW, get(q, STEP), target);
}

@inline export function correctStaged(q: usize, target: v128): void {
  put(q, SLOPE, add(get(q, SLOPE), correct(q, target)));
}

@inline function correctSide(side: usize, step: v128, target: v128): v128 {
  const inverse = get(side, INVERSE);
  const part = mul(step, inverse);
  const turn = mul(add(target, mul(both(weight), mul(mul(get(side, DUAL), step), add(both(1), part)))), inverse);
  put(side, TURN, turn);
  return turn;
}

/** Puts the multipliers' steps where the turns were. @returns the limit, as above. */
@inline export function correctedLimit(q: usize, step: v128, limit: v128): v128 {
  return correctedSide(q + HIGH, f64x2.neg(step), correctedSide(q + LOW, step, limit));
}

@inline export function correctedLimitLow(q: usize, step: v128, limit: v128): v128 {
  return correctedSide(q + LOW, step, limit);
}

@inline function correctedSide(side: usize, step: v128, limit: v128): v128 {
  const dual = get(side, DUAL);
  const part = mul(step, get(side, INVERSE));
  const dualStep = sub(get(side, TURN), mul(dual, add(both(1), part)));
  put(side, TURN, dualStep);
  return larger(limit, larger(f64x2.neg(part), f64x2.neg(over(dualStep, dual))));
}

@inline export function correctedBend(q: usize, step: v128, bend: v128): v128 {
  return sub(correctedBendLow(q, step, bend), mul(step, get(q + HIGH, TURN)));
}

@inline export function correctedBendLow(q: usize, step: v128, bend: v128): v128 {
  return add(bend, mul(step, get(q + LOW, TURN)));
}
