import { compileModule, type SolverExports, startModule, withinMemory } from '../wasm-module.ts';
import { readStages } from './read-stages.ts';
import { costScale, LOADS_MAX, type StageRows, stagedLoads, writeHome } from './stage-rows.ts';
import type { HomePlan, HomeProblem } from './types.ts';

/** The solver that knows a home's shape. It finds plans; why there is none is the general solver's business. */
export type StageLibrary = Pick<StageSolver, 'solve'> & {
  /** An instance with a memory of its own. */
  open(): StageSolver;
};

export type StageOptions = {
  /** Take part in an opt-in demand response; true unless told otherwise. */
  readonly optIn?: boolean;
  /**
   * Begin from an early point of the solve before, and keep one for the next: for one home again and again, at
   * other prices, targets or forecasts. The plan is the same within the solver's accuracy, in fewer steps.
   */
  readonly resume?: boolean;
  /**
   * What the plan may cost more than the best one: a share of what a kW costs that is bought throughout at the dearest
   * price. 1e-9 unless told otherwise.
   */
  readonly costWithin?: number;
  /** By how many kW a priced trade may be off, as the last steps let one expect; 1e-5 unless told otherwise. */
  readonly tradeWithinKw?: number;
};

export type StageSolver = {
  /**
   * @param problem one that `validateProblem` lets pass.
   * @returns undefined where it does not converge: there is no plan, or the general solver must find it.
   */
  solve(problem: HomeProblem, options?: StageOptions): SolvedPlan | undefined;
  /**
   * The last cold solve once more, with its data in place and its plan left there: the time it takes is that of
   * the method alone. @returns its steps.
   */
  repeat(options?: Pick<StageOptions, 'costWithin' | 'tradeWithinKw'>): number;
  /** Bytes of WebAssembly memory held. */
  readonly memoryBytes: number;
};

export type SolvedPlan = Extract<HomePlan, { status: 'solved' }>;

/** What assembly/index.ts exports. */
type Exports = SolverExports & {
  open(slots: number, loads: number): void;
  solve(
    limitSteps: number,
    gapMax: number,
    tradeMax: number,
    complementarity: number,
    keepAt: number,
    warm: number,
  ): number;
  row(index: number): number;
  loadRow(load: number, index: number): number;
  scalarsAddress(): number;
  figure(which: number): number;
};

const ROWS = 40;
const LOAD_ROWS = 5;
const SCALARS = 96;
const STEPS_MAX = 60;
const COST_WITHIN = 1e-9;
/** The estimate was at most twice too low in 475 homes with everything, against ten times at 3e-5. */
const TRADE_WITHIN_KW = 1e-5;
/** The same for one of many answers in a row, which are rounded and superseded. */
const TRADE_WITHIN_KW_RESUMED = 1e-3;
/** Product of distance and multiplier to begin with, in the same unit. */
const FIRST_PRODUCT = 0.2;
/** And the product at which a point is kept for the next solve. */
const KEPT_PRODUCT = 2e-3;
/** A kept point that saved less than this share of the steps is given up: prices have moved too far from it. */
const SAVING_MIN = 0.25;

/**
 * @param wasmBytes the file `stages.wasm` beside this module in a build.
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such module.
 */
export function createStageLibrary(wasmBytes: Uint8Array): StageLibrary {
  const module = compileModule(wasmBytes);
  const open = () => createSolver(startModule<Exports>(module, 'loadRow'));
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
  /** Of the point kept in the solve before. */
  let keptScale: number | undefined;
  let coldSteps = 0;
  return {
    solve(problem, { optIn = true, resume = false, costWithin = COST_WITHIN, tradeWithinKw } = {}) {
      const staged = stagedLoads(problem);
      if (staged.length > LOADS_MAX) return undefined;
      if (rows === undefined || problem.slots !== slots || staged.length !== loads) {
        slots = problem.slots;
        loads = staged.length;
        rows = makeRoom(exports, slots, loads);
        keptScale = undefined;
      }
      const scale = costScale(problem);
      const warmScale = resume && keptScale !== undefined && isNear(scale, keptScale) ? keptScale : undefined;
      keptScale = undefined;
      let home = writeHome(rows, problem, { optIn, scale: warmScale ?? scale });
      if (home === undefined) return undefined;
      const tradeMax = tradeWithinKw ?? (resume ? TRADE_WITHIN_KW_RESUMED : TRADE_WITHIN_KW);
      const keepAt = resume ? KEPT_PRODUCT : 0;
      const run = (warm: number): boolean =>
        exports.solve(STEPS_MAX, costWithin * slots, tradeMax, FIRST_PRODUCT, keepAt, warm) === 1;
      let isSolved = run(warmScale === undefined ? 0 : 1);
      if (!isSolved && warmScale !== undefined) {
        // The kept point was no good for these prices: from the beginning, then.
        home = writeHome(rows, problem, { optIn, scale }) ?? home;
        isSolved = run(0);
      }
      if (!isSolved) return undefined;
      const steps = exports.figure(0);
      if (warmScale === undefined || home.scale !== warmScale) coldSteps = steps;
      if (resume && (steps === coldSteps || steps <= (1 - SAVING_MIN) * coldSteps)) keptScale = home.scale;
      return readStages(rows, problem, home, {
        iterations: steps,
        peakKw: exports.figure(2),
        peakWorth: exports.figure(3),
      });
    },
    repeat({ costWithin = COST_WITHIN, tradeWithinKw = TRADE_WITHIN_KW } = {}) {
      exports.solve(STEPS_MAX, costWithin * slots, tradeWithinKw, FIRST_PRODUCT, 0, 0);
      return exports.figure(0);
    },
    get memoryBytes() {
      return exports.memory.buffer.byteLength;
    },
  };
}

function isNear(scale: number, other: number): boolean {
  return scale < 2 * other && other < 2 * scale;
}

function makeRoom(exports: Exports, slots: number, loads: number): StageRows {
  withinMemory(exports, () => exports.open(slots, loads));
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
