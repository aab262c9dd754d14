import { type Contract, type Head, Pool } from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import { type Verify, verify } from '../crypto/index.ts';
import { createGate, createQuota, type Gate, type Quota, type Transport } from '../network/index.ts';
import { createLatency, type Latency } from './latency.ts';
import type { Clock, LedgerStorePort, Log } from './ports.ts';
import type { Signer } from './signer.ts';
import { createTimers, type Timers } from './timers.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

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
  /** Real, monotonic. */
  readonly nowMs: () => number;
  readonly pool: Pool;
  readonly gate: Gate;
  readonly verify: Verify;
  readonly latency: Latency;
  readonly timers: Timers;
  readonly queue: WorkQueue;
  readonly counters: NodeCounters;
};

/** What a node is given to work with; the rest of `Shared` is made for it. */
export type Given = Pick<
  Shared,
  'self' | 'signer' | 'genesis' | 'contract' | 'store' | 'transport' | 'clock' | 'allowedSkewMs' | 'log'
>;

/**
 * Half of it is more than three ways may have waiting (intake.ts). The other half is for own work, which must find room:
 * a timer that does not is never set again.
 */
const QUEUE_MAX = 8_192;
const GATE_LIMITS = {
  garbage: { burst: 50, perSecond: 10 },
  suspects: { burst: 100, perSecond: 100 },
  served: { burst: 20, perSecond: 10 },
};
/** Transactions of one account, in blocks or not: above any honest device, and 3 % of a core for one that only costs. */
const SENT_RATE = { burst: 512, perSecond: 100 };
/** What failed may succeed a little later, when the clock or the state has moved. */
const FAILED_RATE = { burst: 2, perSecond: 1 };

/** @param onFailure told once, when a piece of work throws: the node does nothing after it */
export function createShared(given: Given, onFailure: (error: unknown) => void): Shared {
  const { contract, store } = given;
  const head = () => store.head;
  const nowMs = () => performance.now();
  const keyOf = (address: Address, { state }: Head) => contract.publicKeyOf(state, address);
  return {
    ...given,
    head,
    nowMs,
    pool: new Pool(keyOf, {
      sent: monotonic(createQuota(SENT_RATE), nowMs),
      failed: monotonic(createQuota(FAILED_RATE), nowMs),
    }),
    gate: createGate(GATE_LIMITS, (name) => keyOf(name, head()) !== undefined),
    verify,
    latency: createLatency(),
    timers: createTimers(),
    queue: createWorkQueue(QUEUE_MAX, onFailure),
    counters: {
      garbage: 0,
      unproven: 0,
      notAdmitted: 0,
      copies: 0,
      overflow: 0,
      unsent: 0,
      unserved: 0,
      droppedProviders: 0,
      unsigned: 0,
    },
  };
}

/** What was not done, and why: nothing is dropped unseen. */
export type NodeCounters = {
  /** Undecodable, forged, or of no validator. */
  garbage: number;
  /** Said of another height, as nobody is known to sign who decides there. */
  unproven: number;
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

export function isValidator({ head, self }: Pick<Shared, 'head' | 'self'>): boolean {
  return head().validators.some(({ address }) => address === self);
}

/** The pool knows only block times, which may run fast; what costs is told by the real clock. */
function monotonic({ has, use }: Quota, nowMs: () => number) {
  return {
    has: (name: string) => has(name, nowMs()),
    use: (name: string) => use(name, nowMs()),
  };
}
