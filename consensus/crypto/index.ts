export { domainHash, keccak256, type Packed, packedDomainHash, packedSha256, sha256 } from './hash.ts';
export { fromHex, toHex } from './hex.ts';
export { addressOf, generateKey, publicKeyOf } from './keys.ts';
export { sign, type Verify, verify } from './signature.ts';
