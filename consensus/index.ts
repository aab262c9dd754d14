export {
  type Block,
  decodeProof,
  encodeProof,
  type FinalBlock,
  formatGenesis,
  type Genesis,
  type GenesisAccount,
  genesisHash,
  type Head,
  parseGenesis,
  type SignedTransaction,
  type StateProof,
  type Validator,
  verifyProof,
} from './chain/index.ts';
export * from './contract/index.ts';
export { addressOf, generateKey, publicKeyOf, toHex } from './crypto/index.ts';
export { ConsensusError, type ConsensusErrorCode } from './errors.ts';
export {
  drawKey,
  type NodeKey,
  nodeKeyOf,
  type Recovery,
  readKeyFile,
  type VoteDoubt,
  writeKeyFile,
} from './store/index.ts';
