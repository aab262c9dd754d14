import type { BackoffRule } from '../modbus/backoff.ts';
import type { ModbusLink } from '../modbus/link.ts';
import type { AnyDevice } from './capabilities.ts';

/** Where a device is and how it is spoken to: what a configuration says of it. */
export type DeviceDescription = {
  readonly id: string;
  readonly kind: AnyDevice['kind'];
  readonly driver: 'sunspec' | 'profile';
  /** For the driver 'profile': the name of a shipped profile, or the path of a JSON file. */
  readonly profile?: string;
  readonly host: string;
  readonly port: number;
  readonly unitId: number;
  /** Longest wait for one reply; default 1000, or the profile's. */
  readonly timeoutMs?: number;
  /** How a meter is mounted: which direction its `W` counts as positive. Default 'import-positive'. */
  readonly direction?: 'import-positive' | 'export-positive';
};

export type DeviceEvent = { readonly event: string; readonly [field: string]: string | number };

export type DeviceContext = {
  /** UTC that readings are stamped with: simulated in accelerated runs. */
  readonly clock: { nowMs(): number };
  readonly log?: (event: DeviceEvent) => void;
  /** Shared by devices behind one gateway, so that its socket has one owner. Without it each device has its own. */
  readonly links?: LinkPool;
  /** How long the effect of a set-point may take to show; default 2000. */
  readonly settleMs?: number;
};

export type LinkPool = {
  /** The link to `host:port`, made at the first call; `release` closes it after the last. */
  acquire(options: {
    readonly host: string;
    readonly port: number;
    readonly timeoutMs?: number;
    readonly pauseMs?: number;
    readonly backoff?: BackoffRule;
  }): { readonly link: ModbusLink; release(): Promise<void> };
};

/** What every device driver is built on. */
export type Wire = {
  readonly description: DeviceDescription;
  readonly link: ModbusLink;
  readonly unitId: number;
  readonly nowMs: () => number;
  readonly log: (event: DeviceEvent) => void;
  readonly settleMs: number;
  readonly release: () => Promise<void>;
};
