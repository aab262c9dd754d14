import { createHmac, verify as opensslVerify } from 'node:crypto';
import { hashes, sign as nobleSign } from '@noble/secp256k1';
import { ConsensusError } from '../errors.ts';
import { domainHash, sha256 } from './hash.ts';
import { toHex } from './hex.ts';
import { assertPrivateKey, knownPoint } from './keys.ts';

hashes.sha256 = (message) => Uint8Array.from(sha256(message));
hashes.hmacSha256 = (key, message) => Uint8Array.from(createHmac('sha256', key).update(message).digest());

/**
 * ECDSA on secp256k1 with a deterministic nonce (RFC 6979) and low S: 64 bytes, r then s, big-endian.
 *
 * What ECDSA signs is SHA-256 of the 32-byte digest, not the digest as it stands: OpenSSL, which verifies several
 * times faster, offers no ECDSA over a bare digest. The hash is written out here and the library's own switched off.
 * @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_BAD_SIGNATURE when the digest has not 32 bytes
 */
export function sign(digest32: Uint8Array, privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  if (digest32.length !== 32) {
    throw new ConsensusError('CONSENSUS_BAD_SIGNATURE', 'only digests of 32 bytes are signed', {
      bytes: digest32.length,
    });
  }
  return nobleSign(sha256(digest32), privateKey, { prehash: false, lowS: true, format: 'compact' });
}

/**
 * Whether `signature` (64 bytes) over `digest32` is by `publicKey` (33 bytes, compressed). Malformed input of any
 * kind is false, never an error: every validator must come to the same answer on every input. OpenSSL takes high S,
 * so that check, and the ranges of r and s, are made here.
 */
export function verify(digest32: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (digest32.length !== 32 || signature.length !== 64) return false;
  const r = signature.subarray(0, 32);
  const s = signature.subarray(32);
  if (isZero(r) || isZero(s) || compareBytes(r, ORDER) >= 0 || compareBytes(s, HALF_ORDER) > 0) return false;
  const point = knownPoint(publicKey);
  if (point === undefined) return false;
  const name = toHex(domainHash('good-signature', digest32, signature, publicKey));
  if (goodSignatures.has(name)) return true;
  const good = opensslVerify(
    'sha256',
    digest32,
    { key: point.keyObject, dsaEncoding: 'ieee-p1363' },
    signature,
  );
  if (good) remember(name);
  return good;
}

/**
 * Signatures found good. A validator meets each at least twice: a transaction when it is told and in its block, a seal
 * as a vote and in a certificate. The oldest goes first; a bad signature is never kept, so nobody can push out others
 * without making good ones.
 */
const goodSignatures = new Set<string>();
const GOOD_SIGNATURES_MAX = 4096;

function remember(name: string): void {
  if (goodSignatures.size >= GOOD_SIGNATURES_MAX)
    goodSignatures.delete(goodSignatures.values().next().value!);
  goodSignatures.add(name);
}

/** The group's order n (SEC 2, 2.4.1), and floor(n / 2). */
const ORDER = Buffer.from('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141', 'hex');
const HALF_ORDER = Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex');

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}
