import type { QpProblem, QpStatus } from '../../optimizer/index.ts';
import { uniform } from './homes.ts';
import { dense, dot, timesAt, timesP } from './qp-problems.ts';

const INF = Infinity;

export type Drawn = { readonly problem: QpProblem; readonly status: QpStatus };

/** What real collections are like and plain random numbers are not; each by itself, on every seed. */
export type Trait =
  | 'plain'
  | 'linear'
  | 'badly scaled'
  | 'degenerate'
  | 'no interior'
  | 'redundant'
  | 'low rank'
  | 'free and fixed'
  | 'equalities only'
  | 'bounds only';

export const traits: readonly Trait[] = [
  'plain',
  'linear',
  'badly scaled',
  'degenerate',
  'no interior',
  'redundant',
  'low rank',
  'free and fixed',
  'equalities only',
  'bounds only',
];

type Dice = {
  readonly random: () => number;
  readonly bell: () => number;
  readonly upTo: (most: number) => number;
  readonly chance: (odds: number) => boolean;
};

function diceOf(seed: number): Dice {
  const random = uniform(seed);
  return {
    random,
    bell: () => (random() + random() + random() + random() - 2) * 2,
    upTo: (most) => Math.floor(random() * (most + 1)),
    chance: (odds) => random() < odds,
  };
}

type Matrix = number[][];

/** A problem around a point and multipliers that satisfy the optimality conditions: it has a solution. */
export function solvable(seed: number, trait: Trait): Drawn {
  const dice = diceOf(seed);
  const { random, bell, upTo, chance } = dice;
  const n = 2 + upTo(28);
  const P = quadratic(n, trait, dice);
  const A: Matrix = trait === 'bounds only' ? [] : rowsOf(n, 1 + upTo(Math.ceil(1.2 * n)), dice);
  if (trait === 'redundant') repeatRows(A, dice);
  const general = A.length;
  const bounded = trait === 'equalities only' ? 0 : trait === 'free and fixed' ? 0.5 : 0.9;
  for (let j = 0; j < n; j++) if (chance(bounded)) A.push(unit(n, j));
  const x = Array.from({ length: n }, () => (chance(0.4) ? 0 : 3 * bell()));
  const l: number[] = [];
  const u: number[] = [];
  const y: number[] = [];
  A.forEach((row, i) => {
    const here = dot(row, x);
    const equal =
      trait === 'equalities only' || chance(i < general ? 0.4 : trait === 'free and fixed' ? 0.3 : 0);
    // Degenerate: many more bounds are met with equality than press.
    const touching = chance(trait === 'degenerate' ? 0.8 : 0.4);
    const side = chance(0.5) ? 1 : -1;
    const width = chance(0.4) ? INF : 0.1 + 3 * random();
    l.push(equal ? here : side < 0 ? here - (touching ? 0 : random()) : here - width);
    u.push(equal ? here : side > 0 ? here + (touching ? 0 : random()) : here + width);
    const presses = touching && chance(trait === 'degenerate' ? 0.3 : 0.8);
    y.push(equal ? bell() : presses ? side * Math.abs(bell()) : 0);
  });
  if (trait === 'no interior') closeInterior({ A, l, u, y }, x, dice);
  const shape = dense({ P, q: x, A, l, u });
  const pulled = timesAt(shape, y);
  const q = timesP(shape, x).map((value, j) => -value - pulled[j]!);
  const problem = dense({ P, q, A, l, u });
  return { problem: trait === 'badly scaled' ? rescale(problem, dice) : problem, status: 'solved' };
}

/** Rows, some with few entries, of which a combination asks for what the bounds do not give. */
export function infeasible(seed: number, trait: Trait): Drawn {
  const dice = diceOf(seed);
  const { random, bell, upTo, chance } = dice;
  const n = 2 + upTo(20);
  const P = quadratic(n, trait, dice);
  const A = rowsOf(n, 1 + upTo(n), dice);
  const general = A.length;
  for (let j = 0; j < n; j++) A.push(unit(n, j));
  const x = Array.from({ length: n }, bell);
  const l = A.map((row) => dot(row, x) - (chance(0.3) ? INF : random()));
  const u = A.map((row) => dot(row, x) + (chance(0.3) ? INF : random()));
  // One more row: a combination of some, bounded away from the most that they allow it.
  const y = A.map((_, i) => (chance(i < general ? 0.6 : 0.2) ? bell() : 0));
  if (y.every((value) => Math.abs(value) === 0)) y[0] = 1;
  y.forEach((value, i) => {
    if (value > 0 && u[i] === INF) u[i] = dot(A[i]!, x) + random();
    if (value < 0 && l[i] === -INF) l[i] = dot(A[i]!, x) - random();
  });
  const most = y.reduce((sum, value, i) => sum + (value === 0 ? 0 : value * (value > 0 ? u[i]! : l[i]!)), 0);
  const sum = Array.from({ length: n }, (_, j) => A.reduce((all, row, i) => all + row[j]! * y[i]!, 0));
  const gap = (chance(0.3) ? 1e-3 : 1) * (0.5 + random()) * Math.max(1, Math.abs(most));
  A.push(sum);
  l.push(most + gap);
  u.push(chance(0.5) ? INF : most + 2 * gap);
  const problem = dense({ P, q: x.map(bell), A, l, u });
  return {
    problem: trait === 'badly scaled' ? rescale(problem, dice) : problem,
    status: 'primalInfeasible',
  };
}

