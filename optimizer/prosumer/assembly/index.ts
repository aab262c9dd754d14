import { listBounded } from './bounded';
import * as border from './border';
import { isPriced, penalty, readScalars } from './home';
import { EARLY, forget, keep, LATE, pointFor, resume } from './restart';
import { finish, gapThere, lastTradeStep, MISFIT_MAX } from './finish';
import { makeRoom, scalars } from './room';
import { pairCount, start } from './start';
import { bendSum, boundLimit, dualLimit, predictedLimit, pullSum, resetMeasures } from './measure';
import { weigh, weight } from './quantity';
import { correctStep, eliminate, predict, retarget } from './stage';

/**
 * One home's plan by a primal-dual interior point method that knows the problem's shape. The host calls `open`
 * once, writes rows and scalars, and solves as often as they change.
 */

export { isMemoryExhausted, loadRow, row } from './room';

let steps: i32 = 0;
let gap: f64 = 0;

export function open(slots: i32, loads: i32): void {
  makeRoom(slots, loads);
}

export function scalarsAddress(): usize {
  return scalars;
}

/** Least share of the way to the nearest bound; nearer as complementarity vanishes. */
const STEP_SHARE: f64 = 0.99;
/**
 * Down to this complementarity multipliers go their own way: in a program that is nearly linear, each side's longest
 * step is the better one until they have found each other. The second is for solves that begin from one another.
 */
const APART: f64 = 1e-2;
const APART_IN_A_ROW: f64 = 1e-3;
/** And only while none of the two stands still: where there is no plan, multipliers would run away. */
const APART_SHARE: f64 = 0.1;
/** What may be left of the first misfit in the equations, and in the balance of costs, prices and multipliers. */
const REST: f64 = 1e-9;
const DUAL_REST: f64 = 1e-7;
/** The same for the points that are kept to begin the next solve from, and their complementarity. */
const REST_KEPT: f64 = 0.1;
const DUAL_REST_EARLY: f64 = 0.5;
const DUAL_REST_LATE: f64 = 0.03;
const KEPT_EARLY: f64 = 5e-2;
const KEPT_LATE: f64 = 2e-3;
/** Below this share of it a point is too late for its purpose: the one of before stays. */
const EARLY_LOW: f64 = 0.03;
const LATE_LOW: f64 = 0.01;
/** Of the complementarity at hand, what a correction aims at, at most: Mehrotra cubes the predicted share. */
const TARGET_MAX: f64 = 0.3;
/** A step shorter than this leads nowhere. */
const SHARE_MIN: f64 = 1e-8;
/** At this share of the gap that is asked for, trades are left as they are. */
const SURE: f64 = 1e-3;
/** A gap so many times too wide will do where there is nothing better. */
const NEARLY: f64 = 10;

/**
 * @param gapMax what the plan may cost more than the best one
 * @param tradeMax by how many kW a priced trade may be off, as the last steps let one expect
 * @param complementarity product of distance and multiplier to begin with
 * @param keeps keep points for the next solve
 * @param from begin from the early (0) or late (1) kept point if there is one; -1: from the beginning
 * @returns 1 when solved, 0 when it did not come to an end within `limitSteps`.
 */
