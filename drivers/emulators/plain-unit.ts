import { type FaultView, obeys, swallowsWrites } from './device-fault.ts';
import { type EvSpec, type HvacSpec, thermostatCMax, thermostatCMin } from './house-spec.ts';
import { modbusException, type RegisterDevice } from './modbus-server.ts';
import { signedRegister, textRegisters, words } from './register-image.ts';
import type { RunningHouse } from './running-house.ts';

/** Registers from an address on. What lies between is zero, what lies beyond does not exist. */
type Sheet = readonly (readonly [address: number, registers: readonly number[]])[];

const inputRegisters = 40;
const absentWord = 0xffff;
const absentLong = [absentWord, absentWord];

/**
 * A wallbox by the register map of the profile `wallbox-generic`: with a time-out above 0 the limit is in
 * force until it runs out; then the limit is the fail-safe one and control is given back.
 */
export function createWallboxUnit(
  house: RunningHouse,
  ev: EvSpec,
  serial: string,
  faults: FaultView,
): RegisterDevice {
  const maxW = Math.round(ev.chargeKwMax * 1_000);
  const minW = Math.round((ev.chargeKwMin ?? 0) * 1_000);
  const phases = ev.chargeKwMax > 7.4 ? 3 : 1;
  let failSafeW = maxW;
  const control = controlOf({
    house,
    faults,
    maxW,
    idleW: () => failSafeW,
    give: (limitW, untilMs) => {
      house.orders.evLimitKw = { value: limitW / 1_000, untilMs };
    },
    takeBack: () => {
      house.orders.evLimitKw = undefined;
    },
  });
  const label = makeRegisters('Emulated wallbox', serial);
  return plainUnit(faults, {
    input: () => {
      const { flows, evSessionKwh, evKwh } = house.snapshot();
      const present = house.evPresent;
      const chargeW = flows.evChargeKw * 1_000;
      const limitW = 1_000 * (house.orders.evLimitKw?.value ?? house.evFallbackKw);
      return [
        [0, [!present ? 0 : chargeW >= 0.5 ? 2 : 1, Math.round(chargeW)]],
        [2, words(Math.round(evSessionKwh * 1_000))],
        [4, present ? words(Math.round(evKwh * 1_000)) : absentLong],
        [6, [limitW < minW ? 0 : Math.round(limitW), minW, maxW, phases]],
        ...label,
      ];
    },
    // The state and the number of phases are no measurements, the label neither.
    measured: [1, 2, 3, 4, 5, 6],
    holding: () => [...control.read(), failSafeW],
    write: (registers, written) => {
      const [, , nextFailSafeW = 0] = registers;
      if (nextFailSafeW > maxW) return modbusException.illegalDataValue;
      const outcome = control.write(registers, written);
      if (outcome !== 0 || swallowsWrites(faults)) return outcome;
      failSafeW = nextFailSafeW;
      if (obeys(faults)) house.evFallbackKw = failSafeW / 1_000;
      return 0;
    },
  });
}

/** A heat pump or air conditioner by the register map of the profile `hvac-generic`. */
export function createHvacUnit(
  house: RunningHouse,
  hvac: HvacSpec,
  serial: string,
  faults: FaultView,
): RegisterDevice {
  const maxW = Math.round(hvac.powerKwMax * 1_000);
  const control = controlOf({
    house,
    faults,
    maxW,
    idleW: () => 0,
    give: (powerW, untilMs) => {
      house.orders.hvacKw = { value: powerW / 1_000, untilMs };
    },
    takeBack: () => {
      house.orders.hvacKw = undefined;
    },
  });
  const label = makeRegisters('Emulated heat pump', serial);
  return plainUnit(faults, {
    input: () => {
      const { flows, indoorC } = house.snapshot();
      const powerW = Math.round(flows.hvacKw * 1_000);
      const appliedW = Math.round((house.orders.hvacKw?.value ?? flows.hvacKw) * 1_000);
      const temperatures = [signedRegister(indoorC * 10), signedRegister(house.outdoorC * 10)];
      return [[0, [powerW > 0 ? 1 : 0, powerW, ...temperatures, 0, maxW, appliedW]], ...label];
    },
    measured: [1, 2, 3, 6],
    signed: [2, 3],
    holding: () => [...control.read(), signedRegister(house.thermostatC * 10)],
    write: (registers, written) => {
      const raw = registers[2] ?? 0;
      const thermostatC = (raw >= 0x8000 ? raw - 0x1_0000 : raw) / 10;
      if (thermostatC < thermostatCMin || thermostatC > thermostatCMax)
        return modbusException.illegalDataValue;
      const outcome = control.write(registers, written);
      if (outcome === 0 && written(2) && obeys(faults)) house.thermostatC = thermostatC;
      return outcome;
    },
  });
}

