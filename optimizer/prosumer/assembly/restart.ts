import { boundedAt, boundedBelowAt, boundedBelowCount, boundedCount } from './bounded';
import { keepPeak, resumePeak } from './border';
import { flags, hasMeter, hasPeak, hasPv, isPriced } from './home';
import { add, both, get, mul, put, sub, sum } from './lanes';
import {
  BELOW_PEAK, block, CURTAILED, DUAL, FED, HIGH, IMPORT, KEPT, keptOf, LOW, ON, pairs, ROOM, SOLD, USED, X,
} from './room';

/**
 * Two points of one solve, kept to begin the next one of the same home from: a late one, near enough to spare half of
 * the way where only the terms of trade have changed, and an early one, far enough from every bound to turn where new
 * prices or forecasts lead. Where a bound has come too near the
 * point, that quantity begins as in a cold start.
 */

/** Share of the kept distance from a bound that must be left. */
const LEFT: f64 = 0.1;

export const EARLY: i32 = 0;
export const LATE: i32 = 1;

let isEarlyKept: bool = false;
let isLateKept: bool = false;
let keptFlags: i32 = 0;

/** @returns the point to begin from: the one that is asked for or the early one, or -1. Parts must be the same. */
export function pointFor(asked: i32): i32 {
  if (asked < 0 || keptFlags != flags) return -1;
  if (asked == LATE && isLateKept) return LATE;
  return isEarlyKept ? EARLY : -1;
}

export function forget(): void {
  isEarlyKept = false;
  isLateKept = false;
}

export function keep(point: i32): void {
  for (let i = 0; i < pairs; i++) {
    const p = block(i);
    let to = keptOf(point, i);
    for (let j = 0; j < boundedCount; j++, to += KEPT) keepQuantity(p + boundedAt(j), to);
    for (let j = 0; j < boundedBelowCount; j++, to += KEPT) keepQuantity(p + boundedBelowAt(j), to);
    put(to, 0, get(p + SOLD, X));
  }
  keepPeak(point);
  keptFlags = flags;
  if (point == LATE) isLateKept = true;
  else isEarlyKept = true;
}

@inline function keepQuantity(q: usize, to: usize): void {
  put(to, 0, get(q, X));
  put(to, 16, get(q + LOW, ROOM));
  put(to, 32, get(q + LOW, DUAL));
  put(to, 48, get(q + HIGH, ROOM));
  put(to, 64, get(q + HIGH, DUAL));
}

/** After a cold start of the new problem. @returns the complementarity summed over all pairs. */
export function resume(point: i32): f64 {
  let gap = both(0);
  let peakAt: f64 = 0;
  if (hasPeak) peakAt = resumePeak(point);
  for (let i = 0; i < pairs; i++) {
    const p = block(i);
    let from = keptOf(point, i);
    for (let j = 0; j < boundedCount; j++, from += KEPT) {
      const q = p + boundedAt(j);
      gap = add(gap, resumeBetween(q, from));
    }
    let ofImport: usize = 0, ofPeak: usize = 0, ofUsed: usize = 0, ofCurtailed: usize = 0, ofFed: usize = 0;
    for (let j = 0; j < boundedBelowCount; j++, from += KEPT) {
      const offset = boundedBelowAt(j);
      if (offset == IMPORT) ofImport = from;
      else if (offset == BELOW_PEAK) ofPeak = from;
      else if (offset == USED) ofUsed = from;
      else if (offset == CURTAILED) ofCurtailed = from;
      else ofFed = from;
    }
    if (ofImport) gap = add(gap, resumeAbove(p + IMPORT, ofImport, get(ofImport, 0), isThere(p + IMPORT, ofImport)));
    if (ofPeak) {
      const distance = sub(both(peakAt), get(p + IMPORT, X));
      gap = add(gap, resumeAbove(p + BELOW_PEAK, ofPeak, distance, isFar(p + BELOW_PEAK, ofPeak, distance)));
    }
    if (hasPv) {
      // What is available now, less what was used and fed in.
      const used = p + USED, fed = p + FED, curtailed = p + CURTAILED;
      let distance = sub(add(get(used, X), get(curtailed, X)), get(ofUsed, 0));
      if (hasMeter) distance = add(distance, sub(get(fed, X), get(ofFed, 0)));
      let fits = v128.and(isFar(curtailed, ofCurtailed, distance), isThere(used, ofUsed));
      if (hasMeter) fits = v128.and(fits, isThere(fed, ofFed));
      gap = add(gap, resumeAbove(used, ofUsed, get(ofUsed, 0), fits));
      gap = add(gap, resumeAbove(curtailed, ofCurtailed, distance, fits));
      if (hasMeter) gap = add(gap, resumeAbove(fed, ofFed, get(ofFed, 0), fits));
    }
    if (isPriced) put(p + SOLD, X, get(from, 0));
  }
  return sum(gap);
}

/** A quantity with bounds that stand still, or have moved. */
function resumeBetween(q: usize, from: usize): v128 {
  const at = get(from, 0);
  const move = sub(at, get(q, X));
  const low = v128.bitselect(add(get(q + LOW, ROOM), move), both(1), isOn(q + LOW));
  const high = v128.bitselect(sub(get(q + HIGH, ROOM), move), both(1), isOn(q + HIGH));
  const fits = v128.and(
    v128.and(isLeft(low, get(from, 16)), isLeft(high, get(from, 48))),
    v128.and(isSame(q + LOW, get(from, 32)), isSame(q + HIGH, get(from, 64))),
  );
  put(q, X, v128.bitselect(at, get(q, X), fits));
  return add(
    takeSide(q + LOW, low, get(from, 32), fits),
    takeSide(q + HIGH, high, get(from, 64), fits),
  );
}

/** A quantity that is bounded below only, at `at` where it fits. */
function resumeAbove(q: usize, from: usize, at: v128, fits: v128): v128 {
  const on = v128.and(fits, isOn(q + LOW));
  put(q, X, v128.bitselect(at, get(q, X), on));
  return takeSide(q + LOW, at, get(from, 32), on);
}

@inline function takeSide(side: usize, room: v128, dual: v128, fits: v128): v128 {
  const newRoom = v128.bitselect(room, get(side, ROOM), fits);
  const newDual = v128.bitselect(dual, get(side, DUAL), fits);
  put(side, ROOM, newRoom);
  put(side, DUAL, newDual);
  return mul(newRoom, newDual);
}

@inline function isOn(side: usize): v128 {
  return f64x2.gt(get(side, ON), both(0.5));
}

@inline function isLeft(room: v128, before: v128): v128 {
  return f64x2.ge(room, mul(both(LEFT), before));
}

/** Bounded now as it was then. */
@inline function isSame(side: usize, dual: v128): v128 {
  return v128.not(v128.xor(f64x2.gt(dual, both(0)), isOn(side)));
}

@inline function isThere(q: usize, from: usize): v128 {
  return v128.and(isOn(q + LOW), f64x2.gt(get(from, 32), both(0)));
}

@inline function isFar(q: usize, from: usize, distance: v128): v128 {
  return v128.and(isThere(q, from), isLeft(distance, get(from, 16)));
}
