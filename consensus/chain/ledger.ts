import type { Address, ContractEvent } from '../contract/types.ts';
import {
  BLOCK_BYTES_MAX,
  BLOCK_FRAME_BYTES,
  BLOCK_TRANSACTIONS_MAX,
  blockDigest,
  type ClosedFinalBlock,
  encodeBlock,
  holdsTogether,
  openBlock,
  transactionsRoot,
  validatorsHash,
} from './block.ts';
import { type CertificateFault, checkCertificate } from './certificate.ts';
import { Draft } from './draft.ts';
import { genesisHash } from './genesis.ts';
import { nextNonce, useNonce } from './nonces.ts';
import { receiptsRoot } from './receipts.ts';
import { StateTree } from './state-tree.ts';
import { checkTransaction, encodeTransaction } from './transaction.ts';
import type {
  Block,
  BlockFault,
  BlockRefusal,
  Contract,
  Executed,
  FinalBlock,
  Genesis,
  Head,
  Header,
  SignedTransaction,
  TransactionFault,
} from './types.ts';

/** What follows a failed one waits until its sender has filled the gap; some calls are one a block. */
const WAITING: ReadonlySet<BlockFault> = new Set(['CHAIN_NONCE_AHEAD', 'CONTRACT_NEXT_BLOCK']);

/** Proposer of the genesis block: nobody. */
const NOBODY = '0'.repeat(40);

/** Where every chain of this genesis begins. @throws ConsensusError CONSENSUS_BAD_GENESIS, from the contract */
export function genesisHead(genesis: Genesis, contract: Contract): Head {
  const hash = genesisHash(genesis);
  const state = StateTree.EMPTY.update(new Map(contract.genesisEntries(genesis)));
  const validators = contract.validatorsOf(state);
  const header: Header = {
    version: 1,
    height: 0,
    parent: hash,
    proposer: NOBODY,
    timeMs: genesis.timeMs,
    transactionsRoot: transactionsRoot([]),
    stateRoot: state.root,
    receiptsRoot: receiptsRoot([]),
    validatorsHash: validatorsHash(validators),
  };
  return { genesis: hash, height: 0, digest: blockDigest(header), header, state, validators, proposer: null };
}

export type AssemblyOptions = {
  readonly proposer: Address;
  /** UTC in milliseconds; one more than the parent's is taken if it is not above. */
  readonly timeMs: number;
  readonly maxTransactions?: number;
  /** Of the encoded block. */
  readonly maxBytes?: number;
};

type Dropped = {
  readonly transaction: SignedTransaction;
  readonly code: BlockFault;
  readonly reason: string;
  /** Nothing is wrong with it but its turn: a later block may hold it. */
  readonly waits: boolean;
};

export type Assembled = Omit<Executed, 'ok'> & {
  readonly block: Block;
  /** What failed, each with its code. What only found no room is not among them. */
  readonly dropped: readonly Dropped[];
};

/** A block on top of `head` from those candidates, in their order, that succeed. */
export function assembleBlock(
  head: Head,
  candidates: readonly SignedTransaction[],
  options: AssemblyOptions,
  contract: Contract,
): Assembled {
  const { proposer, timeMs: wantedMs } = options;
  const maxTransactions = Math.min(options.maxTransactions ?? BLOCK_TRANSACTIONS_MAX, BLOCK_TRANSACTIONS_MAX);
  let bytesLeft = Math.min(options.maxBytes ?? BLOCK_BYTES_MAX, BLOCK_BYTES_MAX) - BLOCK_FRAME_BYTES;
  const timeMs = Math.max(wantedMs, head.header.timeMs + 1);
  const draft = new Draft(head.state);
  const transactions: SignedTransaction[] = [];
  const events: (readonly ContractEvent[])[] = [];
  const dropped: Dropped[] = [];
  for (const transaction of candidates) {
    if (transactions.length >= maxTransactions) break;
    // In a block, a transaction is a byte string with a head of five bytes at most.
    const bytes = encodeTransaction(transaction).length + 5;
    if (bytes > bytesLeft) continue;
    const result = applyTransaction(draft, transaction, { head, timeMs, contract });
    if (!result.ok) {
      const { code, reason } = result;
      dropped.push({ transaction, code, reason, waits: WAITING.has(code) });
      continue;
    }
    bytesLeft -= bytes;
    transactions.push(transaction);
    events.push(result.events);
  }
  const state = head.state.update(draft.changes);
  const validators = contract.validatorsOf(draft);
  const header: Header = {
    version: 1,
    height: head.height + 1,
    parent: head.digest,
    proposer,
    timeMs,
    transactionsRoot: transactionsRoot(transactions),
    stateRoot: state.root,
    receiptsRoot: receiptsRoot(events),
    validatorsHash: validatorsHash(validators),
  };
  return {
    block: { header, transactions },
    next: advanced(head, header, { state, validators }),
    events,
    changes: draft.changes,
    dropped,
  };
}

/**
 * Does again what the block's author did and compares every root. Bounds on the block's time from above depend on a
 * clock and are the caller's. A refusal leaves no trace.
 */
