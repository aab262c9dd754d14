import type { Packed } from '../crypto/index.ts';

/** The letters of a hash, of a key and of a value. Appended one to the other they would stay three strings and two joints. */
export function pack(hash: Packed, key: string, value: Uint8Array): Packed {
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

export function unpack(letters: Packed, from = 0, to = letters.length): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(from + index);
  return bytes;
}

/** More arguments than some ten thousand do not fit on a stack. */
const LETTERS_AT_ONCE = 4_096;
/** Where they are put together: an array for each would keep the collector busy. */
const SCRATCH = new Uint16Array(LETTERS_AT_ONCE);
