import type { Hash } from '../contract/types.ts';
import { type Packed, toHex } from '../crypto/index.ts';
import { unpack } from './packed.ts';
import { stateValueHash } from './state-hash.ts';
import {
  Branch,
  built,
  bytesOf,
  type Change,
  Entry,
  hashOf,
  type Node,
  type Placed,
  updated,
} from './state-node.ts';
import { byPath, isRight, packedPathOf, pathOf, placeOf } from './state-path.ts';

/** Entries of the state with their new values, or null where they are gone. */
export type StateChanges = ReadonlyMap<string, Uint8Array | null>;

/**
 * The state as an authenticated map: a binary sparse Merkle tree over SHA-256(key) in which a subtree with one entry
 * IS that entry, so depth is about log2 of the entries. The shape depends on the entries alone, never on the order
 * in which they came. Trees are immutable; an update shares what it did not touch, and hashes are made when first
 * asked for.
 */
export class StateTree {
  static readonly EMPTY = new StateTree(null);
  readonly #top: Node;

  private constructor(top: Node) {
    this.#top = top;
  }

  /**
   * Begins a tree of entries that come piece by piece, in any order; the last of each key stays. Made at the end of all of
   * them: by updates most of what the first make would be made again by the later ones.
   */
  static gather(): Gathering {
    const placed: Placed[] = [];
    return {
      add(key, value) {
        const path = packedPathOf(key);
        placed.push({ path, entry: new Entry(path, key, value) });
      },
      tree() {
        placed.sort(byPath);
        const last = placed.filter(({ path }, index) => path !== placed[index + 1]?.path);
        return new StateTree(built(last, 0));
      },
    };
  }

  /** A copy of the entry's bytes; undefined where there is none. */
  get(key: string): Uint8Array | undefined {
    const path = placeOf(key);
    let node = this.#top;
    for (let depth = 0; node instanceof Branch; depth++) node = isRight(path, depth) ? node.right : node.left;
    return node?.isOf(key) ? node.value : undefined;
  }

  /** The tree with these entries set and, where the value is null, removed. */
  update(changes: StateChanges): StateTree {
    const sorted: Change[] = [];
    for (const [key, value] of changes) sorted.push({ path: placeOf(key), key, value });
    sorted.sort(byPath);
    return new StateTree(updated(this.#top, sorted, 0));
  }

  get root(): Hash {
    return toHex(unpack(hashOf(this.#top)));
  }

  /** Shows what `key` holds, or that it holds nothing, to whoever knows the root. */
  prove(key: string): StateProof {
    const path = placeOf(key);
    const { end, siblings } = descend(this.#top, path);
    if (end === null || end.isOf(key)) return { siblings, other: null };
    return { siblings, other: { path: pathOf(end.key), valueHash: stateValueHash(end.value) } };
  }

  /** All entries, in the order of their paths. */
  *entries(): IterableIterator<readonly [key: string, value: Uint8Array]> {
    const open: Node[] = [this.#top];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node === null) continue;
      if (node instanceof Branch) open.push(node.right, node.left);
      else yield [node.key, node.value];
    }
  }

  /**
   * The tree as its largest subtrees of no more than `bytesMax`, in the order of their paths; an entry that is larger
   * by itself is one too. The same state is cut in the same places by everybody.
   */
  *cut(bytesMax: number): IterableIterator<Subtree> {
    const open: { readonly node: Node; readonly depth: number }[] = [{ node: this.#top, depth: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { node, depth } = next;
      if (node instanceof Branch && node.bytes > bytesMax) {
        open.push({ node: node.right, depth: depth + 1 }, { node: node.left, depth: depth + 1 });
      } else {
        yield { depth, hash: unpack(hashOf(node)), bytes: bytesOf(node), tree: new StateTree(node) };
      }
    }
  }
}

export type Gathering = {
  readonly add: (key: string, value: Uint8Array) => void;
  readonly tree: () => StateTree;
};

/** All entries whose paths begin with the same `depth` bits. `bytes` is what they take as list items. */
export type Subtree = {
  readonly depth: number;
  readonly hash: Uint8Array;
  readonly bytes: number;
  readonly tree: Pick<StateTree, 'entries'>;
};

/** Root of the subtree of these entries, which share the first `depth` bits of their paths, in the order of these. */
export function subtreeHash(
  entries: readonly (readonly [key: string, value: Uint8Array])[],
  depth: number,
): Uint8Array {
  const placed = entries.map(([key, value]) => {
    const path = placeOf(key);
    return { path, entry: new Entry(path, key, value) };
  });
  return unpack(hashOf(built(placed, depth)));
}

/**
 * `siblings` from the top down. `other` is the entry that stands alone where the key would be: it shows that the
 * key is absent.
 */
export type StateProof = {
  readonly siblings: readonly Uint8Array[];
  readonly other: { readonly path: Uint8Array; readonly valueHash: Uint8Array } | null;
};

/** Walks towards `path` until there is an entry or nothing, gathering what stands on the other side. */
function descend(top: Node, path: Packed): { end: Entry | null; siblings: Uint8Array[] } {
  const siblings: Uint8Array[] = [];
  let node = top;
  for (let depth = 0; node instanceof Branch; depth++) {
    const right = isRight(path, depth);
    siblings.push(unpack(hashOf(right ? node.left : node.right)));
    node = right ? node.right : node.left;
  }
  return { end: node, siblings };
}