export function solve(
  limitSteps: i32,
  gapMax: f64,
  tradeMax: f64,
  complementarity: f64,
  keeps: bool,
  from: i32,
): i32 {
  readScalars(scalars);
  listBounded();
  start(complementarity);
  let share: f64 = 0;
  let dualShare: f64 = 0;
  let rest: f64 = 1;
  let dualRest: f64 = 1;
  let gapBefore: f64 = Infinity;
  gap = complementarity * pairCount;
  const point = pointFor(from);
  if (point >= 0) gap = resume(point) + border.peakComplementarity();
  else forget();
  let keepsEarly = keeps;
  let keepsLate = keeps;
  const apart = keeps ? APART_IN_A_ROW : APART;
  for (steps = 0; steps < limitSteps; steps++) {
    const isClose = gap <= gapMax && rest <= REST && dualRest <= DUAL_REST;
    if (isClose && (gap <= SURE * gapMax || tradeOff(share, gap / gapBefore) <= tradeMax)) {
      if (finish(share, dualShare, gapMax) <= MISFIT_MAX) return 1;
      gap = gapThere;
      share = 0;
      dualShare = 0;
    }
    resetMeasures();
    eliminate(share, dualShare);
    if (keepsEarly && gap <= KEPT_EARLY * pairCount && rest <= REST_KEPT && dualRest <= DUAL_REST_EARLY) {
      if (point < 0 || gap >= EARLY_LOW * KEPT_EARLY * pairCount) keep(EARLY);
      keepsEarly = false;
    }
    if (keepsLate && gap <= KEPT_LATE * pairCount && rest <= REST_KEPT && dualRest <= DUAL_REST_LATE) {
      if (point != LATE || gap >= LATE_LOW * KEPT_LATE * pairCount) keep(LATE);
      keepsLate = false;
    }
    predict();
    const predicted = 1 / border.peakPredictedLimit(predictedLimit());
    const bent = bendSum() + border.peakPredictedBend();
    const gapPredicted = gap * (1 - predicted) - predicted * predicted * bent;
    const ratio = gapPredicted / gap;
    const mu = gap / pairCount;
    const target = Math.min(TARGET_MAX, ratio * ratio * ratio) * mu;
    weigh(Math.min(1, 2.5 * predicted));
    retarget(target);
    resetMeasures();
    correctStep();
    const to = Math.min(Math.max(STEP_SHARE, 1 - mu), 0.9995);
    share = shareOf(border.peakBoundLimit(boundLimit()), to);
    dualShare = shareOf(border.peakDualLimit(dualLimit()), to);
    const shorter = Math.min(share, dualShare);
    if (mu < apart || shorter < APART_SHARE) {
      share = shorter;
      dualShare = shorter;
    }
    const bentNow = bendSum() + border.peakCorrectedBend();
    // Sum of z d where only the distances go on, and where only the multipliers do.
    const ofRooms = pullSum() + border.peakPull();
    const ofDuals = pairCount * target + weight * bent - gap - ofRooms;
    gapBefore = gap;
    gap += share * ofRooms + dualShare * ofDuals + share * dualShare * bentNow;
    rest *= 1 - share;
    dualRest = dualRest * (1 - dualShare) + Math.abs(share - dualShare);
    if (!(share > SHARE_MIN)) break;
  }
  if (gap > NEARLY * gapMax || rest > REST || dualRest > DUAL_REST) return 0;
  // Cost of e at most leaves a trade within the root of 2 e / penalty of the best one.
  if (isPriced && penalty > 0 && Math.sqrt((2 * gap) / penalty) > NEARLY * tradeMax) return 0;
  return finish(share, dualShare, NEARLY * gapMax) <= MISFIT_MAX ? 1 : 0;
}

@inline function shareOf(limit: f64, to: f64): f64 {
  return limit > to ? to / limit : 1;
}

/**
 * What the last step has left of the way to the best trade, in kW: cost is flat about it, so that a gap says little. A
 * trade's distance shrinks with the gap, or with its root where a bound and its multiplier vanish together.
 */
function tradeOff(share: f64, shrunk: f64): f64 {
  const shrinks = Math.sqrt(Math.min(Math.max(shrunk, 0), 1));
  return (lastTradeStep() * share * shrinks) / (1 - shrinks);
}

/** Of the last solve: steps, gap, peak, worth of a kW of metered peak. */
export function figure(which: i32): f64 {
  switch (which) {
    case 0: return <f64>steps;
    case 1: return gap;
    case 2: return border.peak;
    default: return border.peakMinDual();
  }
}
