import { barrier, factorise, masked, multiply, solveRefined } from './factor';
import { isRow, size } from './kkt';
import { Bytes, bytes, Integers, integers, Numbers, numbers } from './memory';
import { isPinned } from './presolve';

/**
 * One convex problem of the structure at hand, and Mehrotra's predictor-corrector method for it (1992):
 *
 *   minimise 1/2 v'Hv + g'v  over variables v and slacks s,  subject to  A v - Y mu = s,  low <= (v, s) <= high
 *
 * with H and Y as `load` put them into the matrix. All vectors are laid out by place: at a variable's place
 * stands the variable, at a row's place its slack (`point`) or its multiplier (`mixed`).
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

/** What a place is at the present bounds. */
export let role: Bytes = changetype<Bytes>(0);
export const MOVING: u8 = 0;
export const PINNED: u8 = 1;
export const BETWEEN: u8 = 2;
export const EQUAL: u8 = 3;
export const IDLE: u8 = 4;

/** One pair of distance and multiplier for every finite bound: its place, side (1 lower, -1 upper), bound. */
export let pairs: i32 = 0;
export let pairPlace: Integers = changetype<Integers>(0);
export let pairSide: Numbers = changetype<Numbers>(0);
export let pairBound: Numbers = changetype<Numbers>(0);
export let distance: Numbers = changetype<Numbers>(0);
export let pressure: Numbers = changetype<Numbers>(0);
/** 1 / distance, as of the present barrier. */
let inverse: Numbers = changetype<Numbers>(0);
let distanceStep: Numbers = changetype<Numbers>(0);
let pressureStep: Numbers = changetype<Numbers>(0);
/** side * (point - bound) - distance: zero once the point is consistent. */
export let distanceError: Numbers = changetype<Numbers>(0);
let target: Numbers = changetype<Numbers>(0);

/** Gradient of the Lagrangian: at variables Hv + g + A'mu - pressures, at slacks -mu - pressures. */
export let gradient: Numbers = changetype<Numbers>(0);
let keptMixed: Numbers = changetype<Numbers>(0);
let keptPoint: Numbers = changetype<Numbers>(0);
let keptDistance: Numbers = changetype<Numbers>(0);
let keptPressure: Numbers = changetype<Numbers>(0);
let pressed: Numbers = changetype<Numbers>(0);
let right: Numbers = changetype<Numbers>(0);
/** The last step of `mixed`, before its length. */
export let mixedStep: Numbers = changetype<Numbers>(0);
let pointStep: Numbers = changetype<Numbers>(0);

/** Distances and pressures never underflow: their quotients stay numbers. */
const LEAST: f64 = 1e-20;
const REFINEMENTS: i32 = 3;

export function makeBarrierRoom(): void {
  cost = numbers(size);
  low = numbers(size);
  high = numbers(size);
  point = numbers(size);
  mixed = numbers(size);
  image = numbers(size);
  role = bytes(size);
  gradient = numbers(size);
  pressed = numbers(size);
  keptMixed = numbers(size);
  keptPoint = numbers(size);
  right = numbers(size);
  mixedStep = numbers(size);
  pointStep = numbers(size);
  const room = 2 * size;
  pairPlace = integers(room);
  pairSide = numbers(room);
  pairBound = numbers(room);
  distance = numbers(room);
  pressure = numbers(room);
  inverse = numbers(room);
  distanceStep = numbers(room);
  pressureStep = numbers(room);
  distanceError = numbers(room);
  target = numbers(room);
  keptDistance = numbers(room);
  keptPressure = numbers(room);
}

/** Reads roles and pairs off the bounds; a bound is asked for infinity before it is compared. */
export function assignRoles(): void {
  pairs = 0;
  for (let k = 0; k < size; k++) {
    const inRow = isRow[k] != 0;
    const fixed = isPinned(low[k], high[k]);
    const loose = low[k] == -Infinity && high[k] == Infinity;
    role[k] = inRow ? (fixed ? EQUAL : loose ? IDLE : BETWEEN) : fixed ? PINNED : MOVING;
    masked[k] = role[k] == PINNED || role[k] == IDLE ? 1 : 0;
    if (fixed) {
      const middle = 0.5 * (low[k] + high[k]);
      low[k] = middle;
      high[k] = middle;
      continue;
    }
    if (low[k] > -Infinity) addPair(k, 1, low[k]);
    if (high[k] < Infinity) addPair(k, -1, high[k]);
  }
}

