/**
 * A convex quadratic program in the form and vocabulary of OSQP (Stellato et al. 2020, eq. 1):
 *
 *   minimise 1/2 x'Px + q'x   subject to   l <= Ax <= u
 */

/** Sparse matrix as triplets: entry k is `values[k]` at (`rows[k]`, `columns[k]`), each place at most once. */
export type Triplets = {
  readonly rows: ArrayLike<number>;
  readonly columns: ArrayLike<number>;
  readonly values: ArrayLike<number>;
};

export type QpProblem = {
  /** Number of variables. */
  readonly variables: number;
  /** Number of constraint rows. */
  readonly constraints: number;
  /** n x n, symmetric positive semidefinite, upper triangle only. */
  readonly P: Triplets;
  /** m x n. */
  readonly A: Triplets;
  readonly q: ArrayLike<number>;
  /** -Infinity where a row has no lower bound. */
  readonly l: ArrayLike<number>;
  /** +Infinity where a row has no upper bound. */
  readonly u: ArrayLike<number>;
};

export type QpSettings = {
  /** Interior point iterations at most; the count, never the clock, ends a solve. */
  readonly maxIterations: number;
  /** Absolute and relative tolerances on residuals (as OSQP defines them) and on the duality gap. */
  readonly epsAbsolute: number;
  readonly epsRelative: number;
};

export type QpStatus = 'solved' | 'primalInfeasible' | 'dualInfeasible' | 'maxIterations' | 'nonConvex';

export type QpSolution = {
  readonly status: QpStatus;
  /** n; a fresh copy. Meaningful when `solved`. */
  readonly x: Float64Array;
  /** m, the multipliers with OSQP's sign: Px + q + A'y = 0; y > 0 where the upper bound binds. */
  readonly y: Float64Array;
  /** 1/2 x'Px + q'x. */
  readonly objective: number;
  readonly iterations: number;
  readonly primalResidual: number;
  readonly dualResidual: number;
  /** y (length m) proving primal infeasibility, or x direction (length n) proving dual infeasibility. */
  readonly certificate?: Float64Array;
};

/** New values for vectors of the same length; what is left out stays. */
export type QpUpdate = {
  readonly q?: ArrayLike<number>;
  readonly l?: ArrayLike<number>;
  readonly u?: ArrayLike<number>;
};

/** One problem set up in a WebAssembly instance of its own: structure fixed, vectors changeable. */
export type QpSolver = {
  update(change: QpUpdate): void;
  /** A point to start from, of an earlier solution of a problem of the same structure. */
  warmStart(start: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> }): void;
  solve(): QpSolution;
  /** Bytes of WebAssembly memory held. */
  readonly memoryBytes: number;
};

/** The compiled solver: sets up any number of independent problems. */
export type QpLibrary = {
  /** @throws OptimizerError on bad input, with the offending index; nothing is kept then. */
  setup(problem: QpProblem, settings?: Partial<QpSettings>): QpSolver;
};
