import type { QpProblem } from '../../optimizer/index.ts';

export type Line = readonly (readonly [column: number, value: number])[];

/** A problem written as sums: weighted squares of linear forms, a linear cost, rows, bounds of variables. */
export type Draft = {
  readonly variables: number;
  /** weight / 2 * (form - shift)^2 */
  readonly squares?: readonly { readonly weight: number; readonly form: Line; readonly shift?: number }[];
  /** value * x_i * x_j */
  readonly products?: readonly (readonly [i: number, j: number, value: number])[];
  readonly linear?: Line;
  readonly constant?: number;
  readonly rows?: readonly { readonly form: Line; readonly low?: number; readonly high?: number }[];
  readonly bounds?: (j: number) => readonly [low: number, high: number];
};

/** The problem, and the constant that the solver's form has no place for. */
export function build(draft: Draft): { readonly problem: QpProblem; readonly constant: number } {
  const { variables: n, squares = [], products = [], linear = [], rows = [], bounds } = draft;
  const P = new Map<number, number>();
  const q = new Array<number>(n).fill(0);
  let constant = draft.constant ?? 0;
  const curve = (i: number, j: number, value: number): void => {
    const key = Math.min(i, j) * n + Math.max(i, j);
    P.set(key, (P.get(key) ?? 0) + value);
  };
  for (const { weight, form, shift = 0 } of squares) {
    constant += 0.5 * weight * shift * shift;
    form.forEach(([i, a], k) => {
      q[i]! -= weight * shift * a;
      form.forEach(([j, b], other) => {
        if (other === k) curve(i, i, weight * a * a);
        else if (other > k) curve(i, j, (i === j ? 2 : 1) * weight * a * b);
      });
    });
  }
  for (const [i, j, value] of products) curve(i, j, i === j ? 2 * value : value);
  for (const [j, value] of linear) q[j]! += value;
  const lines = rows.map(({ form }) => form);
  const l = rows.map(({ low }) => low ?? -Infinity);
  const u = rows.map(({ high }) => high ?? Infinity);
  for (let j = 0; bounds && j < n; j++) {
    const [low, high] = bounds(j);
    if (low === -Infinity && high === Infinity) continue;
    lines.push([[j, 1]]);
    l.push(low);
    u.push(high);
  }
  const entries = lines.flatMap((line, row) => {
    const sums = new Map<number, number>();
    for (const [column, value] of line) sums.set(column, (sums.get(column) ?? 0) + value);
    return Array.from(sums, ([column, value]) => ({ row, column, value }));
  });
  const curved = Array.from(P).filter(([, value]) => value !== 0);
  return {
    constant,
    problem: {
      variables: n,
      constraints: lines.length,
      P: {
        rows: curved.map(([key]) => Math.floor(key / n)),
        columns: curved.map(([key]) => key % n),
        values: curved.map(([, value]) => value),
      },
      A: {
        rows: entries.map(({ row }) => row),
        columns: entries.map(({ column }) => column),
        values: entries.map(({ value }) => value),
      },
      q,
      l,
      u,
    },
  };
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
export const form = (...values: readonly number[]): Line =>
  values.map((value, j) => [j, value] as const).filter(([, value]) => value !== 0);
