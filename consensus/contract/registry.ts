import { accounts } from './accounts.ts';
import { address, count, hex, list, oneOf } from './fields.ts';
import { method } from './method.ts';
import { record } from './record.ts';
import { reject, require } from './rejection.ts';
import type { Address, ContractState } from './types.ts';

const KINDS = ['meter', 'pv', 'battery', 'evse', 'hvac'] as const;
const STATUSES = ['registered', 'qualified'] as const;
const DEVICES_PER_HOME_MAX = 64;
/** Homes that can trade in one neighbourhood. */
export const MEMBERS_MAX = 1000;
/** No home's connection or device is larger; rounds.ts builds on this bound. */
export const POWER_W_MAX = 2_000_000;

export type Device = {
  readonly owner: Address;
  readonly kind: (typeof KINDS)[number];
  /** Most that it draws; for the meter the connection's limit into the home. */
  readonly importWMax: number;
  /** Most that it gives; for the meter the connection's limit out of the home. */
  readonly exportWMax: number;
  /** What it stores; 0 for what stores nothing. */
  readonly energyWh: number;
  readonly status: (typeof STATUSES)[number];
};

const deviceId = hex(32);
const capability = {
  kind: oneOf(KINDS),
  importWMax: count(0, POWER_W_MAX),
  exportWMax: count(0, POWER_W_MAX),
  energyWh: count(0, 100_000_000),
};
const devices = record('registry/device', { owner: address, ...capability, status: oneOf(STATUSES) });
/** The devices of a home. */
const homes = record('registry/home', { deviceIds: list(deviceId, 0, DEVICES_PER_HOME_MAX) });
/** Homes with a qualified meter, sorted by address. */
const traders = record('registry/members', { members: list(address, 0, MEMBERS_MAX) });

export function readDevice(state: Pick<ContractState, 'get'>, id: string): Device | undefined {
  return devices.get(state, id);
}

/** The devices of a home, in the order of their registration. */
export function readDevices(
  state: Pick<ContractState, 'get'>,
  home: Address,
): readonly (Device & { readonly deviceId: string })[] {
  return (homes.get(state, home)?.deviceIds ?? []).flatMap((id) => {
    const device = devices.get(state, id);
    return device === undefined ? [] : [{ deviceId: id, ...device }];
  });
}

/** The addresses of the homes that may trade: those with a qualified meter, sorted. */
export function readMembers(state: Pick<ContractState, 'get'>): readonly Address[] {
  return traders.get(state)?.members ?? [];
}

/** The home's qualified meter, if it has one. */
export function qualifiedMeter(
  state: ContractState,
  home: Address,
): (Device & { readonly deviceId: string }) | undefined {
  return readDevices(state, home).find(({ kind, status }) => kind === 'meter' && status === 'qualified');
}

/** `registry.registerDevice(deviceId, kind, importWMax, exportWMax, energyWh)`: one meter a home, no device twice. */
export const registerDevice = method({
  roles: ['prosumer'],
  fields: { deviceId, ...capability },
  run({ state, sender, emit }, { deviceId: id, ...described }) {
    require(devices.get(state, id) === undefined, 'CONTRACT_ALREADY_EXISTS', `device ${id} is registered`);
    require(plausible(described), 'CONTRACT_IMPLAUSIBLE', `no ${described.kind} has this capability`);
    const own = readDevices(state, sender);
    require(own.length <
      DEVICES_PER_HOME_MAX, 'CONTRACT_OUT_OF_RANGE', `more than ${DEVICES_PER_HOME_MAX} devices`);
    if (described.kind === 'meter' && own.some(({ kind }) => kind === 'meter')) {
      reject('CONTRACT_ALREADY_EXISTS', 'a home has one meter: retire the old one first');
    }
    devices.put(state, { owner: sender, ...described, status: 'registered' }, id);
    homes.put(state, { deviceIds: [...own.map((device) => device.deviceId), id] }, sender);
    emit('registry.registered', { home: sender, deviceId: id, kind: described.kind });
  },
});

/** `registry.qualifyDevice(owner, deviceId)`: the grid operator has seen it; a qualified meter makes a member. */
export const qualifyDevice = method({
  roles: ['dso', 'operator'],
  fields: { owner: address, deviceId },
  run({ state, emit }, { owner, deviceId: id }) {
    const device = devices.get(state, id);
    if (device === undefined || device.owner !== owner) {
      reject('CONTRACT_NOT_FOUND', `${owner} has no device ${id}`);
    }
    require(device.status === 'registered', 'CONTRACT_WRONG_PHASE', `device ${id} is ${device.status}`);
    devices.put(state, { ...device, status: 'qualified' }, id);
    if (device.kind === 'meter') {
      const members = readMembers(state);
      require(members.length < MEMBERS_MAX, 'CONTRACT_OUT_OF_RANGE', `more than ${MEMBERS_MAX} members`);
      traders.put(state, { members: [...members, owner].sort() });
    }
    emit('registry.qualified', { home: owner, deviceId: id, kind: device.kind });
  },
});

/** `registry.retireDevice(deviceId)`: by its owner or the grid operator; the device may be registered anew. */
export const retireDevice = method({
  fields: { deviceId },
  run({ state, sender, emit }, { deviceId: id }) {
    const device = devices.get(state, id);
    if (device === undefined) reject('CONTRACT_NOT_FOUND', `no device ${id} in use`);
    const roles = accounts.get(state, sender)?.roles ?? [];
    const allowed = device.owner === sender || roles.includes('dso') || roles.includes('operator');
    require(allowed, 'CONTRACT_WRONG_ROLE', 'only the owner, a dso or an operator retires a device');
    // Kept, the devices that a home retires could fill everybody's memory.
    devices.drop(state, id);
    const left = readDevices(state, device.owner).filter((other) => other.deviceId !== id);
    homes.put(state, { deviceIds: left.map((other) => other.deviceId) }, device.owner);
    if (device.kind === 'meter' && device.status === 'qualified') {
      traders.put(state, { members: readMembers(state).filter((member) => member !== device.owner) });
    }
    emit('registry.retired', { home: device.owner, deviceId: id, kind: device.kind });
  },
});

function plausible({ kind, importWMax, exportWMax, energyWh }: Omit<Device, 'owner' | 'status'>): boolean {
  switch (kind) {
    case 'meter':
      return importWMax > 0 && energyWh === 0;
    case 'pv':
      return exportWMax > 0 && energyWh === 0;
    case 'battery':
      return importWMax > 0 && energyWh > 0;
    case 'evse':
    case 'hvac':
      return importWMax > 0;
    default:
      return kind satisfies never;
  }
}
