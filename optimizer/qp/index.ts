import { OptimizerError } from '../errors.ts';
import {
  type CheckedProblem,
  checkBounds,
  checkCost,
  checkFinite,
  checkOrder,
  checkProblem,
  checkSettings,
} from './check.ts';
import type { Columns } from './columns.ts';
import type { QpLibrary, QpProblem, QpSettings, QpSolution, QpSolver, QpStatus } from './types.ts';

export type * from './types.ts';

/**
 * The general solver: a sparse primal-dual interior point method in WebAssembly. `wasmBytes` is the file
 * `qp.wasm` beside this module in a build; reading it is the caller's business. Every `setup` gets an
 * instance with a memory of its own, all of it held before `setup` returns.
 *
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such module.
 */
export function createQpLibrary(wasmBytes: Uint8Array): QpLibrary {
  const module = compile(wasmBytes);
  return {
    setup(problem: QpProblem, settings: Partial<QpSettings> = {}): QpSolver {
      const chosen = checkSettings(settings);
      return createSolver(load(module, checkProblem(problem)), chosen);
    },
  };
}

/** What assembly/index.ts exports. */
type Exports = {
  readonly memory: WebAssembly.Memory;
  open(variables: number, constraints: number, pEntries: number, aEntries: number): void;
  setup(): void;
  solve(maxIterations: number, epsAbsolute: number, epsRelative: number, warm: number): number;
  address(field: number): number;
  figure(which: number): number;
  isMemoryExhausted(): number;
};

/** A problem inside its instance, with windows on what may be written or read between solves. */
type Loaded = {
  readonly exports: Exports;
  readonly q: Float64Array;
  readonly l: Float64Array;
  readonly u: Float64Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly certificate: Float64Array;
};

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
const STATUSES: readonly QpStatus[] = [
  'solved',
  'primalInfeasible',
  'dualInfeasible',
  'maxIterations',
  'nonConvex',
];

function compile(wasmBytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasmBytes);
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the bytes are no WebAssembly module', {}, { cause });
  }
}

function instantiate(module: WebAssembly.Module): Exports {
  try {
    const { exports } = new WebAssembly.Instance(module);
    if (typeof exports.solve === 'function') return exports as Exports;
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module does not start', {}, { cause });
  }
  throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module is not the solver');
}

function load(module: WebAssembly.Module, problem: CheckedProblem): Loaded {
  const exports = instantiate(module);
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
  withinMemory(exports, () => exports.open(variables, constraints, P.values.length, A.values.length));
  place('p', P);
  place('a', A);
  withinMemory(exports, () => exports.setup());
  const loaded = {
    exports,
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

/** A refusal of memory ends in a trap; any other trap is a bug and goes on as it is. */
function withinMemory(exports: Exports, work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!exports.isMemoryExhausted()) throw cause;
    const bytes = exports.memory.buffer.byteLength;
    throw new OptimizerError('OPTIMIZER_OUT_OF_MEMORY', 'the problem does not fit', { bytes }, { cause });
  }
}

function createSolver(loaded: Loaded, settings: QpSettings): QpSolver {
  const { exports, q, l, u, x, y, certificate } = loaded;
  let warm = false;
  return {
    update(change) {
      const newQ = change.q === undefined ? q : checkCost(change.q, q.length);
      const newL = change.l === undefined ? l : checkBounds('l', change.l, l.length);
      const newU = change.u === undefined ? u : checkBounds('u', change.u, u.length);
      checkOrder(newL, newU);
      q.set(newQ);
      l.set(newL);
      u.set(newU);
    },
    warmStart(start) {
      const fromX = checkFinite('x', start.x, x.length);
      const fromY = checkFinite('y', start.y, y.length);
      x.set(fromX);
      y.set(fromY);
      warm = true;
    },
    solve(): QpSolution {
      const { maxIterations, epsAbsolute, epsRelative } = settings;
      const status = STATUSES[exports.solve(maxIterations, epsAbsolute, epsRelative, warm ? 1 : 0)]!;
      warm = false;
      const solution = {
        status,
        x: x.slice(),
        y: y.slice(),
        iterations: exports.figure(0),
        objective: exports.figure(1),
        primalResidual: exports.figure(2),
        dualResidual: exports.figure(3),
      };
      const length = { primalInfeasible: y.length, dualInfeasible: x.length, nonConvex: x.length } as const;
      if (status === 'solved' || status === 'maxIterations') return solution;
      return { ...solution, certificate: certificate.slice(0, length[status]) };
    },
    get memoryBytes() {
      return exports.memory.buffer.byteLength;
    },
  };
}
