import * as answer from './answer';
import {
  advance, assignRoles, BETWEEN, complementarity, cost, distanceError, EQUAL, gradient, high, image, keep,
  low, measure, mixed, mixedStep, MOVING, pairPlace, pairs, point, restore, role, startCold, startWarm,
} from './barrier';
import { load, regularise } from './factor';
import { isRow, placeOfRow, placeOfVariable, size } from './kkt';
import { isFarkas, isRecession, proveDualInfeasible, provePrimalInfeasible } from './proof';
import { drawBounds, keptAs, lower, upper } from './presolve';
import { l, m, n, q, u, x, y } from './problem';
import { meanCurvature, scale, unscale } from './scaling';

export const SOLVED: i32 = 0;
export const PRIMAL_INFEASIBLE: i32 = 1;
export const DUAL_INFEASIBLE: i32 = 2;
export const MAX_ITERATIONS: i32 = 3;
export const NON_CONVEX: i32 = 4;

/** Steps taken in the last solve, proofs included. */
export let steps: i32 = 0;

/** Not an answer: the method gets no further, and proofs of infeasibility are in order. */
const STUCK: i32 = -1;
/** Steps without a better iterate after which they are asked for a proof. */
const STALLED: i32 = 2;
/** Steps without a better iterate after which the method counts as stuck. */
const PATIENCE: i32 = 8;
/** The same when no proof was found and nothing else is left to try. */
const LAST_PATIENCE: i32 = 40;
/** Steps at most in search of either proof. */
const PROOF_STEPS: i32 = 60;
/**
 * Once the pairs are settled and only residuals are left, it is the regularisation that holds them up along
 * nearly flat directions: it is lowered step by step, down to this share.
 */
const SHARE_MIN: f64 = 1e-4;
/** So much worse than the best point means that it was lowered too far. */
const WORSE: f64 = 2;
/** Iterates that grow beyond this, against 1 after scaling, suggest that there is nothing to converge to. */
const RUNAWAY: f64 = 1e7;
/** Distance from every bound at which a warm start begins, against 1 after scaling. */
const WARM_ROOM: f64 = 1e-2;

let epsAbsolute: f64 = 0;
let epsRelative: f64 = 0;
let costScale: f64 = 1;

/** Everything that l, u and q decide is worked out anew, so that no earlier solve leaves a trace. */
export function solve(limit: i32, absolute: f64, relative: f64, warm: bool): i32 {
  steps = 0;
  epsAbsolute = absolute;
  epsRelative = relative;
  const status = decide(limit, warm);
  if (status == PRIMAL_INFEASIBLE) answer.blank(Infinity);
  else if (status == DUAL_INFEASIBLE) answer.blank(-Infinity);
  return status;
}

/**
 * From the point given, if any; from nowhere; then, stuck both times, the proofs; and without one, once more
 * with patience.
 */
function decide(limit: i32, warm: bool): i32 {
  if (!drawBounds()) return PRIMAL_INFEASIBLE;
  if (warm) {
    pose();
    takeWarmPoint();
    startWarm(WARM_ROOM);
    const status = iterate(limit, true);
    if (status != STUCK) return status;
  }
  pose();
  startCold();
  const status = iterate(limit, true);
  if (status != STUCK) return status;
  const primal = provePrimalInfeasible(min(PROOF_STEPS, limit - steps));
  steps += abs(primal);
  if (primal < 0) return PRIMAL_INFEASIBLE;
  pose();
  const dual = proveDualInfeasible(min(PROOF_STEPS, limit - steps), costScale);
  steps += abs(dual);
  if (dual < 0) return DUAL_INFEASIBLE;
  pose();
  startCold();
  const last = iterate(limit, false);
  return last == STUCK ? MAX_ITERATIONS : last;
}

/** Puts the scaled problem before the interior point method. */
function pose(): void {
  let steepest: f64 = 0;
  for (let j = 0; j < n; j++) steepest = max(steepest, abs(q[j]) * scale[placeOfVariable[j]]);
  const most = max(steepest, meanCurvature(n));
  costScale = most > 0 ? 1 / most : 1;
  regularise(1);
  load(scale, costScale, 0, 0);
  cost.fill(size, 0);
  for (let j = 0; j < n; j++) {
    const k = placeOfVariable[j];
    cost[k] = q[j] * scale[k] * costScale;
    low[k] = lower[j] / scale[k];
    high[k] = upper[j] / scale[k];
  }
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as < 0) continue;
    const k = placeOfRow[as];
    low[k] = l[i] * scale[k];
    high[k] = u[i] * scale[k];
  }
  assignRoles();
}

