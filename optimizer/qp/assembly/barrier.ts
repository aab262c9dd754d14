import { barrier, factoriseSoundly, masked, multiply, refine, solve } from './factor';
import { isRow, size } from './kkt';
import { Numbers, numbers } from './memory';
import { isPinned } from './presolve';
import { above, below, makeSides, placeBound, Side } from './side';

/**
 * One convex problem of the structure at hand, and a predictor-corrector method for it (Mehrotra 1992) with
 * centrality correctors (Gondzio 1996):
 *
 *   minimise 1/2 v'Hv + g'v  over variables v and slacks s,  subject to  A v - Y mu = s,  low <= (v, s) <= high
 *
 * with H and Y as `load` put them into the matrix. All vectors are laid out by place: at a variable's place
 * stands the variable, at a row's place its slack (`point`) or its multiplier (`mixed`). They are worked on two
 * places at a time; where their number is odd, a last place takes part that is nothing and stays zero.
 */

/** Linear cost on variables' places. */
export let cost: Numbers = changetype<Numbers>(0);
export let low: Numbers = changetype<Numbers>(0);
export let high: Numbers = changetype<Numbers>(0);

/** Variable and slack by place. */
export let point: Numbers = changetype<Numbers>(0);
/** Variable and row multiplier by place; the multiplier is positive where the upper bound presses. */
export let mixed: Numbers = changetype<Numbers>(0);
/** [Hv + A'mu; Av - Y mu] at `mixed`. */
export let image: Numbers = changetype<Numbers>(0);
/** Gradient of the Lagrangian: at variables Hv + g + A'mu - pressures, at slacks -mu - pressures. */
export let gradient: Numbers = changetype<Numbers>(0);

/** What a place is at the present bounds, as 1 or 0: any variable; one that moves; a row that binds; one with room. */
export let isColumn: Numbers = changetype<Numbers>(0);
export let isMoving: Numbers = changetype<Numbers>(0);
export let isHeld: Numbers = changetype<Numbers>(0);
export let isBetween: Numbers = changetype<Numbers>(0);
/** Finite bounds of places that are not fixed. */
export let pairs: i32 = 0;

/** How far `point` follows its force: 1 at moving variables, 1 / (sum of pressure / distance) at slacks, else 0. */
let lean: Numbers = changetype<Numbers>(0);
let force: Numbers = changetype<Numbers>(0);
let right: Numbers = changetype<Numbers>(0);
/** The last step of `mixed`, before its length. */
export let mixedStep: Numbers = changetype<Numbers>(0);
let pointStep: Numbers = changetype<Numbers>(0);
let keptMixed: Numbers = changetype<Numbers>(0);
let keptPoint: Numbers = changetype<Numbers>(0);
let otherMixedStep: Numbers = changetype<Numbers>(0);
let otherPointStep: Numbers = changetype<Numbers>(0);

/** Centrality correctors at most, and the length of step beyond which none is needed. */
const CORRECTORS: i32 = 1;
const LONG: f64 = 0.9;
/** How much longer a step each should make possible, and the share of it that makes it worth keeping. */
const LONGER: f64 = 0.3;
const WORTHWHILE: f64 = 0.1;
/** A step shorter than this is taken towards the centre instead, at so many times the present products. */
const SHORT: f64 = 0.1;
const WIDER: f64 = 10;

export function makeBarrierRoom(): void {
  const room = (size + 1) & ~1;
  cost = zeros(room);
  low = zeros(room);
  high = zeros(room);
  point = zeros(room);
  mixed = zeros(room);
  image = zeros(room);
  gradient = zeros(room);
  isColumn = zeros(room);
  isMoving = zeros(room);
  isHeld = zeros(room);
  isBetween = zeros(room);
  lean = zeros(room);
  force = zeros(room);
  right = zeros(room);
  mixedStep = zeros(room);
  pointStep = zeros(room);
  keptMixed = zeros(room);
  keptPoint = zeros(room);
  otherMixedStep = zeros(room);
  otherPointStep = zeros(room);
  makeSides(room);
}

