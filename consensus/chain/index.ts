export {
  BLOCK_BYTES_MAX,
  blockDigest,
  decodeBlock,
  decodeClosedBlock,
  decodeClosedFinalBlock,
  decodeFinalBlock,
  encodeBlock,
  encodeFinalBlock,
  holdsTogether,
  openBlock,
  transactionsRoot,
  validatorsHash,
} from './block.ts';
export {
  checkCertificate,
  gatherCertificate,
  sealDigest,
  signSeal,
} from './certificate.ts';
export { epochBlocksOf } from './epochs.ts';
export { formatGenesis, genesisHash, parseGenesis } from './genesis.ts';
export {
  assembleBlock,
  executeBlock,
  genesisHead,
  openFinalBlock,
  verifyFinalBlock,
} from './ledger.ts';
export {
  checkLightProof,
  type LightProof,
  type LightVerdict,
  PROOF_CHANGES_MAX,
  provenState,
  proveReads,
} from './light-proof.ts';
export {
  changeLength,
  checkpointIn,
  formatLightProof,
  PROOF_FORMAT,
  parseLightProof,
} from './light-proof-json.ts';
export { merklePath, merkleRoot, verifyMerklePath } from './merkle.ts';
export {
  type Checkpoint,
  checkpointOf,
  decodeMilestone,
  encodeMilestone,
  followMilestone,
  type Milestone,
} from './milestone.ts';
export { nextNonce } from './nonces.ts';
export { Pool } from './pool.ts';
export {
  cutState,
  decodeManifest,
  encodeManifest,
  encodePart,
  headOf,
  isEmptyPart,
  type Manifest,
  manifestRoot,
  openPart,
  partOf,
  type SnapshotPart,
} from './snapshot.ts';
export { decodeProof, encodeProof, verifyProof } from './state-proof.ts';
export { type StateChanges, type StateProof, StateTree } from './state-tree.ts';
export {
  checkTransaction,
  decodeTransaction,
  encodeTransaction,
  signTransaction,
  transactionId,
} from './transaction.ts';
export type {
  Block,
  BlockFault,
  Certificate,
  Contract,
  Executed,
  FinalBlock,
  Genesis,
  GenesisAccount,
  Head,
  Header,
  SignedTransaction,
} from './types.ts';
