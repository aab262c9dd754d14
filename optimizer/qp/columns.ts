import { OptimizerError } from '../errors.ts';
import { checkObject, checkVector, notFinite, numberOf, shown } from './check-type.ts';
import type { CompressedColumns, SparseMatrix, Triplets } from './types.ts';

/** A sparse matrix by columns, rows ascending within each: `starts` has one entry more than columns. */
export type Columns = {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
  /** Which of the given entries stands at each place. */
  readonly givenAt: Int32Array;
};

export type MatrixShape = {
  readonly name: 'P' | 'A';
  readonly rows: number;
  readonly columns: number;
  readonly upperTriangle: boolean;
};

/**
 * Checks a matrix and brings it into columns. Explicit zeros are entries like others: they may get another
 * value later.
 *
 * @throws OptimizerError with `field` and the offending entry's `index`.
 */
export function toColumns(matrix: SparseMatrix, shape: MatrixShape): Columns {
  checkObject(shape.name, matrix);
  const triplets = 'starts' in matrix ? expand(matrix, shape) : matrix;
  checkTriplets(triplets, shape);
  if ('starts' in matrix) checkSorted(triplets, shape.name);
  const byRow = sortBy(triplets.rows, shape.rows, identity(triplets.values.length));
  const givenAt = sortBy(triplets.columns, shape.columns, byRow);
  checkDuplicates(triplets, givenAt, shape.name);
  const starts = new Int32Array(shape.columns + 1);
  for (let k = 0; k < givenAt.length; k++) starts[triplets.columns[k]! + 1]!++;
  for (let j = 0; j < shape.columns; j++) starts[j + 1]! += starts[j]!;
  return {
    starts,
    rows: Int32Array.from(givenAt, (k) => triplets.rows[k]!),
    values: Float64Array.from(givenAt, (k) => triplets.values[k]!),
    givenAt,
  };
}

/** Compressed columns as triplets of the same order. */
function expand({ starts, rows, values }: CompressedColumns, shape: MatrixShape): Triplets {
  const field = `${shape.name}.starts`;
  checkVector(field, starts);
  checkVector(`${shape.name}.values`, values);
  if (starts.length !== shape.columns + 1) {
    throw new OptimizerError(
      'OPTIMIZER_BAD_LENGTH',
      `${field} has ${starts.length} entries, not ${shape.columns + 1}`,
      { field, length: starts.length, expected: shape.columns + 1 },
    );
  }
  const columns = new Int32Array(values.length);
  for (let j = 0; j <= shape.columns; j++) {
    const from = j === 0 ? 0 : starts[j - 1]!;
    const here = starts[j]!;
    const right = j === 0 ? here === 0 : Number.isInteger(here) && here >= from && here <= values.length;
    if (!right || (j === shape.columns && here !== values.length)) {
      throw new OptimizerError('OPTIMIZER_BAD_INDEX', `${field}[${j}] is ${shown(here)}`, {
        field,
        index: j,
        value: numberOf(here),
      });
    }
    if (j > 0) columns.fill(j - 1, from, here);
  }
  return { rows, columns, values };
}

function checkTriplets(triplets: Triplets, shape: MatrixShape): void {
  const { rows, columns, values } = triplets;
  const field = shape.name;
  for (const [part, vector] of Object.entries({ rows, columns, values })) {
    checkVector(`${field}.${part}`, vector);
  }
  if (rows.length !== values.length || columns.length !== values.length) {
    throw new OptimizerError('OPTIMIZER_BAD_LENGTH', `${field}: rows, columns and values differ in length`, {
      field,
      rows: rows.length,
      columns: columns.length,
      values: values.length,
    });
  }
  for (let index = 0; index < values.length; index++) {
    const row = rows[index]!;
    const column = columns[index]!;
    if (!isIndex(row, shape.rows) || !isIndex(column, shape.columns)) {
      throw wrongEntry('OPTIMIZER_BAD_INDEX', 'is outside the matrix', { field, index, row, column });
    }
    if (!Number.isFinite(values[index])) throw notFinite(field, index, values[index]);
    if (shape.upperTriangle && row > column) {
      throw wrongEntry('OPTIMIZER_LOWER_TRIANGLE', 'is below the diagonal', { field, index, row, column });
    }
  }
}

function isIndex(value: number, size: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < size;
}

/** Rows must ascend within each column; equal ones are left to the check for duplicates. */
function checkSorted({ rows, columns }: Triplets, field: string): void {
  for (let index = 1; index < rows.length; index++) {
    const [row, column] = [rows[index]!, columns[index]!];
    if (column === columns[index - 1] && row < rows[index - 1]!) {
      throw wrongEntry('OPTIMIZER_UNSORTED_ENTRY', 'comes after a lower row', { field, index, row, column });
    }
  }
}

function checkDuplicates({ rows, columns }: Triplets, order: Int32Array, field: string): void {
  for (let at = 1; at < order.length; at++) {
    const index = order[at]!;
    const before = order[at - 1]!;
    const [row, column] = [rows[index]!, columns[index]!];
    if (row !== rows[before] || column !== columns[before]) continue;
    throw wrongEntry('OPTIMIZER_DUPLICATE_ENTRY', 'is there twice', { field, index, row, column });
  }
}

function wrongEntry(
  code: ConstructorParameters<typeof OptimizerError>[0],
  what: string,
  entry: { readonly field: string; readonly index: number; readonly row: number; readonly column: number },
): OptimizerError {
  const { field, index, row, column } = entry;
  return new OptimizerError(code, `${field}[${index}] at (${shown(row)}, ${shown(column)}) ${what}`, {
    ...entry,
    row: numberOf(row),
    column: numberOf(column),
  });
}

function identity(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, k) => k);
}

/** Stable counting sort of the triplets in `order` by a key below `size`. */
function sortBy(key: ArrayLike<number>, size: number, order: Int32Array): Int32Array {
  const next = new Int32Array(size + 1);
  for (const k of order) next[key[k]! + 1]!++;
  for (let i = 0; i < size; i++) next[i + 1]! += next[i]!;
  const sorted = new Int32Array(order.length);
  for (const k of order) sorted[next[key[k]!]!++] = k;
  return sorted;
}
