import { type Packed, packedSha256, sha256 } from '../crypto/index.ts';
import { encode } from '../encoding/index.ts';

/** Bits of a path: a key's place is the SHA-256 of its name. */
export const PATH_BITS = 256;

export function pathOf(key: string): Uint8Array {
  return sha256(encode(key));
}

/** Whether the path turns right below a branch at this depth. */
export function turnsRight(path: Uint8Array, depth: number): boolean {
  return ((path[depth >> 3]! >> (7 - (depth & 7))) & 1) === 1;
}

export function samePath(left: Uint8Array, right: Uint8Array): boolean {
  return comparePaths(left, right) === 0;
}

export function comparePaths(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < 32; index++) {
    const difference = left[index]! - right[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `pathOf`, packed. */
export function packedPathOf(key: string): Packed {
  return packedSha256(encode(key));
}

/** `packedPathOf`, remembered for a while. */
export function placeOf(key: string): Packed {
  const known = places.get(key) ?? placesBefore.get(key);
  if (known !== undefined) return known;
  const place = packedPathOf(key);
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

/** `turnsRight` of a packed path. */
export function isRight(path: Packed, depth: number): boolean {
  return ((path.charCodeAt(depth >> 3) >> (7 - (depth & 7))) & 1) === 1;
}

export function byPath(left: { readonly path: Packed }, right: { readonly path: Packed }): number {
  return left.path < right.path ? -1 : left.path > right.path ? 1 : 0;
}

/** Place of the first that turns right at this depth, by halving. */
export function firstRight(sorted: readonly { readonly path: Packed }[], depth: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isRight(sorted[middle]!.path, depth)) high = middle;
    else low = middle + 1;
  }
  return low;
}
