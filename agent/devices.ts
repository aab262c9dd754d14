import type { AnyDevice } from '../drivers/index.ts';
import { connectDevice, createLinkPool } from '../drivers/index.ts';
import type { Clock } from './clock/clock.ts';
import type { DeviceConfig } from './config/schema.ts';
import type { Log } from './log.ts';

/**
 * The home's devices as the cycle sees them: each there or missing, and picked up again by itself. A missing
 * device never stops the agent; it is marked, planned without, and looked for again.
 */
export type Devices = {
  readonly all: readonly DevicePlace[];
  /** The present device of a kind, if the home has one and it answers. */
  find<Kind extends AnyDevice['kind']>(kind: Kind): Extract<AnyDevice, { kind: Kind }> | undefined;
  /**
   * Tries once more to reach what is missing. The first attempt is waited for; later ones go on beside the
   * work with those that answer, after doubling pauses.
   */
  reach(signal: AbortSignal): Promise<void>;
  /** Tells that a device did not answer (`fault`) or did. */
  mark(id: string, fault?: string): void;
  close(): Promise<void>;
};

export type DevicePlace = {
  readonly config: DeviceConfig;
  readonly device?: AnyDevice;
  /** Why it is missing; absent while it answers. */
  readonly fault?: string;
  readonly sinceMs: number;
};

type MutablePlace = {
  config: DeviceConfig;
  device?: AnyDevice;
  fault?: string;
  sinceMs: number;
  attempts: number;
  /** Monotonic. */
  nextAttemptMs: number;
  reaching?: Promise<void>;
};

/** Between two attempts to reach a device that has not been reached yet. */
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 10_000;

export function openDevices(
  configs: readonly DeviceConfig[],
  { clock, log }: { clock: Clock; log: Log },
): Devices {
  // Many gateways and inverters serve one connection: all units behind an address share it.
  const links = createLinkPool(log);
  const places: MutablePlace[] = configs.map((config) => ({
    config,
    // Devices are first asked when the day, or the network, needs them.
    fault: 'not asked yet',
    sinceMs: clock.utcMs(),
    attempts: 0,
    nextAttemptMs: 0,
  }));

  const mark = (place: MutablePlace, fault?: string) => {
    if (place.fault === undefined && fault !== undefined) {
      log({ event: 'device-missing', device: place.config.id, fault });
    } else if (place.fault !== undefined && fault === undefined) {
      log({ event: 'device-back', device: place.config.id });
    }
    if ((place.fault === undefined) !== (fault === undefined)) place.sinceMs = clock.utcMs();
    if (fault === undefined) delete place.fault;
    else place.fault = fault;
  };

  const reachOne = async (place: MutablePlace, signal: AbortSignal) => {
    place.attempts += 1;
    try {
      const { profile, ...description } = place.config;
      place.device = await connectDevice(
        { ...description, ...(profile !== undefined && { profile }) },
        { clock: { nowMs: clock.utcMs }, log, links },
        { signal },
      );
      mark(place);
    } catch (error) {
      const fault = (error as Error).message;
      if (place.attempts === 1) log({ event: 'device-missing', device: place.config.id, fault });
      if (!signal.aborted) mark(place, fault);
      const pauseMs = Math.min(RETRY_MS_MIN * 2 ** (place.attempts - 1), RETRY_MS_MAX);
      place.nextAttemptMs = performance.now() + pauseMs;
    } finally {
      delete place.reaching;
    }
  };

  const isDue = ({ device, reaching, nextAttemptMs }: MutablePlace) =>
    device === undefined && reaching === undefined && performance.now() >= nextAttemptMs;

  return {
    all: places,
    find: <Kind extends AnyDevice['kind']>(kind: Kind) =>
      places.find(
        (place) => place.config.kind === kind && place.device !== undefined && place.fault === undefined,
      )?.device as Extract<AnyDevice, { kind: Kind }> | undefined,
    reach: async (signal) => {
      for (const place of places.filter(isDue)) place.reaching = reachOne(place, signal);
      await Promise.all(places.map(({ attempts, reaching }) => (attempts === 1 ? reaching : undefined)));
    },
    mark: (id, fault) => {
      const place = places.find(({ config }) => config.id === id);
      if (place !== undefined) mark(place, fault);
    },
    close: async () => {
      await Promise.all(places.map(({ reaching }) => reaching));
      await Promise.allSettled(places.map(({ device }) => device?.close()));
    },
  };
}
