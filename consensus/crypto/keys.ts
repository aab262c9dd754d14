import { createPublicKey, ECDH, type KeyObject } from 'node:crypto';
import { getPublicKey, utils } from '@noble/secp256k1';
import { ConsensusError } from '../errors.ts';
import { keccak256 } from './hash.ts';
import { toHex } from './hex.ts';

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
  return getPublicKey(privateKey, true);
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
  return point.address;
}

/** @throws ConsensusError CONSENSUS_BAD_KEY; the message never holds any of the key. */
export function assertPrivateKey(privateKey: Uint8Array): void {
  if (privateKey.length !== 32 || !utils.isValidSecretKey(privateKey)) {
    throw new ConsensusError('CONSENSUS_BAD_KEY', 'a private key is 32 bytes, above 0 and below the order', {
      bytes: privateKey.length,
    });
  }
}

type Point = { readonly keyObject: KeyObject; readonly address: string };

/** SubjectPublicKeyInfo of a compressed secp256k1 point (RFC 5480), up to the point itself. */
const SPKI_PREFIX = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex');

/**
 * Decompressing a point costs more than a hash does, and a network has few signers: keep the last ones used.
 * The map keeps insertion order; a hit moves to the end, so the first entry is the one unused for longest.
 */
const points = new Map<string, Point>();
const POINTS_MAX = 1024;

/** The key in the form that OpenSSL verifies with, or undefined when the bytes are no point of the curve. */
export function knownPoint(publicKey: Uint8Array): Point | undefined {
  const name = toHex(publicKey);
  const known = points.get(name);
  if (known !== undefined) {
    points.delete(name);
    points.set(name, known);
    return known;
  }
  const point = readPoint(publicKey);
  if (point === undefined) return undefined;
  if (points.size >= POINTS_MAX) points.delete(points.keys().next().value!);
  points.set(name, point);
  return point;
}

function readPoint(publicKey: Uint8Array): Point | undefined {
  if (publicKey.length !== 33 || (publicKey[0] !== 2 && publicKey[0] !== 3)) return undefined;
  try {
    const uncompressed = ECDH.convertKey(
      publicKey,
      'secp256k1',
      undefined,
      undefined,
      'uncompressed',
    ) as Buffer;
    const keyObject = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, publicKey]),
      format: 'der',
      type: 'spki',
    });
    return { keyObject, address: toHex(keccak256(uncompressed.subarray(1)).subarray(12)) };
  } catch {
    // OpenSSL refuses a coordinate that is out of range or on no point: for whoever verifies, an expected outcome.
    return undefined;
  }
}