function takeWarmPoint(): void {
  for (let j = 0; j < n; j++) {
    const k = placeOfVariable[j];
    mixed[k] = x[j] / scale[k];
  }
  for (let i = 0; i < m; i++) {
    const as = keptAs[i];
    if (as < 0) continue;
    const k = placeOfRow[as];
    mixed[k] = (y[i] * costScale) / scale[k];
  }
}

/**
 * Steps until done, or until `limit`. One that is `hasty` gives up as STUCK when it seems that there is no
 * solution. Unless solved, the answer is the best point seen.
 */
function iterate(limit: i32, hasty: bool): i32 {
  let best: f64 = Infinity;
  let since = 0;
  let share: f64 = 1;
  let least = SHARE_MIN;
  while (true) {
    measure();
    const merit = distanceFromDone();
    if (merit <= 1) {
      answer.readAnswer(costScale);
      if (isAccepted()) return SOLVED;
    }
    if (merit < 0.9 * best) {
      best = merit;
      since = 0;
      keep();
    } else if (share < 1 && merit > WORSE * best) {
      least = share * 10;
      share = least;
      regularise(share);
      restore();
      measure();
      distanceFromDone();
    } else since++;
    const patience = hasty ? PATIENCE : LAST_PATIENCE;
    const stuck = since > patience || !(merit < Infinity) || (hasty && largest > RUNAWAY);
    if (stuck || steps >= limit) {
      if (best < Infinity) restore();
      answer.readAnswer(costScale);
      return stuck ? STUCK : MAX_ITERATIONS;
    }
    if (products <= 1) {
      share = max(least, 0.1 * share);
      regularise(share);
    }
    advance();
    steps++;
    // Without a solution the steps themselves become a proof (Banjac et al. 2019, for OSQP).
    if (since >= STALLED) {
      if (isFarkas(mixedStep)) return PRIMAL_INFEASIBLE;
      if (isRecession(mixedStep)) return DUAL_INFEASIBLE;
    }
  }
}

/** Largest variable or multiplier at the present iterate, as scaled. */
let largest: f64 = 0;
/** Part of the gap that the pairs make, in units of its tolerance. */
let products: f64 = 0;

/** Largest of the residuals and the gap, each in units of its tolerance, in the problem's own units. */
function distanceFromDone(): f64 {
  let primal: f64 = 0;
  let primalSize: f64 = 0;
  let dual: f64 = 0;
  let dualSize: f64 = 0;
  let twice: f64 = 0;
  let linear: f64 = 0;
  largest = 0;
  for (let k = 0; k < size; k++) {
    const by = unscale[k];
    const here = mixed[k];
    const there = image[k];
    largest = max(largest, abs(here));
    if (isRow[k]) {
      twice -= here * there;
      if (role[k] == EQUAL) primal = max(primal, abs(there - low[k]) * by);
      else if (role[k] == BETWEEN) {
        primal = max(primal, abs(there - point[k]) * by);
        dual = max(dual, abs(gradient[k]) * scale[k]);
      }
      primalSize = max(primalSize, abs(there) * by);
    } else {
      twice += here * there;
      linear += here * cost[k];
      if (role[k] == MOVING) dual = max(dual, abs(gradient[k]) * by);
      dualSize = max(dualSize, max(abs(there), abs(cost[k])) * by);
    }
  }
  dual /= costScale;
  dualSize /= costScale;
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    primal = max(primal, abs(distanceError[k]) * (isRow[place] ? unscale[place] : scale[place]));
  }
  const value = abs(0.5 * twice + linear) / costScale;
  products = (complementarity * <f64>pairs) / costScale / tolerance(value);
  return max(primal / tolerance(primalSize), max(dual / tolerance(dualSize), products));
}

@inline
function tolerance(reference: f64): f64 {
  return epsAbsolute + epsRelative * reference;
}

function isAccepted(): bool {
  return (
    answer.primalResidual <= tolerance(answer.primalSize) &&
    answer.dualResidual <= tolerance(answer.dualSize) &&
    answer.gap <= tolerance(answer.gapSize)
  );
}
