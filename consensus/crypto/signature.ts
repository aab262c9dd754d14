import { ConsensusError } from '../errors.ts';
import { type Packed, packedDomainHash, sha256 } from './hash.ts';
import { assertPrivateKey, knownPoint } from './keys.ts';
import { signHash, verifyHash } from './secp256k1.ts';

/**
 * ECDSA on secp256k1 with a deterministic nonce (RFC 6979) and low S: 64 bytes, r then s, big-endian.
 *
 * What ECDSA signs is SHA-256 of the 32-byte digest, not the digest as it stands: OpenSSL, and whoever verifies with
 * it, knows no ECDSA over a bare digest.
 * @param publicKey its public half, where that is known: `verify` then need not work out what is good by its making
 * @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_BAD_SIGNATURE when the digest has not 32 bytes
 */
export function sign(digest32: Uint8Array, privateKey: Uint8Array, publicKey?: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  if (digest32.length !== 32) {
    throw new ConsensusError('CONSENSUS_BAD_SIGNATURE', 'only digests of 32 bytes are signed', {
      bytes: digest32.length,
    });
  }
  const signature = signHash(sha256(digest32), privateKey);
  if (publicKey !== undefined) remember(nameOf(digest32, signature, publicKey));
  return signature;
}

/**
 * Whether `signature` (64 bytes) over `digest32` is by `publicKey` (33 bytes, compressed). Malformed input of any
 * kind, r or s out of range and high S are false, never an error: every validator must come to the same answer on
 * every input. The tests hold this against OpenSSL and against @noble/secp256k1.
 */
export function verify(digest32: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (digest32.length !== 32 || signature.length !== 64) return false;
  const point = knownPoint(publicKey);
  if (point === undefined) return false;
  const name = nameOf(digest32, signature, publicKey);
  if (good.has(name) || goodBefore.has(name)) return true;
  if (!verifyHash(sha256(digest32), signature, point)) return false;
  remember(name);
  return true;
}

/** How signatures are verified: by `verify`, or by what stands in for it. */
export type Verify = typeof verify;

/**
 * Signatures found good, here and nowhere else: a transaction is verified when it is told, tried and executed, a vote by
 * every way it comes and in certificates, and each time would cost more than all the rest of it. Two generations; the
 * older is forgotten whole. A bad signature is never kept, so nobody can push out others without making good ones; and
 * the key is a part of the name, since what was good by the key of yesterday may be bad by the one of today.
 */
let good = new Set<Packed>();
let goodBefore = new Set<Packed>();
const GOOD_MAX = 16_384;

function remember(name: Packed): void {
  if (good.size >= GOOD_MAX / 2) {
    goodBefore = good;
    good = new Set();
  }
  good.add(name);
}

function nameOf(digest32: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): Packed {
  return packedDomainHash('good-signature', digest32, signature, publicKey);
}
