import type { Wait } from '../devices/capabilities.ts';
import { DriversError } from '../errors.ts';
import { planBlocks } from '../modbus/blocks.ts';
import type { ModbusLink } from '../modbus/link.ts';
import { decodeRegisters, type Encoded, encodeRegisters, registersOf } from '../modbus/registers.ts';
import type { Profile, ProfilePoint } from './schema.ts';

/** A point as read: a value, or why there is none. 'not available' is the device's own word. */
export type Told =
  | { readonly value: number | string; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: string };

/** Reads the named points of a profile, neighbours in one request. Names that the profile lacks are left out. */
export async function readPoints(
  link: ModbusLink,
  unitId: number,
  profile: Profile,
  names: readonly string[],
  wait?: Wait,
): Promise<ReadonlyMap<string, Told>> {
  const wanted = names.flatMap((name) => {
    const point = profile.points[name];
    return point ? [{ name, point, end: point.address + registersOf(point.type, point.registers) }] : [];
  });
  const told = new Map<string, Told>();
  for (const table of ['input', 'holding'] as const) {
    const inTable = wanted.filter(({ point }) => point.table === table);
    const spans = inTable.map(({ point, end }) => ({ offset: point.address, end }));
    const { registersMax, gapMax } = profile.modbus;
    const image = new Map<number, number>();
    for (const { offset, count } of planBlocks(spans, registersMax, gapMax)) {
      const registers = await link.read({ unitId, table, address: offset, count }, wait);
      for (const [i, register] of registers.entries()) image.set(offset + i, register);
    }
    for (const { name, point, end } of inTable) {
      const registers = Array.from({ length: end - point.address }, (_, i) => image.get(point.address + i)!);
      told.set(name, tellPoint(point, registers));
    }
  }
  return told;
}

/** What registers mean by their point: scaled, named, and held against its bounds. */
export function tellPoint(point: ProfilePoint, registers: readonly number[]): Told {
  const raw = decodeAll(point, registers);
  if (raw === undefined) return { fault: 'not available' };
  if (point.values) {
    const word = point.values[String(raw)];
    return word === undefined ? { fault: `unknown code ${raw}` } : { value: word };
  }
  if (typeof raw === 'string') return { value: raw };
  if (point.na.includes(raw)) return { fault: 'not available' };
  const value = unscaled(point, raw);
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = point;
  if (!Number.isFinite(value) || value < min || value > max) return { fault: `implausible ${value}` };
  return { value };
}

/** Registers for a value in the point's own unit, to the nearest step of the register. */
export function encodePoint(point: ProfilePoint, value: number): Encoded {
  const raw = (value - point.offset) / point.scale;
  const isFloat = point.type === 'float32' || point.type === 'float64';
  return encodeRegisters(isFloat ? raw : Math.round(raw), point.type, { order: point.order });
}

/**
 * Writes points, neighbours in one request (a set-point never without its time-out). Rejects with
 * DRIVERS_SETPOINT_OUT_OF_RANGE, before anything is sent, when a register cannot hold its value.
 */
export async function writeProfilePoints(
  link: ModbusLink,
  unitId: number,
  profile: Profile,
  values: Readonly<Record<string, number>>,
  wait?: Wait,
): Promise<void> {
  const parts = Object.entries(values).map(([name, value]) => {
    const point = profile.points[name]!;
    const encoded = encodePoint(point, value);
    if (!encoded.ok) {
      const details = { ...link.target, unitId, profile: profile.profile, point: name, value };
      throw new DriversError('DRIVERS_SETPOINT_OUT_OF_RANGE', `${name}: ${encoded.reason}`, details);
    }
    return { address: point.address, registers: encoded.registers };
  });
  const runs: { address: number; registers: number[] }[] = [];
  for (const { address, registers } of parts.sort((a, b) => a.address - b.address)) {
    const last = runs.at(-1);
    if (last && last.address + last.registers.length === address) last.registers.push(...registers);
    else runs.push({ address, registers: [...registers] });
  }
  for (const { address, registers } of runs) await link.write({ unitId, address, values: registers }, wait);
}

/** All patterns are values here, save NaN: what means "not available" is the profile's to say (`na`). */
function decodeAll(point: ProfilePoint, registers: readonly number[]): number | string | undefined {
  const allValues = { uint16: 'count', uint32: 'acc32', uint64: 'acc64' } as const;
  const plain = allValues[point.type as keyof typeof allValues] ?? point.type;
  const raw = decodeRegisters(registers, plain, point.order);
  if (raw === undefined && (point.type === 'int16' || point.type === 'int32' || point.type === 'int64')) {
    return -(2 ** (16 * registers.length - 1));
  }
  return typeof raw === 'bigint' ? Number(raw) : raw;
}

/** Divides where the scale is a decimal fraction: 215 at 0.1 is 21.5. */
function unscaled(point: ProfilePoint, raw: number): number {
  const divisor = Math.round(1 / point.scale);
  const scaled = 1 / divisor === point.scale ? raw / divisor : raw * point.scale;
  return scaled + point.offset;
}