function zeros(room: i32): Numbers {
  const list = numbers(room);
  list.fill(room, 0);
  return list;
}

/** Reads what each place is off its bounds; a bound is asked for infinity before it is compared. */
export function assignRoles(): void {
  pairs = 0;
  for (let k = 0; k < size; k++) {
    const inRow = isRow[k] != 0;
    const fixed = isPinned(low[k], high[k]);
    const loose = low[k] == -Infinity && high[k] == Infinity;
    isColumn[k] = inRow ? 0 : 1;
    isMoving[k] = inRow || fixed ? 0 : 1;
    isHeld[k] = inRow && !loose ? 1 : 0;
    isBetween[k] = inRow && !loose && !fixed ? 1 : 0;
    masked[k] = inRow ? (loose ? 1 : 0) : fixed ? 1 : 0;
    if (fixed) {
      const middle = 0.5 * (low[k] + high[k]);
      low[k] = middle;
      high[k] = middle;
    }
    pairs += placeBound(below, k, fixed ? -Infinity : low[k]);
    pairs += placeBound(above, k, fixed ? Infinity : high[k]);
  }
}

/** Whether the place is a row held to one value, or a variable at one. */
@inline
export function isEqual(k: i32): bool {
  return isHeld[k] != 0 && isBetween[k] == 0;
}

@inline
export function isFixed(k: i32): bool {
  return isColumn[k] != 0 && isMoving[k] == 0;
}

/**
 * Mehrotra's start: the solution without barrier terms but unit springs, shifted into the interior by `room` at
 * least.
 */
export function startCold(room: f64): void {
  settleFixed();
  below.begin(1, 1, size);
  above.begin(1, 1, size);
  setBarrier();
  factoriseSoundly();
  multiply(mixed, image);
  for (let k = 0; k < size; k++) {
    const pull = below.bound[k] + above.bound[k];
    if (isMoving[k]) right[k] = pull - cost[k] - image[k];
    else if (isHeld[k]) right[k] = (isBetween[k] ? -pull * barrier[k] : low[k]) - image[k];
    else right[k] = 0;
  }
  solve(right, mixedStep);
  refine(right, mixedStep);
  for (let k = 0; k < size; k++) if (!masked[k]) mixed[k] = mixedStep[k];
  multiply(mixed, image);
  for (let k = 0; k < size; k++) point[k] = isEqual(k) ? low[k] : isRow[k] ? image[k] : mixed[k];
  for (let k = 0; k < size; k++) {
    startPair(below, k);
    startPair(above, k);
  }
  shiftInside(room);
}

function startPair(side: Side, k: i32): void {
  if (side.has[k] == 0) return;
  const distance = side.sign * (point[k] - side.bound[k]);
  side.distance[k] = distance;
  side.pressure[k] = isRow[k] ? -side.sign * mixed[k] : -distance;
}

/** Fixed variables stand at their value, everything else at zero. */
function settleFixed(): void {
  for (let k = 0; k < size; k++) {
    const at = isFixed(k) ? low[k] : 0;
    point[k] = at;
    mixed[k] = at;
  }
}

function shiftInside(room: f64): void {
  if (pairs == 0) return;
  let inward = room;
  let outward = room;
  for (let k = 0; k < size; k++) {
    inward = max(inward, max(below.missing(k), above.missing(k)));
    outward = max(outward, max(below.lacking(k), above.lacking(k)));
  }
  below.shift(inward, outward, size);
  above.shift(inward, outward, size);
  const product = below.product(size) + above.product(size);
  const pressures = below.sum(below.pressure, size) + above.sum(above.pressure, size);
  const distances = below.sum(below.distance, size) + above.sum(above.distance, size);
  below.shift((0.5 * product) / pressures, (0.5 * product) / distances, size);
  above.shift((0.5 * product) / pressures, (0.5 * product) / distances, size);
}

/** Share of an interval that `startNear` keeps from its ends, and its distance from a bound at most. */
const MARGIN: f64 = 0.3;
const NEAR: f64 = 1;

