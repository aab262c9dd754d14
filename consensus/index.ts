export * from './contract/index.ts';
export { addressOf, generateKey, publicKeyOf, toHex } from './crypto/index.ts';
export { ConsensusError, type ConsensusErrorCode } from './errors.ts';
