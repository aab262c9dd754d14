import { hash } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { ConsensusError } from '../errors.ts';

/** SHA-256 of FIPS 180-4, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return asPlainBytes(hash('sha256', bytes, 'buffer'));
}

/** Keccak-256 as Ethereum uses it (the padding of before FIPS 202), 32 bytes: only for addresses. */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return keccak_256(bytes);
}

/**
 * SHA-256 over `length(tag) tag part...`: a hash made for one purpose can never be read as one made for another.
 * Only the tag is framed. A caller that passes more than one part gives all but the last a fixed length.
 */
export function domainHash(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return asPlainBytes(hash('sha256', framed(tag, parts), 'buffer'));
}

/**
 * Bytes with a letter for each (U+0000 to U+00FF): a third of what a short array of bytes takes in memory, nothing that
 * the collector has to free apart, compared in one go, and in the order of the bytes.
 */
export type Packed = string;

/** `sha256`, packed. */
export function packedSha256(bytes: Uint8Array): Packed {
  return hash('sha256', bytes, 'binary');
}

/** `domainHash` of bytes and of packed bytes alike, packed. */
export function packedDomainHash(tag: string, ...parts: readonly (Uint8Array | Packed)[]): Packed {
  return hash('sha256', framed(tag, parts), 'binary');
}

/** Valid until the next call. */
function framed(tag: string, parts: readonly (Uint8Array | Packed)[]): Uint8Array {
  const head = tagBytes(tag);
  let length = head.length;
  for (const part of parts) length += part.length;
  const whole = length <= SHORT.length ? SHORT.subarray(0, length) : Buffer.allocUnsafe(length);
  whole.set(head);
  let end = head.length;
  for (const part of parts) {
    if (typeof part === 'string') whole.write(part, end, 'latin1');
    else whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** Where short content is put together: a state of some thousand entries takes as many hashes at the start. */
const SHORT = Buffer.alloc(1024);

const TAG_BYTES_MAX = 64;
/** Tags are constants of the program; the bound only keeps a mistake from growing the map. */
const knownTags = new Map<string, Uint8Array>();
const KNOWN_TAGS_MAX = 64;

function tagBytes(tag: string): Uint8Array {
  const known = knownTags.get(tag);
  if (known !== undefined) return known;
  const text = Buffer.from(`gridquorum/${tag}`, 'utf8');
  if (tag === '' || text.length > TAG_BYTES_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'a domain tag has 1 to 53 bytes', { bytes: text.length });
  }
  const head = Uint8Array.from([text.length, ...text]);
  if (knownTags.size < KNOWN_TAGS_MAX) knownTags.set(tag, head);
  return head;
}

/** Buffer is a Uint8Array, but not one that deep equality or structured clones treat as such. */
function asPlainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
