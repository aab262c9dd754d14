export { OptimizerError, type OptimizerErrorCode } from './errors.ts';
export type * from './prosumer/types.ts';
export type * from './qp/types.ts';
