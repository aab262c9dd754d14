export {
  drawKey,
  inspectKeyFile,
  type NodeKey,
  nodeKeyOf,
  readKeyFile,
  replaceKeyFile,
  writeKeyFile,
} from './key-file.ts';
export type { LedgerStore } from './ledger-store.ts';
export { openLedgerStore } from './opening.ts';
export type { Recovery } from './rebuild.ts';
export { openVoteLog, type VoteAnchor, type VoteDoubt, type VoteLog } from './vote-log.ts';
export type { KeptVote } from './vote-record.ts';
