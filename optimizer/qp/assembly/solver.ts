import * as answer from './answer';
import {
  advance, assignRoles, complementarity, cost, gradient, high, image, isBetween, isColumn, isHeld, isMoving, keep,
  low, measure, mixed, mixedStep, pairs, point, restore, startCold, startNear, startWarm,
} from './barrier';
import { inaccuracy, load, regularise, share } from './factor';
import { placeOfRow, placeOfVariable, size } from './kkt';
import { isFarkas, isRecession, proveDualInfeasible, provePrimalInfeasible } from './proof';
import { drawBounds, keptAs, lower, upper } from './presolve';
import { l, m, n, q, u, x, y } from './problem';
import { meanCurvature, scale, unscale } from './scaling';
import { above, below } from './side';

export const SOLVED: i32 = 0;
export const PRIMAL_INFEASIBLE: i32 = 1;
export const DUAL_INFEASIBLE: i32 = 2;
export const MAX_ITERATIONS: i32 = 3;

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
/** Attempts from nowhere after the proofs have failed, and one from near zero before them. */
const ATTEMPTS: i32 = 3;
/** Steps at most in search of either proof. */
const PROOF_STEPS: i32 = 60;
/**
 * The regularisation damps steps along nearly flat directions, and what it takes from them stays in the residuals:
 * it is lowered once the pairs are settled, and wherever it is seen to hold a residual up, down to this share.
 */
const SHARE_MIN: f64 = 1e-7;
/** Share of the decrease promised to a residual that is asked of it; less means that it is held up. */
const OWED: f64 = 0.3;
/** Share of the pairs' part of the gap from which on the residuals' part counts. */
const SEEN: f64 = 0.1;
/** A point so much worse than the best one, or a step so inexact, means that it was lowered too far. */
const WORSE: f64 = 1e3;
const INEXACT: f64 = 1e-3;
/** Iterates that grow beyond this, against 1 after scaling, suggest that there is nothing to converge to. */
const RUNAWAY: f64 = 1e7;
/**
 * Where rounding lets no attempt come to the tolerances, the best point counts as solved within so many times
 * these.
 */
const ALMOST: f64 = 1e3;
/** Distances and pressures of a cold start, at least, against 1 after scaling; and of one after it stuck. */
const ROOM: f64 = 1;
const MORE_ROOM: f64 = 1e2;
/** Products of distance and pressure of a start near zero. */
const NEAR_PRODUCT: f64 = 0.1;
/** Distance from every bound at which a warm start begins, against 1 after scaling. */
const WARM_ROOM: f64 = 1e-2;

let epsAbsolute: f64 = 0;
let epsRelative: f64 = 0;
let costScale: f64 = 1;
/** Share of the usual regularisation that the present attempt began with. */
let level: f64 = 1;

/** Everything that l, u and q decide is worked out anew, so that no earlier solve leaves a trace. */
export function solve(limit: i32, absolute: f64, relative: f64, warm: bool): i32 {
  steps = 0;
  answer.forget();
  epsAbsolute = absolute;
  epsRelative = relative;
  const status = decide(limit, warm);
  if (status == PRIMAL_INFEASIBLE) answer.blank(Infinity);
  else if (status == DUAL_INFEASIBLE) answer.blank(-Infinity);
  return status;
}

/**
 * From the point given, if any; from nowhere; then, stuck both times, the proofs; and without one, from near zero,
 * and from nowhere again with other regularisations, at last with patience, as the last proof has.
 */
function decide(limit: i32, warm: bool): i32 {
  if (!drawBounds()) return PRIMAL_INFEASIBLE;
  if (warm) {
    pose(1);
    takeWarmPoint();
    startWarm(WARM_ROOM);
    const status = confirmed(iterate(limit, true), limit);
    if (status != STUCK) return status;
  }
  pose(1);
  startCold(ROOM);
  const status = confirmed(iterate(limit, true), limit);
  if (status != STUCK) return status;
  if (answer.bestMerit > ALMOST) {
    if (isInfeasible(limit)) return PRIMAL_INFEASIBLE;
    if (isUnbounded(limit, false)) return DUAL_INFEASIBLE;
  }
  for (let attempt = 0; attempt <= ATTEMPTS; attempt++) {
    pose(attempt == 1 ? 1e-2 : attempt == 2 ? 1e-4 : 1);
    if (attempt == 0) startNear(NEAR_PRODUCT);
    else startCold(attempt == ATTEMPTS ? ROOM : MORE_ROOM);
    const again = confirmed(iterate(limit, attempt < ATTEMPTS), limit);
    if (again != STUCK && again != MAX_ITERATIONS) return again;
    if (answer.bestMerit <= ALMOST && (attempt == ATTEMPTS || steps >= limit)) break;
  }
  if (answer.bestMerit > ALMOST && isUnbounded(limit, true)) return DUAL_INFEASIBLE;
  if (answer.bestMerit == Infinity) return MAX_ITERATIONS;
  answer.recall();
  return answer.bestMerit <= ALMOST ? SOLVED : MAX_ITERATIONS;
}

