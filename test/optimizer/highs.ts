import loadHighs, { type ModelData } from 'highs';
import type { QpProblem, QpStatus, Triplets } from '../../optimizer/index.ts';

/** The package's types call its default export what its ES module exports itself. */
const highs = await (loadHighs as unknown as typeof loadHighs.default)();

export type HighsAnswer = {
  /** `undefined` when HiGHS gave up or could not tell infeasible from unbounded. */
  readonly status: QpStatus | undefined;
  readonly objective: number;
};

/**
 * HiGHS (WebAssembly, npm `highs`) as a second opinion, and as the peer in benchmarks. Every `solve` starts
 * from nothing; rows with one entry are bounds of their variable, as HiGHS expects them.
 */
export function prepareHighs(
  problem: QpProblem,
  timeLimitS = TIME_LIMIT_S,
): { solve(): HighsAnswer; dispose(): void } {
  const { modelStatus } = highs.constants;
  const statuses = new Map<number, QpStatus>([
    [modelStatus.optimal, 'solved'],
    [modelStatus.infeasible, 'primalInfeasible'],
    [modelStatus.unbounded, 'dualInfeasible'],
  ]);
  const model = highs.createModel();
  model.options.set('output_flag', false);
  model.options.set('time_limit', timeLimitS);
  model.passModel(toModel(problem));
  return {
    solve() {
      model.clearSolver();
      const gaveUp = model.raw.run().status < 0;
      return {
        status: gaveUp ? undefined : statuses.get(model.getModelStatus()),
        objective: Number(model.info.get('objective_function_value')),
      };
    },
    dispose: () => model.dispose(),
  };
}

/** Far beyond what a problem of our size should take. */
const TIME_LIMIT_S = 20;

function toModel({ variables, constraints, P, A, q, l, u }: QpProblem): ModelData {
  const entries = new Int32Array(constraints);
  for (let k = 0; k < A.rows.length; k++) entries[A.rows[k]!]!++;
  const colLower = new Float64Array(variables).fill(-Infinity);
  const colUpper = new Float64Array(variables).fill(Infinity);
  const kept: number[] = [];
  for (let k = 0; k < A.rows.length; k++) {
    const [row, column, value] = [A.rows[k]!, A.columns[k]!, A.values[k]!];
    if (entries[row] !== 1 || value === 0) kept.push(k);
    else {
      const [low, high] = value > 0 ? [l[row]!, u[row]!] : [u[row]!, l[row]!];
      colLower[column] = Math.max(colLower[column]!, low / value);
      colUpper[column] = Math.min(colUpper[column]!, high / value);
      entries[row] = -1;
    }
  }
  const isBound = (row: number): boolean => entries[row] === -1;
  return {
    numCols: variables,
    numRows: constraints,
    colCost: Float64Array.from(q),
    colLower,
    colUpper,
    rowLower: Float64Array.from(l, (low, row) => (isBound(row) ? -Infinity : low)),
    rowUpper: Float64Array.from(u, (high, row) => (isBound(row) ? Infinity : high)),
    matrix: {
      format: 'csc',
      numRows: constraints,
      numCols: variables,
      ...byColumn(
        variables,
        kept.map((k) => [A.rows[k]!, A.columns[k]!, A.values[k]!]),
      ),
    },
    ...(P.values.length > 0 && {
      hessian: { format: 'triangular', dimension: variables, ...byColumn(variables, lowerTriangle(P)) },
    }),
  };
}

type Entry = readonly [row: number, column: number, value: number];

function lowerTriangle(P: Triplets): Entry[] {
  return Array.from(P.values, (value, k): Entry => [P.columns[k]!, P.rows[k]!, value]);
}

function byColumn(columns: number, entries: readonly Entry[]) {
  const sorted = [...entries].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const starts = new Int32Array(columns + 1);
  for (const [, column] of sorted) starts[column + 1]!++;
  for (let j = 0; j < columns; j++) starts[j + 1]! += starts[j]!;
  return {
    starts,
    indices: Int32Array.from(sorted, ([row]) => row),
    values: Float64Array.from(sorted, ([, , value]) => value),
  };
}
