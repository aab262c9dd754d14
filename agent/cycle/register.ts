import { createHash } from 'node:crypto';
import { readDevice } from '../../consensus/index.ts';
import type { AgentConfig, DeviceConfig } from '../config/schema.ts';
import type { Home } from '../home.ts';
import { submit, untilCurrent } from '../ledger.ts';

const W_PER_KW = 1_000;

/** A device's name on the ledger: it tells two devices apart, and nothing about either. */
const deviceIdOf = (address: string, device: Pick<DeviceConfig, 'id'>): string =>
  createHash('sha256').update(`gridquorum/device\0${address}\0${device.id}`).digest('hex');

/**
 * Before the first day: every device of the home is on the ledger with what it can do. One of which the configuration
 * does not say that is looked at and left alone: there is nothing to tell of it.
 */
export async function register(home: Home, signal: AbortSignal): Promise<void> {
  await untilCurrent(home.node, signal);
  for (const device of home.config.devices) {
    const deviceId = deviceIdOf(home.address, device);
    const capability = capabilityOf(home.config, device);
    if (capability === undefined || readDevice(home.node.head.state, deviceId) !== undefined) continue;
    await submit(home, 'registry.registerDevice', { deviceId, kind: device.kind, ...capability });
  }
}

function capabilityOf(config: AgentConfig, { kind }: DeviceConfig) {
  const watts = (kw: number) => Math.round(kw * W_PER_KW);
  switch (kind) {
    case 'meter':
      return {
        importWMax: config.connection.importWMax,
        exportWMax: config.connection.exportWMax,
        energyWh: 0,
      };
    case 'pv':
      return { importWMax: 0, exportWMax: config.connection.exportWMax, energyWh: 0 };
    case 'battery':
      return (
        config.battery && {
          importWMax: watts(config.battery.chargeKwMax),
          exportWMax: watts(config.battery.dischargeKwMax),
          energyWh: watts(config.battery.capacityKwh),
        }
      );
    case 'evse':
      return config.ev && { importWMax: watts(config.ev.chargeKwMax), exportWMax: 0, energyWh: 0 };
    case 'hvac':
      return config.hvac && { importWMax: watts(config.hvac.powerKwMax), exportWMax: 0, energyWh: 0 };
    default:
      return kind satisfies never;
  }
}
