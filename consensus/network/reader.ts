import type { Address, Hash } from '../contract/types.ts';
import { toHex } from '../crypto/index.ts';
import type { CborValue } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';

/** Reads the values of an array one after the other, each with its type and bound. Throws CONSENSUS_BAD_MESSAGE. */
export type Reader = {
  readonly integer: () => number;
  readonly hash: () => Hash;
  readonly address: () => Address;
  readonly signature: () => Uint8Array;
  readonly bytes: (maxBytes: number) => Uint8Array;
  /** A list of byte strings. */
  readonly byteStrings: (maxItems: number, maxBytes: number) => Uint8Array[];
  /** What `read` makes of the array there. */
  readonly nested: <T>(read: (item: Reader) => T) => T;
  readonly list: <T>(maxItems: number, read: (item: Reader) => T) => T[];
  /** Null, or what `read` makes of the array there. */
  readonly optional: <T>(read: (item: Reader) => T) => T | null;
  /** Null, or a byte string. */
  readonly optionalBytes: (maxBytes: number) => Uint8Array | null;
  readonly end: () => void;
};

function readerOf(value: CborValue): Reader {
  if (!isArray(value)) throw bad('an array expected');
  let at = 0;
  const next = (): CborValue => {
    const item = value[at];
    if (item === undefined) throw bad('too few items');
    at += 1;
    return item;
  };
  const bytes = (maxBytes: number): Uint8Array => bytesOf(next(), maxBytes);
  const sized = (size: number): Uint8Array => {
    const found = bytes(size);
    if (found.length !== size) throw bad(`${size} bytes expected`);
    return found;
  };
  const items = (maxItems: number): readonly CborValue[] => {
    const list = next();
    if (!isArray(list) || list.length > maxItems) throw bad(`at most ${maxItems} items expected`);
    return list;
  };
  return {
    integer() {
      const item = next();
      if (typeof item !== 'bigint' || item < 0n || item > BigInt(Number.MAX_SAFE_INTEGER))
        throw bad('a safe integer, 0 or above, expected');
      return Number(item);
    },
    hash: () => toHex(sized(32)),
    address: () => toHex(sized(20)),
    signature: () => sized(64),
    bytes,
    byteStrings: (maxItems, maxBytes) => items(maxItems).map((item) => bytesOf(item, maxBytes)),
    nested: (read) => readWhole(next(), read),
    list: (maxItems, read) => items(maxItems).map((item) => readWhole(item, read)),
    optional(read) {
      const item = next();
      return item === null ? null : readWhole(item, read);
    },
    optionalBytes(maxBytes) {
      const item = next();
      return item === null ? null : bytesOf(item, maxBytes);
    },
    end() {
      if (at !== value.length) throw bad('too many items');
    },
  };
}

export function readWhole<T>(value: CborValue, read: (item: Reader) => T): T {
  const reader = readerOf(value);
  const result = read(reader);
  reader.end();
  return result;
}

function bytesOf(value: CborValue, maxBytes: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > maxBytes)
    throw bad(`at most ${maxBytes} bytes expected`);
  return value;
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

export function bad(what: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_MESSAGE', what);
}