/**
 * A start for bounds of very different widths, whose middles say nothing: everything inside its bounds and as near to
 * zero as that allows, and all pairs with the same product.
 */
export function startNear(product: f64): void {
  settleFixed();
  for (let k = 0; k < size; k++) if (isMoving[k]) mixed[k] = inside(k, 0);
  multiply(mixed, image);
  below.begin(1, 0, size);
  above.begin(1, 0, size);
  for (let k = 0; k < size; k++) {
    if (isMoving[k]) point[k] = mixed[k];
    else if (isHeld[k]) point[k] = isBetween[k] ? inside(k, image[k]) : low[k];
    below.put(k, point[k], product);
    above.put(k, point[k], product);
  }
}

function inside(k: i32, at: f64): f64 {
  const margin = min(NEAR, MARGIN * (high[k] - low[k]));
  return min(max(at, low[k] + margin), high[k] - margin);
}

/**
 * A start from a point and multipliers known from before (already in `mixed`): every pair is moved off its
 * bound, so that the method still has room to turn.
 */
export function startWarm(room: f64): void {
  for (let k = 0; k < size; k++) {
    if (isFixed(k)) mixed[k] = low[k];
    else if (isRow[k] && !isHeld[k]) mixed[k] = 0;
  }
  multiply(mixed, image);
  for (let k = 0; k < size; k++) {
    point[k] = isRow[k] ? (isEqual(k) ? low[k] : image[k]) : mixed[k];
    gradient[k] = isRow[k] ? -mixed[k] : image[k] + cost[k];
  }
  below.begin(room, room, size);
  above.begin(room, room, size);
  for (let k = 0; k < size; k++) {
    below.raise(k, point[k], gradient[k]);
    above.raise(k, point[k], gradient[k]);
  }
}

/** What the pairs add to the matrix: pressure / distance at variables, minus its inverse at slacks. */
function setBarrier(): void {
  const one = f64x2.splat(1);
  for (let k = 0; k < size; k += 2) {
    const stiffness = f64x2.add(below.stiffen(k), above.stiffen(k));
    const between = isBetween.two(k);
    const yielding = f64x2.div(between, f64x2.add(stiffness, f64x2.sub(one, between)));
    const moving = isMoving.two(k);
    lean.setTwo(k, f64x2.add(moving, yielding));
    barrier.setTwo(k, f64x2.sub(f64x2.mul(moving, stiffness), yielding));
  }
}

/** Remembers the present point, for `restore`. */
export function keep(): void {
  keptMixed.copy(mixed, size);
  keptPoint.copy(point, size);
  below.keep(size);
  above.keep(size);
}

export function restore(): void {
  mixed.copy(keptMixed, size);
  point.copy(keptPoint, size);
  below.restore(size);
  above.restore(size);
}

/** Mean product of the pairs, as `measure` found it. */
export let complementarity: f64 = 0;

/** Residuals of the present point into `gradient`, `image` and the sides' errors. */
export function measure(): void {
  multiply(mixed, image);
  for (let k = 0; k < size; k += 2) {
    const here = point.two(k);
    const own = f64x2.sub(
      f64x2.add(f64x2.mul(isColumn.two(k), image.two(k)), cost.two(k)),
      f64x2.mul(isHeld.two(k), mixed.two(k)),
    );
    gradient.setTwo(k, f64x2.add(own, f64x2.sub(above.pressure.two(k), below.pressure.two(k))));
    below.measure(k, here);
    above.measure(k, here);
  }
  complementarity = pairs > 0 ? (below.product(size) + above.product(size)) / <f64>pairs : 0;
}

