import type { Address, Hash } from '../contract/types.ts';

/**
 * What validators say to each other. Whoever feeds a message to `step` has verified its signature, and those
 * within it, before; the core carries signatures unopened and never makes one.
 */
export type Message = Proposal | Prepare | Commit | RoundChange;

/** "This block, please." `justification` is null in round 0 and never later. */
export type Proposal = {
  readonly kind: 'proposal';
  readonly height: number;
  readonly round: number;
  readonly digest: Hash;
  readonly author: Address;
  readonly signature: Uint8Array;
  readonly justification: Justification | null;
};

/** "I have seen this block and found it good." */
export type Prepare = {
  readonly kind: 'prepare';
  readonly height: number;
  readonly round: number;
  readonly digest: Hash;
  readonly author: Address;
  readonly signature: Uint8Array;
};

/** "A quorum has prepared this block." The signature is the seal that a final block's certificate carries. */
export type Commit = {
  readonly kind: 'commit';
  readonly height: number;
  readonly round: number;
  readonly digest: Hash;
  readonly author: Address;
  readonly signature: Uint8Array;
};

/**
 * "I have given up on every round below this one." The signature covers height, round and `prepared`;
 * `prepares` proves that claim and is empty without one, or where a justification carries the proof once for all.
 */
export type RoundChange = {
  readonly kind: 'round-change';
  readonly height: number;
  readonly round: number;
  readonly prepared: PreparedClaim | null;
  readonly prepares: readonly Prepare[];
  readonly author: Address;
  readonly signature: Uint8Array;
};

export type PreparedClaim = { readonly round: number; readonly digest: Hash };

/** A block that a quorum prepared in one round, and the proof: at least a quorum of distinct Prepares. */
export type PreparedCertificate = PreparedClaim & { readonly prepares: readonly Prepare[] };

/** Why a proposal above round 0 is allowed: a quorum of round changes, and the proof of the highest prepared claim. */
export type Justification = {
  readonly roundChanges: readonly RoundChange[];
  readonly prepares: readonly Prepare[];
};

type Unsigned<M> = M extends Message ? Omit<M, 'signature'> : never;

/** An own message on its way out: the pump signs it, always after it is on disk. */
export type OwnMessage = Unsigned<Message>;
export type OwnProposal = Unsigned<Proposal>;
export type OwnRoundChange = Unsigned<RoundChange>;

/** What must be on disk before `message` leaves. A commit is kept with the certificate that allowed it. */
export type VoteRecord = { readonly message: OwnMessage; readonly prepares: readonly Prepare[] };

/** The block that goes with a message, or is bound by it. */
export function digestOf(message: OwnMessage): Hash | undefined {
  return message.kind === 'round-change' ? message.prepared?.digest : message.digest;
}
