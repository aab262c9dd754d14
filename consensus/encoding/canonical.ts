import { ConsensusError } from '../errors.ts';
import { type DecodeLimits, scan } from './scan.ts';
import { readText, textBytes, writeText } from './text.ts';
import type { CborValue } from './value.ts';

/** Deeper than any record of the ledger; far below what would trouble the stack. */
const DEPTH_MAX = 16;
/** Above the largest block, below what a small board would notice. */
const DEFAULT_LIMITS: DecodeLimits = { maxBytes: 4 * 1024 * 1024, maxDepth: DEPTH_MAX, maxItems: 1_000_000 };

/** CBOR's own range of integers (RFC 8949, 3.1): what lies outside would need a tag. */
const INTEGER_MAX = 2n ** 64n - 1n;
const INTEGER_MIN = -(2n ** 64n);

/**
 * The deterministic encoding of RFC 8949, 4.2.1: shortest heads, definite lengths.
 * @throws ConsensusError CONSENSUS_BAD_ENCODING when the value has no encoding here: an integer outside of
 * -2^64..2^64-1, text that is not well formed, nesting beyond 16, or a type that slipped past the compiler.
 */
export function encode(value: CborValue): Uint8Array {
  const bytes = new Uint8Array(sizeOf(value, 0));
  write(value, bytes, 0);
  return bytes;
}

/**
 * The one value whose encoding `bytes` is. Sizes, depth and item count are bounded before anything is allocated;
 * whatever is spelt in another way than `encode` would is refused. Byte strings are copies.
 * @throws ConsensusError CONSENSUS_TOO_LARGE beyond the limits, CONSENSUS_BAD_ENCODING otherwise
 */
export function decode(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): CborValue {
  const bounds = { ...DEFAULT_LIMITS, ...limits };
  scan(bytes, { ...bounds, maxDepth: Math.min(bounds.maxDepth, DEPTH_MAX) });
  return read({ bytes, at: 0 });
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

// Writing: first how long it becomes, with all that could be wrong, then the bytes.

function sizeOf(value: unknown, depth: number): number {
  if (typeof value === 'bigint') return integerSize(value);
  if (typeof value === 'boolean' || value === null) return 1;
  if (value instanceof Uint8Array) return headSize(value.length) + value.length;
  if (typeof value === 'string') {
    const length = textBytes(value);
    if (length === null) throw unencodable('text not well formed');
    return headSize(length) + length;
  }
  if (!Array.isArray(value)) throw unencodable(`a value of type ${typeof value}`);
  if (depth >= DEPTH_MAX) throw unencodable('nested too deep');
  let size = headSize(value.length);
  for (const item of value) size += sizeOf(item, depth + 1);
  return size;
}

function integerSize(value: bigint): number {
  if (value < INTEGER_MIN || value > INTEGER_MAX) throw unencodable('an integer beyond 64 bits');
  return headSize(value < 0n ? -1n - value : value);
}

function headSize(argument: number | bigint): number {
  if (argument < 24) return 1;
  if (argument < 0x100) return 2;
  if (argument < 0x10000) return 3;
  return argument < 0x100000000 ? 5 : 9;
}

/** Returns where it ends. */
function write(value: CborValue, bytes: Uint8Array, at: number): number {
  if (typeof value === 'bigint') {
    return value < 0n ? writeHead(NEGATIVE, -1n - value, bytes, at) : writeHead(UNSIGNED, value, bytes, at);
  }
  if (typeof value === 'string') {
    const length = textBytes(value) ?? 0;
    const start = writeHead(TEXT, length, bytes, at);
    writeText(value, bytes, start);
    return start + length;
  }
  if (value instanceof Uint8Array) {
    const start = writeHead(BYTES, value.length, bytes, at);
    bytes.set(value, start);
    return start + value.length;
  }
  if (value === null || typeof value === 'boolean') {
    bytes[at] = value === null ? NULL : value ? TRUE : FALSE;
    return at + 1;
  }
  let end = writeHead(ARRAY, value.length, bytes, at);
  for (const item of value) end = write(item, bytes, end);
  return end;
}

function writeHead(major: number, argument: number | bigint, bytes: Uint8Array, at: number): number {
  const size = headSize(argument);
  if (size === 1) {
    bytes[at] = (major << 5) | Number(argument);
    return at + 1;
  }
  const width = size - 1;
  bytes[at] = (major << 5) | (24 + Math.log2(width));
  if (width === 8) {
    const wide = BigInt(argument);
    writeNumber(Number(wide >> 32n), bytes, at + 1, 4);
    writeNumber(Number(wide & 0xffff_ffffn), bytes, at + 5, 4);
  } else writeNumber(Number(argument), bytes, at + 1, width);
  return at + size;
}

/** Big-endian, of at most 32 bits. */
function writeNumber(value: number, bytes: Uint8Array, at: number, width: number): void {
  for (let index = 0; index < width; index += 1) bytes[at + index] = value >>> (8 * (width - 1 - index));
}

// Reading: `scan` has seen that every length fits and that nothing is there but what `read` knows.

type Cursor = { readonly bytes: Uint8Array; at: number };

function read(cursor: Cursor): CborValue {
  const { bytes } = cursor;
  const first = bytes[cursor.at]!;
  if (first >= FALSE) {
    cursor.at += 1;
    return first === NULL ? null : first === TRUE;
  }
  const major = first >> 5;
  const argument = readArgument(cursor);
  if (major === UNSIGNED) return BigInt(argument);
  if (major === NEGATIVE) return -1n - BigInt(argument);
  const length = Number(argument);
  if (major === ARRAY) {
    const items: CborValue[] = [];
    for (let index = 0; index < length; index += 1) items.push(read(cursor));
    return items;
  }
  const start = cursor.at;
  cursor.at += length;
  // Not `slice`: that of a Node buffer, which this may be, is a window on the same memory.
  if (major === BYTES) return Uint8Array.from(bytes.subarray(start, cursor.at));
  const text = readText(bytes, start, cursor.at);
  if (text === null) throw notCanonical('text not well formed', start);
  return text;
}

/** A length or an integer's absolute part, which must not have fitted into a shorter head. */
function readArgument(cursor: Cursor): number | bigint {
  const { bytes, at } = cursor;
  const info = bytes[at]! & 31;
  if (info < 24) {
    cursor.at += 1;
    return info;
  }
  const width = 1 << (info - 24);
  cursor.at += 1 + width;
  const argument = width === 8 ? readWide(bytes, at + 1) : readNarrow(bytes, at + 1, width);
  if (headSize(argument) !== width + 1) throw notCanonical('a head longer than it need be', at);
  return argument;
}

function readNarrow(bytes: Uint8Array, at: number, width: number): number {
  let argument = 0;
  for (let index = at; index < at + width; index += 1) argument = argument * 256 + bytes[index]!;
  return argument;
}

function readWide(bytes: Uint8Array, at: number): bigint {
  return (BigInt(readNarrow(bytes, at, 4)) << 32n) | BigInt(readNarrow(bytes, at + 4, 4));
}

function unencodable(what: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', `cannot be encoded: ${what}`, { what });
}

function notCanonical(what: string, offset: number): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', `not canonical CBOR: ${what}`, { what, offset });
}
