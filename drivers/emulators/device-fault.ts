import type { WireFault } from './modbus-server.ts';

/** How an emulated device misbehaves, on the wire or in what it says and does. */
export type DeviceFault =
  | WireFault
  /** All values read as unimplemented (65535, 32768), as after a reconnect. */
  | { readonly kind: 'sentinels' }
  /** An inverter at night: it answers, says that it sleeps, and has no measurements. */
  | { readonly kind: 'asleep' }
  /** Writes are accepted and nothing follows; `readsBack` says whether they can at least be read. */
  | { readonly kind: 'deaf'; readonly readsBack: boolean };

/** What a device asks of its fault: whether a write may take hold. */
export type FaultView = { readonly fault: DeviceFault | undefined };

export function swallowsWrites({ fault }: FaultView): boolean {
  return fault?.kind === 'deaf' && !fault.readsBack;
}

export function obeys({ fault }: FaultView): boolean {
  return fault?.kind !== 'deaf';
}
