import { OptimizerError } from '../errors.ts';
import { readStages } from './read-stages.ts';
import { LOADS_MAX, type StageRows, stagedLoads, writeHome } from './stage-rows.ts';
import type { HomePlan, HomeProblem } from './types.ts';

/** The solver that knows a home's shape. It finds plans; why there is none is the general solver's business. */
export type StageLibrary = Pick<StageSolver, 'solve'> & {
  /** An instance with a memory of its own. */
  open(): StageSolver;
};

export type StageSolver = {
  /**
   * @param problem one that `validateProblem` lets pass.
   * @returns undefined where it does not converge: there is no plan, or the general solver must find it.
   */
  solve(problem: HomeProblem, options?: { readonly optIn?: boolean }): SolvedPlan | undefined;
  /** Bytes of WebAssembly memory held. */
  readonly memoryBytes: number;
};

export type SolvedPlan = Extract<HomePlan, { status: 'solved' }>;

/** What assembly/index.ts exports. */
type Exports = {
  readonly memory: WebAssembly.Memory;
  open(slots: number, loads: number): void;
  solve(limitSteps: number, gapMax: number, complementarity: number): number;
  row(index: number): number;
  loadRow(load: number, index: number): number;
  scalarsAddress(): number;
  figure(which: number): number;
  isMemoryExhausted(): number;
};

const ROWS = 40;
const LOAD_ROWS = 5;
const SCALARS = 96;
const STEPS_MAX = 60;
/** What the plan may cost more than the best one, against 1 for the price of a kW in the dearest slot. */
const GAP_MAX = 3e-10;
/** Product of distance and multiplier to begin with, in the same unit. */
const FIRST_PRODUCT = 0.3;

/**
 * @param wasmBytes the file `stages.wasm` beside this module in a build.
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such module.
 */
export function createStageLibrary(wasmBytes: Uint8Array): StageLibrary {
  const module = compile(wasmBytes);
  const open = () => createSolver(instantiate(module));
  let shared: StageSolver | undefined;
  return {
    open,
    solve(problem, options) {
      shared ??= open();
      return shared.solve(problem, options);
    },
  };
}

function createSolver(exports: Exports): StageSolver {
  let rows: StageRows | undefined;
  let slots = 0;
  let loads = 0;
  return {
    solve(problem, { optIn = true } = {}) {
      const staged = stagedLoads(problem);
      if (staged.length > LOADS_MAX) return undefined;
      if (rows === undefined || problem.slots !== slots || staged.length !== loads) {
        slots = problem.slots;
        loads = staged.length;
        rows = makeRoom(exports, slots, loads);
      }
      const home = writeHome(rows, problem, optIn);
      if (home === undefined) return undefined;
      const gapMax = GAP_MAX * slots;
      if (exports.solve(STEPS_MAX, gapMax, FIRST_PRODUCT) !== 1) return undefined;
      return readStages(rows, problem, home, {
        iterations: exports.figure(0),
        peakKw: exports.figure(2),
        peakWorth: exports.figure(3),
      });
    },
    get memoryBytes() {
      return exports.memory.buffer.byteLength;
    },
  };
}

function makeRoom(exports: Exports, slots: number, loads: number): StageRows {
  try {
    exports.open(slots, loads);
  } catch (cause) {
    if (!exports.isMemoryExhausted()) throw cause;
    throw new OptimizerError('OPTIMIZER_OUT_OF_MEMORY', 'the home does not fit', { slots }, { cause });
  }
  const { buffer } = exports.memory;
  const window = (at: number, length: number) => new Float64Array(buffer, at >>> 0, length);
  return {
    scalars: window(exports.scalarsAddress(), SCALARS),
    rows: Array.from({ length: ROWS }, (_, index) => window(exports.row(index), slots)),
    loadRows: Array.from({ length: loads }, (_, load) =>
      Array.from({ length: LOAD_ROWS }, (_, index) => window(exports.loadRow(load, index), slots)),
    ),
  };
}

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
    if (typeof exports.loadRow === 'function') return exports as Exports;
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module does not start', {}, { cause });
  }
  throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module is not the solver of homes');
}