/** A cone of directions that no bound closes, downhill along one of them. */
export function unbounded(seed: number, trait: Trait): Drawn {
  const dice = diceOf(seed);
  const { random, bell, upTo, chance } = dice;
  const n = 2 + upTo(20);
  const along = Array.from({ length: n }, () => (chance(0.4) ? 0 : bell()));
  if (along.every((value) => Math.abs(value) === 0)) along[0] = 1;
  const square = dot(along, along);
  const acrossOf = (row: number[]): number[] => {
    const share = dot(row, along) / square;
    // What rounding leaves of a row along the direction would bound it.
    return row
      .map((value, j) => value - share * along[j]!)
      .map((value) => (Math.abs(value) < 1e-12 ? 0 : value));
  };
  const F = trait === 'linear' ? [] : rowsOf(n, upTo(n - 1), dice).map(acrossOf);
  const P = gram(F, n);
  const A = rowsOf(n, 1 + upTo(n), dice).map((row) => (chance(0.5) ? acrossOf(row) : row));
  for (let j = 0; j < n; j++) if (chance(0.6)) A.push(unit(n, j));
  const x = Array.from({ length: n }, bell);
  const l: number[] = [];
  const u: number[] = [];
  for (const row of A) {
    const slope = dot(row, along);
    const flat = Math.abs(slope) < 1e-9;
    const here = dot(row, x);
    const equal = flat && chance(0.3);
    l.push(equal ? here : slope > -1e-9 || flat ? here - random() : -INF);
    u.push(equal ? here : slope < 1e-9 || flat ? here + random() : INF);
  }
  const q = x.map(bell);
  const rise = dot(q, along) + Math.sqrt(square) * (0.1 + random());
  const problem = dense({ P, q: q.map((value, j) => value - (rise * along[j]!) / square), A, l, u });
  return { problem: trait === 'badly scaled' ? rescale(problem, dice) : problem, status: 'dualInfeasible' };
}

function quadratic(n: number, trait: Trait, dice: Dice): Matrix {
  if (trait === 'linear') return gram([], n);
  const rank = trait === 'low rank' ? dice.upTo(2) : dice.upTo(n);
  return gram(rowsOf(n, rank, dice), n);
}

/** F'F. */
function gram(F: Matrix, n: number): Matrix {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => F.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
  );
}

function rowsOf(n: number, count: number, { bell, random, chance }: Dice): Matrix {
  const density = chance(0.5) ? 3 / n : 0.1 + 0.5 * random();
  return Array.from({ length: count }, () => {
    const row = Array.from({ length: n }, () => (chance(density) ? bell() : 0));
    if (row.every((value) => Math.abs(value) === 0)) row[Math.floor(random() * n)] = 1;
    return row;
  });
}

const unit = (n: number, at: number): number[] => Array.from({ length: n }, (_, j) => (j === at ? 1 : 0));

function repeatRows(A: Matrix, { bell, upTo, chance }: Dice): void {
  for (let copies = 1 + upTo(A.length); copies > 0; copies--) {
    const [one, other] = [A[upTo(A.length - 1)]!, A[upTo(A.length - 1)]!];
    const [a, b] = [bell() || 1, chance(0.5) ? bell() : 0];
    A.push(one.map((value, j) => a * value + b * other[j]!));
  }
}

/** Pairs of inequalities that together are an equality: no point keeps both strictly. */
function closeInterior(
  rows: { A: Matrix; l: number[]; u: number[]; y: number[] },
  x: number[],
  dice: Dice,
): void {
  const { A, l, u, y } = rows;
  const count = A.length;
  for (let i = 0; i < count; i++) {
    if (!dice.chance(0.4)) continue;
    const factor = Math.abs(dice.bell()) + 0.1;
    const here = dot(A[i]!, x);
    l[i] = -INF;
    u[i] = here;
    y[i] = Math.abs(y[i]!);
    A.push(A[i]!.map((value) => -factor * value));
    l.push(-INF);
    u.push(-factor * here);
    y.push(dice.chance(0.5) ? Math.abs(dice.bell()) : 0);
  }
}

/** Units of rows, columns and cost by powers of two: the same problem to the last digit. */
function rescale(problem: QpProblem, { random }: Dice): QpProblem {
  const power = (most: number): number => 2 ** Math.round(most * (2 * random() - 1));
  const column = Array.from({ length: problem.variables }, () => power(12));
  const row = Array.from({ length: problem.constraints }, () => power(12));
  const cost = power(10);
  const { P, A, q, l, u } = problem;
  return {
    ...problem,
    P: {
      ...P,
      values: Array.from(P.values, (v, k) => cost * v * column[P.rows[k]!]! * column[P.columns[k]!]!),
    },
    A: { ...A, values: Array.from(A.values, (v, k) => v * row[A.rows[k]!]! * column[A.columns[k]!]!) },
    q: Array.from(q, (v, j) => cost * v * column[j]!),
    l: Array.from(l, (v, i) => v * row[i]!),
    u: Array.from(u, (v, i) => v * row[i]!),
  };
}
