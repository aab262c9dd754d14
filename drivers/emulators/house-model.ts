/**
 * The physics of one home, pure: what flows where, given what the devices were told. Powers in kW, energies in
 * kWh, temperatures in degrees Celsius; all powers >= 0 unless the name says `net`.
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
  /** UTC of the start of slot 0. After the last slot the curves begin anew. */
  readonly startMs: number;
  readonly slotMs: number;
  readonly baseLoadKw: ArrayLike<number>;
  /** Available generation by slot. Empty without PV. */
  readonly pvKw: ArrayLike<number>;
  readonly outdoorC: ArrayLike<number>;
  /** The inverter's rating; without it the greatest of `pvKw`. */
  readonly pvRatedKw?: number;
  readonly battery?: BatterySpec;
  readonly ev?: EvSpec;
  readonly hvac?: HvacSpec;
};

/** What surrounds the house and what its devices were told: constant over one step. */
export type HouseInputs = {
  readonly baseLoadKw: number;
  readonly pvAvailableKw: number;
  readonly pvLimitKw: number;
  readonly outdoorC: number;
  /** Positive charges, negative discharges. */
  readonly batteryNetChargeKw: number;
  readonly evPresent: boolean;
  readonly evLimitKw: number;
  /** 'thermostat': the unit decides by itself. */
  readonly hvacKw: number | 'thermostat';
  readonly thermostatC: number;
};

export type HouseFlows = {
  readonly baseLoadKw: number;
  readonly pvKw: number;
  readonly batteryChargeKw: number;
  readonly batteryDischargeKw: number;
  readonly evChargeKw: number;
  readonly hvacKw: number;
  /** At the meter, positive into the home: the sum of all others. */
  readonly netImportKw: number;
};

/** Energy since the emulation began. */
type HouseCounters = {
  readonly importKwh: number;
  readonly exportKwh: number;
  readonly baseLoadKwh: number;
  readonly pvKwh: number;
  readonly batteryChargedKwh: number;
  readonly batteryDischargedKwh: number;
  readonly evChargedKwh: number;
  readonly hvacKwh: number;
};

export type HouseState = {
  readonly batteryKwh: number;
  readonly evKwh: number;
  readonly indoorC: number;
  readonly counters: HouseCounters;
};

export function initialHouse(spec: HouseSpec): HouseState {
  return {
    batteryKwh: spec.battery?.initialKwh ?? 0,
    evKwh: spec.ev?.initialKwh ?? 0,
    indoorC: spec.hvac?.indoorCInitial ?? 20,
    counters: {
      importKwh: 0,
      exportKwh: 0,
      baseLoadKwh: 0,
      pvKwh: 0,
      batteryChargedKwh: 0,
      batteryDischargedKwh: 0,
      evChargedKwh: 0,
      hvacKwh: 0,
    },
  };
}

/**
 * The house `dtSeconds` later. Flows are the means over the step: a battery that fills up within it is
 * given what fits, so that energy is conserved to rounding whatever the step.
 */
export function stepHouse(
  spec: HouseSpec,
  state: HouseState,
  inputs: HouseInputs,
  dtSeconds: number,
): { readonly state: HouseState; readonly flows: HouseFlows } {
  const hours = dtSeconds / 3_600;
  const flows = flowsOf(spec, state, inputs, dtSeconds);
  const { counters } = state;
  const { battery, ev } = spec;
  const batteryKwh = battery
    ? state.batteryKwh +
      flows.batteryChargeKw * battery.chargeEfficiency * hours -
      (flows.batteryDischargeKw / battery.dischargeEfficiency) * hours
    : 0;
  const evKwh = ev ? state.evKwh + flows.evChargeKw * ev.chargeEfficiency * hours : 0;
  return {
    flows,
    state: {
      batteryKwh: within(batteryKwh, 0, battery?.capacityKwh ?? 0),
      evKwh: within(evKwh, 0, ev?.capacityKwh ?? 0),
      indoorC: indoorAfter(spec.hvac, state.indoorC, inputs.outdoorC, flows.hvacKw, hours),
      counters: {
        importKwh: counters.importKwh + Math.max(0, flows.netImportKw) * hours,
        exportKwh: counters.exportKwh + Math.max(0, -flows.netImportKw) * hours,
        baseLoadKwh: counters.baseLoadKwh + flows.baseLoadKw * hours,
        pvKwh: counters.pvKwh + flows.pvKw * hours,
        batteryChargedKwh: counters.batteryChargedKwh + flows.batteryChargeKw * hours,
        batteryDischargedKwh: counters.batteryDischargedKwh + flows.batteryDischargeKw * hours,
        evChargedKwh: counters.evChargedKwh + flows.evChargeKw * hours,
        hvacKwh: counters.hvacKwh + flows.hvacKw * hours,
      },
    },
  };
}

