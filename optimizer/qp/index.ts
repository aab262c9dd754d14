import { OptimizerError } from '../errors.ts';
import { compileModule, type SolverExports, startModule, withinMemory } from '../wasm-module.ts';
import {
  type CheckedProblem,
  checkBounds,
  checkFinite,
  checkOrder,
  checkProblem,
  checkRoom,
  checkSettings,
  checkValues,
} from './check.ts';
import { checkObject } from './check-type.ts';
import type { Columns } from './columns.ts';
import type {
  QpLibrary,
  QpProblem,
  QpSettings,
  QpSolution,
  QpSolver,
  QpStatus,
  SparseMatrix,
} from './types.ts';

export { OptimizerError, type OptimizerErrorCode } from '../errors.ts';
export type * from './types.ts';

/**
 * The general solver: a sparse primal-dual interior point method in WebAssembly. `wasmBytes` is the file
 * `qp.wasm` beside this module in a build; reading it is the caller's business. Every `setup` gets an
 * instance with a memory of its own, all of it held before `setup` returns.
 *
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such module.
 */
export function createQpLibrary(wasmBytes: Uint8Array): QpLibrary {
  const module = compileModule(wasmBytes);
  return {
    setup(problem: QpProblem<SparseMatrix>, settings: Partial<QpSettings> = {}): QpSolver {
      const chosen = checkSettings(settings);
      const loaded = load(module, checkProblem(problem), chosen.memoryBytesMax);
      if (loaded.bentAt >= 0) throw nonConvex(loaded, loaded.bentAt);
      return createSolver(loaded, chosen);
    },
  };
}

/** What assembly/index.ts exports. */
type Exports = SolverExports & {
  open(variables: number, constraints: number, pEntries: number, aEntries: number, bytesMax: number): void;
  /** As `refresh`: -1, or the variable at which P is not convex. */
  setup(): number;
  refresh(): number;
  solve(maxIterations: number, epsAbsolute: number, epsRelative: number, warm: number): number;
  address(field: number): number;
  figure(which: number): number;
};

const FUNCTIONS = ['open', 'setup', 'refresh', 'solve', 'address', 'figure'] as const;

/** A problem inside its instance, with windows on what may be written or read between solves. */
type Loaded = {
  readonly exports: Exports;
  /** -1, or the variable at which P is not convex. */
  readonly bentAt: number;
  readonly P: EntryWindow;
  readonly A: EntryWindow;
  readonly q: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly certificate: Float64Array;
};

/** Values of a matrix as the instance holds them, and which of the given ones stands where. */
type EntryWindow = { readonly values: Float64Array; readonly givenAt: Int32Array };

/** In the order of `address` in assembly/index.ts. */
const FIELDS = [
  'pStart',
  'pRow',
  'pValue',
  'aStart',
  'aRow',
  'aValue',
  'q',
  'l',
  'u',
  'x',
  'y',
  'certificate',
];

/** In the order of the codes in assembly/solver.ts. */
const STATUSES: readonly QpStatus[] = ['solved', 'primalInfeasible', 'dualInfeasible', 'maxIterations'];

function load(module: WebAssembly.Module, problem: CheckedProblem, bytesMax: number): Loaded {
  const exports = startModule<Exports>(module, FUNCTIONS);
  requireRoom(exports, bytesMax);
  const { variables, constraints, P, A } = problem;
  const at = (field: string) => exports.address(FIELDS.indexOf(field)) >>> 0;
  const floats = (field: string, length: number) =>
    new Float64Array(exports.memory.buffer, at(field), length);
  const place = (prefix: string, columns: Columns) => {
    const { buffer } = exports.memory;
    new Int32Array(buffer, at(`${prefix}Start`), columns.starts.length).set(columns.starts);
    new Int32Array(buffer, at(`${prefix}Row`), columns.rows.length).set(columns.rows);
    floats(`${prefix}Value`, columns.values.length).set(columns.values);
  };
  withinMemory(exports, () =>
    exports.open(variables, constraints, P.values.length, A.values.length, bytesMax),
  );
  place('p', P);
  place('a', A);
  const bentAt = withinMemory(exports, () => exports.setup());
  const loaded = {
    exports,
    bentAt,
    P: { values: floats('pValue', P.values.length), givenAt: P.givenAt },
    A: { values: floats('aValue', A.values.length), givenAt: A.givenAt },
    q: floats('q', variables),
    l: floats('l', constraints),
    u: floats('u', constraints),
    x: floats('x', variables),
    y: floats('y', constraints),
    certificate: floats('certificate', Math.max(variables, constraints)),
  };
  loaded.q.set(problem.q);
  loaded.l.set(problem.l);
  loaded.u.set(problem.u);
  return loaded;
}

