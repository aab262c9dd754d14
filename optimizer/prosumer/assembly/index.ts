import { listBounded } from './bounded';
import * as border from './border';
import { readScalars } from './home';
import { largest, sum } from './lanes';
import { canResume, forget, keep, resume } from './restart';
import { finish, MISFIT_MAX } from './finish';
import { makeRoom, scalars } from './room';
import { pairCount, start } from './start';
import { bend, limit, resetMeasures } from './slot';
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
/** What may be left of the equations' first misfit. */
const REST: f64 = 1e-9;
/** And of a point that is kept to begin the next solve from. */
const REST_KEPT: f64 = 1e-1;
const KEPT_LOW: f64 = 0.03;
/** Of the complementarity at hand, what a correction aims at, at most: Mehrotra cubes the predicted share. */
const TARGET_MAX: f64 = 0.3;
/** A step shorter than this leads nowhere. */
const SHARE_MIN: f64 = 1e-8;
/** A gap so many times too wide will do where there is nothing better. */
const NEARLY: f64 = 10;

/** @returns 1 when solved, 0 when it did not come to an end within `limitSteps`. */
export function solve(limitSteps: i32, gapMax: f64, complementarity: f64, keepAt: f64, warm: bool): i32 {
  readScalars(scalars);
  listBounded();
  start(complementarity);
  let share: f64 = 0;
  let rest: f64 = 1;
  gap = complementarity * pairCount;
  if (warm && canResume()) gap = resume() + border.peakComplementarity();
  let keeps = keepAt > 0;
  if (!warm) forget();
  for (steps = 0; steps < limitSteps; steps++) {
    if (gap <= gapMax && rest <= REST) {
      if (finish(share, gapMax) <= MISFIT_MAX) return 1;
      share = 0;
    }
    resetMeasures();
    eliminate(share);
    if (keeps && gap <= keepAt * pairCount && rest <= REST_KEPT) {
      // A warm start may pass by too low; then the point of before stays.
      if (!warm || gap >= KEPT_LOW * keepAt * pairCount) keep();
      keeps = false;
    }
    predict();
    const predicted = 1 / border.peakPredictedLimit(largest(limit));
    const bent = sum(bend) + border.peakPredictedBend();
    const gapPredicted = gap * (1 - predicted) - predicted * predicted * bent;
    const ratio = gapPredicted / gap;
    const mu = gap / pairCount;
    const target = Math.min(TARGET_MAX, ratio * ratio * ratio) * mu;
    weigh(Math.min(1, 1.5 * predicted));
    retarget(target);
    resetMeasures();
    correctStep();
    const most = border.peakCorrectedLimit(largest(limit));
    const to = Math.min(Math.max(STEP_SHARE, 1 - mu), 0.9995);
    share = most > to ? to / most : 1;
    const bentNow = sum(bend) + border.peakCorrectedBend();
    gap += share * (pairCount * target + weight * bent - gap + share * bentNow);
    rest *= 1 - share;
    if (!(share > SHARE_MIN)) break;
  }
  return gap <= NEARLY * gapMax && rest <= REST && finish(share, NEARLY * gapMax) <= MISFIT_MAX ? 1 : 0;
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
