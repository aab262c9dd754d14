import type { Address, Hash } from '../contract/types.ts';
import type {
  Commit,
  Message,
  OwnMessage,
  OwnProposal,
  Prepare,
  PreparedCertificate,
  RoundChange,
  VoteRecord,
} from './messages.ts';

/** Real, monotonic milliseconds. `heartbeatMs` 0 means that no empty block is ever proposed at round 0. */
export type Timing = {
  readonly baseTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly blockIntervalMs: number;
  readonly heartbeatMs: number;
};

/** The block that everyone agreed on last, as far as the agreement cares. */
export type DecidedHead = {
  readonly height: number;
  /** Author of that block; null for the genesis. */
  readonly proposer: Address | null;
  /** Who decides on the next height, sorted by address. */
  readonly validators: readonly Address[];
};

export type TimerName = 'round' | 'resend' | 'interval' | 'heartbeat';

export type Event =
  /** A verified message: from the network, or an own one that has just been signed and sent. */
  | { readonly kind: 'message'; readonly message: Message }
  | {
      readonly kind: 'timeout';
      readonly timer: TimerName;
      readonly height: number;
      readonly round: number;
    }
  /** Whether a block made now would hold at least one transaction. */
  | { readonly kind: 'pool'; readonly pending: boolean }
  /** Answer to `build-block`; null when there turned out to be nothing to say. */
  | {
      readonly kind: 'built';
      readonly height: number;
      readonly round: number;
      readonly digest: Hash | null;
    }
  /** Answer to `check-block`. */
  | { readonly kind: 'checked'; readonly digest: Hash; readonly valid: boolean }
  /** Another looks for blocks from this height on: it has none that is newer than the one before. */
  | { readonly kind: 'asked'; readonly by: Address; readonly height: number }
  /** A final block has been executed and stored, decided here or fetched from others. */
  | { readonly kind: 'advanced'; readonly head: DecidedHead }
  /** Others have finalised above every height this node may have voted at: it may sign above `height` again. */
  | { readonly kind: 'doubt-ended'; readonly height: number };

/** To be carried out in order. `persist` always comes first. */
export type Effect =
  /** Must be on disk, together with the bodies of the blocks named, before anything after it is done. */
  | { readonly kind: 'persist'; readonly records: readonly VoteRecord[] }
  /** Sign, send to all, and feed back as a `message` event (a proposal needs no feeding back). */
  | { readonly kind: 'broadcast'; readonly message: OwnMessage }
  | { readonly kind: 'send'; readonly to: Address; readonly message: OwnMessage }
  /** Replaces an earlier timer of the same name. */
  | {
      readonly kind: 'schedule';
      readonly timer: TimerName;
      readonly delayMs: number;
      readonly height: number;
      readonly round: number;
    }
  | {
      readonly kind: 'build-block';
      readonly height: number;
      readonly round: number;
      readonly allowEmpty: boolean;
    }
  /** `author` is set for a fresh block, which must be written by its proposer and be in time; null for a prepared one. */
  | {
      readonly kind: 'check-block';
      readonly height: number;
      readonly digest: Hash;
      readonly author: Address | null;
    }
  /** Decided. `commits` are at least a quorum of distinct authors' for this one round. */
  | {
      readonly kind: 'finalise';
      readonly height: number;
      readonly round: number;
      readonly digest: Hash;
      readonly commits: readonly Commit[];
      /** Whether it falls to this node to tell those that do not vote. */
      readonly announce: boolean;
    }
  /** Came before their height began: to be verified anew, by the committee that decides now, and fed back. */
  | { readonly kind: 'hear-again'; readonly messages: readonly Message[] }
  | { readonly kind: 'resend-pool' }
  /** More validators than can lie are above this height, its rounds come to nothing, or it is final and its block missing. */
  | { readonly kind: 'ask-sync'; readonly height: number }
  /** `to` is still working on `height`, which is final, or has got its seat by that block. */
  | { readonly kind: 'offer-sync'; readonly to: Address; readonly height: number };

export type State = {
  readonly self: Address;
  readonly timing: Timing;
  readonly height: number;
  readonly validators: readonly Address[];
  readonly previousProposer: Address | null;
  readonly round: number;
  readonly decided: boolean;

  readonly pending: boolean;
  readonly intervalPassed: boolean;
  readonly heartbeatDue: boolean;
  /** `short` while the round's leader has not come to it. */
  readonly roundTimer: 'off' | 'short' | 'full';
  readonly building: boolean;

  /** The proposal this node works on in the current round. */
  readonly accepted: Hash | null;
  readonly ownProposal: OwnProposal | null;
  /** Blocks of this height that were checked and found good. */
  readonly good: ReadonlySet<Hash>;
  readonly prepared: PreparedCertificate | null;
  /** Own messages of the current round, repeated until the round or the height is over. */
  readonly sent: readonly OwnMessage[];

  readonly prepares: ReadonlyMap<Address, readonly Prepare[]>;
  readonly commits: ReadonlyMap<Address, readonly Commit[]>;
  /** The newest of every author. */
  readonly roundChanges: ReadonlyMap<Address, RoundChange>;
  /** What validators of this height or the next said about later heights. */
  readonly ahead: ReadonlyMap<Address, Ahead>;

  /** Own votes from before a restart, for heights not yet final. */
  readonly records: readonly VoteRecord[];
  /** Nothing is signed at or below this height. */
  readonly signsAbove: number;
};

/** `messages` are for the very next height only, and bounded. */
type Ahead = { readonly height: number; readonly messages: readonly Message[] };

export type Step = { readonly state: State; readonly effects: readonly Effect[] };
