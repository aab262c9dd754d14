/** Which parts a home has, and its numbers that are the same in every slot. Money is scaled by the host. */

export let flags: i32 = 0;
export let hasImportLimit: bool = false;
export let hasPeak: bool = false;
export let hasPv: bool = false;
export let hasMeter: bool = false;
export let hasHeat: bool = false;
export let hasBattery: bool = false;
export let hasVehicle: bool = false;
export let canFeedBack: bool = false;
export let isPriced: bool = false;
export let hasIndoorEnd: bool = false;

export let importMax: f64 = 0;
export let peakPrice: f64 = 0;
export let peakMin: f64 = 0;
export let peakMax: f64 = 0;
export let penalty: f64 = 0;
export let heatMax: f64 = 0;
export let kept: f64 = 0;
export let gain: f64 = 0;
export let indoorMin: f64 = 0;
export let indoorMax: f64 = 0;
export let indoorFirst: f64 = 0;
export let discomfort: f64 = 0;
export let chargeMax: f64 = 0;
export let dischargeMax: f64 = 0;
/** kWh stored by one kW of charging over a slot, and taken by one kW of discharging. */
export let storedPerCharge: f64 = 0;
export let storedPerDischarge: f64 = 0;
export let storedFirst: f64 = 0;
export let storedMax: f64 = 0;
export let wear: f64 = 0;
export let evChargeMax: f64 = 0;
export let evDischargeMax: f64 = 0;
export let evPerCharge: f64 = 0;
export let evPerDischarge: f64 = 0;
export let evFirst: f64 = 0;
export let evMax: f64 = 0;
export let evWear: f64 = 0;
/** What heats must leave the house at least as warm, what cools at most. */
export let indoorEnd: f64 = 0;

/** In the order in which the host writes them (stage-rows.ts); place 1, the slot's length, is the host's own. */
export function readScalars(at: usize): void {
  flags = <i32>load<f64>(at);
  hasImportLimit = (flags & 1) != 0;
  hasPeak = (flags & 2) != 0;
  hasPv = (flags & 4) != 0;
  hasMeter = (flags & 8) != 0;
  hasHeat = (flags & 16) != 0;
  hasBattery = (flags & 32) != 0;
  hasVehicle = (flags & 64) != 0;
  canFeedBack = (flags & 128) != 0;
  isPriced = (flags & 256) != 0;
  hasIndoorEnd = (flags & 512) != 0;
  importMax = load<f64>(at, 16);
  peakPrice = load<f64>(at, 24);
  peakMin = load<f64>(at, 32);
  peakMax = load<f64>(at, 40);
  penalty = load<f64>(at, 48);
  heatMax = load<f64>(at, 56);
  kept = load<f64>(at, 64);
  gain = load<f64>(at, 72);
  indoorMin = load<f64>(at, 80);
  indoorMax = load<f64>(at, 88);
  indoorFirst = load<f64>(at, 96);
  discomfort = load<f64>(at, 104);
  chargeMax = load<f64>(at, 112);
  dischargeMax = load<f64>(at, 120);
  storedPerCharge = load<f64>(at, 128);
  storedPerDischarge = load<f64>(at, 136);
  storedFirst = load<f64>(at, 144);
  storedMax = load<f64>(at, 152);
  wear = load<f64>(at, 160);
  evChargeMax = load<f64>(at, 168);
  evDischargeMax = load<f64>(at, 176);
  evPerCharge = load<f64>(at, 184);
  evPerDischarge = load<f64>(at, 192);
  evFirst = load<f64>(at, 200);
  evMax = load<f64>(at, 208);
  evWear = load<f64>(at, 216);
  indoorEnd = load<f64>(at, 224);
}
