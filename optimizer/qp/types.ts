/**
 * A convex quadratic program in the form and vocabulary of OSQP (Stellato et al. 2020, eq. 1):
 *
 *   minimise 1/2 x'Px + q'x   subject to   l <= Ax <= u
 */

/** Entry k is `values[k]` at (`rows[k]`, `columns[k]`); in any order, each place at most once. */
export type Triplets = {
  readonly rows: ArrayLike<number>;
  readonly columns: ArrayLike<number>;
  readonly values: ArrayLike<number>;
};

/**
 * Compressed columns: column j has the entries `starts[j]` to `starts[j + 1] - 1` of `rows` and `values`, rows
 * ascending.
 */
export type CompressedColumns = {
  readonly starts: ArrayLike<number>;
  readonly rows: ArrayLike<number>;
  readonly values: ArrayLike<number>;
};

/** Explicit zeros belong to the structure: an update may give them another value. */
export type SparseMatrix = Triplets | CompressedColumns;

export type QpProblem<Matrix extends SparseMatrix = Triplets> = {
  /** Number of variables. */
  readonly variables: number;
  /** Number of constraint rows. */
  readonly constraints: number;
  /** n x n, symmetric positive semidefinite, upper triangle only. */
  readonly P: Matrix;
  /** m x n. */
  readonly A: Matrix;
  readonly q: ArrayLike<number>;
  /** -Infinity where a row has no lower bound; from 1e20 on numbers count as infinite, as with u. */
  readonly l: ArrayLike<number>;
  /** +Infinity where a row has no upper bound. */
  readonly u: ArrayLike<number>;
};

/** Defaults: 400 iterations, both tolerances 1e-9, no limit of memory but that of WebAssembly. */
export type QpSettings = {
  /** Interior point steps at most, those of proofs of infeasibility included; the count, never the clock, ends a solve. */
  readonly maxIterations: number;
  /** Absolute and relative tolerances on residuals (as OSQP defines them) and on the duality gap. */
  readonly epsAbsolute: number;
  readonly epsRelative: number;
  /** `setup` refuses a problem that would need more, in bytes of WebAssembly memory (pages of 65,536). */
  readonly memoryBytesMax: number;
};

export type QpStatus = 'solved' | 'primalInfeasible' | 'dualInfeasible' | 'maxIterations';

export type QpSolution = {
  readonly status: QpStatus;
  /** n. The best point seen at `maxIterations`, zeros without a solution. */
  readonly x: Float64Array;
  /** m, the multipliers with OSQP's sign: Px + q + A'y = 0; y > 0 where the upper bound binds. */
  readonly y: Float64Array;
  /** 1/2 x'Px + q'x; Infinity and -Infinity when `primalInfeasible` and `dualInfeasible`. */
  readonly objective: number;
  readonly iterations: number;
  /** NaN without a solution, as is the next. */
  readonly primalResidual: number;
  readonly dualResidual: number;
  /**
   * Of largest entry 1. `primalInfeasible`: y (m) with A'y = 0 and u'y+ - l'y- < 0. `dualInfeasible`: d (n)
   * with Pd = 0, q'd < 0 and Ad out of no finite bound.
   */
  readonly certificate?: Float64Array;
};

/** New values of the same lengths; what is left out stays. Of P and A the values in the order they were given. */
export type QpUpdate = {
  readonly q?: ArrayLike<number>;
  readonly l?: ArrayLike<number>;
  readonly u?: ArrayLike<number>;
  readonly P?: ArrayLike<number>;
  readonly A?: ArrayLike<number>;
};

/** One problem set up in a WebAssembly instance of its own: structure fixed, numbers changeable. */
export type QpSolver = {
  /** @throws OptimizerError on bad input, OPTIMIZER_NON_CONVEX included; nothing is changed then. */
  update(change: QpUpdate): void;
  /** A point for the next solve to start from, and for that one only; any finite numbers are safe. */
  warmStart(start: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> }): void;
  /** The solution's x and y are `into`'s arrays (of n and m numbers) where they are given, fresh ones otherwise. */
  solve(into?: { readonly x: Float64Array; readonly y: Float64Array }): QpSolution;
  /** Bytes of WebAssembly memory held: the same from `setup` on. */
  readonly memoryBytes: number;
};

/** The compiled solver: sets up any number of independent problems. */
export type QpLibrary = {
  /** @throws OptimizerError on bad input, with the offending index; nothing is kept then. */
  setup(problem: QpProblem<SparseMatrix>, settings?: Partial<QpSettings>): QpSolver;
};
