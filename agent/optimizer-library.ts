import { readFile } from 'node:fs/promises';
import { createQpLibrary, type QpLibrary } from '../optimizer/index.ts';

/** The solver lies beside the compiled optimizer; the optimizer itself reads no files. */
const QP_WASM = new URL('../optimizer/qp/qp.wasm', import.meta.url);

/** @throws OptimizerError OPTIMIZER_BAD_WASM, or the file system's error in an incomplete installation. */
export async function loadQpLibrary(): Promise<QpLibrary> {
  return createQpLibrary(new Uint8Array(await readFile(QP_WASM)));
}
