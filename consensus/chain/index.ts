export {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  blockDigest,
  decodeBlock,
  decodeFinalBlock,
  encodeBlock,
  encodeFinalBlock,
  transactionsRoot,
  validatorsHash,
} from './block.ts';
export {
  type CertificateFault,
  checkCertificate,
  gatherCertificate,
  type Sealed,
  sealDigest,
  sealQuorum,
  signSeal,
  verifySeal,
} from './certificate.ts';
export { formatGenesis, genesisHash, parseGenesis } from './genesis.ts';
export {
  type Assembled,
  type AssemblyOptions,
  assembleBlock,
  type Dropped,
  executeBlock,
  type FinalityRefusal,
  genesisHead,
  verifyFinalBlock,
} from './ledger.ts';
export { nextNonce } from './nonces.ts';
export { type Admission, Pool, type PoolLimits, type PoolRefusal } from './pool.ts';
export { decodeProof, encodeProof, verifyProof } from './state-proof.ts';
export { type StateChanges, type StateProof, StateTree } from './state-tree.ts';
export {
  checkTransaction,
  decodeTransaction,
  encodeTransaction,
  signTransaction,
  TRANSACTION_BYTES_MAX,
  type TransactionContent,
  transactionId,
} from './transaction.ts';
export type {
  Block,
  BlockFault,
  BlockRefusal,
  Certificate,
  Contract,
  Executed,
  FinalBlock,
  Genesis,
  GenesisAccount,
  Head,
  Header,
  Seal,
  SignedTransaction,
  TransactionFault,
  Validator,
} from './types.ts';
