import { performance } from 'node:perf_hooks';
import { DriversError } from '../errors.ts';
import type { Backoff } from './backoff.ts';
import { place, type Target } from './connection.ts';

/** Modbus Application Protocol V1.1b3, 6.3 and 6.12: what one request may carry. The library does not check it. */
export const readRegistersMax = 125;
export const writeRegistersMax = 123;

/** Exceptions of a gateway that cannot reach the unit: 10 path unavailable, 11 target failed to respond. */
const gatewayExceptions = new Set([10, 11]);

/** A unit that failed: until when it is left alone, and what it failed with. */
export type Failing = Backoff & { readonly error: DriversError };

/** Throws DRIVERS_BAD_REQUEST for what no request can carry: the library would send it. */
export function checkSpan(unitId: number, address: number, count: number, countMax: number): void {
  const within = (value: number, min: number, max: number) =>
    Number.isInteger(value) && value >= min && value <= max;
  if (
    within(unitId, 0, 255) &&
    within(address, 0, 0xffff) &&
    within(count, 1, countMax) &&
    address + count <= 0x10000
  )
    return;
  const details = { unitId, address, count, countMax };
  throw new DriversError('DRIVERS_BAD_REQUEST', `no such span of registers: ${count} at ${address}`, details);
}

/** Whether a failure shows that the unit cannot be reached, rather than that it does not like the question. */
export function countsAgainstUnit(error: DriversError): boolean {
  if (error.code === 'DRIVERS_ABORTED') return false;
  if (error.code !== 'DRIVERS_MODBUS_EXCEPTION') return true;
  return gatewayExceptions.has(Number(error.details.exception));
}

/** The failure repeated, with `retryInMs`, while the unit is left alone. */
export function backoffError(held: Failing | undefined): DriversError | undefined {
  const retryInMs = held ? Math.ceil(held.untilMs - performance.now()) : 0;
  if (!held || retryInMs <= 0) return undefined;
  const { code, message, details } = held.error;
  return new DriversError(
    code,
    `${message}; left alone for ${retryInMs} ms`,
    { ...details, retryInMs },
    { cause: held.error },
  );
}

export function aborted(target: Target, reason: string): DriversError {
  return new DriversError('DRIVERS_ABORTED', `${place(target)}: ${reason}`, { ...target });
}

export function timedOut(target: Target, limitMs: number): DriversError {
  const details = { ...target, timeoutMs: Math.round(limitMs) };
  return new DriversError('DRIVERS_TIMEOUT', `${place(target)}: no reply`, details);
}