function addPair(place: i32, side: f64, bound: f64): void {
  pairPlace[pairs] = place;
  pairSide[pairs] = side;
  pairBound[pairs] = bound;
  pairs++;
}

/** Mehrotra's start: the solution without barrier terms but unit springs, shifted into the interior. */
export function startCold(): void {
  settlePinned();
  for (let k = 0; k < pairs; k++) {
    distance[k] = 1;
    pressure[k] = 1;
  }
  setBarrier();
  factorise();
  multiply(mixed, image);
  pressed.fill(size, 0);
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    pressed[place] = pressed[place] + pairBound[k];
  }
  for (let k = 0; k < size; k++) {
    switch (role[k]) {
      case MOVING:
        right[k] = pressed[k] - cost[k] - image[k];
        break;
      case BETWEEN:
        right[k] = -pressed[k] * barrier[k] - image[k];
        break;
      case EQUAL:
        right[k] = low[k] - image[k];
        break;
      default:
        right[k] = 0;
    }
  }
  solveRefined(right, mixedStep, REFINEMENTS);
  for (let k = 0; k < size; k++) if (!masked[k]) mixed[k] = mixedStep[k];
  multiply(mixed, image);
  for (let k = 0; k < size; k++) point[k] = role[k] == EQUAL ? low[k] : isRow[k] ? image[k] : mixed[k];
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    const side = pairSide[k];
    distance[k] = side * (point[place] - pairBound[k]);
    pressure[k] = isRow[place] ? -side * mixed[place] : -distance[k];
  }
  shiftInside();
}

/** Pinned variables stand at their value, everything else at zero. */
function settlePinned(): void {
  for (let k = 0; k < size; k++) {
    const at = role[k] == PINNED ? low[k] : 0;
    point[k] = at;
    mixed[k] = at;
  }
}

function shiftInside(): void {
  if (pairs == 0) return;
  let inward: f64 = 1e-2;
  let outward: f64 = 1e-2;
  for (let k = 0; k < pairs; k++) {
    inward = max(inward, -1.5 * distance[k]);
    outward = max(outward, -1.5 * pressure[k]);
  }
  let product: f64 = 0;
  let distances: f64 = 0;
  let pressures: f64 = 0;
  for (let k = 0; k < pairs; k++) {
    distance[k] = distance[k] + inward;
    pressure[k] = pressure[k] + outward;
    product += distance[k] * pressure[k];
    distances += distance[k];
    pressures += pressure[k];
  }
  const moreDistance = (0.5 * product) / pressures;
  const morePressure = (0.5 * product) / distances;
  for (let k = 0; k < pairs; k++) {
    distance[k] = distance[k] + moreDistance;
    pressure[k] = pressure[k] + morePressure;
  }
}

/**
 * A start from a point and multipliers known from before (already in `mixed`): every pair is moved off its
 * bound, so that the method still has room to turn.
 */
export function startWarm(room: f64): void {
  for (let k = 0; k < size; k++) {
    if (role[k] == PINNED) mixed[k] = low[k];
    else if (role[k] == IDLE) mixed[k] = 0;
  }
  multiply(mixed, image);
  for (let k = 0; k < size; k++) {
    point[k] = isRow[k] ? (role[k] == EQUAL ? low[k] : image[k]) : mixed[k];
    gradient[k] = isRow[k] ? -mixed[k] : image[k] + cost[k];
  }
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    const side = pairSide[k];
    distance[k] = max(room, side * (point[place] - pairBound[k]));
    pressure[k] = max(room, side * gradient[place]);
  }
}

function setBarrier(): void {
  barrier.fill(size, 0);
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    const by = 1 / distance[k];
    inverse[k] = by;
    barrier[place] = barrier[place] + pressure[k] * by;
  }
  for (let k = 0; k < size; k++) if (role[k] == BETWEEN) barrier[k] = -1 / barrier[k];
}

