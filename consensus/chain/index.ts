export {
  BLOCK_BYTES_MAX,
  blockDigest,
  type ClosedFinalBlock,
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
export { formatGenesis, genesisHash, parseGenesis } from './genesis.ts';
export {
  assembleBlock,
  executeBlock,
  genesisHead,
  openFinalBlock,
  verifyFinalBlock,
} from './ledger.ts';
export { merkleRoot } from './merkle.ts';
export { nextNonce } from './nonces.ts';
export { Pool } from './pool.ts';
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
