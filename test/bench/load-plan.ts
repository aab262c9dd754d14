import { createHash } from 'node:crypto';
import { generateKey } from '../../consensus/index.ts';

/**
 * A reading expires so long after it was due to be sent: whoever sees it in a block can tell how long it took, also
 * when the load process fell behind and sent it late.
 */
export const LIFETIME_MS = 3_600_000;

/** Shortest slot that the contract allows: every home tells one reading a second. */
export const SLOT_MS = 1_000;

/** Homes that one operator qualifies: as many as a pool keeps of one sender. */
export const HOMES_PER_OPERATOR = 50;

/** Always the same keys, so that every process can make them. */
export function benchKey(kind: 'validator' | 'home' | 'operator', index: number): Uint8Array {
  return generateKey(createHash('sha256').update(`${kind} ${index}`).digest());
}
