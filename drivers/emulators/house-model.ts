import type { BatterySpec, EvSpec, HouseSpec, HvacSpec } from './house-spec.ts';

/**
 * The physics of one home, pure: what flows where, given what the devices were told. Powers in kW, energies in
 * kWh, temperatures in degrees Celsius; all powers >= 0 unless the name says `net`.
 */

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

/** A battery full or empty, a vehicle full, a thermostat reached: each at most once while inputs hold. */
const segmentsMax = 4;
const kwhSlack = 1e-12;
const kelvinSlack = 1e-9;

/**
 * The house `dtSeconds` later, exactly, however long that is: between events powers are constant and the indoor
 * temperature is an exponential, so two steps are the same as one over both.
 */
export function stepHouse(
  spec: HouseSpec,
  state: HouseState,
  inputs: HouseInputs,
  dtSeconds: number,
): HouseState {
  let now = state;
  let leftHours = dtSeconds / 3_600;
  for (let segment = 1; leftHours > 0 && segment <= segmentsMax; segment += 1) {
    const flows = flowsOf(spec, now, inputs);
    const untilEvent = segment === segmentsMax ? leftHours : hoursToEvent(spec, now, inputs, flows);
    const segmentHours = Math.min(leftHours, untilEvent);
    now = moved(spec, now, inputs, flows, segmentHours);
    leftHours -= segmentHours;
  }
  return now;
}

/** What flows at this instant. The meter's is the sum of all others. */
export function flowsOf(spec: HouseSpec, state: HouseState, inputs: HouseInputs): HouseFlows {
  const pvKw = within(inputs.pvAvailableKw, 0, Math.max(0, inputs.pvLimitKw));
  const { batteryChargeKw, batteryDischargeKw } = batteryFlows(spec.battery, state, inputs);
  const evChargeKw = evChargeOf(spec.ev, state, inputs);
  const hvacKw = spec.hvac ? hvacPowerOf(spec.hvac, state.indoorC, inputs) : 0;
  const { baseLoadKw } = inputs;
  const netImportKw = baseLoadKw + hvacKw + evChargeKw + batteryChargeKw - batteryDischargeKw - pvKw;
  return { baseLoadKw, pvKw, batteryChargeKw, batteryDischargeKw, evChargeKw, hvacKw, netImportKw };
}

function batteryFlows(battery: BatterySpec | undefined, state: HouseState, inputs: HouseInputs) {
  if (!battery) return { batteryChargeKw: 0, batteryDischargeKw: 0 };
  const full = state.batteryKwh >= battery.capacityKwh - kwhSlack;
  const empty = state.batteryKwh <= kwhSlack;
  const wantedKw = inputs.batteryNetChargeKw;
  return {
    batteryChargeKw: full ? 0 : within(wantedKw, 0, battery.chargeKwMax),
    batteryDischargeKw: empty ? 0 : within(-wantedKw, 0, battery.dischargeKwMax),
  };
}

function evChargeOf(ev: EvSpec | undefined, state: HouseState, inputs: HouseInputs): number {
  if (!ev || !inputs.evPresent || inputs.evLimitKw < (ev.chargeKwMin ?? 0)) return 0;
  return state.evKwh >= ev.capacityKwh - kwhSlack ? 0 : within(inputs.evLimitKw, 0, ev.chargeKwMax);
}

/** The thermostat of a compressor that modulates: full power until it is reached, then what holds it. */
function hvacPowerOf(hvac: HvacSpec, indoorC: number, inputs: HouseInputs): number {
  if (inputs.hvacKw !== 'thermostat') return within(inputs.hvacKw, 0, hvac.powerKwMax);
  const lackingK = signOf(hvac) * (inputs.thermostatC - indoorC);
  if (lackingK > kelvinSlack) return hvac.powerKwMax;
  if (lackingK < -kelvinSlack) return 0;
  const lossKw = (signOf(hvac) * (inputs.thermostatC - inputs.outdoorC)) / hvac.resistanceKPerKw;
  return within(lossKw / hvac.cop, 0, hvac.powerKwMax);
}

function hoursToEvent(spec: HouseSpec, state: HouseState, inputs: HouseInputs, flows: HouseFlows): number {
  const { battery, ev, hvac } = spec;
  const events: number[] = [];
  if (battery && flows.batteryChargeKw > 0) {
    const roomKwh = battery.capacityKwh - state.batteryKwh;
    events.push(roomKwh / (flows.batteryChargeKw * battery.chargeEfficiency));
  }
  if (battery && flows.batteryDischargeKw > 0)
    events.push((state.batteryKwh * battery.dischargeEfficiency) / flows.batteryDischargeKw);
  if (ev && flows.evChargeKw > 0)
    events.push((ev.capacityKwh - state.evKwh) / (flows.evChargeKw * ev.chargeEfficiency));
  if (hvac && inputs.hvacKw === 'thermostat') {
    const settlesC = settlesAt(hvac, inputs.outdoorC, flows.hvacKw);
    const keeps = (inputs.thermostatC - settlesC) / (state.indoorC - settlesC);
    const reached = Math.abs(inputs.thermostatC - state.indoorC) <= kelvinSlack;
    if (!reached && keeps > 0 && keeps < 1)
      events.push(-hvac.resistanceKPerKw * hvac.capacitanceKwhPerK * Math.log(keeps));
  }
  return Math.min(Number.POSITIVE_INFINITY, ...events);
}

/** The house after `hours` in which these flows do not change. */
function moved(
  spec: HouseSpec,
  state: HouseState,
  inputs: HouseInputs,
  flows: HouseFlows,
  hours: number,
): HouseState {
  const { counters } = state;
  const { battery, ev, hvac } = spec;
  const batteryKwh = battery
    ? state.batteryKwh +
      flows.batteryChargeKw * battery.chargeEfficiency * hours -
      (flows.batteryDischargeKw / battery.dischargeEfficiency) * hours
    : 0;
  const evKwh = ev ? state.evKwh + flows.evChargeKw * ev.chargeEfficiency * hours : 0;
  return {
    batteryKwh: within(batteryKwh, 0, battery?.capacityKwh ?? 0),
    evKwh: within(evKwh, 0, ev?.capacityKwh ?? 0),
    indoorC: hvac ? indoorAfter(hvac, state.indoorC, inputs.outdoorC, flows.hvacKw, hours) : state.indoorC,
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
  };
}

/** A vehicle that comes back has used what it drove; it cannot have used more than it had. */
export function returnFromDrive(state: HouseState, drivenKwh: number): HouseState {
  return { ...state, evKwh: Math.max(0, state.evKwh - drivenKwh) };
}

/**
 * One resistance, one capacitance, heat from the unit: C dT/dt = (tOut - T) / R +- COP P, solved exactly over
 * the step: T' = T + (tOut +- R COP P - T)(1 - a), a = exp(-dt / (R C)).
 */
function indoorAfter(
  hvac: HvacSpec,
  indoorC: number,
  outdoorC: number,
  powerKw: number,
  hours: number,
): number {
  const gives = -Math.expm1(-hours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  return indoorC + (settlesAt(hvac, outdoorC, powerKw) - indoorC) * gives;
}

/** The indoor temperature after a very long time at this power. */
function settlesAt(hvac: HvacSpec, outdoorC: number, powerKw: number): number {
  return outdoorC + signOf(hvac) * hvac.resistanceKPerKw * hvac.cop * powerKw;
}

function signOf(hvac: HvacSpec): 1 | -1 {
  return hvac.mode === 'heat' ? 1 : -1;
}

function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
