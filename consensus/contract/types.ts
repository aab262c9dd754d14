/**
 * The shapes every contract module shares. Addresses are 20-byte values written as 40 lower-case hex
 * digits without a prefix; hashes 32 bytes as 64 hex digits. Amounts are bigint: power in mW (rounds) or W
 * (obligations), energy in W*s, money in micro-units, prices in micro-units of money per kWh.
 */

import type { CborValue } from '../encoding/index.ts';

export type { CborValue } from '../encoding/index.ts';

export type Address = string;
export type Hash = string;

/** Seats of a committee at most. */
export const VALIDATORS_MAX = 31;
/** Where a genesis is silent. */
export const EPOCH_BLOCKS_DEFAULT = 1000;

/** A member of the committee: the account that has a seat, and the key it signs with, compressed, 33 bytes. */
export type Validator = { readonly address: Address; readonly publicKey: Uint8Array };

export const ROLES = ['validator', 'prosumer', 'aggregator', 'dso', 'iso', 'operator'] as const;
/** What an account may do; the table of methods names the roles that each asks for. */
export type Role = (typeof ROLES)[number];

/** The only view of the ledger that a module has: an authenticated map with a draft on top. */
export type ContractState = {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
  delete(key: string): void;
};

/** All that a transaction may know of the world. */
export type BlockContext = {
  readonly height: number;
  /** The block's time, UTC in milliseconds: the contract's only clock. */
  readonly timeMs: number;
  /** Hash of the genesis: names the chain where a call carries a signature of its own. */
  readonly genesis: Hash;
};

/** A call whose signature, chain, nonce and expiry have been checked by chain/. */
export type Call = {
  readonly sender: Address;
  /** `module.verb`, such as `coordination.offer`. */
  readonly method: string;
  /** Decoded canonical CBOR: integers as bigint, byte strings, text, booleans, arrays. */
  readonly args: readonly CborValue[];
};

export type ContractEvent = {
  /** `module.pastTense`, such as `coordination.roundClosed`. */
  readonly name: string;
  readonly fields: Readonly<
    Record<string, string | number | bigint | boolean | readonly (string | number | bigint)[]>
  >;
};

export type RejectionCode =
  | 'CONTRACT_UNKNOWN_METHOD'
  | 'CONTRACT_BAD_ARGUMENTS'
  | 'CONTRACT_WRONG_ROLE'
  | 'CONTRACT_UNKNOWN_ACCOUNT'
  | 'CONTRACT_ALREADY_EXISTS'
  | 'CONTRACT_NOT_FOUND'
  | 'CONTRACT_INSUFFICIENT_FUNDS'
  | 'CONTRACT_NOT_QUALIFIED'
  | 'CONTRACT_WRONG_PHASE'
  | 'CONTRACT_WRONG_ROUND'
  | 'CONTRACT_TOO_EARLY'
  | 'CONTRACT_TOO_LATE'
  | 'CONTRACT_OUT_OF_RANGE'
  | 'CONTRACT_IMPLAUSIBLE'
  | 'CONTRACT_BAD_PROOF'
  /** Nothing is wrong with it but the block: it waits for the next. */
  | 'CONTRACT_NEXT_BLOCK';

export type Outcome =
  | { readonly ok: true; readonly events: readonly ContractEvent[] }
  | { readonly ok: false; readonly code: RejectionCode; readonly reason: string };
