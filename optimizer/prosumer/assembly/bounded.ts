import {
  canFeedBack, hasBattery, hasHeat, hasImportLimit, hasMeter, hasPeak, hasPv, hasVehicle,
} from './home';
import {
  BELOW_PEAK, block, CHARGE, CURTAILED, DISCHARGE, EV_CHARGE, EV_DISCHARGE, EV_STORED, FED, HEAT, HERE, IMPORT, INDOOR,
  listOf, LOADS_HERE, LOADS_MAX, loadOf, loads, METER, PV_HERE, STORED, USED, VEHICLE_HERE,
} from './room';

/**
 * Offsets in a block of the quantities that this home has: those with two bounds, and those with one below. And for
 * each pair of slots those of them that can move there, since a vehicle is away by day and the sun by night.
 */

/** Each with the bits of HERE without which it cannot move; 0: it always can. */
const twoSided: usize = memory.data(8 * (10 + 16));
const oneSided: usize = memory.data(8 * 5);
export let boundedCount: i32 = 0;
export let boundedBelowCount: i32 = 0;

@inline export function boundedAt(index: i32): usize {
  return <usize>load<u32>(twoSided + (<usize>index << 3));
}

@inline export function boundedBelowAt(index: i32): usize {
  return <usize>load<u32>(oneSided + (<usize>index << 3));
}

export function listBounded(): void {
  boundedCount = 0;
  boundedBelowCount = 0;
  if (hasImportLimit) bound(IMPORT);
  else boundBelow(IMPORT);
  if (hasPeak) boundBelow(BELOW_PEAK);
  if (hasPv) {
    boundBelow(USED, PV_HERE);
    boundBelow(CURTAILED, PV_HERE);
    if (hasMeter) boundBelow(FED, PV_HERE);
  }
  if (hasMeter) bound(METER);
  if (hasHeat) {
    bound(HEAT);
    bound(INDOOR);
  }
  if (hasBattery) {
    bound(CHARGE);
    bound(DISCHARGE);
    bound(STORED);
  }
  if (hasVehicle) {
    bound(EV_CHARGE, VEHICLE_HERE);
    bound(EV_STORED);
    if (canFeedBack) bound(EV_DISCHARGE, VEHICLE_HERE);
  }
  for (let k = 0; k < min(loads, LOADS_MAX); k++) bound(loadOf(0, k), 1 << (LOADS_HERE + <u32>k));
}

function bound(offset: usize, needs: u32 = 0): void {
  store<u32>(twoSided + (<usize>boundedCount << 3), <u32>offset);
  store<u32>(twoSided + (<usize>boundedCount << 3), needs, 4);
  boundedCount++;
}

function boundBelow(offset: usize, needs: u32 = 0): void {
  store<u32>(oneSided + (<usize>boundedBelowCount << 3), <u32>offset);
  store<u32>(oneSided + (<usize>boundedBelowCount << 3), needs, 4);
  boundedBelowCount++;
}

/** After the slots have been started: counts of both kinds, and their offsets behind them. */
export function listHere(pair: i32): void {
  const here = load<u32>(block(pair) + HERE);
  const list = listOf(pair);
  const below = listKind(list + 8, here, twoSided, boundedCount);
  store<u32>(list, <u32>((below - list - 8) >> 2));
  const end = listKind(below, here, oneSided, boundedBelowCount);
  store<u32>(list, <u32>((end - below) >> 2), 4);
}

function listKind(to: usize, here: u32, from: usize, count: i32): usize {
  for (let i = 0; i < count; i++, from += 8) {
    const needs = load<u32>(from, 4);
    if (needs != 0 && (here & needs) == 0) continue;
    store<u32>(to, load<u32>(from));
    to += 4;
  }
  return to;
}