/** What the code itself needs is there from the start. */
function requireRoom({ memory }: Exports, bytesMax: number): void {
  const bytes = memory.buffer.byteLength;
  if (bytes <= bytesMax) return;
  throw new OptimizerError('OPTIMIZER_OUT_OF_MEMORY', `the code alone needs ${bytes} bytes`, { bytes });
}

/** `index` is the variable; `curvature` is d'Pd of a direction d of largest entry 1. */
function nonConvex({ P, certificate, exports, q }: Loaded, index: number): OptimizerError {
  const direction = certificate.subarray(0, q.length);
  const largest = direction.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const at = (field: string) => exports.address(FIELDS.indexOf(field)) >>> 0;
  const { buffer } = exports.memory;
  const starts = new Int32Array(buffer, at('pStart'), q.length + 1);
  const rows = new Int32Array(buffer, at('pRow'), P.values.length);
  let curvature = 0;
  for (let j = 0; j < q.length; j++) {
    for (let k = starts[j]!; k < starts[j + 1]!; k++) {
      const term = P.values[k]! * (direction[rows[k]!]! / largest) * (direction[j]! / largest);
      curvature += rows[k] === j ? term : 2 * term;
    }
  }
  return new OptimizerError('OPTIMIZER_NON_CONVEX', `P is not convex: it bends down at variable ${index}`, {
    field: 'P',
    index,
    curvature,
  });
}

function createSolver(loaded: Loaded, settings: QpSettings): QpSolver {
  const { exports, P, A, q, l, u, x, y, certificate } = loaded;

  /** New values of P and A, or the old ones if the new P is not convex. */
  function changeMatrices(newP: Float64Array, newA: Float64Array): void {
    const [oldP, oldA] = [P.values.slice(), A.values.slice()];
    P.values.set(newP);
    A.values.set(newA);
    const bentAt = exports.refresh();
    if (bentAt < 0) return;
    const refusal = nonConvex(loaded, bentAt);
    P.values.set(oldP);
    A.values.set(oldA);
    exports.refresh();
    throw refusal;
  }

  let warm = false;
  return {
    update(change) {
      checkObject('change', change);
      const newQ = change.q === undefined ? q : checkFinite('q', change.q, q.length);
      const newL = change.l === undefined ? l : checkBounds('l', change.l, l.length);
      const newU = change.u === undefined ? u : checkBounds('u', change.u, u.length);
      checkOrder(newL, newU);
      if (change.P !== undefined || change.A !== undefined) {
        changeMatrices(
          change.P === undefined ? P.values : checkValues('P', change.P, P.givenAt),
          change.A === undefined ? A.values : checkValues('A', change.A, A.givenAt),
        );
      }
      q.set(newQ);
      l.set(newL);
      u.set(newU);
    },
    warmStart(start) {
      checkObject('start', start);
      const fromX = checkFinite('x', start.x, x.length);
      const fromY = checkFinite('y', start.y, y.length);
      x.set(fromX);
      y.set(fromY);
      warm = true;
    },
    solve(into): QpSolution {
      if (into !== undefined) {
        checkObject('into', into);
        checkRoom('into.x', into.x, x.length);
        checkRoom('into.y', into.y, y.length);
      }
      const { maxIterations, epsAbsolute, epsRelative } = settings;
      const status = STATUSES[exports.solve(maxIterations, epsAbsolute, epsRelative, warm ? 1 : 0)]!;
      warm = false;
      const solution = {
        status,
        x: copied(x, into?.x),
        y: copied(y, into?.y),
        iterations: exports.figure(0),
        objective: exports.figure(1),
        primalResidual: exports.figure(2),
        dualResidual: exports.figure(3),
      };
      const length = { primalInfeasible: y.length, dualInfeasible: x.length } as const;
      if (status === 'solved' || status === 'maxIterations') return solution;
      return { ...solution, certificate: certificate.slice(0, length[status]) };
    },
    get memoryBytes() {
      return exports.memory.buffer.byteLength;
    },
  };
}

function copied(from: Float64Array, into: Float64Array | undefined): Float64Array {
  if (into === undefined) return from.slice();
  into.set(from);
  return into;
}