/** Power in register 0 and time-out in register 1, as both maps have them. */
function controlOf(options: {
  readonly house: RunningHouse;
  readonly faults: FaultView;
  readonly maxW: number;
  readonly idleW: () => number;
  readonly give: (powerW: number, untilMs: number) => void;
  readonly takeBack: () => void;
}) {
  const { house, faults, maxW, idleW, give, takeBack } = options;
  let powerW = idleW();
  let timeoutSeconds = 0;
  let endsAtMs = Number.POSITIVE_INFINITY;

  const settle = () => {
    if (house.utcMs < endsAtMs) return;
    endsAtMs = Number.POSITIVE_INFINITY;
    timeoutSeconds = 0;
    powerW = idleW();
  };
  return {
    read: () => {
      settle();
      return [powerW, timeoutSeconds];
    },
    write: (
      [nextPowerW = 0, nextTimeoutSeconds = 0]: readonly number[],
      written: (at: number) => boolean,
    ) => {
      if (nextPowerW > maxW) return modbusException.illegalDataValue;
      if (swallowsWrites(faults) || !(written(0) || written(1))) return 0;
      powerW = nextPowerW;
      timeoutSeconds = nextTimeoutSeconds;
      const controlled = timeoutSeconds > 0;
      endsAtMs = controlled ? house.utcMs + timeoutSeconds * 1_000 : Number.POSITIVE_INFINITY;
      if (!controlled) powerW = idleW();
      if (!obeys(faults)) return 0;
      if (controlled) give(powerW, endsAtMs);
      else takeBack();
      return 0;
    },
  };
}

function plainUnit(
  faults: FaultView,
  unit: {
    readonly input: () => Sheet;
    /** Input registers that read "not available" under the fault of that name. */
    readonly measured: readonly number[];
    readonly signed?: readonly number[];
    readonly holding: () => readonly number[];
    /** Takes the holding registers as they would be; `written` says which of them the request named. */
    readonly write: (registers: readonly number[], written: (at: number) => boolean) => number;
  },
): RegisterDevice {
  const inputs = () => {
    const registers = new Array<number>(inputRegisters).fill(0);
    for (const [address, values] of unit.input())
      for (const [i, value] of values.entries()) registers[address + i] = value;
    if (faults.fault?.kind === 'sentinels')
      for (const at of unit.measured) registers[at] = unit.signed?.includes(at) ? 0x8000 : absentWord;
    return registers;
  };
  return {
    read: (table, address, count) => {
      const registers = table === 'input' ? inputs() : unit.holding();
      if (address + count > registers.length) return modbusException.illegalDataAddress;
      return registers.slice(address, address + count);
    },
    write: (address, values) => {
      const held = unit.holding();
      if (address + values.length > held.length) return modbusException.illegalDataAddress;
      const written = (at: number) => at >= address && at < address + values.length;
      return unit.write(
        held.map((register, at) => values[at - address] ?? register),
        written,
      );
    },
  };
}

function makeRegisters(model: string, serial: string): Sheet {
  return [
    [16, textRegisters('Gridquorum', 8)],
    [24, textRegisters(model, 8)],
    [32, textRegisters(serial, 8)],
  ];
}
