import {
  CompressionFlag,
  ContextFlag,
  instantiateSecp256k1Wasm,
} from '@bitauth/libauth/build/lib/bin/secp256k1/secp256k1-wasm.js';

/**
 * libsecp256k1, Bitcoin's own library, as WebAssembly: on the machine of docs/results.md it verifies in less than half
 * the time of OpenSSL, which knows no fast path for this curve, and signs in less than half of JavaScript's. It lives
 * in a memory of its own; what goes in and comes out is copied to and from one place for each kind of argument.
 */
const library = await instantiateSecp256k1Wasm();
const context = library.contextCreate(ContextFlag.BOTH);

const POINT_BYTES = 64;
const place = {
  hash: library.malloc(32),
  privateKey: library.malloc(32),
  /** As it is sent, and as the library works with it. */
  signature: library.malloc(64),
  openSignature: library.malloc(64),
  publicKey: library.malloc(65),
  publicKeyLength: library.mallocSizeT(65),
  point: library.malloc(POINT_BYTES),
};

/** A public key as the library works with it, to be kept: reading one costs a square root. */
export type Point = { readonly opened: Uint8Array };

/** Undefined when the bytes are no compressed point (33 bytes) of the curve. */
export function openPoint(publicKey: Uint8Array): Point | undefined {
  if (publicKey.length !== 33) return undefined;
  library.heapU8.set(publicKey, place.publicKey);
  const isPoint = library.pubkeyParse(context, place.point, place.publicKey, 33) === 1;
  return isPoint ? { opened: read(place.point, POINT_BYTES) } : undefined;
}

/** 65 bytes: 4, x, y. */
export function uncompressed({ opened }: Point): Uint8Array {
  library.heapU8.set(opened, place.point);
  return serialised(CompressionFlag.UNCOMPRESSED, 65);
}

/** Whether 32 bytes are a number above 0 and below the group's order. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  return withPrivateKey(bytes, () => library.seckeyVerify(context, place.privateKey) === 1);
}

/** The compressed public key, 33 bytes, of what `isPrivateKey` has accepted. */
export function derivePublicKey(privateKey: Uint8Array): Uint8Array {
  return withPrivateKey(privateKey, () => {
    library.pubkeyCreate(context, place.point, place.privateKey);
    return serialised(CompressionFlag.COMPRESSED, 33);
  });
}

/** r then s, 64 bytes; the nonce by RFC 6979, s in the lower half. */
export function signHash(hash32: Uint8Array, privateKey: Uint8Array): Uint8Array {
  library.heapU8.set(hash32, place.hash);
  return withPrivateKey(privateKey, () => {
    if (library.sign(context, place.openSignature, place.hash, place.privateKey) !== 1)
      throw new Error('a private key that was accepted does not sign');
    library.signatureSerializeCompact(context, place.signature, place.openSignature);
    return read(place.signature, 64);
  });
}

/** False also for r or s out of range and for s in the upper half. */
export function verifyHash(hash32: Uint8Array, signature64: Uint8Array, { opened }: Point): boolean {
  library.heapU8.set(signature64, place.signature);
  if (library.signatureParseCompact(context, place.openSignature, place.signature) !== 1) return false;
  library.heapU8.set(hash32, place.hash);
  library.heapU8.set(opened, place.point);
  return library.verify(context, place.openSignature, place.hash, place.point) === 1;
}

function serialised(form: CompressionFlag, length: number): Uint8Array {
  library.heapU32[place.publicKeyLength >> 2] = length;
  library.pubkeySerialize(context, place.publicKey, place.publicKeyLength, place.point, form);
  return read(place.publicKey, length);
}

/** The key stays in the library's memory no longer than it is worked with. */
function withPrivateKey<Result>(privateKey: Uint8Array, work: () => Result): Result {
  library.heapU8.set(privateKey, place.privateKey);
  try {
    return work();
  } finally {
    library.heapU8.fill(0, place.privateKey, place.privateKey + 32);
  }
}

function read(at: number, length: number): Uint8Array {
  return library.heapU8.slice(at, at + length);
}
