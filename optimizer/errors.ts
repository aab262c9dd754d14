/** What can be wrong with a problem given to the optimizer. */
export type OptimizerErrorCode =
  | 'OPTIMIZER_BAD_TYPE'
  | 'OPTIMIZER_BAD_LENGTH'
  | 'OPTIMIZER_NOT_FINITE'
  | 'OPTIMIZER_BAD_INDEX'
  | 'OPTIMIZER_UNSORTED_ENTRY'
  | 'OPTIMIZER_DUPLICATE_ENTRY'
  | 'OPTIMIZER_LOWER_TRIANGLE'
  | 'OPTIMIZER_CROSSED_BOUNDS'
  | 'OPTIMIZER_NON_CONVEX'
  | 'OPTIMIZER_OUT_OF_RANGE'
  | 'OPTIMIZER_OUT_OF_MEMORY'
  | 'OPTIMIZER_BAD_STATE'
  | 'OPTIMIZER_BAD_WASM';

/** Refusal of bad input. `details` names the field and, where there is one, the offending index. */
export class OptimizerError extends Error {
  override readonly name = 'OptimizerError';
  readonly code: OptimizerErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: OptimizerErrorCode,
    message: string,
    details: Record<string, string | number> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}
