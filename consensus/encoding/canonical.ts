import { decode as cborgDecode, encode as cborgEncode } from 'cborg';
import { ConsensusError } from '../errors.ts';
import { type DecodeLimits, scan } from './scan.ts';
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
  assertEncodable(value, 0);
  // A copy: cborg may hand out a window on its own scratch space, whose bytes are not ours to keep.
  return Uint8Array.from(cborgEncode(value));
}

/**
 * The one value whose encoding `bytes` is. Sizes, depth and item count are bounded before anything is allocated;
 * whatever does not encode again to the same bytes is refused. Byte strings are copies.
 * @throws ConsensusError CONSENSUS_TOO_LARGE beyond the limits, CONSENSUS_BAD_ENCODING otherwise
 */
export function decode(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): CborValue {
  const bounds = { ...DEFAULT_LIMITS, ...limits };
  scan(bytes, { ...bounds, maxDepth: Math.min(bounds.maxDepth, DEPTH_MAX) });
  const value = withBigIntegers(decodeScanned(bytes));
  if (!equalBytes(cborgEncode(value), bytes)) {
    throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'not the canonical encoding of its value', {
      bytes: bytes.length,
    });
  }
  return value;
}

function decodeScanned(bytes: Uint8Array): unknown {
  try {
    return cborgDecode(bytes, { strict: true, allowIndefinite: false, allowUndefined: false });
  } catch (cause) {
    throw new ConsensusError(
      'CONSENSUS_BAD_ENCODING',
      'not decodable as CBOR',
      { bytes: bytes.length },
      { cause },
    );
  }
}

/** cborg gives small integers as numbers: one type for all of them, or arithmetic would depend on the size. */
function withBigIntegers(value: unknown): CborValue {
  if (typeof value === 'number') return BigInt(value);
  if (Array.isArray(value)) return value.map(withBigIntegers);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  return value as bigint | boolean | string | null;
}

function assertEncodable(value: unknown, depth: number): void {
  if (typeof value === 'boolean' || value === null || value instanceof Uint8Array) return;
  if (typeof value === 'bigint') {
    if (value < INTEGER_MIN || value > INTEGER_MAX) throw unencodable('an integer beyond 64 bits');
  } else if (typeof value === 'string') {
    // A decoder of UTF-8 replaces a lone surrogate and drops a leading byte-order mark: neither comes back.
    if (/\p{Surrogate}/u.test(value) || value.startsWith('\ufeff')) throw unencodable('text not well formed');
  } else if (Array.isArray(value)) {
    if (depth >= DEPTH_MAX) throw unencodable('nested too deep');
    for (const item of value) assertEncodable(item, depth + 1);
  } else {
    throw unencodable(`a value of type ${typeof value}`);
  }
}

function unencodable(what: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', `cannot be encoded: ${what}`, { what });
}

function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