/** One step from what `measure` found, towards products of `floor` at least; the length of the step taken. */
export function advance(floor: f64): f64 {
  setBarrier();
  factoriseSoundly();
  if (pairs == 0) {
    findStep();
    refineStep();
    move(1);
    return 1;
  }
  below.aim(0, size);
  above.aim(0, size);
  findStep();
  const reach = stepLength();
  const after = (below.productAt(reach, size) + above.productAt(reach, size)) / <f64>pairs;
  const ratio = min(1, after / complementarity);
  const aim = max(floor, ratio * ratio * ratio * complementarity);
  below.aimCorrected(aim, size);
  above.aimCorrected(aim, size);
  findStep();
  let length = correctCentrality(stepLength(), aim);
  if (length < SHORT) {
    below.aim(max(aim, WIDER * complementarity), size);
    above.aim(max(aim, WIDER * complementarity), size);
    findStep();
    length = stepLength();
  }
  if (refineStep()) length = stepLength();
  length = min(1, max(0.99, 1 - complementarity) * length);
  move(length);
  return length;
}

/** Turns the step so that products far from `aim` come nearer, as long as that makes a longer step possible. */
function correctCentrality(first: f64, aim: f64): f64 {
  let length = first;
  for (let round = 0; round < CORRECTORS && length < LONG; round++) {
    const hoped = min(1, length + LONGER);
    keepStep();
    below.aimCentred(hoped, aim, size);
    above.aimCentred(hoped, aim, size);
    findStep();
    const reached = stepLength();
    if (reached < length + WORTHWHILE * (hoped - length)) {
      takeBackStep();
      return length;
    }
    length = reached;
  }
  return length;
}

function keepStep(): void {
  otherMixedStep.copy(mixedStep, size);
  otherPointStep.copy(pointStep, size);
}

/** Steps of distances and pressures follow from that of the point, and their targets from before. */
function takeBackStep(): void {
  mixedStep.copy(otherMixedStep, size);
  pointStep.copy(otherPointStep, size);
  below.takeBackAim(size);
  above.takeBackAim(size);
  gatherForce();
  below.follow(pointStep, size);
  above.follow(pointStep, size);
}

/** Newton's step towards the sides' targets. */
function findStep(): void {
  gatherForce();
  solve(right, mixedStep);
  followStep();
}

/** Rids the step that is to be taken of rounding; whether it has changed. */
function refineStep(): bool {
  const changed = refine(right, mixedStep);
  if (changed) followStep();
  return changed;
}

/** What pulls the points, and the right-hand side that follows from it. */
function gatherForce(): void {
  below.pull(size);
  above.pull(size);
  const to = force;
  const rightSide = right;
  const down = gradient;
  const held = isHeld;
  const here = point;
  const there = image;
  const by = lean;
  const up = below.pulled;
  const other = above.pulled;
  for (let k = 0; k < size; k += 2) {
    const pull = f64x2.sub(f64x2.sub(up.two(k), other.two(k)), down.two(k));
    to.setTwo(k, pull);
    const off = f64x2.mul(held.two(k), f64x2.sub(here.two(k), there.two(k)));
    rightSide.setTwo(k, f64x2.add(off, f64x2.mul(by.two(k), pull)));
  }
}

/** Steps of points, distances and pressures from `mixedStep`. */
function followStep(): void {
  const to = pointStep;
  const pushes = force;
  const held = isHeld;
  const by = lean;
  const from = mixedStep;
  for (let k = 0; k < size; k += 2) {
    const pushed = f64x2.add(f64x2.mul(held.two(k), pushes.two(k)), from.two(k));
    to.setTwo(k, f64x2.mul(by.two(k), pushed));
  }
  below.follow(to, size);
  above.follow(to, size);
}

/** How far along the step every distance and pressure stays positive, 1 at most. */
function stepLength(): f64 {
  return 1 / max(1, max(below.fastest(size), above.fastest(size)));
}

function move(length: f64): void {
  const by = f64x2.splat(length);
  for (let k = 0; k < size; k += 2) {
    mixed.setTwo(k, f64x2.add(mixed.two(k), f64x2.mul(by, mixedStep.two(k))));
    point.setTwo(k, f64x2.add(point.two(k), f64x2.mul(by, pointStep.two(k))));
  }
  below.move(length, size);
  above.move(length, size);
}
