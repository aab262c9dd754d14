import type { QpProblem } from '../../optimizer/index.ts';

/** A quadratic program as somebody wrote it down. */
export type WrittenQp = {
  readonly name: string;
  readonly problem: QpProblem;
  /** `r`, to be added to the objective. */
  readonly constant: number;
};

/** Why something in a file is no such problem. */
export type RefusedQp = { readonly name: string; readonly refusal: Refusal };

export type Refusal = { readonly code: string; readonly message: string; readonly [place: string]: unknown };
