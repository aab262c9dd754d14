import type { Packed } from '../crypto/index.ts';
import { pack, unpack } from './packed.ts';
import { EMPTY_PACKED, packedBranchHash, packedEntryHash } from './state-hash.ts';
import { byPath, firstRight, PATH_BITS, placeOf } from './state-path.ts';

/** A subtree: null where there is no entry in it. Immutable. */
export type Node = Entry | Branch | null;
export type Change = { readonly path: Packed; readonly key: string; readonly value: Uint8Array | null };
export type Placed = { readonly path: Packed; readonly entry: Entry };

/** `changes` are sorted by path, share its first `depth` bits and name each path once. */
export function updated(node: Node, changes: readonly Change[], depth: number): Node {
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
export function built(entries: readonly Placed[], depth: number): Node {
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

/**
 * Hash, key and value in one string: a state may have some hundred thousand of them, and each object more in an entry
 * would add a tenth to it. The path is not among them, since the key tells it.
 */
export class Entry {
  readonly #text: Packed;
  readonly #keyLength: number;

  constructor(path: Packed, key: string, value: Uint8Array) {
    this.#text = pack(packedEntryHash(path, value), key, value);
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

export class Branch {
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
    this.#hash ??= packedBranchHash(hashOf(this.left), hashOf(this.right));
    return this.#hash;
  }
}

const HASH_BYTES = 32;
const ASCII = /^[ -~]*$/;

export function bytesOf(node: Node): number {
  return node?.bytes ?? 0;
}

export function hashOf(node: Node): Packed {
  return node?.hash ?? EMPTY_PACKED;
}
