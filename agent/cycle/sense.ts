import type {
  BatteryReading,
  EvseReading,
  HvacReading,
  MeterReading,
  PvReading,
} from '../../drivers/index.ts';
import type { Devices } from '../devices.ts';

/** What the home's devices said at one time. What did not answer, or answered nonsense, is absent. */
export type Snapshot = {
  readonly meter?: MeterReading;
  readonly pv?: PvReading;
  readonly battery?: BatteryReading;
  readonly evse?: EvseReading;
  readonly hvac?: HvacReading;
  readonly missing: readonly string[];
};

/**
 * First of the six: look at every device once, all at the same time. A device that fails is marked and left out;
 * one that is back is picked up.
 */
export async function sense(devices: Devices, signal: AbortSignal): Promise<Snapshot> {
  await devices.reach(signal);
  const readings: Record<string, unknown> = {};
  const missing: string[] = [];
  await Promise.all(
    devices.all.map(async ({ config, device }) => {
      if (device === undefined) {
        missing.push(config.id);
        return;
      }
      try {
        const reading = await device.read({ signal });
        if (reading.quality === 'bad') {
          devices.mark(config.id, reading.faults.join('; ') || 'no usable value');
          missing.push(config.id);
          return;
        }
        devices.mark(config.id);
        readings[config.kind] = reading;
      } catch (error) {
        if (signal.aborted) throw error;
        devices.mark(config.id, (error as Error).message);
        missing.push(config.id);
      }
    }),
  );
  return { ...readings, missing: missing.sort() };
}
