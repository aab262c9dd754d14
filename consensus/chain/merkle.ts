import type { Hash } from '../contract/types.ts';
import { domainHash, toHex } from '../crypto/index.ts';

type Kind = 'transaction' | 'receipt' | 'reading';

/**
 * Root of an ordered list, as RFC 6962, 2.1 builds it: split at the largest power of two below the length. `kind`
 * parts the leaves of one list from those of another, and all leaves from inner nodes.
 */
export function merkleRoot(kind: Kind, items: readonly Uint8Array[]): Hash {
  if (items.length === 0) return toHex(domainHash('merkle-empty'));
  return toHex(rootOf(items.map((item) => domainHash(`merkle-${kind}`, item))));
}

/** What stands beside the way from one item up to the root, lowest first (RFC 6962, 2.1.1). */
export function merklePath(kind: Kind, items: readonly Uint8Array[], index: number): Uint8Array[] {
  return pathIn(
    items.map((item) => domainHash(`merkle-${kind}`, item)),
    index,
  );
}

/** Whether a list of `count` items with this root has `item` at `index`, counted from 0. */
export function verifyMerklePath(
  root: Hash,
  kind: Kind,
  {
    item,
    index,
    count,
    path,
  }: {
    readonly item: Uint8Array;
    readonly index: number;
    readonly count: number;
    readonly path: readonly Uint8Array[];
  },
): boolean {
  if (index >= count) return false;
  const found = rootAbove(domainHash(`merkle-${kind}`, item), { index, count, path });
  return found !== null && toHex(found) === root;
}

/** Null when the path has not the length that the list's shape asks for. */
function rootAbove(
  leaf: Uint8Array,
  {
    index,
    count,
    path,
  }: { readonly index: number; readonly count: number; readonly path: readonly Uint8Array[] },
): Uint8Array | null {
  if (count === 1) return path.length === 0 ? leaf : null;
  const sibling = path.at(-1);
  if (sibling === undefined) return null;
  const split = splitOf(count);
  const isLeft = index < split;
  const below = rootAbove(leaf, {
    index: isLeft ? index : index - split,
    count: isLeft ? split : count - split,
    path: path.slice(0, -1),
  });
  if (below === null) return null;
  return isLeft ? domainHash('merkle-node', below, sibling) : domainHash('merkle-node', sibling, below);
}

function pathIn(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  const left = leaves.slice(0, split);
  const right = leaves.slice(split);
  return index < split
    ? [...pathIn(left, index), rootOf(right)]
    : [...pathIn(right, index - split), rootOf(left)];
}

function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  const split = splitOf(leaves.length);
  return domainHash('merkle-node', rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/** The largest power of two below the length. */
function splitOf(length: number): number {
  let split = 1;
  while (split * 2 < length) split *= 2;
  return split;
}
