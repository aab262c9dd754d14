import { OptimizerError } from '../errors.ts';
import type { Triplets } from './types.ts';

/** A sparse matrix by columns, rows ascending within each: `starts` has one entry more than columns. */
export type Columns = {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
};

export type MatrixShape = {
  readonly name: 'P' | 'A';
  readonly rows: number;
  readonly columns: number;
  readonly upperTriangle: boolean;
};

/**
 * Checks triplets and sorts them by column, then row; explicit zeros are left out.
 *
 * @throws OptimizerError with `field` and the offending triplet's `index`.
 */
export function toColumns(triplets: Triplets, shape: MatrixShape): Columns {
  checkTriplets(triplets, shape);
  const byRow = sortBy(triplets.rows, shape.rows, identity(triplets.values.length));
  const order = sortBy(triplets.columns, shape.columns, byRow);
  checkDuplicates(triplets, order, shape.name);
  const kept = order.filter((k) => triplets.values[k] !== 0);
  const starts = new Int32Array(shape.columns + 1);
  const rows = new Int32Array(kept.length);
  const values = new Float64Array(kept.length);
  kept.forEach((k, at) => {
    const column = triplets.columns[k]!;
    starts[column + 1] = at + 1;
    rows[at] = triplets.rows[k]!;
    values[at] = triplets.values[k]!;
  });
  for (let j = 0; j < shape.columns; j++) starts[j + 1] = Math.max(starts[j + 1]!, starts[j]!);
  return { starts, rows, values };
}

function checkTriplets(triplets: Triplets, shape: MatrixShape): void {
  const { rows, columns, values } = triplets;
  const field = shape.name;
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
      const place = `(${row}, ${column})`;
      throw new OptimizerError(
        'OPTIMIZER_BAD_INDEX',
        `${field}[${index}] is at ${place}, outside the matrix`,
        {
          field,
          index,
          row: Number(row),
          column: Number(column),
        },
      );
    }
    if (!Number.isFinite(values[index])) {
      throw new OptimizerError('OPTIMIZER_NOT_FINITE', `${field}[${index}] is ${values[index]}`, {
        field,
        index,
      });
    }
    if (shape.upperTriangle && row > column) {
      throw new OptimizerError('OPTIMIZER_LOWER_TRIANGLE', `${field}[${index}] is below the diagonal`, {
        field,
        index,
        row,
        column,
      });
    }
  }
}

function isIndex(value: number, size: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < size;
}

function checkDuplicates(triplets: Triplets, order: Int32Array, field: string): void {
  for (let at = 1; at < order.length; at++) {
    const index = order[at]!;
    const before = order[at - 1]!;
    const row = triplets.rows[index]!;
    const column = triplets.columns[index]!;
    if (row !== triplets.rows[before] || column !== triplets.columns[before]) continue;
    throw new OptimizerError('OPTIMIZER_DUPLICATE_ENTRY', `${field} has (${row}, ${column}) twice`, {
      field,
      index,
      row,
      column,
    });
  }
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
