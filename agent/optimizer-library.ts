import { readFile } from 'node:fs/promises';
import { createOptimizerLibrary, type OptimizerLibrary } from '../optimizer/index.ts';

/** The solvers lie beside the compiled optimizer; the optimizer itself reads no files. */
const QP_WASM = new URL('../optimizer/qp/qp.wasm', import.meta.url);
const STAGES_WASM = new URL('../optimizer/prosumer/stages.wasm', import.meta.url);

/** @throws OptimizerError OPTIMIZER_BAD_WASM, or the file system's error in an incomplete installation. */
export async function loadOptimizerLibrary(): Promise<OptimizerLibrary> {
  const [qp, stages] = await Promise.all([readFile(QP_WASM), readFile(STAGES_WASM)]);
  return createOptimizerLibrary({ qp, stages });
}
