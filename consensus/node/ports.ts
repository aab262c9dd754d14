import type { Executed, FinalBlock, Head, SignedTransaction } from '../chain/index.ts';
import type { Hash } from '../contract/types.ts';

/** What the node needs of its database. What resolves is on disk. */
export type LedgerStorePort = {
  /** After the newest block appended, or the genesis. */
  readonly head: Head;
  /** Block, state and head in one synced write; own transactions in it are pending no more. */
  append(final: FinalBlock, executed: Pick<Executed, 'next' | 'changes'>): Promise<void>;
  readEncodedBlock(height: number): Promise<Uint8Array | undefined>;
  keepPending(transaction: SignedTransaction): Promise<void>;
  forgetPending(transaction: Pick<SignedTransaction, 'sender' | 'nonce'>): Promise<void>;
  readPending(): Promise<readonly SignedTransaction[]>;
};

/** The record of own votes, apart from the database. */
export type VoteLogPort = {
  /** Set when a vote may be missing: this node may have said, up to that height or above, what it does not remember. */
  readonly doubt: {
    readonly reason: string;
    readonly highestHeight: number;
    /** There is no record at all, and no block either: a first start, as far as this node can know. */
    readonly isFirstStart: boolean;
  } | null;
  /** Nothing may be signed at or below it. */
  readonly floorHeight: number;
  /** Votes above the final height, in the order in which they were made. */
  readonly votes: readonly KeptVotePort[];
  /** Resolves when they are on disk, synced. */
  append(votes: readonly KeptVotePort[]): Promise<void>;
  /** Votes up to this height are not needed any more. */
  finalised(height: number): Promise<void>;
  /** Whether such a vote above the final height is in the record; what is at or below the floor counts as held. */
  holds(vote: Pick<KeptVotePort, 'height' | 'kind' | 'digest'>): boolean;
  /** A vote has turned up that is not: from now on nothing is signed, over restarts too. */
  beginDoubt(reason: string, highestHeight: number): Promise<void>;
  endDoubt(height: number): Promise<void>;
};

export type KeptVotePort = {
  readonly height: number;
  readonly round: number;
  readonly kind: 'proposal' | 'prepare' | 'commit' | 'round-change' | 'block';
  readonly digest: Hash | null;
  readonly payload: Uint8Array;
};

export type Log = (entry: {
  readonly event: string;
  readonly [field: string]: string | number | boolean | undefined;
}) => void;

/** UTC in milliseconds, possibly simulated: block times and expiries. */
export type Clock = {
  utcMs(): number;
  /** False until the clock has been told the time: what it says before proves nothing. */
  readonly set?: boolean;
};
