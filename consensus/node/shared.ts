import type { Contract, Head, Pool } from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import type { Gate, Transport, VerifiedCache } from '../network/index.ts';
import type { Latency } from './latency.ts';
import type { Clock, LedgerStorePort, Log } from './ports.ts';
import type { Signer } from './signer.ts';
import type { Timers } from './timers.ts';
import type { WorkQueue } from './work-queue.ts';

/** What the parts of one node have in common. */
export type Shared = {
  readonly self: Address;
  readonly signer: Signer;
  readonly genesis: Hash;
  readonly contract: Contract;
  readonly store: LedgerStorePort;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly allowedSkewMs: number;
  readonly log: Log;
  readonly head: () => Head;
  readonly pool: Pool;
  readonly gate: Gate;
  readonly verified: VerifiedCache;
  readonly latency: Latency;
  readonly timers: Timers;
  readonly queue: WorkQueue;
  readonly counters: NodeCounters;
};

/** What was not done, and why: nothing is dropped unseen. */
export type NodeCounters = {
  /** Undecodable, forged, or of no validator. */
  garbage: number;
  /** Not looked at: its name is in disrepute. */
  notAdmitted: number;
  /** Came by another way before, and was taken then. */
  copies: number;
  /** Not looked at: too much work waits. */
  overflow: number;
  /** Not sent: the transport's outbox is full. */
  unsent: number;
  /** Not answered: asked too often. */
  unserved: number;
  /** Asked no more for a while: what it answered did not hold, or nothing came. */
  droppedProviders: number;
  /** Not said: the ledger names a key that is not at hand. */
  unsigned: number;
};

/** Real, monotonic. */
export function nowMs(): number {
  return performance.now();
}

export function isValidator({ head, self }: Pick<Shared, 'head' | 'self'>): boolean {
  return head().validators.some(({ address }) => address === self);
}
