import { DriversError } from '../errors.ts';

/**
 * One home as it is given. Powers in kW, energies in kWh, temperatures in degrees Celsius; every series has as many
 * entries as `baseLoadKw`.
 */

export type BatterySpec = {
  readonly capacityKwh: number;
  readonly chargeKwMax: number;
  readonly dischargeKwMax: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  readonly initialKwh: number;
};

export type EvSpec = {
  readonly capacityKwh: number;
  readonly chargeKwMax: number;
  /** Below it the vehicle pauses (IEC 61851: 6 A). 0, the default, is a vehicle that follows any limit. */
  readonly chargeKwMin?: number;
  readonly chargeEfficiency: number;
  readonly initialKwh: number;
  /** By slot: not 0 where the vehicle is plugged in. */
  readonly present: ArrayLike<number>;
  /** By slot: what driving used, taken at the start of the slot in which the vehicle returns. */
  readonly drivenKwh: ArrayLike<number>;
};

export type HvacSpec = {
  readonly powerKwMax: number;
  readonly resistanceKPerKw: number;
  readonly capacitanceKwhPerK: number;
  /** Heat moved per electricity used. */
  readonly cop: number;
  readonly mode: 'heat' | 'cool';
  readonly indoorCInitial: number;
  /** What its own thermostat holds while nobody else controls it. */
  readonly preferredC: number;
};

export type HouseSpec = {
  readonly home: string;
  /** UTC of the start of slot 0. Before it the house stands still; after the last slot that one's values go on. */
  readonly startMs: number;
  readonly slotMs: number;
  readonly baseLoadKw: ArrayLike<number>;
  /** Available generation by slot; empty or zeros without PV. */
  readonly pvKw: ArrayLike<number>;
  readonly outdoorC: ArrayLike<number>;
  /** The inverter's rating; without it the greatest of `pvKw`. */
  readonly pvRatedKw?: number;
  readonly battery?: BatterySpec;
  readonly ev?: EvSpec;
  readonly hvac?: HvacSpec;
};

/** What a thermostat can be set to. */
export const thermostatCMin = 5;
export const thermostatCMax = 35;

/** Above this a device's watts do not fit its registers. */
const deviceKwMax = 50;
const slotsMax = 100_000;

/** Throws DRIVERS_BAD_REQUEST for a house that could not be; `details.field` says where. */
export function checkHouse(house: HouseSpec): void {
  const { battery, ev, hvac } = house;
  const slots = house.baseLoadKw.length;
  within('home.length', house.home.length, 1, 200);
  within('startMs', house.startMs, 0, Number.MAX_SAFE_INTEGER);
  within('slotMs', house.slotMs, 1, 86_400_000);
  within('baseLoadKw.length', slots, 1, slotsMax);
  series('baseLoadKw', house.baseLoadKw, deviceKwMax);
  if (house.pvKw.length > 0) series('pvKw', house.pvKw, deviceKwMax);
  series('outdoorC', house.outdoorC, 70, -60);
  if (house.pvRatedKw !== undefined) within('pvRatedKw', house.pvRatedKw, 0, deviceKwMax);
  if (battery) {
    within('battery.capacityKwh', battery.capacityKwh, 0.001, 600);
    within('battery.chargeKwMax', battery.chargeKwMax, 0.001, deviceKwMax);
    within('battery.dischargeKwMax', battery.dischargeKwMax, 0.001, deviceKwMax);
    within('battery.chargeEfficiency', battery.chargeEfficiency, 0.01, 1);
    within('battery.dischargeEfficiency', battery.dischargeEfficiency, 0.01, 1);
    within('battery.initialKwh', battery.initialKwh, 0, battery.capacityKwh);
  }
  if (ev) {
    within('ev.capacityKwh', ev.capacityKwh, 0.001, 1_000);
    within('ev.chargeKwMax', ev.chargeKwMax, 0.001, deviceKwMax);
    within('ev.chargeKwMin', ev.chargeKwMin ?? 0, 0, ev.chargeKwMax);
    within('ev.chargeEfficiency', ev.chargeEfficiency, 0.01, 1);
    within('ev.initialKwh', ev.initialKwh, 0, ev.capacityKwh);
    series('ev.present', ev.present, 1);
    series('ev.drivenKwh', ev.drivenKwh, 1_000);
  }
  if (hvac) {
    within('hvac.powerKwMax', hvac.powerKwMax, 0.001, deviceKwMax);
    within('hvac.resistanceKPerKw', hvac.resistanceKPerKw, 1e-6, 1e6);
    within('hvac.capacitanceKwhPerK', hvac.capacitanceKwhPerK, 1e-6, 1e6);
    within('hvac.cop', hvac.cop, 0.01, 100);
    within('hvac.indoorCInitial', hvac.indoorCInitial, -30, 60);
    within('hvac.preferredC', hvac.preferredC, thermostatCMin, thermostatCMax);
  }

  function series(field: string, values: ArrayLike<number>, max: number, min = 0): void {
    within(`${field}.length`, values.length, slots, slots);
    for (let slot = 0; slot < slots; slot += 1) within(`${field}.${slot}`, values[slot]!, min, max);
  }

  function within(field: string, value: number, min: number, max: number): void {
    if (value >= min && value <= max) return;
    const details = { home: String(house.home).slice(0, 200), field, value };
    throw new DriversError('DRIVERS_BAD_REQUEST', `${field} is ${value}, not ${min} to ${max}`, details);
  }
}

/** The inverter's rating; 0 where the home has none. */
export function pvRatedKwOf({ pvRatedKw, pvKw }: HouseSpec): number {
  return pvRatedKw ?? Math.max(0, ...Array.from(pvKw));
}
