import type { Hash } from '../contract/types.ts';
import { fromHex, toHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { blockDigest, validatorsHash } from './block.ts';
import { readArray, readBytes, readCount, readHash, readText } from './fields.ts';
import { branchHash } from './state-hash.ts';
import { comparePaths, pathOf, turnsRight } from './state-path.ts';
import { type StateTree, type Subtree, subtreeHash } from './state-tree.ts';
import type { Contract, Head, Header } from './types.ts';

/**
 * A snapshot is the state cut into subtrees, each small enough for one message. The manifest names them in the order of
 * their paths, with depth and hash: that is the top of the state's own tree, so the manifest proves itself against the
 * state root of a header, and every part proves itself against the manifest, before anything else of it has come.
 */
export type SnapshotPart = {
  /** Bits that the paths of its entries have in common. */
  readonly depth: number;
  readonly hash: Hash;
};

export type Manifest = readonly SnapshotPart[];

/** Of an encoded part, unless one entry alone is larger. */
const PART_BYTES_MAX = 256 * 1024;
/** What is read at all: the largest record of a state, and its key. */
const PART_BYTES_LIMIT = 320 * 1024;
/** Some 200 MB of state: beyond what a meter holds in memory. */
const PARTS_MAX = 1024;
const KEY_LENGTH_MAX = 1024;
/** Its head in the encoding of the list. */
const LIST_HEAD_BYTES = 9;
const EMPTY = '0'.repeat(64);

export type StateEntries = readonly (readonly [key: string, value: Uint8Array])[];

/** The parts of a state, in order. Nothing is encoded or hashed before it is asked for. */
export function cutState(state: StateTree): IterableIterator<Subtree> {
  return state.cut(PART_BYTES_MAX - LIST_HEAD_BYTES);
}

export function partOf({ depth, hash }: Subtree): SnapshotPart {
  return { depth, hash: toHex(hash) };
}

/** Whether there is anything in it: a branch may have one side only. */
export function isEmptyPart({ hash }: SnapshotPart): boolean {
  return hash === EMPTY;
}

/** The state root that these parts make together, or null when they do not fill a tree. */
export function manifestRoot(manifest: Manifest): Hash | null {
  const open: { readonly depth: number; readonly hash: Uint8Array }[] = [];
  for (const { depth, hash } of manifest) {
    let joined = { depth, hash: fromHex(hash) };
    for (let left = open.at(-1); left?.depth === joined.depth; left = open.at(-1)) {
      open.pop();
      joined = { depth: joined.depth - 1, hash: branchHash(left.hash, joined.hash) };
    }
    // What is on the left waits for a sibling: nothing above it can come before that.
    if (joined.depth < (open.at(-1)?.depth ?? -1)) return null;
    open.push(joined);
  }
  const [top] = open;
  return open.length === 1 && top?.depth === 0 ? toHex(top.hash) : null;
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return encode(manifest.map(({ depth, hash }) => [BigInt(depth), fromHex(hash)]));
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const parts = readArray(decode(bytes, { maxBytes: 64 * PARTS_MAX, maxDepth: 2 }), 'manifest');
  if (parts.length > PARTS_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'a snapshot of too many parts', { parts: parts.length });
  }
  return parts.map((part) => {
    const fields = readArray(part, 'part', 2);
    const depth = readCount(fields[0], 'depth');
    if (depth > 256) {
      throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'deeper than a path is long', { depth });
    }
    return { depth, hash: readHash(fields[1], 'hash') };
  });
}

/** Keys and values in turn, in the order of the keys' paths. */
export function encodePart(entries: Iterable<readonly [key: string, value: Uint8Array]>): Uint8Array {
  const items: CborValue[] = [];
  for (const [key, value] of entries) items.push(key, value);
  return encode(items);
}

/**
 * The entries of a part, or null when these bytes are not that part. Every bound is checked before its hash is made.
 */
export function openPart(bytes: Uint8Array, { depth, hash }: SnapshotPart): StateEntries | null {
  try {
    const entries = decodeEntries(bytes, depth);
    return toHex(subtreeHash(entries, depth)) === hash ? entries : null;
  } catch (error) {
    // That somebody's bytes are no part is an expected outcome: the caller counts it.
    if (error instanceof ConsensusError) return null;
    throw error;
  }
}

/**
 * The head that a sealed header and a state make together. Null where this is not the state that the header names, or its
 * committee another.
 */
export function headOf(
  header: Header,
  state: StateTree,
  { genesis, contract }: { readonly genesis: Hash; readonly contract: Contract },
): Head | null {
  if (state.root !== header.stateRoot) return null;
  const validators = contract.validatorsOf(state);
  if (validatorsHash(validators) !== header.validatorsHash) return null;
  const { height, proposer } = header;
  return { genesis, height, digest: blockDigest(header), header, state, validators, proposer };
}

function decodeEntries(bytes: Uint8Array, depth: number): StateEntries {
  const items = readArray(decode(bytes, { maxBytes: PART_BYTES_LIMIT, maxDepth: 1 }), 'part');
  const entries: [string, Uint8Array][] = [];
  let first: Uint8Array | null = null;
  let previous: Uint8Array | null = null;
  for (let index = 0; index < items.length; index += 2) {
    const key = readText(items[index], 'key', KEY_LENGTH_MAX);
    const path = pathOf(key);
    // Each once, and in order: a part has one encoding, and its tree is built without a search.
    if (previous !== null && comparePaths(previous, path) >= 0) throw unsorted();
    first ??= path;
    previous = path;
    entries.push([key, readBytes(items[index + 1], 'value')]);
  }
  if (first !== null && previous !== null && !sharesBits(first, previous, depth)) throw unsorted();
  return entries;
}

/** Of the first and the last of sorted paths: what these two share, all between them do. */
function sharesBits(first: Uint8Array, last: Uint8Array, bits: number): boolean {
  for (let depth = 0; depth < bits; depth += 1)
    if (turnsRight(first, depth) !== turnsRight(last, depth)) return false;
  return true;
}

function unsorted(): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', 'entries out of their order');
}
