import type { Hash } from '../contract/types.ts';
import { domainHash, toHex } from '../crypto/index.ts';

/**
 * Root of an ordered list, as RFC 6962, 2.1 builds it: split at the largest power of two below the length. `kind`
 * parts the leaves of one list from those of another, and all leaves from inner nodes.
 */
export function merkleRoot(kind: 'transaction' | 'receipt' | 'reading', items: readonly Uint8Array[]): Hash {
  if (items.length === 0) return toHex(domainHash('merkle-empty'));
  return toHex(rootOf(items.map((item) => domainHash(`merkle-${kind}`, item))));
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return domainHash('merkle-node', rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}