/** A problem without a point is called infeasible, even if its cost falls without end as well. */
function confirmed(status: i32, limit: i32): i32 {
  return status == DUAL_INFEASIBLE && isInfeasible(limit) ? PRIMAL_INFEASIBLE : status;
}

function isInfeasible(limit: i32): bool {
  pose(1);
  const taken = provePrimalInfeasible(min(PROOF_STEPS, limit - steps));
  steps += abs(taken);
  return taken < 0;
}

function isUnbounded(limit: i32, isPatient: bool): bool {
  pose(1);
  const taken = proveDualInfeasible(min(PROOF_STEPS, limit - steps), costScale, isPatient);
  steps += abs(taken);
  return taken < 0;
}

/** Puts the scaled problem before the interior point method; the regularisation begins at a share of the usual one. */
function pose(share: f64): void {
  let steepest: f64 = 0;
  for (let j = 0; j < n; j++) steepest = max(steepest, abs(q[j]) * scale[placeOfVariable[j]]);
  const most = max(steepest, meanCurvature(n));
  costScale = most > 0 ? 1 / most : 1;
  level = share;
  regularise(share);
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
  let leastOff: f64 = Infinity;
  let since = 0;
  /** From here on the gap itself counts: what residuals make of it is left when all else is within tolerance. */
  let isNear = false;
  let least = level * SHARE_MIN;
  let primalOwed: f64 = Infinity;
  let dualOwed: f64 = Infinity;
  while (true) {
    measure();
    let merit = distanceFromDone();
    if (merit <= 1 && !isNear) {
      isNear = true;
      best = Infinity;
    }
    if (isNear) merit = max(merit, gap());
    if (merit <= 1) {
      answer.readAnswer(costScale);
      if (isAccepted()) return SOLVED;
    }
    const off = max(primalOff, dualOff);
    if (merit < 0.9 * best) {
      best = merit;
      since = 0;
      keep();
    } else if (share < level && (merit > WORSE * best || inaccuracy > INEXACT)) {
      least = share * 10;
      regularise(least);
      restore();
      measure();
      distanceFromDone();
    } else if (off < 0.9 * leastOff) since = 0;
    else since++;
    leastOff = min(leastOff, off);
    const patience = hasty ? PATIENCE : LAST_PATIENCE;
    const stuck = since > patience || !(merit < Infinity) || (hasty && largest > RUNAWAY);
    if (stuck || steps >= limit) {
      if (best < Infinity) restore();
      answer.readAnswer(costScale);
      answer.remember(meritOfAnswer());
      return stuck ? STUCK : MAX_ITERATIONS;
    }
    const isHeldUp = (primalOff > primalOwed || dualOff > dualOwed) && (off > 1 || residualsWeigh());
    if (products <= 1 || isHeldUp) regularise(max(least, 0.1 * share));
    const meant = share;
    const length = advance(0);
    if (share > meant) least = share;
    primalOwed = (1 - OWED * length) * primalOff;
    dualOwed = (1 - OWED * length) * dualOff;
    steps++;
    // Without a solution the steps themselves become a proof (Banjac et al. 2019, for OSQP).
    if (since >= STALLED) {
      if (isFarkas(mixedStep, false)) return PRIMAL_INFEASIBLE;
      if (isRecession(mixedStep, false)) return DUAL_INFEASIBLE;
    }
  }
}

/** Whether what the residuals make of the gap can be seen beside the pairs' part. */
function residualsWeigh(): bool {
  const whole = gap();
  return whole > 1 && abs(whole - products) > SEEN * products;
}

/** Largest variable or multiplier at the present iterate, as scaled. */
let largest: f64 = 0;
/** Part of the gap that the pairs make, in units of its tolerance. */
let products: f64 = 0;
/** Residuals in units of their tolerances. */
let primalOff: f64 = 0;
let dualOff: f64 = 0;
/** v'Hv + g'v, and the gap's tolerance, as scaled. */
let value: f64 = 0;
let gapUnit: f64 = 1;

