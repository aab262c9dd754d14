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
  /** n x n, symmetric positive semidefinite (else `solve` says `nonConvex`), upper triangle only. */
  readonly P: Triplets;
  /** m x n. */
  readonly A: Triplets;
  readonly q: ArrayLike<number>;
  /** -Infinity where a row has no lower bound; from 1e20 on numbers count as infinite, as with u. */
  readonly l: ArrayLike<number>;
  /** +Infinity where a row has no upper bound. */
  readonly u: ArrayLike<number>;
};

/** Defaults: 200 iterations, both tolerances 1e-9. */
export type QpSettings = {
  /** Interior point steps at most, those of proofs of infeasibility included; the count, never the clock, ends a solve. */
  readonly maxIterations: number;
  /** Absolute and relative tolerances on residuals (as OSQP defines them) and on the duality gap. */
  readonly epsAbsolute: number;
  readonly epsRelative: number;
};

export type QpStatus = 'solved' | 'primalInfeasible' | 'dualInfeasible' | 'maxIterations' | 'nonConvex';

export type QpSolution = {
  readonly status: QpStatus;
  /** n; a fresh copy. The best point seen at `maxIterations`, zeros without a solution. */
  readonly x: Float64Array;
  /** m, the multipliers with OSQP's sign: Px + q + A'y = 0; y > 0 where the upper bound binds. */
  readonly y: Float64Array;
  /** 1/2 x'Px + q'x; Infinity, -Infinity and NaN when `primalInfeasible`, `dualInfeasible`, `nonConvex`. */
  readonly objective: number;
  readonly iterations: number;
  readonly primalResidual: number;
  readonly dualResidual: number;
  /**
   * Of largest entry 1. `primalInfeasible`: y (m) with A'y = 0 and u'y+ - l'y- < 0. `dualInfeasible`: d (n)
   * with Pd = 0, q'd < 0 and Ad out of no finite bound. `nonConvex`: d (n) with d'Pd < 0, unscaled.
   */
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
  /** A point for the next solve to start from, and for that one only; any finite numbers are safe. */
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
