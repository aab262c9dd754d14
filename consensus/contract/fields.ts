import { reject } from './rejection.ts';
import type { CborValue } from './types.ts';

/**
 * One typed, bounded reader and writer for values that come as canonical CBOR: the arguments of a call and
 * the records of the state. Reading rejects with CONTRACT_BAD_ARGUMENTS when the kind is wrong and with
 * CONTRACT_OUT_OF_RANGE when a number lies outside its bounds; `where` names the field in the reason.
 */
export type Field<T> = {
  read(value: CborValue, where: string): T;
  write(value: T): CborValue;
};

export type FieldsOf = Readonly<Record<string, Field<unknown>>>;
export type ShapeOf<F extends FieldsOf> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/** Reads as many values as there are fields, in the fields' order. */
export function readFields<F extends FieldsOf>(fields: F, values: readonly CborValue[]): ShapeOf<F> {
  const names = Object.keys(fields);
  if (values.length !== names.length) {
    reject('CONTRACT_BAD_ARGUMENTS', `expected ${names.length} values, got ${values.length}`);
  }
  return Object.fromEntries(
    names.map((name, index) => [name, fields[name]!.read(values[index]!, name)]),
  ) as ShapeOf<F>;
}

/** The inverse of `readFields`. */
export function writeFields<F extends FieldsOf>(fields: F, shape: ShapeOf<F>): CborValue[] {
  return Object.keys(fields).map((name) => fields[name]!.write(shape[name]));
}

/** An amount: bigint from `min` to `max`. */
export function amount(min: bigint, max: bigint): Field<bigint> {
  return {
    read(value, where) {
      if (typeof value !== 'bigint') return badKind(where, 'an integer');
      if (value < min || value > max) {
        reject('CONTRACT_OUT_OF_RANGE', `${where} must be from ${min} to ${max}, not ${value}`);
      }
      return value;
    },
    write: (value) => value,
  };
}

/** A count, a time or a power: a safe integer from `min` to `max`. */
export function count(min: number, max: number): Field<number> {
  const bounds = amount(BigInt(min), BigInt(max));
  return { read: (value, where) => Number(bounds.read(value, where)), write: BigInt };
}

/** UTC in milliseconds, up to the year 10000. */
export const timeMs = count(0, 253_402_300_799_999);

/** Printable ASCII up to `maxLength` characters; `pattern` may narrow it. */
export function text(maxLength: number, pattern = /^[ -~]*$/): Field<string> {
  return {
    read(value, where) {
      if (typeof value !== 'string') return badKind(where, 'text');
      if (value.length > maxLength || !pattern.test(value)) {
        reject(
          'CONTRACT_BAD_ARGUMENTS',
          `${where} must match ${pattern.source}, ${maxLength} characters at most`,
        );
      }
      return value;
    },
    write: (value) => value,
  };
}

export function oneOf<const T extends string>(choices: readonly T[]): Field<T> {
  return {
    read(value, where) {
      const choice = choices.find((candidate) => candidate === value);
      return choice ?? badKind(where, `one of ${choices.join(', ')}`);
    },
    write: (value) => value,
  };
}

/** A byte string of exactly `length` bytes; lower-case hex on this side. */
export function hex(length: number): Field<string> {
  return {
    read(value, where) {
      if (!(value instanceof Uint8Array) || value.length !== length) {
        return badKind(where, `a byte string of ${length} bytes`);
      }
      return toHex(value);
    },
    write: fromHex,
  };
}

/** A byte string of exactly `length` bytes, as it is. */
export function bytes(length: number): Field<Uint8Array> {
  return {
    read(value, where) {
      if (!(value instanceof Uint8Array) || value.length !== length) {
        return badKind(where, `a byte string of ${length} bytes`);
      }
      return value;
    },
    write: (value) => value,
  };
}

/** Null where there is none. */
export function optional<T>(field: Field<T>): Field<T | null> {
  return {
    read: (value, where) => (value === null ? null : field.read(value, where)),
    write: (value) => (value === null ? null : field.write(value)),
  };
}

/** Several values that belong together, in the fields' order. */
export function shape<F extends FieldsOf>(fields: F): Field<ShapeOf<F>> {
  return {
    read: (value, where) =>
      Array.isArray(value) ? readFields(fields, value) : badKind(where, `a list of ${Object.keys(fields)}`),
    write: (value) => writeFields(fields, value),
  };
}

/** An account: 20 bytes. */
export const address = hex(20);

/** A list of `min` to `max` items. */
export function list<T>(item: Field<T>, min: number, max: number): Field<readonly T[]> {
  return {
    read(value, where) {
      if (!Array.isArray(value)) return badKind(where, 'a list');
      if (value.length < min || value.length > max) {
        return badKind(where, `a list of ${min} to ${max} items`);
      }
      return value.map((entry) => item.read(entry, where));
    },
    write: (items) => items.map((entry) => item.write(entry)),
  };
}

const PACKED_BYTES = 6;
const PACKED_LIMIT = 2 ** 47;
const LOW = 2 ** 32;

/**
 * Many integers as one byte string, 48-bit two's complement, big-endian: state only. A closing round reads
 * and writes two such vectors a home, and CBOR integers would cost ten times the time.
 */
export const packed: Field<readonly number[]> = {
  read(value, where) {
    if (!(value instanceof Uint8Array) || value.length % PACKED_BYTES !== 0) {
      return badKind(where, 'packed integers');
    }
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const numbers = new Array<number>(value.length / PACKED_BYTES);
    for (let index = 0; index < numbers.length; index += 1) {
      const at = index * PACKED_BYTES;
      numbers[index] = view.getInt16(at) * LOW + view.getUint32(at + 2);
    }
    return numbers;
  },
  write(numbers) {
    const bytes = new Uint8Array(numbers.length * PACKED_BYTES);
    const view = new DataView(bytes.buffer);
    numbers.forEach((number, index) => {
      if (!Number.isInteger(number) || number < -PACKED_LIMIT || number >= PACKED_LIMIT) {
        throw new RangeError(`${number} does not fit into 48 bits`);
      }
      const high = Math.floor(number / LOW);
      view.setInt16(index * PACKED_BYTES, high);
      view.setUint32(index * PACKED_BYTES + 2, number - high * LOW);
    });
    return bytes;
  },
};

function badKind(where: string, expected: string): never {
  reject('CONTRACT_BAD_ARGUMENTS', `${where} must be ${expected}`);
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function toHex(bytes: Uint8Array): string {
  let digits = '';
  for (const byte of bytes) digits += HEX_OF_BYTE[byte];
  return digits;
}

function fromHex(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length >> 1);
  let wrong = digits.length & 1;
  for (let index = 0; index < bytes.length; index += 1) {
    const high = digitOf(digits.charCodeAt(2 * index));
    const low = digitOf(digits.charCodeAt(2 * index + 1));
    wrong |= (high | low) & 0x10;
    bytes[index] = (high << 4) | low;
  }
  if (wrong !== 0) throw new RangeError(`not lower-case hex: ${digits}`);
  return bytes;
}

/** 16 for what is no digit. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : 16;
}