/** Largest of the residuals and the pairs' part of the gap, each in units of its tolerance, in the problem's units. */
function distanceFromDone(): f64 {
  let primal = f64x2.splat(0);
  let primalSize = f64x2.splat(0);
  let dual = f64x2.splat(0);
  let dualSize = f64x2.splat(0);
  let twice = f64x2.splat(0);
  let linear = f64x2.splat(0);
  let biggest = f64x2.splat(0);
  for (let k = 0; k < size; k += 2) {
    const here = mixed.two(k);
    const there = image.two(k);
    const own = cost.two(k);
    const up = scale.two(k);
    const down = unscale.two(k);
    const column = isColumn.two(k);
    const held = isHeld.two(k);
    const moving = isMoving.two(k);
    const off = f64x2.mul(held, f64x2.mul(down, f64x2.sub(there, point.two(k))));
    // A bound's error is in the unit of the row, or of the variable.
    const unit = f64x2.add(f64x2.mul(held, down), f64x2.mul(moving, up));
    const errors = f64x2.pmax(f64x2.abs(below.error.two(k)), f64x2.abs(above.error.two(k)));
    const bend = f64x2.add(f64x2.mul(moving, down), f64x2.mul(isBetween.two(k), up));
    const terms = f64x2.mul(column, f64x2.mul(down, f64x2.pmax(f64x2.abs(there), f64x2.abs(own))));
    biggest = f64x2.pmax(biggest, f64x2.abs(here));
    primal = f64x2.pmax(f64x2.pmax(primal, f64x2.abs(off)), f64x2.mul(unit, errors));
    primalSize = f64x2.pmax(primalSize, f64x2.mul(held, f64x2.mul(down, f64x2.abs(there))));
    dual = f64x2.pmax(dual, f64x2.mul(bend, f64x2.abs(gradient.two(k))));
    dualSize = f64x2.pmax(dualSize, terms);
    twice = f64x2.add(twice, f64x2.mul(f64x2.sub(column, held), f64x2.mul(here, there)));
    linear = f64x2.add(linear, f64x2.mul(own, here));
  }
  largest = most(biggest);
  const quadratic = sum(twice);
  value = quadratic + sum(linear);
  const objective = abs(value - 0.5 * quadratic) / costScale;
  gapUnit = costScale * tolerance(objective);
  products = (complementarity * <f64>pairs) / gapUnit;
  primalOff = most(primal) / tolerance(most(primalSize));
  dualOff = most(dual) / costScale / tolerance(most(dualSize) / costScale);
  // Comparisons lose what is no number; sums keep it.
  if (!(objective < Infinity)) return NaN;
  return max(primalOff, max(dualOff, products));
}

/**
 * The gap itself, in units of its tolerance: the pairs' part and what the residuals make. An equality is supported
 * by its multiplier, a fixed variable by whatever balances it.
 */
function gap(): f64 {
  let support = f64x2.splat(0);
  for (let k = 0; k < size; k += 2) {
    const balance = f64x2.sub(isColumn.two(k), isMoving.two(k));
    const force = f64x2.mul(balance, f64x2.add(image.two(k), cost.two(k)));
    const equal = f64x2.mul(f64x2.sub(isHeld.two(k), isBetween.two(k)), mixed.two(k));
    const high = f64x2.mul(above.bound.two(k), above.pressure.two(k));
    const low = f64x2.mul(below.bound.two(k), below.pressure.two(k));
    support = f64x2.add(support, f64x2.add(f64x2.sub(high, low), f64x2.mul(f64x2.sub(equal, force), point.two(k))));
  }
  return abs(value + sum(support)) / gapUnit;
}

@inline
function most(lanes: v128): f64 {
  return max(f64x2.extract_lane(lanes, 0), f64x2.extract_lane(lanes, 1));
}

@inline
function sum(lanes: v128): f64 {
  return f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1);
}

@inline
function tolerance(reference: f64): f64 {
  return epsAbsolute + epsRelative * reference;
}

function isAccepted(): bool {
  return meritOfAnswer() <= 1;
}

/** Largest of the residuals and the gap as answered, each in units of its tolerance. */
function meritOfAnswer(): f64 {
  return max(
    answer.primalResidual / tolerance(answer.primalSize),
    max(answer.dualResidual / tolerance(answer.dualSize), answer.gap / tolerance(answer.gapSize)),
  );
}
