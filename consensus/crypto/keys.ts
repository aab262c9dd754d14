import { ConsensusError } from '../errors.ts';
import { keccak256 } from './hash.ts';
import { toHex } from './hex.ts';
import { derivePublicKey, isPrivateKey, openPoint, type Point, uncompressed } from './secp256k1.ts';

/**
 * A secp256k1 private key from 32 bytes of a good random source; the caller draws them.
 * @throws ConsensusError CONSENSUS_BAD_KEY when they are zero or not below the group's order (odds 2^-127): draw again.
 */
export function generateKey(random32: Uint8Array): Uint8Array {
  assertPrivateKey(random32);
  return Uint8Array.from(random32);
}

/** The compressed public key, 33 bytes (SEC 1, 2.3.3). @throws ConsensusError CONSENSUS_BAD_KEY */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  return derivePublicKey(privateKey);
}

/**
 * Ethereum's address of a compressed public key: the last 20 bytes of the Keccak-256 of the uncompressed point
 * without its prefix byte, as 40 lower-case hex digits. @throws ConsensusError CONSENSUS_BAD_KEY
 */
export function addressOf(publicKey: Uint8Array): string {
  const point = knownPoint(publicKey);
  if (point === undefined) {
    throw new ConsensusError('CONSENSUS_BAD_KEY', 'not a compressed point of secp256k1', {
      bytes: publicKey.length,
    });
  }
  return toHex(keccak256(uncompressed(point).subarray(1)).subarray(12));
}

/** @throws ConsensusError CONSENSUS_BAD_KEY; the message never holds any of the key. */
export function assertPrivateKey(privateKey: Uint8Array): void {
  if (!isPrivateKey(privateKey)) {
    throw new ConsensusError('CONSENSUS_BAD_KEY', 'a private key is 32 bytes, above 0 and below the order', {
      bytes: privateKey.length,
    });
  }
}

/**
 * Decompressing a point costs more than a hash does, and a network has few signers: keep the last ones used. Two
 * generations; when the younger is full the older is forgotten whole.
 */
let points = new Map<string, Point>();
let pointsBefore = new Map<string, Point>();
const POINTS_MAX = 1024;

/** The key in the form to verify with, or undefined when the bytes are no point of the curve. */
export function knownPoint(publicKey: Uint8Array): Point | undefined {
  const name = toHex(publicKey);
  const known = points.get(name) ?? pointsBefore.get(name) ?? openPoint(publicKey);
  if (known === undefined || points.has(name)) return known;
  if (points.size >= POINTS_MAX / 2) {
    pointsBefore = points;
    points = new Map();
  }
  points.set(name, known);
  return known;
}
