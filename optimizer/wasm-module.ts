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
 * An instance with a memory of its own. `telltale` is an export that only the wanted solver has.
 *
 * @throws OptimizerError OPTIMIZER_BAD_WASM when the module does not start or is another one.
 */
export function startModule<Exports extends SolverExports>(
  module: WebAssembly.Module,
  telltale: keyof Exports & string,
): Exports {
  try {
    const { exports } = new WebAssembly.Instance(module);
    if (typeof exports[telltale] === 'function') return exports as Exports;
  } catch (cause) {
    throw new OptimizerError('OPTIMIZER_BAD_WASM', 'the module does not start', {}, { cause });
  }
  throw new OptimizerError('OPTIMIZER_BAD_WASM', `the module does not export ${telltale}`);
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
