/**
 * Where everything lies. A pair of neighbouring slots has one block, with all that the four sweeps of a step
 * touch there, so that each sweep walks through memory once; a slot has a stage, with what the elimination of
 * its devices leaves for the later sweeps. Rows hold what the host writes and reads, one number a slot.
 */

/** One quantity and its bounds: value, step, slope, curvature; own curvature about an aim; the two sides. */
export const X: usize = 0;
export const STEP: usize = 16;
export const SLOPE: usize = 32;
export const CURVE: usize = 48;
export const OWN: usize = 64;
export const AIM: usize = 80;
export const LINEAR: usize = 96;
export const LOW: usize = 112;
export const HIGH: usize = 192;
/** One side of a bound: distance, multiplier, 1 where there is such a bound, 1/distance or 0, turn. */
export const ROOM: usize = 0;
export const DUAL: usize = 16;
export const ON: usize = 32;
export const INVERSE: usize = 48;
export const TURN: usize = 64;
const QUANTITY: usize = 272;

/** Quantities of a block. */
export const IMPORT: usize = 0;
export const BELOW_PEAK: usize = QUANTITY;
export const USED: usize = 2 * QUANTITY;
export const FED: usize = 3 * QUANTITY;
export const CURTAILED: usize = 4 * QUANTITY;
export const METER: usize = 5 * QUANTITY;
export const HEAT: usize = 6 * QUANTITY;
export const INDOOR: usize = 7 * QUANTITY;
export const CHARGE: usize = 8 * QUANTITY;
export const DISCHARGE: usize = 9 * QUANTITY;
export const STORED: usize = 10 * QUANTITY;
export const EV_CHARGE: usize = 11 * QUANTITY;
export const EV_DISCHARGE: usize = 12 * QUANTITY;
export const EV_STORED: usize = 13 * QUANTITY;
/** Sold power needs no bounds: value, step and cost only. */
export const SOLD: usize = 14 * QUANTITY;
export const BASE: usize = SOLD + 112;
export const DRIFT: usize = BASE + 16;
export const DRIVEN: usize = BASE + 32;
/** What the balance and the meter's equation are off by. */
export const OFF_BALANCE: usize = BASE + 48;
export const OFF_METER: usize = BASE + 64;
/** Inverse curvatures of PV used and fed in, of import, and the peak's share in the latter. */
export const INVERSE_UU: usize = BASE + 80;
export const INVERSE_UF: usize = BASE + 96;
export const INVERSE_FF: usize = BASE + 112;
export const INVERSE_METER: usize = BASE + 128;
export const INVERSE_IMPORT: usize = BASE + 144;
export const PEAK_SHARE: usize = BASE + 160;
/** How the balance's price answers to demand, and to the balance alone. */
export const BALANCE_TO_DEMAND: usize = BASE + 176;
export const BALANCE_TO_BALANCE: usize = BASE + 192;
export const METER_TO_DEMAND: usize = BASE + 208;
export const BALANCE_TO_METER: usize = BASE + 224;
/** Of the energy price that the staged devices see: curvature in their demand, value, answer to the peak. */
export const PRICE_CURVE: usize = BASE + 240;
export const PRICE: usize = BASE + 256;
export const PRICE_TO_PEAK: usize = BASE + 272;
export const DAMPING: usize = BASE + 288;
export const BALANCE_PRICE: usize = BASE + 304;
/** The staged devices' demand in this step. */
export const DEMAND: usize = BASE + 320;
export const NEW_PRICE: usize = BASE + 336;
export const OFF_INDOOR: usize = BASE + 352;
export const OFF_STORED: usize = BASE + 368;
export const OFF_EV: usize = BASE + 384;
/** What is here, in bits: the vehicle in the first slot, in the second, PV in either, from the eighth on the loads. */
export const HERE: usize = BASE + 400;
export const PV_HERE: u32 = 4;
export const VEHICLE_HERE: u32 = 3;
export const LOADS_HERE: u32 = 8;
const BLOCK: usize = BASE + 416;
/** Behind the block's own fields, for each shiftable load: a quantity, and its inverse curvature. */
export const INVERSE_LOAD: usize = QUANTITY;
const LOAD: usize = QUANTITY + 16;