/** What flows, as a mean over the next `dtSeconds`; with a second or so, what a meter shows now. */
export function flowsOf(
  spec: HouseSpec,
  state: HouseState,
  inputs: HouseInputs,
  dtSeconds: number,
): HouseFlows {
  const hours = dtSeconds / 3_600;
  const pvKw = within(inputs.pvAvailableKw, 0, Math.max(0, inputs.pvLimitKw));
  const wantedKw = inputs.batteryNetChargeKw;
  const batteryChargeKw = spec.battery ? chargeOf(spec.battery, state.batteryKwh, wantedKw, hours) : 0;
  const batteryDischargeKw = spec.battery ? dischargeOf(spec.battery, state.batteryKwh, -wantedKw, hours) : 0;
  const evChargeKw = spec.ev ? evChargeOf(spec.ev, state.evKwh, inputs, hours) : 0;
  const hvacKw = spec.hvac ? hvacPowerOf(spec.hvac, state.indoorC, inputs) : 0;
  const { baseLoadKw } = inputs;
  const netImportKw = baseLoadKw + hvacKw + evChargeKw + batteryChargeKw - batteryDischargeKw - pvKw;
  return { baseLoadKw, pvKw, batteryChargeKw, batteryDischargeKw, evChargeKw, hvacKw, netImportKw };
}

/** A vehicle that comes back has used what it drove; it cannot have used more than it had. */
export function returnFromDrive(state: HouseState, drivenKwh: number): HouseState {
  return { ...state, evKwh: Math.max(0, state.evKwh - drivenKwh) };
}

function chargeOf(battery: BatterySpec, storedKwh: number, wantedKw: number, hours: number): number {
  const room = Math.max(0, battery.capacityKwh - storedKwh) / (battery.chargeEfficiency * hours);
  return Math.min(within(wantedKw, 0, battery.chargeKwMax), room);
}

function dischargeOf(battery: BatterySpec, storedKwh: number, wantedKw: number, hours: number): number {
  const left = (storedKwh * battery.dischargeEfficiency) / hours;
  return Math.min(within(wantedKw, 0, battery.dischargeKwMax), left);
}

function evChargeOf(ev: EvSpec, storedKwh: number, inputs: HouseInputs, hours: number): number {
  if (!inputs.evPresent || inputs.evLimitKw < (ev.chargeKwMin ?? 0)) return 0;
  const room = Math.max(0, ev.capacityKwh - storedKwh) / (ev.chargeEfficiency * hours);
  return Math.min(within(inputs.evLimitKw, 0, ev.chargeKwMax), room);
}

/** The time in which a thermostat of its own makes for the wanted temperature. */
const thermostatHours = 0.25;

function hvacPowerOf(hvac: HvacSpec, indoorC: number, inputs: HouseInputs): number {
  if (inputs.hvacKw !== 'thermostat') return within(inputs.hvacKw, 0, hvac.powerKwMax);
  const keeps = Math.exp(-thermostatHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  const idleC = inputs.outdoorC + (indoorC - inputs.outdoorC) * keeps;
  const perKw = signOf(hvac) * hvac.resistanceKPerKw * hvac.cop * (1 - keeps);
  return within((inputs.thermostatC - idleC) / perKw, 0, hvac.powerKwMax);
}

/**
 * One resistance, one capacitance, heat from the unit: C dT/dt = (tOut - T) / R +- COP P, solved exactly over
 * the step: T' = T + (tOut - T)(1 - a) +- R COP P (1 - a), a = exp(-dt / (R C)).
 */
function indoorAfter(
  hvac: HvacSpec | undefined,
  indoorC: number,
  outdoorC: number,
  powerKw: number,
  hours: number,
): number {
  if (!hvac) return indoorC;
  const gives = -Math.expm1(-hours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  return indoorC + (outdoorC - indoorC + signOf(hvac) * hvac.resistanceKPerKw * hvac.cop * powerKw) * gives;
}

function signOf(hvac: HvacSpec): 1 | -1 {
  return hvac.mode === 'heat' ? 1 : -1;
}

function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
