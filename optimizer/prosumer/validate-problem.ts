import { OptimizerError } from '../errors.ts';
import type { Battery, DemandResponse, ElectricVehicle, HomeProblem, Hvac, ShiftableLoad } from './types.ts';

/** More slots than a fortnight of five-minute slots is taken for a mistake. */
const SLOTS_MAX = 4032;

/** A store that holds less is none and is to be left out: what a kWh in it would be worth has no answer. */
const CAPACITY_KWH_MIN = 1e-6;

/**
 * Refuses a home's problem that makes no sense, naming the field and, in a series, the slot.
 *
 * @throws OptimizerError OPTIMIZER_BAD_LENGTH, OPTIMIZER_NOT_FINITE, OPTIMIZER_OUT_OF_RANGE or
 *   OPTIMIZER_CROSSED_BOUNDS.
 */
export function validateProblem(problem: HomeProblem): void {
  const { slots } = problem;
  integer('slots', slots, 1, SLOTS_MAX);
  number('slotHours', problem.slotHours, 1 / 3600, 24);
  series('importPricePerKwh', problem.importPricePerKwh, slots);
  series('feedInPricePerKwh', problem.feedInPricePerKwh, slots);
  number('importKwMax', problem.importKwMax, 0);
  series('baseLoadKw', problem.baseLoadKw, slots, 0);
  if (problem.pvKw) series('pvKw', problem.pvKw, slots, 0);
  if (problem.demandCharge) {
    number('demandCharge.pricePerKw', problem.demandCharge.pricePerKw, 0);
    number('demandCharge.meteredPeakKw', problem.demandCharge.meteredPeakKw, 0);
  }
  if (problem.battery) validateBattery(problem.battery);
  if (problem.ev) validateVehicle(problem.ev, slots);
  if (problem.hvac) validateHvac(problem.hvac, slots);
  problem.shiftableLoads?.forEach((load, k) => {
    validateShiftable(`shiftableLoads[${k}]`, load, slots);
  });
  if (problem.demandResponse) validateDemandResponse(problem.demandResponse, slots);
  validateMeterLimits(problem);
  validateTrade(problem);
}

function validateBattery(battery: Battery): void {
  capacity('battery.capacityKwh', battery.capacityKwh);
  number('battery.energyKwhMin', battery.energyKwhMin, 0, battery.capacityKwh);
  number('battery.chargeKwMax', battery.chargeKwMax, 0);
  number('battery.dischargeKwMax', battery.dischargeKwMax, 0);
  efficiency('battery.chargeEfficiency', battery.chargeEfficiency);
  efficiency('battery.dischargeEfficiency', battery.dischargeEfficiency);
  number('battery.initialKwh', battery.initialKwh, 0, battery.capacityKwh);
  if (battery.finalKwhMin !== undefined) {
    number('battery.finalKwhMin', battery.finalKwhMin, 0, battery.capacityKwh);
  }
  number('battery.wearPerKwh', battery.wearPerKwh, 0);
}

function validateVehicle(ev: ElectricVehicle, slots: number): void {
  capacity('ev.capacityKwh', ev.capacityKwh);
  number('ev.chargeKwMax', ev.chargeKwMax, 0);
  number('ev.dischargeKwMax', ev.dischargeKwMax, 0);
  efficiency('ev.chargeEfficiency', ev.chargeEfficiency);
  efficiency('ev.dischargeEfficiency', ev.dischargeEfficiency);
  number('ev.initialKwh', ev.initialKwh, 0, ev.capacityKwh);
  series('ev.present', ev.present, slots, 0, 1);
  series('ev.energyKwhMin', ev.energyKwhMin, slots, 0, ev.capacityKwh);
  series('ev.drivenKwh', ev.drivenKwh, slots, 0);
  number('ev.wearPerKwh', ev.wearPerKwh, 0);
}

function validateHvac(hvac: Hvac, slots: number): void {
  number('hvac.powerKwMax', hvac.powerKwMax, 0);
  positive('hvac.resistanceKPerKw', hvac.resistanceKPerKw);
  positive('hvac.capacitanceKwhPerK', hvac.capacitanceKwhPerK);
  number('hvac.gainKPerKw', hvac.gainKPerKw);
  series('hvac.outdoorC', hvac.outdoorC, slots);
  number('hvac.preferredC', hvac.preferredC);
  number('hvac.indoorCMin', hvac.indoorCMin);
  number('hvac.indoorCMax', hvac.indoorCMax);
  if (hvac.indoorCMin > hvac.indoorCMax) crossed('hvac.indoorCMin', hvac.indoorCMin, hvac.indoorCMax);
  if (hvac.finalIndoorC !== undefined) number('hvac.finalIndoorC', hvac.finalIndoorC);
  number('hvac.indoorCInitial', hvac.indoorCInitial);
  number('hvac.powerKwInitial', hvac.powerKwInitial, 0);
  number('hvac.discomfortPerK2h', hvac.discomfortPerK2h, 0);
}