/**
 * A stage: for each of five controls, four gains, the inverse of its curvature, and what its own state's slope
 * keeps; behind them what the misfits pull, and what each right-hand side feeds to the controls.
 */
export const GAIN: usize = 48;
export const PULL: usize = 240;
export const FEED: usize = 264;
export const FEED_PAIR: usize = 304;
export const FEED_LOADS: usize = 384;
const STAGE: usize = 384;
const STAGE_LOADS: usize = 80;

/** Rows in and out. */
export const ROWS_IN: i32 = 20;
const ROWS_OUT: i32 = 20;
export const LOAD_ROWS_IN: i32 = 4;
export const LOADS_MAX: i32 = 16;
const SCALARS: i32 = 96;

export let slots: i32 = 0;
export let pairs: i32 = 0;
export let loads: i32 = 0;
export let blockBytes: usize = 0;
let stageBytes: usize = 0;
export let scalars: usize = 0;
let rows: usize = 0;
let blocks: usize = 0;
let stages: usize = 0;
let kept: usize = 0;
let lists: usize = 0;
let listBytes: usize = 0;

let exhausted: bool = false;

export function isMemoryExhausted(): bool {
  return exhausted;
}

/** Everything for a home of so many slots and shiftable loads; nothing is asked for later. */
export function makeRoom(slotCount: i32, loadCount: i32): void {
  slots = slotCount;
  pairs = (slotCount + 1) >> 1;
  loads = loadCount;
  blockBytes = BLOCK + <usize>loadCount * LOAD;
  stageBytes = STAGE + <usize>((loadCount + 1) >> 1) * STAGE_LOADS;
  let top: usize = (__heap_base + 15) & ~15;
  scalars = top;
  top += <usize>SCALARS * 8;
  rows = top;
  top += <usize>(ROWS_IN + ROWS_OUT + loadCount * (LOAD_ROWS_IN + 1)) * <usize>pairs * 16;
  blocks = top + blockBytes;
  top = blocks + <usize>pairs * blockBytes;
  kept = top;
  top += 2 * <usize>(KEPT_FIXED + loadCount) * KEPT * <usize>pairs;
  lists = top;
  listBytes = (<usize>(LIST_FIXED + loadCount) * 4 + 15) & ~15;
  top += <usize>pairs * listBytes;
  stages = top;
  top += <usize>(2 * pairs) * stageBytes;
  const have = <usize>memory.size() << 16;
  if (top > have && memory.grow(<i32>((top - have + 65535) >> 16)) < 0) {
    exhausted = true;
    unreachable();
  }
}

export function row(index: i32): usize {
  return rows + <usize>index * <usize>pairs * 16;
}

export function loadRow(load: i32, index: i32): usize {
  return row(ROWS_IN + ROWS_OUT + load * (LOAD_ROWS_IN + 1) + index);
}

/** Block -1 is there too: it holds the states before slot 0. */
@inline export function block(pair: i32): usize {
  return blocks + <usize>pair * blockBytes;
}

@inline export function loadOf(blockAt: usize, load: i32): usize {
  return blockAt + BLOCK + <usize>load * LOAD;
}

@inline export function stage(slot: i32): usize {
  return stages + <usize>slot * stageBytes;
}

/** Room to keep a point in: value and two sides for every quantity of a pair of slots. */
export const KEPT: usize = 80;
const KEPT_FIXED: i32 = 15;

/** Of two points. */
@inline export function keptOf(point: i32, pair: i32): usize {
  return kept + <usize>(point * pairs + pair) * <usize>(KEPT_FIXED + loads) * KEPT;
}

/** A pair's list of quantities that can move there (bounded.ts): two counts and 15 offsets, but for the loads. */
const LIST_FIXED: i32 = 17;

@inline export function listOf(pair: i32): usize {
  return lists + <usize>pair * listBytes;
}
