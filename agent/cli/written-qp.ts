import type { QpProblem } from '../../optimizer/index.ts';

/** A quadratic program as somebody wrote it down. */
export type WrittenQp = {
  readonly name: string;
  readonly problem: QpProblem;
  /** `r`, to be added to the objective. */
  readonly constant: number;
};
