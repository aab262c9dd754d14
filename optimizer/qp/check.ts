import { OptimizerError } from '../errors.ts';
import { badType, checkObject, checkVector, isNumber, notFinite, outOfRange } from './check-type.ts';
import { type Columns, toColumns } from './columns.ts';
import type { QpProblem, QpSettings, SparseMatrix } from './types.ts';

/** A problem found in order, its matrices by columns, its bounds with every infinity as such. */
export type CheckedProblem = {
  readonly variables: number;
  readonly constraints: number;
  readonly P: Columns;
  readonly A: Columns;
  readonly q: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
};

/** From here on a bound counts as infinite. */
const INFINITE = 1e20;

/** Problems beyond this would not fit the 32-bit memory of WebAssembly anyway. */
const SIZE_MAX = 50_000_000;

const DEFAULTS: QpSettings = {
  maxIterations: 400,
  epsAbsolute: 1e-9,
  epsRelative: 1e-9,
  memoryBytesMax: 2 ** 32,
};

/** @throws OptimizerError naming the field and the offending index. */
export function checkProblem(problem: QpProblem<SparseMatrix>): CheckedProblem {
  checkObject('problem', problem);
  const { variables, constraints } = problem;
  checkSize('variables', variables, 1);
  checkSize('constraints', constraints, 0);
  const l = checkBounds('l', problem.l, constraints);
  const u = checkBounds('u', problem.u, constraints);
  checkOrder(l, u);
  return {
    variables,
    constraints,
    P: toColumns(problem.P, { name: 'P', rows: variables, columns: variables, upperTriangle: true }),
    A: toColumns(problem.A, { name: 'A', rows: constraints, columns: variables, upperTriangle: false }),
    q: checkFinite('q', problem.q, variables),
    l,
    u,
  };
}

export function checkSettings(settings: Partial<QpSettings>): QpSettings {
  checkObject('settings', settings);
  const checked = { ...DEFAULTS, ...settings };
  const { maxIterations, epsAbsolute, epsRelative, memoryBytesMax } = checked;
  if (!Number.isInteger(maxIterations) || maxIterations < 1 || maxIterations > 1_000_000) {
    throw outOfRange('maxIterations', maxIterations);
  }
  if (!isNumber(epsAbsolute) || !(epsAbsolute >= 0 && epsAbsolute < Infinity)) {
    throw outOfRange('epsAbsolute', epsAbsolute);
  }
  if (!isNumber(epsRelative) || !(epsRelative >= 0 && epsRelative < 1)) {
    throw outOfRange('epsRelative', epsRelative);
  }
  if (!isNumber(memoryBytesMax) || !(memoryBytesMax > 0)) throw outOfRange('memoryBytesMax', memoryBytesMax);
  if (epsAbsolute + epsRelative === 0) throw outOfRange('epsAbsolute', epsAbsolute);
  return checked;
}

/** A vector of finite numbers. */
export function checkFinite(field: string, vector: ArrayLike<number>, length: number): Float64Array {
  checkLength(field, vector, length);
  const copy = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const value = vector[index];
    if (!Number.isFinite(value)) throw notFinite(field, index, value);
    copy[index] = value!;
  }
  return copy;
}

/** Bounds of one side: infinite only towards their own side. */
export function checkBounds(field: 'l' | 'u', bounds: ArrayLike<number>, length: number): Float64Array {
  checkLength(field, bounds, length);
  const outward = field === 'l' ? -Infinity : Infinity;
  const copy = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const value: unknown = bounds[index];
    if (!isNumber(value)) throw notFinite(field, index, value);
    const bound = Math.abs(value) >= INFINITE ? Math.sign(value) * Infinity : value;
    if (!Number.isFinite(bound) && bound !== outward) throw notFinite(field, index, bound);
    copy[index] = bound;
  }
  return copy;
}

export function checkOrder(l: Float64Array, u: Float64Array): void {
  const row = l.findIndex((value, index) => value > u[index]!);
  if (row < 0) return;
  throw new OptimizerError('OPTIMIZER_CROSSED_BOUNDS', `l > u in row ${row}`, {
    row,
    l: l[row]!,
    u: u[row]!,
  });
}

function checkSize(field: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > SIZE_MAX) throw outOfRange(field, value);
}

/** New values of a matrix, in the order in which its entries were given. */
export function checkValues(field: 'P' | 'A', values: ArrayLike<number>, givenAt: Int32Array): Float64Array {
  const given = checkFinite(field, values, givenAt.length);
  return Float64Array.from(givenAt, (k) => given[k]!);
}

function checkLength(field: string, vector: ArrayLike<number>, length: number): void {
  checkVector(field, vector);
  if (vector.length === length) return;
  throw new OptimizerError('OPTIMIZER_BAD_LENGTH', `${field} has ${vector.length} entries, not ${length}`, {
    field,
    length: vector.length,
    expected: length,
  });
}

/** Where a solution goes: plain arrays would not do. */
export function checkRoom(field: string, room: Float64Array, length: number): void {
  if (!(room instanceof Float64Array)) throw badType(field, 'Float64Array', room);
  checkLength(field, room, length);
}
