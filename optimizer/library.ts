import { createStageLibrary, type StageLibrary } from './prosumer/stage-library.ts';
import { createQpLibrary } from './qp/index.ts';
import type { QpLibrary } from './qp/types.ts';

/** Both compiled solvers. Which one plans a home is the planner's choice, not its caller's. */
export type OptimizerLibrary = QpLibrary & { readonly stages: StageLibrary };

/**
 * @param wasm the files `qp/qp.wasm` and `prosumer/stages.wasm` beside this module in a build.
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no such modules.
 */
export function createOptimizerLibrary(wasm: {
  readonly qp: Uint8Array;
  readonly stages: Uint8Array;
}): OptimizerLibrary {
  return { ...createQpLibrary(wasm.qp), stages: createStageLibrary(wasm.stages) };
}
