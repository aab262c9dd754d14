import { OptimizerError } from './errors.ts';

/** What every solver's module exports, whatever it solves. */
export type SolverExports = {
  readonly memory: WebAssembly.Memory;
  /** Whether a trap was a refusal of memory. */
  isMemoryExhausted(): number;
};

/** @throws OptimizerError OPTIMIZER_BAD_WASM when the bytes are no module. */
export function compileModule(wasmBytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasmBytes);
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the bytes are no WebAssembly module', {}, { cause });
  }
}

/**
 * An instance with a memory of its own. `wanted` are the functions that the solver exports, all of them.
 *
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the module does not start or is another one.
 */
export function startModule<Exports extends SolverExports>(
  module: WebAssembly.Module,
  wanted: readonly (keyof Exports & string)[],
): Exports {
  let exports: WebAssembly.Instance['exports'];
  try {
    exports = new WebAssembly.Instance(module).exports;
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module does not start', {}, { cause });
  }
  const missing = ['isMemoryExhausted', ...wanted].find((name) => typeof exports[name] !== 'function');
  if (missing === undefined && exports.memory instanceof WebAssembly.Memory) return exports as Exports;
  throw new OptimizerError('OPTIMIZER_BAD_WASM', `the module does not export ${missing ?? 'memory'}`);
}

/**
 * A refusal of memory ends in a trap; any other trap is a bug and goes on as it is.
 *
 * @throws OptimizerError OPTIMIZER_OUT_OF_MEMORY, with the bytes held when it was refused.
 */
export function withinMemory<Result>(exports: SolverExports, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (!exports.isMemoryExhausted()) throw cause;
    const bytes = exports.memory.buffer.byteLength;
    throw new OptimizerError('OPTIMIZER_OUT_OF_MEMORY', 'the problem does not fit', { bytes }, { cause });
  }
}
