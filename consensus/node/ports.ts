import type {
  Checkpoint,
  Executed,
  FinalBlock,
  Head,
  Manifest,
  Milestone,
  SignedTransaction,
  SnapshotPart,
  StateTree,
} from '../chain/index.ts';
import type { Hash } from '../contract/types.ts';

/** What the node needs of its database. What resolves is on disk. */
export type LedgerStorePort = {
  /** After the newest block appended, or the genesis. */
  readonly head: Head;
  /** Block, state and head in one synced write; own transactions in it are pending no more. */
  append(final: FinalBlock, executed: Pick<Executed, 'next' | 'changes'>): Promise<void>;
  readEncodedBlock(
    height: number,
  ): Promise<{ readonly ok: true; readonly found: Uint8Array } | { readonly ok: false }>;
  /** Of the oldest block that is kept. */
  readonly firstHeight: number;
  /** Blocks from one end of an epoch to the next. */
  readonly epochBlocks: number;
  /** A height whose committee is believed, from the configuration: the genesis, or a later one. */
  readonly trusted: Checkpoint;
  /** Deletes blocks below the height, oldest first, so many at most; returns how many. */
  prune(belowHeight: number, blocksMax: number): Promise<number>;
  readMilestone(height: number): Promise<Milestone | undefined>;
  /** Blocks above the height that changed the committee, ascending, so many at most. */
  readCommitteeChanges(aboveHeight: number, countMax: number): Promise<readonly Milestone[]>;
  readonly snapshots: SnapshotsPort;
  /** Goes on from a snapshot whose parts are all here; undefined when one of them is damaged. */
  adopt(snapshot: FoundSnapshotPort, changes: readonly Milestone[]): Promise<Head | undefined>;
  keepPending(transaction: SignedTransaction): Promise<void>;
  forgetPending(transaction: Pick<SignedTransaction, 'sender' | 'nonce'>): Promise<void>;
  readPending(): Promise<readonly SignedTransaction[]>;
};

type FoundSnapshotPort = { readonly milestone: Milestone; readonly manifest: Manifest };

/** States at the ends of epochs, in parts. */
type SnapshotsPort = {
  heights(): Promise<readonly number[]>;
  /** Takes as long as it takes, in small steps. */
  write(
    milestone: Milestone,
    state: StateTree,
    signal: AbortSignal,
  ): Promise<{ readonly parts: number; readonly bytes: number }>;
  find(height: number): Promise<FoundSnapshotPort | undefined>;
  readPart(height: number, index: number): Promise<Uint8Array | undefined>;
  readonly incoming: {
    has(part: SnapshotPart): Promise<boolean>;
    add(part: SnapshotPart, bytes: Uint8Array): Promise<void>;
    complete(snapshot: FoundSnapshotPort): Promise<boolean>;
    /** Forgets all others. */
    keepOnly(parts: readonly SnapshotPart[]): Promise<void>;
    clear(): Promise<void>;
  };
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
