import { decodeRegisters, type Encoded, encodeRegisters } from '../modbus/registers.ts';
import { endOf, type Model, type Point } from './models.ts';

/** A model's registers as they were read together: index 0 is the ID register. */
export type ModelImage = readonly number[];

/**
 * A point as its device means it: the scale factor applied, so in the point's unit. `undefined` when the device
 * has no such point, says it has no value, or gives no usable scale factor.
 */
export function numberAt(model: Model, image: ModelImage, name: string): number | undefined {
  const point = model.points.get(name);
  const raw = point && rawAt(point, image);
  const exponent = point && exponentOf(model, image, point);
  if (raw === undefined || exponent === undefined || typeof raw === 'string') return undefined;
  return scaled(Number(raw), exponent);
}

export function textAt(model: Model, image: ModelImage, name: string): string | undefined {
  const point = model.points.get(name);
  const raw = point && rawAt(point, image);
  return typeof raw === 'string' ? raw : undefined;
}

/** The name of an enum's code; `undefined` for a code without a name. */
export function symbolAt(model: Model, image: ModelImage, name: string): string | undefined {
  const point = model.points.get(name);
  const raw = point && rawAt(point, image);
  return Object.entries(point?.symbols ?? {}).find(([, code]) => code === raw)?.[0];
}

/** The names of the bits that are set; bits without a name are left out. */
export function flagsAt(model: Model, image: ModelImage, name: string): readonly string[] {
  const point = model.points.get(name);
  const raw = point && rawAt(point, image);
  if (typeof raw !== 'number') return [];
  return Object.entries(point?.symbols ?? {})
    .filter(([, bit]) => Math.floor(raw / 2 ** bit) % 2 === 1)
    .map(([flag]) => flag);
}

/**
 * Registers for a value in the point's unit: divided by the device's own scale factor, rounded to its nearest
 * step. Refused when the point cannot hold it, or the scale factor is unusable.
 */
export function encodeAt(model: Model, image: ModelImage, name: string, value: number): Encoded {
  const point = model.points.get(name);
  if (!point) return { ok: false, reason: `model ${model.id} has no ${name}` };
  if (point.access !== 'RW') return { ok: false, reason: `${name} is read only` };
  const exponent = exponentOf(model, image, point);
  if (exponent === undefined) return { ok: false, reason: `${name} has no usable scale factor` };
  const isFloat = point.type === 'float32' || point.type === 'float64';
  const raw = scaled(value, -exponent);
  return encodeRegisters(isFloat ? raw : Math.round(raw), point.type);
}

function rawAt(point: Point, image: ModelImage) {
  const end = endOf(point);
  return end <= image.length ? decodeRegisters(image.slice(point.offset, end), point.type) : undefined;
}

/** SunSpec bounds scale factors to -10..10; anything else is no scale factor but a fault. */
function exponentOf(model: Model, image: ModelImage, point: Point): number | undefined {
  if (point.sf === undefined) return 0;
  if (typeof point.sf === 'number') return point.sf;
  const factor = model.points.get(point.sf);
  const exponent = factor && rawAt(factor, image);
  return typeof exponent === 'number' && Math.abs(exponent) <= 10 ? exponent : undefined;
}

/** Divides by a power of ten rather than multiply by an inexact fraction: 2304 at -1 is 230.4. */
function scaled(value: number, exponent: number): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
}
