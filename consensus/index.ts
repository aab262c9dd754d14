export {
  type Block,
  type Checkpoint,
  type Contract,
  checkpointIn,
  checkpointOf,
  decodeProof,
  encodeProof,
  type FinalBlock,
  formatGenesis,
  formatLightProof,
  type Genesis,
  type GenesisAccount,
  genesisHash,
  genesisHead,
  type Head,
  type LightProof,
  merkleRoot,
  PROOF_FORMAT,
  parseGenesis,
  parseLightProof,
  type SignedTransaction,
  type StateProof,
  verifyProof,
} from './chain/index.ts';
export * from './contract/index.ts';
export { addressOf, generateKey, publicKeyOf, toHex } from './crypto/index.ts';
export { ConsensusError, type ConsensusErrorCode } from './errors.ts';
export {
  type ProofMade,
  type ProofSource,
  proveCheckpoint,
  proveClaim,
  type Verified,
  verifyCheckpoint,
  verifyClaim,
} from './light/index.ts';
export type { Transport } from './network/index.ts';
export {
  type BlockListener,
  type Finality,
  type LedgerNode,
  type NodeOptions,
  type NodeStatus,
  type NodeTiming,
  type OwnCall,
  type Submitted,
  type SyncStatus,
  startNode,
} from './node.ts';
export { faultsTolerated, quorum } from './protocol/index.ts';
export {
  drawKey,
  inspectKeyFile,
  type LedgerStore,
  type NodeKey,
  nodeKeyOf,
  openLedgerStore,
  openVoteLog,
  type Recovery,
  readKeyFile,
  replaceKeyFile,
  type VoteDoubt,
  type VoteLog,
  writeKeyFile,
} from './store/index.ts';
