import type { Hash } from '../contract/types.ts';
import { domainHash, sha256, toHex } from '../crypto/index.ts';
import { encode } from '../encoding/index.ts';

/** Entries of the state with their new values, or null where they are gone. */
export type StateChanges = ReadonlyMap<string, Uint8Array | null>;

/** Bits of a path: a key's place is the SHA-256 of its name. */
const PATH_BITS = 256;
/** Stands for a subtree without entries. No hash of an entry or a branch is known to be all zero. */
export const EMPTY_HASH: Uint8Array = new Uint8Array(32);

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

  /** The entry's bytes, not to be written to; undefined where there is none. */
  get(key: string): Uint8Array | undefined {
    const path = placeOf(key);
    let node = this.#top;
    for (let depth = 0; node !== null && node.kind === 'branch'; depth++)
      node = isRight(path, depth) ? node.right : node.left;
    return node !== null && node.path === path ? node.value : undefined;
  }

  /** The tree with these entries set and, where the value is null, removed. */
  update(changes: StateChanges): StateTree {
    const sorted: Change[] = [];
    for (const [key, value] of changes) sorted.push({ path: placeOf(key), key, value });
    sorted.sort(byPath);
    return new StateTree(updated(this.#top, sorted, 0));
  }

  get root(): Hash {
    return toHex(unpacked(hashOf(this.#top)));
  }

  /** Shows what `key` holds, or that it holds nothing, to whoever knows the root. */
  prove(key: string): StateProof {
    const path = placeOf(key);
    const { end, siblings } = descend(this.#top, path);
    if (end === null || end.path === path) return { siblings, other: null };
    return { siblings, other: { path: unpacked(end.path), valueHash: stateValueHash(end.value) } };
  }

  /** All entries, in the order of their paths. */
  *entries(): IterableIterator<readonly [key: string, value: Uint8Array]> {
    const open: Node[] = [this.#top];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node === null) continue;
      if (node.kind === 'entry') yield [node.key, node.value];
      else open.push(node.right, node.left);
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
      if (node === null || node.kind === 'entry' || node.bytes <= bytesMax) {
        yield { depth, hash: unpacked(hashOf(node)), bytes: bytesOf(node), tree: new StateTree(node) };
      } else {
        open.push({ node: node.right, depth: depth + 1 }, { node: node.left, depth: depth + 1 });
      }
    }
  }
}

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
  const top = built(
    entries.map(([key, value]) => entryOf(placeOf(key), key, value)),
    depth,
  );
  return unpacked(hashOf(top));
}

/**
 * `siblings` from the top down. `other` is the entry that stands alone where the key would be: it shows that the
 * key is absent.
 */
export type StateProof = {
  readonly siblings: readonly Uint8Array[];
  readonly other: { readonly path: Uint8Array; readonly valueHash: Uint8Array } | null;
};

export function pathOf(key: string): Uint8Array {
  return sha256(encode(key));
}

/** Whether the path turns right below a branch at this depth. */
export function turnsRight(path: Uint8Array, depth: number): boolean {
  return ((path[depth >> 3]! >> (7 - (depth & 7))) & 1) === 1;
}

/** Binds the value to its key: an entry can be shown at no other path. */
export function entryHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return domainHash('state-entry', path, valueHash);
}

export function branchHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return domainHash('state-branch', left, right);
}

export function stateValueHash(value: Uint8Array): Uint8Array {
  return domainHash('state-value', value);
}

export function samePath(left: Uint8Array, right: Uint8Array): boolean {
  return comparePaths(left, right) === 0;
}

/**
 * 32 bytes, as a letter each: a third of what an array of bytes takes in memory, compared in one go, and in the order of
 * the bytes. A state of some ten thousand entries holds three for each.
 */
type Packed = string;

type Entry = {
  readonly kind: 'entry';
  readonly path: Packed;
  readonly key: string;
  readonly value: Uint8Array;
  hash: Packed | null;
};
type Branch = {
  readonly kind: 'branch';
  readonly left: Node;
  readonly right: Node;
  /** Of all its entries: known at once, so that a state can be cut without a walk over it. */
  readonly bytes: number;
  hash: Packed | null;
};
type Node = Entry | Branch | null;
type Change = { readonly path: Packed; readonly key: string; readonly value: Uint8Array | null };

/** Walks towards `path` until there is an entry or nothing, gathering what stands on the other side. */
function descend(top: Node, path: Packed): { end: Entry | null; siblings: Uint8Array[] } {
  const siblings: Uint8Array[] = [];
  let node = top;
  for (let depth = 0; node !== null && node.kind === 'branch'; depth++) {
    const right = isRight(path, depth);
    siblings.push(unpacked(hashOf(right ? node.left : node.right)));
    node = right ? node.right : node.left;
  }
  return { end: node, siblings };
}

/** `changes` are sorted by path, share its first `depth` bits and name each path once. */
function updated(node: Node, changes: readonly Change[], depth: number): Node {
  if (changes.length === 0) return node;
  if (node === null || node.kind === 'entry') return grown(node, changes, depth);
  const split = firstRight(changes, depth);
  const left = updated(node.left, changes.slice(0, split), depth + 1);
  const right = updated(node.right, changes.slice(split), depth + 1);
  return left === node.left && right === node.right ? node : joined(left, right);
}

/** A subtree of one entry at most, with changes. */
function grown(entry: Entry | null, changes: readonly Change[], depth: number): Node {
  const replaced = entry === null || changes.some(({ path }) => path === entry.path);
  const entries: Entry[] = changes.flatMap(({ path, key, value }) =>
    value === null ? [] : [entryOf(path, key, value)],
  );
  if (!replaced) {
    entries.push(entry);
    entries.sort(byPath);
  }
  return built(entries, depth);
}

/** The subtree of these entries, sorted by path. */
function built(entries: readonly Entry[], depth: number): Node {
  if (entries.length <= 1) return entries[0] ?? null;
  if (depth >= PATH_BITS) throw new Error('two keys have one SHA-256');
  const split = firstRight(entries, depth);
  return joined(built(entries.slice(0, split), depth + 1), built(entries.slice(split), depth + 1));
}

/** Keeps the tree compact: a lone entry rises to where nothing else shares its path. */
function joined(left: Node, right: Node): Node {
  if (left === null && (right === null || right.kind === 'entry')) return right;
  if (right === null && left !== null && left.kind === 'entry') return left;
  return { kind: 'branch', left, right, bytes: bytesOf(left) + bytesOf(right), hash: null };
}

function entryOf(path: Packed, key: string, value: Uint8Array): Entry {
  return { kind: 'entry', path, key, value, hash: null };
}

/** At most, in a list of keys and values: a head of five bytes each, and three bytes a letter where it needs them. */
function bytesOf(node: Node): number {
  if (node === null) return 0;
  if (node.kind === 'branch') return node.bytes;
  const { key, value } = node;
  return key.length * (ASCII.test(key) ? 1 : 3) + value.length + 10;
}

const ASCII = /^[ -~]*$/;

/** Place of the first that turns right at this depth, by halving. */
function firstRight(sorted: readonly { readonly path: Packed }[], depth: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isRight(sorted[middle]!.path, depth)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function hashOf(node: Node): Packed {
  if (node === null) return NO_ENTRIES;
  node.hash ??= packed(
    node.kind === 'entry'
      ? entryHash(unpacked(node.path), stateValueHash(node.value))
      : branchHash(unpacked(hashOf(node.left)), unpacked(hashOf(node.right))),
  );
  return node.hash;
}

function placeOf(key: string): Packed {
  const known = places.get(key) ?? placesBefore.get(key);
  if (known !== undefined) return known;
  const place = packed(pathOf(key));
  if (places.size >= PLACES_MAX / 2) {
    placesBefore = places;
    places = new Map();
  }
  places.set(key, place);
  return place;
}

/** Calls read and write a few keys again and again. Two generations; the older is forgotten whole. */
let places = new Map<string, Packed>();
let placesBefore = new Map<string, Packed>();
const PLACES_MAX = 4_096;

function isRight(path: Packed, depth: number): boolean {
  return ((path.charCodeAt(depth >> 3) >> (7 - (depth & 7))) & 1) === 1;
}

function byPath(left: { readonly path: Packed }, right: { readonly path: Packed }): number {
  return left.path < right.path ? -1 : left.path > right.path ? 1 : 0;
}

function packed(bytes: Uint8Array): Packed {
  return String.fromCharCode(...bytes);
}

function unpacked(letters: Packed): Uint8Array {
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

const NO_ENTRIES = packed(EMPTY_HASH);

export function comparePaths(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < 32; index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
