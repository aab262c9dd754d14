import type { Contract, Genesis, Head } from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import type { Transport } from '../network/index.ts';
import type { LatencySummary } from './latency.ts';
import type { BlockListener, HeadListener } from './news.ts';
import type { OwnCall, Submitted } from './outbox.ts';
import type { Finality, Wait } from './outcomes.ts';
import type { Clock, LedgerStorePort, Log, VoteLogPort } from './ports.ts';
import type { RefusedProposals } from './proposals.ts';
import type { NodeCounters } from './shared.ts';
import type { SnapshotProgress } from './snapshot-sync.ts';

export type NodeOptions = {
  readonly genesis: Genesis;
  readonly contract: Contract;
  /** Signs as long as the ledger names it as the account's key. */
  readonly privateKey: Uint8Array;
  /** Takes over once the ledger names it: a change of keys is under way. */
  readonly nextPrivateKey?: Uint8Array;
  /** The account that the node speaks for. That of `privateKey`, unless the account began with an older one. */
  readonly address?: Address;
  /** Stays open, and the caller's, after `stop`. */
  readonly store: LedgerStorePort;
  readonly voteLog: VoteLogPort;
  /** Its nodes are named by their ledger addresses. */
  readonly transport: Transport;
  /** Block times and expiries; may be simulated and fast. */
  readonly clock: Clock;
  readonly timing: NodeTiming;
  readonly log: Log;
  /** The node has stopped for good: its disk failed, or it does not come to the result that a quorum has sealed. */
  readonly onFailure?: (error: unknown) => void;
  /** Age, by the chain's time, up to which blocks are kept; absent: all of them, and they are preferred to snapshots. */
  readonly keepBlocksMs?: number;
};

/** Real milliseconds, but for `allowedSkewMs`, which is in the clock's. */
export type NodeTiming = {
  /** Round r gives up after base * 2^r, at most max; sooner where its leader has not come to it. */
  readonly baseTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Least time between a block and the next proposal. */
  readonly blockIntervalMs: number;
  /** How far a block's time may lie ahead of the own clock. */
  readonly allowedSkewMs: number;
  /** An empty block when nothing was said for so long; 0 for none ever. */
  readonly heartbeatMs: number;
};

export type LedgerNode = {
  readonly address: Address;
  /** After the newest final block. */
  readonly head: Head;
  /** Signs a call, keeps it on disk and sends it until it is final or can be so no more, over restarts too. */
  readonly submit: (call: OwnCall) => Promise<Submitted>;
  /**
   * Waits for what becomes of an own transaction of this run.
   * @throws ConsensusError CONSENSUS_TIMEOUT, CONSENSUS_ABORTED
   */
  readonly whenFinal: (id: Hash, wait: Wait) => Promise<Finality>;
  /** Every final block, once it is stored. Returns the way to stop listening. */
  readonly onBlock: (listener: BlockListener) => () => void;
  /** Told of every new head: after a block, and after a snapshot took the place of many. */
  readonly onHead: (listener: HeadListener) => () => void;
  /**
   * Whether final blocks are missing here that others are just giving: then the head says what was, not what is. What it
   * shows as final stays so; what it shows as open may be long over.
   */
  readonly isCatchingUp: () => boolean;
  /** Told each time that it has caught up, or that nobody gives what is said to be missing. */
  readonly onCaughtUp: (listener: () => void) => () => void;
  /**
   * Takes another key to hand, for when the ledger names it: call it before submitting `accounts.rotateKey`, once the
   * key is on disk. @throws ConsensusError CONSENSUS_BAD_KEY
   */
  readonly holdKey: (privateKey: Uint8Array) => void;
  readonly status: () => NodeStatus;
  readonly stop: () => Promise<void>;
};

export type SyncStatus = {
  /** The highest height heard of. */
  readonly targetHeight: number;
  /** Of the oldest block that is kept. */
  readonly firstHeight: number;
  readonly catchingUp: boolean;
  /** Of the snapshot that is being fetched. */
  readonly snapshot: SnapshotProgress | null;
};

export type NodeStatus = {
  readonly height: number;
  readonly digest: Hash;
  readonly round: number;
  readonly connected: boolean;
  readonly isValidator: boolean;
  /** Seats of the committee, and how many of their holders may lie without harm. */
  readonly validators: number;
  readonly liarsTolerated: number;
  /** Whether the key that the ledger names for this account is at hand: without it nothing is signed. */
  readonly keyIsKnown: boolean;
  /** It follows, and signs nothing. */
  readonly votesInDoubt: boolean;
  /** Why, and above which height others must have come at least; null where it may sign. */
  readonly doubt: { readonly reason: string; readonly highestHeight: number } | null;
  readonly refusedProposals: RefusedProposals;
  readonly poolSize: number;
  readonly ownPending: number;
  readonly queueLength: number;
  readonly sync: SyncStatus;
  /** From the first that is known to wait for a block (own pool or a proposal) to its being final here. */
  readonly latency: LatencySummary;
  readonly counters: Readonly<NodeCounters>;
  readonly failed: boolean;
};
