import {
  canFeedBack, hasBattery, hasHeat, hasImportLimit, hasMeter, hasPeak, hasPv, hasVehicle,
} from './home';
import {
  BELOW_PEAK, CHARGE, CURTAILED, DISCHARGE, EV_CHARGE, EV_DISCHARGE, EV_STORED, FED, HEAT, IMPORT, INDOOR, LOADS_MAX,
  loadOf, loads, METER, STORED, USED,
} from './room';

/** Offsets in a block of the quantities that this home has: those with two bounds, and those with one below. */

const twoSided: usize = memory.data(4 * (10 + 16));
const below: usize = memory.data(4 * 5);
export let boundedCount: i32 = 0;
export let boundedBelowCount: i32 = 0;

@inline export function boundedAt(index: i32): usize {
  return <usize>load<u32>(twoSided + (<usize>index << 2));
}

@inline export function boundedBelowAt(index: i32): usize {
  return <usize>load<u32>(below + (<usize>index << 2));
}

export function listBounded(): void {
  boundedCount = 0;
  boundedBelowCount = 0;
  if (hasImportLimit) bound(IMPORT);
  else boundBelow(IMPORT);
  if (hasPeak) boundBelow(BELOW_PEAK);
  if (hasPv) {
    boundBelow(USED);
    boundBelow(CURTAILED);
    if (hasMeter) boundBelow(FED);
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
    bound(EV_CHARGE);
    bound(EV_STORED);
    if (canFeedBack) bound(EV_DISCHARGE);
  }
  for (let k = 0; k < min(loads, LOADS_MAX); k++) bound(loadOf(0, k));
}

function bound(offset: usize): void {
  store<u32>(twoSided + (<usize>boundedCount << 2), <u32>offset);
  boundedCount++;
}

function boundBelow(offset: usize): void {
  store<u32>(below + (<usize>boundedBelowCount << 2), <u32>offset);
  boundedBelowCount++;
}
