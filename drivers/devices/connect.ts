import { DriversError } from '../errors.ts';
import { loadProfile } from '../profiles/load.ts';
import type { Profile } from '../profiles/schema.ts';
import type { AnyDevice, Wait } from './capabilities.ts';
import type { DeviceContext, DeviceDescription, Wire } from './description.ts';
import { createLinkPool } from './link-pool.ts';
import { openProfileEvse, openProfileHvac } from './profile-device.ts';
import { openSunSpecBattery } from './sunspec-battery.ts';
import { openSunSpecMeter } from './sunspec-meter.ts';
import { openSunSpecPv } from './sunspec-pv.ts';

/**
 * Connects to a device and learns its make and ratings. Rejects with a DriversError while it cannot be reached (an
 * inverter sleeps at night): try again later. `wait` bounds each of the first requests. Once connected, a device that vanishes fails its reads
 * with a typed error, is left alone for a doubling pause and comes back by itself.
 */
export async function connectDevice(
  description: DeviceDescription,
  context: DeviceContext,
  wait?: Wait,
): Promise<AnyDevice> {
  const profile = description.driver === 'profile' ? loadProfile(description.profile ?? '') : undefined;
  const timeoutMs = description.timeoutMs ?? profile?.modbus.timeoutMs;
  const { host, port } = description;
  const { link, release } = (context.links ?? createLinkPool(context.log)).acquire({
    host,
    port,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(profile && { pauseMs: profile.modbus.pauseMs }),
  });
  const wire: Wire = {
    description,
    link,
    unitId: description.unitId,
    nowMs: () => context.clock.nowMs(),
    log: context.log ?? (() => undefined),
    settleMs: context.settleMs ?? 2000,
    release,
  };
  try {
    return await open(wire, profile, wait);
  } catch (error) {
    await release();
    throw error;
  }
}

function open(wire: Wire, profile: Profile | undefined, wait?: Wait): Promise<AnyDevice> {
  const { kind, driver, id } = wire.description;
  if (profile) {
    if (kind === 'evse') return openProfileEvse(wire, profile, wait);
    if (kind === 'hvac') return openProfileHvac(wire, profile, wait);
  } else {
    if (kind === 'meter') return openSunSpecMeter(wire, wait);
    if (kind === 'pv') return openSunSpecPv(wire, wait);
    if (kind === 'battery') return openSunSpecBattery(wire, wait);
  }
  const details = { device: id, kind, driver };
  return Promise.reject(
    new DriversError('DRIVERS_BAD_REQUEST', `no driver ${driver} for a ${kind}`, details),
  );
}
