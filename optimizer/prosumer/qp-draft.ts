import type { QpProblem } from '../qp/types.ts';

/** One place of a constraint row: column and coefficient. */
export type Entry = readonly [column: number, value: number];

/** A quadratic program under construction: variables and rows are numbered in the order they are added. */
export type QpDraft = {
  /** @returns the column. The cost of value x is linear * x + curvature / 2 * x^2. */
  variable(cost?: { linear?: number; curvature?: number }): number;
  /** lower <= entries * x <= upper. @returns the row. */
  row(entries: readonly Entry[], lower: number, upper: number): number;
  finish(): QpProblem;
};

export function createQpDraft(): QpDraft {
  const q: number[] = [];
  const curvature: { columns: number[]; values: number[] } = { columns: [], values: [] };
  const A: { rows: number[]; columns: number[]; values: number[] } = { rows: [], columns: [], values: [] };
  const l: number[] = [];
  const u: number[] = [];

  return {
    variable(cost = {}) {
      const column = q.length;
      q.push(cost.linear ?? 0);
      if (cost.curvature) {
        curvature.columns.push(column);
        curvature.values.push(cost.curvature);
      }
      return column;
    },
    row(entries, lower, upper) {
      const row = l.length;
      for (const [column, value] of entries) {
        A.rows.push(row);
        A.columns.push(column);
        A.values.push(value);
      }
      l.push(lower);
      u.push(upper);
      return row;
    },
    finish: () => ({
      variables: q.length,
      constraints: l.length,
      P: {
        rows: Int32Array.from(curvature.columns),
        columns: Int32Array.from(curvature.columns),
        values: Float64Array.from(curvature.values),
      },
      A: {
        rows: Int32Array.from(A.rows),
        columns: Int32Array.from(A.columns),
        values: Float64Array.from(A.values),
      },
      q: Float64Array.from(q),
      l: Float64Array.from(l),
      u: Float64Array.from(u),
    }),
  };
}

/** No column or row in any slot. */
export function absent(slots: number): Int32Array {
  return new Int32Array(slots).fill(-1);
}

export function negated(entries: readonly Entry[]): Entry[] {
  return entries.map(([column, value]) => [column, -value]);
}
