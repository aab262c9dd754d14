import { EPOCH_BLOCKS_DEFAULT } from '../contract/types.ts';
import type { Genesis } from './types.ts';

/** Heights that this divides end an epoch: the state there is kept, and proofs may begin there. */
export function epochBlocksOf({ parameters }: Pick<Genesis, 'parameters'>): number {
  return Number(parameters.epochBlocks ?? EPOCH_BLOCKS_DEFAULT);
}
