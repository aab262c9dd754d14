import { compileModule, type SolverExports, startModule, withinMemory } from '../wasm-module.ts';
import { readStages } from './read-stages.ts';
import { createOutlook } from './stage-outlook.ts';
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
   * Begin from a point of the solve before, and keep some for the next: for one home again and again, at other
   * prices, targets or forecasts. The plan is the same within the solver's accuracy, in fewer steps.
   */
  readonly resume?: boolean;
  /**
   * What the plan may cost more than the best one: a share of what a kW costs that is bought throughout at the dearest
   * price. 1e-9 unless told otherwise, 1e-8 where solves begin from one another.
   */
  readonly costWithin?: number;
  /** By how many kW a priced trade may be off, as the last steps let one expect; 1e-5, or 2e-5, likewise. */
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
    keeps: number,
    from: number,
  ): number;
  row(index: number): number;
  loadRow(load: number, index: number): number;
  scalarsAddress(): number;
  figure(which: number): number;
};

const FUNCTIONS = ['open', 'solve', 'row', 'loadRow', 'scalarsAddress', 'figure'] as const;

const ROWS = 40;
const LOAD_ROWS = 5;
const SCALARS = 96;
const STEPS_MAX = 60;
const COST_WITHIN = 1e-9;
const COST_WITHIN_RESUMED = 1e-8;
/** The estimate was at most three times too low in 475 homes with everything, against ten times at 3e-5. */
const TRADE_WITHIN_KW = 1e-5;
const TRADE_WITHIN_KW_RESUMED = 2e-5;
/** Product of distance and multiplier to begin with, in the same unit. */
const FIRST_PRODUCT = 0.2;
/** The points that a solve may begin from (assembly/restart.ts). */
const NO_POINT = -1;
const EARLY_POINT = 0;
const LATE_POINT = 1;
/** A late point that took more than this share of the steps from the beginning is far off: an early one makes a new one. */
const FAR = 0.7;

/**
 * @param wasmBytes the file `stages.wasm` beside this module in a build.
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such module.
 */
export function createStageLibrary(wasmBytes: Uint8Array): StageLibrary {
  const module = compileModule(wasmBytes);
  const open = () => createSolver(startModule<Exports>(module, FUNCTIONS));
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
  /** Of the points kept in the solve before. */
  let keptScale: number | undefined;
  let coldSteps = 0;
  /** Of the solve before, if it began from a point. */
  let warmSteps = 0;
  const outlook = createOutlook();
  return {
    solve(problem, options = {}) {
      const { optIn = true, resume = false } = options;
      const { costWithin = resume ? COST_WITHIN_RESUMED : COST_WITHIN } = options;
      const { tradeWithinKw = resume ? TRADE_WITHIN_KW_RESUMED : TRADE_WITHIN_KW } = options;
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
      const hasChanged = resume && outlook.isOther(rows);
      const run = (from: number): boolean =>
        exports.solve(STEPS_MAX, costWithin * slots, tradeWithinKw, FIRST_PRODUCT, resume ? 1 : 0, from) ===
        1;
      const isFar = hasChanged || warmSteps > FAR * coldSteps;
      let isWarm = warmScale !== undefined;
      let isSolved = run(!isWarm ? NO_POINT : isFar ? EARLY_POINT : LATE_POINT);
      if (!isSolved && isWarm) {
        // The kept points were no good for these prices: from the beginning, then.
        home = writeHome(rows, problem, { optIn, scale }) ?? home;
        isWarm = false;
        isSolved = run(NO_POINT);
      }
      if (!isSolved) return undefined;
      const steps = exports.figure(0);
      if (!isWarm) coldSteps = steps;
      warmSteps = isWarm ? steps : 0;
      // Points that cost more steps than none are given up.
      if (resume && steps <= coldSteps) keptScale = home.scale;
      return readStages(rows, problem, home, {
        iterations: steps,
        peakKw: exports.figure(2),
        peakWorth: exports.figure(3),
      });
    },
    repeat({ costWithin = COST_WITHIN, tradeWithinKw = TRADE_WITHIN_KW } = {}) {
      exports.solve(STEPS_MAX, costWithin * slots, tradeWithinKw, FIRST_PRODUCT, 0, NO_POINT);
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
