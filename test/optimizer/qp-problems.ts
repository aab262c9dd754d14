import { readFileSync } from 'node:fs';
import type { QpProblem, QpSolution, Triplets } from '../../optimizer/index.ts';
import { uniform } from './homes.ts';

const { Infinity: INF } = globalThis;

/** A problem from full matrices; of P only the upper triangle is read. */
export function dense(given: {
  readonly P?: readonly (readonly number[])[];
  readonly q: readonly number[];
  readonly A?: readonly (readonly number[])[];
  readonly l?: readonly number[];
  readonly u?: readonly number[];
}): QpProblem {
  const { P = [], q, A = [], l = A.map(() => -INF), u = A.map(() => INF) } = given;
  return {
    variables: q.length,
    constraints: A.length,
    P: sparse(P, (row, column) => column >= row),
    A: sparse(A, () => true),
    q,
    l,
    u,
  };
}

function sparse(
  matrix: readonly (readonly number[])[],
  wanted: (row: number, column: number) => boolean,
): Triplets {
  const entries = matrix.flatMap((line, row) =>
    line
      .map((value, column) => ({ row, column, value }))
      .filter((e) => e.value !== 0 && wanted(row, e.column)),
  );
  return {
    rows: entries.map((e) => e.row),
    columns: entries.map((e) => e.column),
    values: entries.map((e) => e.value),
  };
}

export function timesP(problem: QpProblem, x: ArrayLike<number>): number[] {
  const { rows, columns, values } = problem.P;
  const out = new Array<number>(problem.variables).fill(0);
  for (let k = 0; k < values.length; k++) {
    const [i, j, value] = [rows[k]!, columns[k]!, values[k]!];
    out[i]! += value * x[j]!;
    if (i !== j) out[j]! += value * x[i]!;
  }
  return out;
}

function timesA(problem: QpProblem, x: ArrayLike<number>): number[] {
  const out = new Array<number>(problem.constraints).fill(0);
  const { rows, columns, values } = problem.A;
  for (let k = 0; k < values.length; k++) out[rows[k]!]! += values[k]! * x[columns[k]!]!;
  return out;
}

export function timesAt(problem: QpProblem, y: ArrayLike<number>): number[] {
  const out = new Array<number>(problem.variables).fill(0);
  const { rows, columns, values } = problem.A;
  for (let k = 0; k < values.length; k++) out[columns[k]!]! += values[k]! * y[rows[k]!]!;
  return out;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function largest(vector: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < vector.length; i++) most = Math.max(most, Math.abs(vector[i]!));
  return most;
}

/** u'y+ - l'y-: the least that y'Ax can be held to; infinite where y leans on an infinite bound. */
function support(problem: QpProblem, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    if (y[i]! > 0) sum += problem.u[i]! * y[i]!;
    else if (y[i]! < 0) sum += problem.l[i]! * y[i]!;
  }
  return sum;
}

/** How far a point is from the optimality conditions, by the definitions alone. */
export function kkt(problem: QpProblem, { x, y }: Pick<QpSolution, 'x' | 'y'>) {
  const rows = timesA(problem, x);
  const curved = timesP(problem, x);
  const pulled = timesAt(problem, y);
  return {
    stationarity: largest(curved.map((value, j) => value + problem.q[j]! + pulled[j]!)),
    violation: rows.reduce((most, here, i) => Math.max(most, problem.l[i]! - here, here - problem.u[i]!), 0),
    /** Sum over rows of multiplier times distance from the bound that it leans on. */
    complementarity: support(problem, y) - dot(y, rows),
    rowSize: largest(rows),
    costSize: Math.max(largest(problem.q), largest(curved), largest(pulled)),
  };
}

/** The certificate of an unsolved problem, held against the problem itself. */
export function certifies(problem: QpProblem, solution: QpSolution): boolean {
  const proof = solution.certificate;
  if (proof === undefined || Math.abs(largest(proof) - 1) > 1e-12) return false;
  switch (solution.status) {
    case 'primalInfeasible':
      return (
        proof.length === problem.constraints &&
        largest(timesAt(problem, proof)) <= 1e-8 &&
        support(problem, proof) < -1e-10
      );
    case 'dualInfeasible': {
      const outward = timesA(problem, proof).some(
        (value, i) => (problem.u[i]! < INF && value > 1e-8) || (problem.l[i]! > -INF && value < -1e-8),
      );
      const flat = largest(timesP(problem, proof)) <= 1e-8 * Math.max(1, largest(problem.P.values));
      return proof.length === problem.variables && flat && dot(problem.q, proof) < 0 && !outward;
    }
    default:
      return false;
  }
}

/** The reference home: 313 variables, 458 rows. */
export function referenceHome(): { readonly problem: QpProblem; readonly optimum: number } {
  const file = new URL('../../../test/vectors/qp/prosumer-24.json', import.meta.url);
  const { optimum, l, u, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  const bounds = (given: (number | null)[], infinite: number) => given.map((value) => value ?? infinite);
  return { optimum, problem: { ...rest, l: bounds(l, -INF), u: bounds(u, INF) } };
}

export type RandomKind = 'solvable' | 'any';

/**
 * A random problem with every kind of row. `solvable` ones are built around a point and multipliers that
 * satisfy the optimality conditions; `any` may be infeasible or unbounded too.
 */
export function randomProblem(seed: number, kind: RandomKind): QpProblem {
  const random = uniform(seed);
  const upTo = (most: number): number => Math.floor(random() * (most + 1));
  const bell = (): number => (random() + random() + random() + random() - 2) * 2;
  const variables = 1 + upTo(19);
  const constraints = upTo(25);
  const density = 0.05 + 0.6 * random();
  const unit = random() < 0.3 ? 10 ** (upTo(6) - 3) : 1;
  const line = (): number[] => Array.from({ length: variables }, () => (random() < density ? bell() : 0));
  const F = Array.from({ length: upTo(variables) }, line);
  const P = Array.from({ length: variables }, (_, i) =>
    Array.from({ length: variables }, (_, j) => unit * F.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
  );
  const single = (): number[] => {
    const place = upTo(variables - 1);
    const value = random() < 0.5 ? 1 : bell();
    return Array.from({ length: variables }, (_, j) => (j === place ? value : 0));
  };
  const A: number[][] = [];
  for (let i = 0; i < constraints; i++) {
    const repeated = i > 0 && random() < 0.1 ? A[upTo(i - 1)]! : undefined;
    A.push(repeated?.map((value) => -2 * value) ?? (random() < 0.4 ? single() : line()));
  }
  const x = Array.from({ length: variables }, () => 3 * bell());
  const l: number[] = [];
  const u: number[] = [];
  const y: number[] = [];
  for (const row of A) {
    const here = dot(row, x) + (kind === 'any' && random() < 0.15 ? 2 * bell() : 0);
    const below = random() < 0.3 ? INF : random() < 0.5 ? 0 : 3 * random();
    const above = random() < 0.3 ? INF : random() < 0.3 ? below : random() < 0.5 ? 0 : 3 * random();
    l.push(here - below);
    u.push(here + above);
    y.push((above === 0 ? Math.abs(bell()) : 0) - (below === 0 ? Math.abs(bell()) : 0));
  }
  const shape = dense({ P, q: x, A, l, u });
  const balanced = timesP(shape, x).map((value, j) => -value - unit * timesAt(shape, y)[j]!);
  return { ...shape, q: kind === 'solvable' ? balanced : x.map(() => (random() < 0.3 ? 0 : unit * bell())) };
}