export function executeBlock(head: Head, block: Block, contract: Contract): Executed | BlockRefusal {
  const { header, transactions } = block;
  const fault = checkPlace(head, block);
  if (fault !== null) return fault;
  const draft = new Draft(head.state);
  const events: (readonly ContractEvent[])[] = [];
  for (const [index, transaction] of transactions.entries()) {
    const result = applyTransaction(draft, transaction, { head, timeMs: header.timeMs, contract });
    if (!result.ok) return refused(result.code, `transaction ${index}: ${result.reason}`);
    events.push(result.events);
  }
  const state = head.state.update(draft.changes);
  if (state.root !== header.stateRoot) return refused('CHAIN_WRONG_ROOT', 'the state has another root');
  if (receiptsRoot(events) !== header.receiptsRoot) {
    return refused('CHAIN_WRONG_ROOT', 'the receipts have another root');
  }
  const validators = contract.validatorsOf(draft);
  if (validatorsHash(validators) !== header.validatorsHash) {
    return refused('CHAIN_WRONG_ROOT', 'it names another committee for the next height');
  }
  return { ok: true, next: advanced(head, header, { state, validators }), events, changes: draft.changes };
}

export type FinalityRefusal = {
  readonly ok: false;
  readonly code: BlockFault | CertificateFault;
  readonly reason: string;
};

/** Whether the block follows `head` and a quorum of its committee made it final. Executes nothing. */
export function verifyFinalBlock(
  head: Head,
  { block, certificate }: FinalBlock,
): { readonly ok: true } | FinalityRefusal {
  const fault = checkPlace(head, block);
  if (fault !== null) return fault;
  const { genesis, validators } = head;
  const { height } = block.header;
  const digest = blockDigest(block.header);
  const code = checkCertificate(certificate, { genesis, height, digest, validators });
  return code === null ? { ok: true } : { ok: false, code, reason: 'the certificate does not hold' };
}

/** Opens a final block for whoever has `head`, once its seals hold and its transactions are those that were sealed. */
export function openFinalBlock(
  head: Head,
  closed: ClosedFinalBlock,
): { readonly ok: true; readonly final: FinalBlock } | FinalityRefusal {
  const { header, certificate } = closed;
  const { height } = header;
  if (height !== head.height + 1) {
    return refused('CHAIN_WRONG_HEIGHT', `height ${height} does not follow ${head.height}`);
  }
  const { genesis, validators } = head;
  const fault = checkCertificate(certificate, { genesis, height, digest: blockDigest(header), validators });
  if (fault !== null) return { ok: false, code: fault, reason: 'the certificate does not hold' };
  if (!holdsTogether(closed)) return refused('CHAIN_WRONG_ROOT', 'its transactions have another root');
  const final = { block: openBlock(closed), certificate };
  const verdict = verifyFinalBlock(head, final);
  return verdict.ok ? { ok: true, final } : verdict;
}

/** What can be told about a block without executing it. */
function checkPlace(head: Head, block: Block): BlockRefusal | null {
  const { header, transactions } = block;
  if (header.height !== head.height + 1) {
    return refused('CHAIN_WRONG_HEIGHT', `height ${header.height} does not follow ${head.height}`);
  }
  if (header.parent !== head.digest) return refused('CHAIN_WRONG_PARENT', 'it follows another block');
  if (header.timeMs <= head.header.timeMs) {
    return refused('CHAIN_WRONG_TIME', "its time is not above its parent's");
  }
  if (!head.validators.some(({ address }) => address === header.proposer)) {
    return refused('CHAIN_WRONG_PROPOSER', 'its author is no validator');
  }
  if (transactions.length > BLOCK_TRANSACTIONS_MAX || encodeBlock(block).length > BLOCK_BYTES_MAX) {
    return refused('CHAIN_BLOCK_TOO_LARGE', 'it is above the bounds of a block');
  }
  if (header.transactionsRoot !== transactionsRoot(transactions)) {
    return refused('CHAIN_WRONG_ROOT', 'its transactions have another root');
  }
  return null;
}

type Applied = { readonly ok: true; readonly events: readonly ContractEvent[] } | BlockRefusal;

function applyTransaction(
  state: Draft,
  transaction: SignedTransaction,
  { head, timeMs, contract }: { readonly head: Head; readonly timeMs: number; readonly contract: Contract },
): Applied {
  const { genesis } = head;
  const publicKey = contract.publicKeyOf(state, transaction.sender);
  const fault =
    checkTransaction(transaction, { genesis, publicKey }) ?? checkTurn(state, transaction, timeMs);
  if (fault !== null) return refused(fault, `${transaction.method} of ${transaction.sender}`);
  const attempt = new Draft(state);
  const { sender, method, args } = transaction;
  const context = { height: head.height + 1, timeMs, genesis };
  const outcome = contract.applyCall(attempt, { sender, method, args }, context);
  if (!outcome.ok) return outcome;
  useNonce(attempt, sender);
  state.take(attempt.changes);
  return outcome;
}

/** Replay protection: a transaction counts once, in its sender's order, and not after its time. */
function checkTurn(
  state: Pick<Draft, 'get'>,
  transaction: SignedTransaction,
  timeMs: number,
): TransactionFault | null {
  if (timeMs > transaction.expiresMs) return 'CHAIN_EXPIRED';
  const expected = nextNonce(state, transaction.sender);
  if (transaction.nonce < expected) return 'CHAIN_NONCE_USED';
  return transaction.nonce > expected ? 'CHAIN_NONCE_AHEAD' : null;
}

function advanced(head: Head, header: Header, after: Pick<Head, 'state' | 'validators'>): Head {
  const { height, proposer } = header;
  return { genesis: head.genesis, height, digest: blockDigest(header), header, ...after, proposer };
}

function refused(code: BlockFault, reason: string): BlockRefusal {
  return { ok: false, code, reason };
}