function validateShiftable(field: string, load: ShiftableLoad, slots: number): void {
  integer(`${field}.fromSlot`, load.fromSlot, 0, slots);
  integer(`${field}.toSlot`, load.toSlot, load.fromSlot, slots);
  number(`${field}.powerKwMax`, load.powerKwMax, 0);
  series(`${field}.preferredKw`, load.preferredKw, slots, 0);
  number(`${field}.discomfortPerKw2h`, load.discomfortPerKw2h, 0);
}

function validateDemandResponse(response: DemandResponse, slots: number): void {
  series('demandResponse.rewardPerKwh', response.rewardPerKwh, slots, 0);
  if (response.form === 'opt-in') series('demandResponse.baselineKw', response.baselineKw, slots, 0);
}

/** The operator's limits may be infinite: no limit in that slot. */
function validateMeterLimits({ slots, netImportKwMin, netImportKwMax }: HomeProblem): void {
  if (netImportKwMin) length('netImportKwMin', netImportKwMin, slots);
  if (netImportKwMax) length('netImportKwMax', netImportKwMax, slots);
  for (let t = 0; t < slots; t += 1) {
    const lower = netImportKwMin?.[t] ?? -Infinity;
    const upper = netImportKwMax?.[t] ?? Infinity;
    if (Number.isNaN(lower) || lower === Infinity) notFinite('netImportKwMin', lower, t);
    if (Number.isNaN(upper) || upper === -Infinity) notFinite('netImportKwMax', upper, t);
    if (lower > upper) crossed('netImportKwMin', lower, upper, t);
  }
}

/** The part of the problem that changes between trading rounds. @throws OptimizerError as validateProblem. */
export function validateTrade({ trade, slots }: Pick<HomeProblem, 'trade' | 'slots'>): void {
  if (trade.kind === 'fixed') series('trade.soldKw', trade.soldKw, slots);
  if (trade.kind === 'priced') {
    series('trade.pricePerKwh', trade.pricePerKwh, slots);
    number('trade.penaltyPerKwhPerKw', trade.penaltyPerKwhPerKw, 0);
    series('trade.targetSoldKw', trade.targetSoldKw, slots);
  }
}

function series(field: string, values: ArrayLike<number>, slots: number, min?: number, max?: number): void {
  length(field, values, slots);
  for (let t = 0; t < slots; t += 1) number(field, values[t]!, min, max, t);
}

function length(field: string, values: ArrayLike<number>, slots: number): void {
  if (values.length !== slots) {
    throw new OptimizerError(
      'OPTIMIZER_BAD_LENGTH',
      `${field} has ${values.length} entries for ${slots} slots`,
      { field, length: values.length, slots },
    );
  }
}

function number(field: string, value: number, min = -Infinity, max = Infinity, slot?: number): void {
  if (!Number.isFinite(value)) notFinite(field, value, slot);
  if (value < min || value > max) {
    throw new OptimizerError(
      'OPTIMIZER_OUT_OF_RANGE',
      `${place(field, slot)} is ${value}, ${max === Infinity ? `less than ${min}` : `outside [${min}, ${max}]`}`,
      { field, value, min, max, ...at(slot) },
    );
  }
}

function positive(field: string, value: number): void {
  number(field, value, Number.MIN_VALUE);
}

function capacity(field: string, value: number): void {
  number(field, value, 0);
  if (value < CAPACITY_KWH_MIN) {
    throw new OptimizerError(
      'OPTIMIZER_OUT_OF_RANGE',
      `${field} is ${value}: a store that holds nothing is to be left out`,
      { field, value, min: CAPACITY_KWH_MIN },
    );
  }
}

function efficiency(field: string, value: number): void {
  number(field, value, Number.EPSILON, 1);
}

function integer(field: string, value: number, min: number, max: number): void {
  number(field, value, min, max);
  if (!Number.isInteger(value)) {
    throw new OptimizerError('OPTIMIZER_OUT_OF_RANGE', `${field} is ${value}, not an integer`, {
      field,
      value,
    });
  }
}

function notFinite(field: string, value: number, slot?: number): never {
  throw new OptimizerError('OPTIMIZER_NOT_FINITE', `${place(field, slot)} is ${value}`, {
    field,
    ...at(slot),
  });
}

function crossed(field: string, lower: number, upper: number, slot?: number): never {
  throw new OptimizerError(
    'OPTIMIZER_CROSSED_BOUNDS',
    `${place(field, slot)} is ${lower}, above its upper partner ${upper}`,
    { field, lower, upper, ...at(slot) },
  );
}

function place(field: string, slot: number | undefined): string {
  return slot === undefined ? field : `${field}[${slot}]`;
}

function at(slot: number | undefined): Record<string, number> {
  return slot === undefined ? {} : { slot };
}
