import { OptimizerError } from '../errors.ts';

/** Callers need not have types: what they give may not even be of the kind that belongs there. */
export function checkObject(field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw badType(field, 'object', value);
}

/** An array, a typed array, or whatever else has a length. */
export function checkVector(field: string, value: unknown): void {
  const isVector = typeof value === 'object' && value !== null && 'length' in value && isNumber(value.length);
  if (!isVector) throw badType(field, 'vector', value);
}

export function notFinite(field: string, index: number, value: unknown): OptimizerError {
  return new OptimizerError('OPTIMIZER_NOT_FINITE', `${field}[${index}] is ${shown(value)}`, {
    field,
    index,
  });
}

export function outOfRange(field: string, value: unknown): OptimizerError {
  const details = { field, value: numberOf(value) };
  return new OptimizerError('OPTIMIZER_OUT_OF_RANGE', `${field} is ${shown(value)}`, details);
}

export function badType(field: string, wanted: string, value: unknown): OptimizerError {
  return new OptimizerError('OPTIMIZER_BAD_TYPE', `${field} is ${shown(value)}, no ${wanted}`, { field });
}

export const isNumber = (value: unknown): value is number => typeof value === 'number';

/** For details, which are numbers. */
export const numberOf = (value: unknown): number => (isNumber(value) ? value : Number.NaN);

const SHOWN_MAX = 20;

/** Foreign values by no more than their kind: they may be long, or refuse to be text. */
export function shown(value: unknown): string {
  if (typeof value === 'string' && value.length <= SHOWN_MAX) return JSON.stringify(value);
  if (isNumber(value) || value === undefined || value === null) return String(value);
  return `of type ${typeof value}`;
}