/** Remembers the present point, for `restore`. */
export function keep(): void {
  keptMixed.copy(mixed, size);
  keptPoint.copy(point, size);
  keptDistance.copy(distance, pairs);
  keptPressure.copy(pressure, pairs);
}

export function restore(): void {
  mixed.copy(keptMixed, size);
  point.copy(keptPoint, size);
  distance.copy(keptDistance, pairs);
  pressure.copy(keptPressure, pairs);
}

/** Mean product of the pairs, as `measure` found it. */
export let complementarity: f64 = 0;

/** Residuals of the present point into `gradient`, `image` and `distanceError`. */
export function measure(): void {
  multiply(mixed, image);
  for (let k = 0; k < size; k++) gradient[k] = isRow[k] ? -mixed[k] : image[k] + cost[k];
  let sum: f64 = 0;
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    const side = pairSide[k];
    gradient[place] = gradient[place] - side * pressure[k];
    distanceError[k] = side * (point[place] - pairBound[k]) - distance[k];
    sum += distance[k] * pressure[k];
  }
  complementarity = pairs > 0 ? sum / <f64>pairs : 0;
}

/** One predictor and corrector step from what `measure` found; the length of the step taken. */
export function advance(): f64 {
  setBarrier();
  factorise();
  for (let k = 0; k < pairs; k++) target[k] = -distance[k] * pressure[k];
  if (pairs == 0) {
    findStep(REFINEMENTS);
    move(1);
    return 1;
  }
  findStep(0);
  const reach = stepLength();
  let after: f64 = 0;
  for (let k = 0; k < pairs; k++) {
    after += (distance[k] + reach * distanceStep[k]) * (pressure[k] + reach * pressureStep[k]);
  }
  const ratio = min(1, after / <f64>pairs / complementarity);
  const aim = ratio * ratio * ratio * complementarity;
  for (let k = 0; k < pairs; k++) {
    target[k] = aim - distance[k] * pressure[k] - distanceStep[k] * pressureStep[k];
  }
  findStep(REFINEMENTS);
  const length = min(1, max(0.99, 1 - complementarity) * stepLength());
  move(length);
  return length;
}

/** Newton's step towards products changed by `target`. */
function findStep(refinements: i32): void {
  pressed.fill(size, 0);
  for (let k = 0; k < pairs; k++) {
    const place = pairPlace[k];
    pressed[place] =
      pressed[place] + pairSide[k] * (target[k] - pressure[k] * distanceError[k]) * inverse[k];
  }
  for (let k = 0; k < size; k++) {
    switch (role[k]) {
      case MOVING:
        right[k] = pressed[k] - gradient[k];
        break;
      case BETWEEN:
        right[k] = point[k] - image[k] - (pressed[k] - gradient[k]) * barrier[k];
        break;
      case EQUAL:
        right[k] = low[k] - image[k];
        break;
      default:
        right[k] = 0;
    }
  }
  solveRefined(right, mixedStep, refinements);
  for (let k = 0; k < size; k++) {
    if (role[k] == BETWEEN) pointStep[k] = -(pressed[k] - gradient[k] + mixedStep[k]) * barrier[k];
    else pointStep[k] = isRow[k] ? 0 : mixedStep[k];
  }
  for (let k = 0; k < pairs; k++) {
    const step = pairSide[k] * pointStep[pairPlace[k]] + distanceError[k];
    distanceStep[k] = step;
    pressureStep[k] = (target[k] - pressure[k] * step) * inverse[k];
  }
}

/** How far along the step every distance and pressure stays positive, 1 at most. */
function stepLength(): f64 {
  let fastest: f64 = 1;
  for (let k = 0; k < pairs; k++) {
    fastest = max(fastest, max(-distanceStep[k] * inverse[k], -pressureStep[k] / pressure[k]));
  }
  return 1 / fastest;
}

function move(length: f64): void {
  for (let k = 0; k < size; k++) {
    mixed[k] = mixed[k] + length * mixedStep[k];
    point[k] = point[k] + length * pointStep[k];
  }
  for (let k = 0; k < pairs; k++) {
    distance[k] = max(LEAST, distance[k] + length * distanceStep[k]);
    pressure[k] = max(LEAST, pressure[k] + length * pressureStep[k]);
  }
}
