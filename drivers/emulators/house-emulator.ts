import { createHash } from 'node:crypto';
import type { DeviceDescription, DeviceEvent } from '../devices/description.ts';
import { DriversError } from '../errors.ts';
import { createBatteryUnit } from './battery-unit.ts';
import type { DeviceFault, FaultView } from './device-fault.ts';
import { checkHouse, type HouseSpec } from './house-spec.ts';
import { createMeterUnit } from './meter-unit.ts';
import {
  type ModbusServer,
  type RegisterDevice,
  startModbusServer,
  type WireFault,
} from './modbus-server.ts';
import { createHvacUnit, createWallboxUnit } from './plain-unit.ts';
import { createPvUnit } from './pv-unit.ts';
import { type HouseSnapshot, RunningHouse } from './running-house.ts';

/** Where an emulated device answers: as much as a configuration says of a real one. */
export type EmulatedDevice = Pick<
  DeviceDescription,
  'id' | 'kind' | 'driver' | 'profile' | 'host' | 'port' | 'unitId'
>;

export type HouseEmulator = {
  readonly devices: readonly EmulatedDevice[];
  /** The house as it truly is now. */
  state(): HouseSnapshot;
  /** `undefined` mends the device. Rejects with DRIVERS_BAD_REQUEST for a device or fault that it has not. */
  setFault(deviceId: string, fault: DeviceFault | undefined): Promise<void>;
  stop(): Promise<void>;
};

export type HouseEmulatorOptions = {
  readonly house: HouseSpec;
  /** UTC that the house lives in; simulated in accelerated runs. */
  readonly clock: { utcMs(): number };
  readonly host: string;
  /** The devices take this port and the next ones; without it, or 0, each takes a free one. */
  readonly firstPort?: number;
  readonly log?: (event: DeviceEvent) => void;
};

type Running = { readonly device: EmulatedDevice; readonly server: ModbusServer; readonly faults: Faults };
type Faults = { fault: DeviceFault | undefined };

const unitId = 1;
/** How often the house moves on when nobody asks it. */
const tickMs = 1_000;

/**
 * Emulates one home's meter, and its inverter, battery, wallbox and heat pump where it has them, each at a port
 * of its own, so that it can vanish alone. Physics and answers are those of the moment asked. Rejects with
 * DRIVERS_PORT_IN_USE, or DRIVERS_BAD_REQUEST for a house that could not be.
 */
export async function startHouseEmulator(options: HouseEmulatorOptions): Promise<HouseEmulator> {
  const { house: spec, clock, host, firstPort = 0, log = () => undefined } = options;
  checkHouse(spec);
  const house = new RunningHouse(spec, clock.utcMs());
  const advance = () => house.advanceTo(clock.utcMs());
  const running: Running[] = [];
  const stop = async () => {
    clearInterval(ticker);
    await Promise.all(running.map(({ server }) => server.stop()));
  };
  const ticker = setInterval(advance, tickMs);
  ticker.unref();
  try {
    for (const { kind, driver, profile, create } of unitsOf(house)) {
      const id = `${spec.home}-${kind}`;
      const faults: Faults = { fault: undefined };
      const unit = timely(create(serialOf(id), faults), advance);
      const port = firstPort > 0 ? firstPort + running.length : 0;
      const units = new Map([[unitId, unit]]);
      const server = await startModbusServer({
        host,
        port,
        units,
        onGarbage: () => log({ event: 'emulator-garbage', device: id }),
      });
      const device = { id, kind, driver, ...(profile && { profile }), host, port: server.port, unitId };
      running.push({ device, server, faults });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    devices: running.map(({ device }) => device),
    state: () => {
      advance();
      return house.snapshot();
    },
    setFault: async (deviceId, fault) => {
      const found = running.find(({ device }) => device.id === deviceId);
      if (!found || (fault?.kind === 'asleep' && found.device.kind !== 'pv'))
        throw new DriversError('DRIVERS_BAD_REQUEST', `${deviceId} cannot be made ${fault?.kind ?? 'well'}`, {
          device: deviceId,
        });
      advance();
      found.faults.fault = fault;
      log({ event: 'emulator-fault', device: deviceId, fault: fault?.kind ?? 'none' });
      if (found.device.kind === 'pv') house.pvAsleep = fault?.kind === 'asleep';
      await found.server.setFault(onTheWire(fault));
    },
    stop,
  };
}

type UnitPlan = Pick<EmulatedDevice, 'kind' | 'driver' | 'profile'> & {
  readonly create: (serial: string, faults: FaultView) => RegisterDevice;
};

function unitsOf(house: RunningHouse): UnitPlan[] {
  const { battery, ev, hvac } = house.spec;
  const plans: (UnitPlan | undefined)[] = [
    { kind: 'meter', driver: 'sunspec', create: (serial, faults) => createMeterUnit(house, serial, faults) },
    house.pvRatedKw > 0
      ? { kind: 'pv', driver: 'sunspec', create: (serial, faults) => createPvUnit(house, serial, faults) }
      : undefined,
    battery && {
      kind: 'battery',
      driver: 'sunspec',
      create: (serial, faults) => createBatteryUnit(house, battery, serial, faults),
    },
    ev && {
      kind: 'evse',
      driver: 'profile',
      profile: 'wallbox-generic',
      create: (serial, faults) => createWallboxUnit(house, ev, serial, faults),
    },
    hvac && {
      kind: 'hvac',
      driver: 'profile',
      profile: 'hvac-generic',
      create: (serial, faults) => createHvacUnit(house, hvac, serial, faults),
    },
  ];
  return plans.filter((plan) => plan !== undefined);
}

/** A unit whose house is brought to the present before each request. */
function timely(unit: RegisterDevice, advance: () => void): RegisterDevice {
  return {
    read: (...request) => {
      advance();
      return unit.read(...request);
    },
    write: (...request) => {
      advance();
      return unit.write(...request);
    },
  };
}

function onTheWire(fault: DeviceFault | undefined): WireFault | undefined {
  switch (fault?.kind) {
    case 'sentinels':
    case 'asleep':
    case 'deaf':
      return undefined;
    default:
      return fault;
  }
}

/** At most sixteen characters, which every unit can show, and different for every device: one that is too long is digested. */
function serialOf(id: string): string {
  if (/^[\x21-\x7e]{1,16}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
