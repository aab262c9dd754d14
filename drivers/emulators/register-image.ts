import { readFileSync } from 'node:fs';

/** A point as SunSpec's tables give it; offsets count from the model's ID register. */
type TablePoint = {
  readonly name: string;
  readonly offset: number;
  readonly type: string;
  readonly size?: number;
  readonly sf?: string;
};
type Table = {
  readonly models: Readonly<Record<string, { length: number; points: readonly TablePoint[] }>>;
};

const table = JSON.parse(readFileSync(new URL('../sunspec/models.json', import.meta.url), 'utf8')) as Table;

/** Values of a model's points by name, scale factors too; what is left out is unimplemented. */
type PointValues = Readonly<Record<string, number | string>>;
export type ModelValues = { readonly model: number; readonly values: PointValues };

/** How each type is laid out: registers, and what it holds when it is unimplemented. */
const layouts: Readonly<Record<string, { readonly registers: number; readonly absent: number }>> = {
  int16: { registers: 1, absent: 0x8000 },
  uint16: { registers: 1, absent: 0xffff },
  enum16: { registers: 1, absent: 0xffff },
  bitfield16: { registers: 1, absent: 0xffff },
  sunssf: { registers: 1, absent: 0x8000 },
  int32: { registers: 2, absent: 0x8000_0000 },
  uint32: { registers: 2, absent: 0xffff_ffff },
  bitfield32: { registers: 2, absent: 0xffff_ffff },
  acc32: { registers: 2, absent: 0 },
};

/**
 * The registers of one model, ID and length first. Values are in the unit of the point: what is stored is
 * value / 10^sf, rounded. Throws a RangeError where a value does not fit: a bug of the emulator.
 */
export function modelImage({ model, values }: ModelValues): number[] {
  const { length, points } = tableOf(model);
  const image = new Array<number>(2 + length).fill(0);
  image[0] = model;
  image[1] = length;
  for (const point of points) {
    const value = values[point.name];
    const registers =
      point.type === 'string'
        ? textRegisters(String(value ?? ''), point.size as number)
        : numberRegisters(
            point,
            typeof value === 'number' ? value * 10 ** -scaleOf(point, values) : undefined,
          );
    for (const [i, register] of registers.entries()) image[point.offset + i] = register;
  }
  return image;
}

/** The registers of one model in which everything is unimplemented, as after a reconnect. */
export function absentImage(model: number): number[] {
  return modelImage({ model, values: {} });
}

/** Where a point begins, counted from its model's ID register. */
export function offsetOf(model: number, name: string): number {
  const point = tableOf(model).points.find((candidate) => candidate.name === name);
  if (!point) throw new RangeError(`model ${model} has no point ${name}`);
  return point.offset;
}

export function lengthOf(model: number): number {
  return 2 + tableOf(model).length;
}

/** ASCII, two characters a register, padded with zeros. */
export function textRegisters(text: string, registers: number): number[] {
  return Array.from(
    { length: registers },
    (_, i) => ((text.charCodeAt(2 * i) || 0) << 8) | (text.charCodeAt(2 * i + 1) || 0),
  );
}

/** High word first. */
export function words(value: number): [number, number] {
  return [Math.floor(value / 0x1_0000) & 0xffff, value & 0xffff];
}

/** A signed number as the register that holds it. */
export function signedRegister(value: number): number {
  return Math.round(value) & 0xffff;
}

function tableOf(model: number) {
  const found = table.models[String(model)];
  if (!found) throw new RangeError(`no table of model ${model}`);
  return found;
}

function scaleOf(point: TablePoint, values: PointValues): number {
  if (point.sf === undefined) return 0;
  const scale = values[point.sf];
  if (typeof scale !== 'number') throw new RangeError(`${point.name} needs ${point.sf}`);
  return scale;
}

function numberRegisters(point: TablePoint, value: number | undefined): number[] {
  const layout = layouts[point.type];
  if (!layout) throw new RangeError(`${point.name}: no layout of ${point.type}`);
  const { registers, absent } = layout;
  const signed = point.type === 'int16' || point.type === 'int32' || point.type === 'sunssf';
  const modulus = 2 ** (16 * registers);
  let raw = value === undefined ? absent : Math.round(value);
  // Counters show what has passed in full, and wrap; everything else must fit and must not read as absent.
  if (point.type === 'acc32') raw = Math.floor((value ?? 0) + 1e-6) % modulus;
  else if (value !== undefined) {
    const [min, max] = signed ? [-modulus / 2 + 1, modulus / 2 - 1] : [0, modulus - 2];
    if (raw < min || raw > max) throw new RangeError(`${point.name} cannot hold ${value}`);
  }
  if (raw < 0) raw += modulus;
  return registers === 1 ? [raw] : words(raw);
}
