import type {
  Address,
  BlockContext,
  Call,
  CborValue,
  ContractEvent,
  ContractState,
  Hash,
  Outcome,
  RejectionCode,
  Validator,
} from '../contract/types.ts';

export type { Validator } from '../contract/types.ts';

import type { StateChanges, StateTree } from './state-tree.ts';

/**
 * A call to the contract, signed by its sender for one chain, one nonce and a limited time. The key is not in it: it is
 * the one that the state names for the sender's address, and may change while the address stays.
 */
export type SignedTransaction = {
  /** Hash of the genesis of the chain it is meant for. */
  readonly genesis: Hash;
  readonly sender: Address;
  /** 0 for an account's first transaction, then one more each. */
  readonly nonce: number;
  readonly method: string;
  readonly args: readonly CborValue[];
  /** UTC in milliseconds: no block later than this holds it. */
  readonly expiresMs: number;
  readonly signature: Uint8Array;
};

/** What the block's digest covers. The round is not in it, so a block can be proposed again without rewriting. */
export type Header = {
  readonly version: 1;
  readonly height: number;
  /** Digest of the block before; the genesis hash at height 0. */
  readonly parent: Hash;
  /** The block's first author, whoever proposed it again later. */
  readonly proposer: Address;
  /** UTC in milliseconds, above the parent's: the contract's only clock. */
  readonly timeMs: number;
  readonly transactionsRoot: Hash;
  /** Root of the state after this block. */
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
  /** The committee that decides on the NEXT height: whoever trusts one header can check the seals of the following. */
  readonly validatorsHash: Hash;
};

export type Block = { readonly header: Header; readonly transactions: readonly SignedTransaction[] };

/** A commit of one validator; `signer` is its place among the validators sorted by address. */
export type Seal = { readonly signer: number; readonly signature: Uint8Array };

/** Why a block is final: a quorum of seals, all of ONE round, ascending by signer. */
export type Certificate = { readonly round: number; readonly seals: readonly Seal[] };

export type FinalBlock = { readonly block: Block; readonly certificate: Certificate };

export type GenesisAccount = {
  readonly address: Address;
  readonly publicKey: Uint8Array;
  readonly roles: readonly string[];
  readonly balanceMicro: bigint;
};

/** How a network begins. Validators and accounts are sorted by address, each of them once. */
export type Genesis = {
  readonly network: string;
  readonly currency: string;
  readonly timeMs: number;
  readonly slotMs: number;
  readonly validators: readonly Validator[];
  readonly accounts: readonly GenesisAccount[];
  readonly parameters: Readonly<Record<string, bigint>>;
};

/** Where the chain stands after a block: all that the next one is checked against. */
export type Head = {
  readonly genesis: Hash;
  readonly height: number;
  readonly digest: Hash;
  readonly header: Header;
  readonly state: StateTree;
  /** Sorted by address: those who decide on the next height. */
  readonly validators: readonly Validator[];
  /** Author of this block; null for the genesis, which nobody proposed. */
  readonly proposer: Address | null;
};

/** What the chain asks of the contract. A rejected call changes nothing. */
export type Contract = {
  genesisEntries(genesis: Genesis): readonly (readonly [key: string, value: Uint8Array])[];
  applyCall(state: ContractState, call: Call, context: BlockContext): Outcome;
  /** What the account signs with now, 33 bytes; undefined for who has no account, or has had its key revoked. */
  publicKeyOf(state: Pick<ContractState, 'get'>, address: Address): Uint8Array | undefined;
  /** Who decides on the next height, sorted by address; 1 to 31. */
  validatorsOf(state: Pick<ContractState, 'get'>): readonly Validator[];
  /** Who may come to be one by the next vote, with the key that is proposed for each. */
  nomineesOf(state: Pick<ContractState, 'get'>): readonly Validator[];
  /** Height of the block that gave the address the seat it has, 0 for the genesis; undefined where it has none. */
  seatedAt(state: Pick<ContractState, 'get'>, address: Address): number | undefined;
};

export type TransactionFault =
  | 'CHAIN_WRONG_CHAIN'
  | 'CHAIN_UNKNOWN_SENDER'
  | 'CHAIN_BAD_SIGNATURE'
  | 'CHAIN_TOO_LARGE'
  | 'CHAIN_EXPIRED'
  | 'CHAIN_NONCE_USED'
  | 'CHAIN_NONCE_AHEAD';

export type BlockFault =
  | TransactionFault
  | RejectionCode
  | 'CHAIN_WRONG_HEIGHT'
  | 'CHAIN_WRONG_PARENT'
  | 'CHAIN_WRONG_TIME'
  | 'CHAIN_WRONG_PROPOSER'
  | 'CHAIN_WRONG_ROOT'
  | 'CHAIN_BLOCK_TOO_LARGE';

/** `events` by transaction, in the block's order. */
export type Executed = {
  readonly ok: true;
  readonly next: Head;
  readonly events: readonly (readonly ContractEvent[])[];
  readonly changes: StateChanges;
};

export type BlockRefusal = { readonly ok: false; readonly code: BlockFault; readonly reason: string };
