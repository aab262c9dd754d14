import { ConsensusError } from '../errors.ts';

/**
 * What somebody's bytes say. Null where their decoder refuses them: that they say nothing is an expected outcome, which
 * the caller counts.
 */
export function readable<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConsensusError) return null;
    throw error;
  }
}
