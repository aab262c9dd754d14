import type { Hash } from '../contract/types.ts';
import { domainHash, type Packed, packedDomainHash, packedSha256, sha256, toHex } from '../crypto/index.ts';
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

export function pathOf(key: string): Uint8Array {
  return sha256(encode(key));
}

/** Whether the path turns right below a branch at this depth. */
export function turnsRight(path: Uint8Array, depth: number): boolean {
  return ((path[depth >> 3]! >> (7 - (depth & 7))) & 1) === 1;
}

/** Binds the value to its key: an entry can be shown at no other path. */
export function entryHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return domainHash(ENTRY_TAG, path, valueHash);
}

export function branchHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return domainHash(BRANCH_TAG, left, right);
}

export function stateValueHash(value: Uint8Array): Uint8Array {
  return domainHash(VALUE_TAG, value);
}

export function samePath(left: Uint8Array, right: Uint8Array): boolean {
  return comparePaths(left, right) === 0;
}

/**
 * Hash, key and value in one string: a state may have some hundred thousand of them, and each object more in an entry
 * would add a tenth to it. The path is not among them, since the key tells it.
 */
class Entry {
  readonly #text: Packed;
  readonly #keyLength: number;

  constructor(path: Packed, key: string, value: Uint8Array) {
    this.#text = pack(packedDomainHash(ENTRY_TAG, path, packedDomainHash(VALUE_TAG, value)), key, value);
    this.#keyLength = key.length;
  }

  get hash(): Packed {
    return this.#text.slice(0, HASH_BYTES);
  }

  get key(): string {
    return this.#text.slice(HASH_BYTES, HASH_BYTES + this.#keyLength);
  }

  /** A copy. */
  get value(): Uint8Array {
    return unpack(this.#text, HASH_BYTES + this.#keyLength);
  }

  /** At most, in a list of keys and values: a head of five bytes each, and three bytes a letter where it needs them. */
  get bytes(): number {
    const { key } = this;
    return key.length * (ASCII.test(key) ? 1 : 3) + this.#text.length - HASH_BYTES - key.length + 10;
  }

  isOf(key: string): boolean {
    return key.length === this.#keyLength && this.#text.startsWith(key, HASH_BYTES);
  }
}

class Branch {
  readonly left: Node;
  readonly right: Node;
  /** Of all its entries: known at once, so that a state can be cut without a walk over it. */
  readonly bytes: number;
  #hash: Packed | null = null;

  constructor(left: Node, right: Node) {
    this.left = left;
    this.right = right;
    this.bytes = bytesOf(left) + bytesOf(right);
  }

  get hash(): Packed {
    this.#hash ??= packedDomainHash(BRANCH_TAG, hashOf(this.left), hashOf(this.right));
    return this.#hash;
  }
}

type Node = Entry | Branch | null;
type Change = { readonly path: Packed; readonly key: string; readonly value: Uint8Array | null };
type Placed = { readonly path: Packed; readonly entry: Entry };

const HASH_BYTES = 32;
const EMPTY_PACKED: Packed = '\0'.repeat(HASH_BYTES);
const ENTRY_TAG = 'state-entry';
const BRANCH_TAG = 'state-branch';
const VALUE_TAG = 'state-value';
const ASCII = /^[ -~]*$/;

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

/** `changes` are sorted by path, share its first `depth` bits and name each path once. */
function updated(node: Node, changes: readonly Change[], depth: number): Node {
  if (changes.length === 0) return node;
  if (!(node instanceof Branch)) return grown(node, changes, depth);
  const split = firstRight(changes, depth);
  const left = updated(node.left, changes.slice(0, split), depth + 1);
  const right = updated(node.right, changes.slice(split), depth + 1);
  return left === node.left && right === node.right ? node : joined(left, right);
}

/** A subtree of one entry at most, with changes. */
function grown(entry: Entry | null, changes: readonly Change[], depth: number): Node {
  const replaced = entry === null || changes.some(({ key }) => entry.isOf(key));
  const entries: Placed[] = changes.flatMap(({ path, key, value }) =>
    value === null ? [] : [{ path, entry: new Entry(path, key, value) }],
  );
  if (!replaced && entries.length === 0) return entry;
  if (!replaced) {
    entries.push({ path: placeOf(entry.key), entry });
    entries.sort(byPath);
  }
  return built(entries, depth);
}

/** The subtree of these entries, sorted by path. */
function built(entries: readonly Placed[], depth: number): Node {
  if (entries.length <= 1) return entries[0]?.entry ?? null;
  if (depth >= PATH_BITS) throw new Error('two keys have one SHA-256');
  const split = firstRight(entries, depth);
  return joined(built(entries.slice(0, split), depth + 1), built(entries.slice(split), depth + 1));
}

/** Keeps the tree compact: a lone entry rises to where nothing else shares its path. */
function joined(left: Node, right: Node): Node {
  if (left === null && !(right instanceof Branch)) return right;
  if (right === null && left instanceof Entry) return left;
  return new Branch(left, right);
}

function bytesOf(node: Node): number {
  return node?.bytes ?? 0;
}

function hashOf(node: Node): Packed {
  return node?.hash ?? EMPTY_PACKED;
}

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

function placeOf(key: string): Packed {
  const known = places.get(key) ?? placesBefore.get(key);
  if (known !== undefined) return known;
  const place = packedSha256(encode(key));
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

/** The letters of a hash, of a key and of a value. Appended one to the other they would stay three strings and two joints. */
function pack(hash: Packed, key: string, value: Uint8Array): Packed {
  const length = hash.length + key.length + value.length;
  const letters = length <= LETTERS_AT_ONCE ? SCRATCH.subarray(0, length) : new Uint16Array(length);
  for (let index = 0; index < hash.length; index++) letters[index] = hash.charCodeAt(index);
  for (let index = 0; index < key.length; index++) letters[hash.length + index] = key.charCodeAt(index);
  letters.set(value, hash.length + key.length);
  if (letters.length <= LETTERS_AT_ONCE)
    return String.fromCharCode.apply(null, letters as unknown as number[]);
  const pieces: string[] = [];
  for (let from = 0; from < letters.length; from += LETTERS_AT_ONCE)
    pieces.push(
      String.fromCharCode.apply(null, letters.subarray(from, from + LETTERS_AT_ONCE) as unknown as number[]),
    );
  return pieces.join('');
}

function unpack(letters: Packed, from = 0, to = letters.length): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(from + index);
  return bytes;
}

/** More arguments than some ten thousand do not fit on a stack. */
const LETTERS_AT_ONCE = 4_096;
/** Where they are put together: an array for each would keep the collector busy. */
const SCRATCH = new Uint16Array(LETTERS_AT_ONCE);

export function comparePaths(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < 32; index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
