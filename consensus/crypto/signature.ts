import { ConsensusError } from '../errors.ts';
import { domainHash, sha256 } from './hash.ts';
import { toHex } from './hex.ts';
import { assertPrivateKey, knownPoint } from './keys.ts';
import { signHash, verifyHash } from './secp256k1.ts';

/**
 * ECDSA on secp256k1 with a deterministic nonce (RFC 6979) and low S: 64 bytes, r then s, big-endian.
 *
 * What ECDSA signs is SHA-256 of the 32-byte digest, not the digest as it stands: OpenSSL, and whoever verifies with
 * it, knows no ECDSA over a bare digest.
 * @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_BAD_SIGNATURE when the digest has not 32 bytes
 */
export function sign(digest32: Uint8Array, privateKey: Uint8Array): Uint8Array {
  assertPrivateKey(privateKey);
  if (digest32.length !== 32) {
    throw new ConsensusError('CONSENSUS_BAD_SIGNATURE', 'only digests of 32 bytes are signed', {
      bytes: digest32.length,
    });
  }
  return signHash(sha256(digest32), privateKey);
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
  const name = toHex(domainHash('good-signature', digest32, signature, publicKey));
  if (goodSignatures.has(name)) return true;
  const good = verifyHash(sha256(digest32), signature, point);
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
