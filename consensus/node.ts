import {
  type Block,
  type Contract,
  decodeTransaction,
  type Executed,
  encodeTransaction,
  type FinalBlock,
  type Genesis,
  genesisHash,
  type Head,
  Pool,
  type SignedTransaction,
} from './chain/index.ts';
import type { Address, ContractEvent, Hash } from './contract/types.ts';
import { addressOf, publicKeyOf } from './crypto/index.ts';
import { ConsensusError } from './errors.ts';
import {
  createCopies,
  createGate,
  createQuota,
  createVerifiedCache,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  type Quota,
  type Received,
  type Transport,
  WIRE_LIMITS,
} from './network/index.ts';
import { createEntry } from './node/entry.ts';
import { createIntake } from './node/intake.ts';
import { createLatency, type LatencySummary } from './node/latency.ts';
import { createOutbox, type Finality, type OwnCall, type Submitted } from './node/outbox.ts';
import type { Clock, LedgerStorePort, Log, VoteLogPort } from './node/ports.ts';
import { createProviders } from './node/providers.ts';
import { isValidator, type NodeCounters, nowMs, type Shared } from './node/shared.ts';
import { createSigner } from './node/signer.ts';
import { createSnapshotSync, type SnapshotProgress } from './node/snapshot-sync.ts';
import { createSync, type Sync } from './node/sync.ts';
import { createTimers } from './node/timers.ts';
import { createUpkeep } from './node/upkeep.ts';
import { createVoter } from './node/voter.ts';
import { createWorkQueue } from './node/work-queue.ts';
import { faultsTolerated } from './protocol/index.ts';

export type { Finality, OwnCall, Submitted } from './node/outbox.ts';
export type { NodeCounters } from './node/shared.ts';

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
  readonly onHead: (listener: (head: Head) => void) => () => void;
  /**
   * Takes another key to hand, for when the ledger names it: call it before submitting `accounts.rotateKey`, once the
   * key is on disk. @throws ConsensusError CONSENSUS_BAD_KEY
   */
  readonly holdKey: (privateKey: Uint8Array) => void;
  readonly status: () => NodeStatus;
  readonly stop: () => Promise<void>;
};

export type Wait = { readonly timeoutMs: number; readonly signal?: AbortSignal };

/** `events` by transaction, in the block's order. */
export type BlockListener = (block: Block, events: readonly (readonly ContractEvent[])[], head: Head) => void;

export type SyncStatus = {
  /** The highest height heard of. */
  readonly targetHeight: number;
  /** Of the oldest block that is kept. */
  readonly firstHeight: number;
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
  readonly poolSize: number;
  readonly ownPending: number;
  readonly queueLength: number;
  readonly sync: SyncStatus;
  /** From the first that is known to wait for a block (own pool or a proposal) to its being final here. */
  readonly latency: LatencySummary;
  readonly counters: Readonly<NodeCounters>;
  readonly failed: boolean;
};

const QUEUE_MAX = 4_096;
/** Own transactions are sent again, and what is missing asked for, while they are not final. */
const RESEND_MS = 2_000;
const GATE_LIMITS = {
  garbage: { burst: 50, perSecond: 10 },
  suspects: { burst: 100, perSecond: 100 },
  served: { burst: 20, perSecond: 10 },
};
/** Transactions of one account, in blocks or not: above any honest device, and 3 % of a core for one that only costs. */
const SENT_RATE = { burst: 512, perSecond: 100 };
/** What failed may succeed a little later, when the clock or the state has moved. */
const FAILED_RATE = { burst: 2, perSecond: 1 };
/** Of what several ways bring: more than comes in a second. */
const COPIES_KEPT = 4_096;
const VERIFIED_KEPT = 16_384;

/**
 * Joins a network: validators vote, all others follow; either way every block is verified and executed here before it
 * counts. Resolves once own votes and transactions from before are taken up again.
 * @throws ConsensusError CONSENSUS_BAD_KEY; CONSENSUS_STORE_* of the store
 */
export async function startNode(options: NodeOptions): Promise<LedgerNode> {
  const { genesis, contract, privateKey, nextPrivateKey, store, voteLog, transport, clock, timing, log } =
    options;
  const self = options.address ?? addressOf(publicKeyOf(privateKey));
  const signer = createSigner([privateKey, ...(nextPrivateKey === undefined ? [] : [nextPrivateKey])], () =>
    contract.publicKeyOf(store.head.state, self),
  );
  const counters: NodeCounters = {
    garbage: 0,
    notAdmitted: 0,
    copies: 0,
    overflow: 0,
    unsent: 0,
    unserved: 0,
    droppedProviders: 0,
    unsigned: 0,
  };
  const blockListeners = new Set<BlockListener>();
  const headListeners = new Set<(head: Head) => void>();
  const timers = createTimers();
  let failed = false;
  let stopped = false;
  const fail = (error: unknown) => {
    failed = true;
    timers.clearAll();
    log({ event: 'node-failed', reason: error instanceof Error ? error.message : String(error) });
    options.onFailure?.(error);
  };
  const queue = createWorkQueue(QUEUE_MAX, fail);
  const shared: Shared = {
    self,
    signer,
    genesis: genesisHash(genesis),
    contract,
    store,
    transport,
    clock,
    allowedSkewMs: timing.allowedSkewMs,
    log,
    head: () => store.head,
    pool: new Pool((address, { state }) => contract.publicKeyOf(state, address), {
      sent: monotonic(createQuota(SENT_RATE)),
      failed: monotonic(createQuota(FAILED_RATE)),
    }),
    gate: createGate(GATE_LIMITS, (name) => contract.publicKeyOf(store.head.state, name) !== undefined),
    verified: createVerifiedCache(VERIFIED_KEPT),
    latency: createLatency(),
    timers,
    queue,
    counters,
  };
  const { head, pool, gate, latency } = shared;
  const copies = createCopies(COPIES_KEPT);

  /** The one way a block becomes part of the chain. */
  const append = async (final: FinalBlock, executed: Executed) => {
    await voter.recognise(final);
    await store.append(final, executed);
    const { block } = final;
    const { height } = block.header;
    latency.end(height, nowMs());
    pool.advance(head(), clock.utcMs());
    for (const listener of blockListeners) tell(listener, block, executed);
    tellHead();
    upkeep.advanced(final, executed.next);
    await outbox.advanced(block);
    await voter.advanced();
    await entry.advanced();
  };

  let noted = '';
  /** Says who decides, and whether this node can, whenever it changes. */
  const noteSeats = () => {
    const { height, header, validators: members } = head();
    const hasSeat = isValidator(shared);
    const keyIsKnown = signer.current() !== undefined;
    const now = `${header.validatorsHash} ${keyIsKnown}`;
    if (now === noted) return;
    noted = now;
    const validators = members.length;
    log({ event: 'committee', height, validators, hasSeat, keyIsKnown });
    if (faultsTolerated(validators) === 0) log({ event: 'no-liar-tolerated', validators, neededForOne: 4 });
    if (hasSeat && !keyIsKnown) log({ event: 'seat-without-key', height });
  };

  /** What the listener does with a block is its own affair, and no reason for the ledger to stop. */
  const tell = (listener: BlockListener, block: Block, { events, next }: Executed) => {
    try {
      listener(block, events, next);
    } catch (error) {
      log({ event: 'listener-failed', height: next.height, reason: String(error) });
    }
  };

  const tellHead = () => {
    noteSeats();
    for (const listener of headListeners) {
      try {
        listener(head());
      } catch (error) {
        log({ event: 'listener-failed', height: head().height, reason: String(error) });
      }
    }
  };

  /** A snapshot has taken the place of blocks. */
  const jumped = async () => {
    pool.advance(head(), clock.utcMs());
    tellHead();
    await outbox.jumped();
    await voter.jumped();
    await entry.advanced();
  };

  const upkeep = createUpkeep(shared, options.keepBlocksMs ?? null);
  const providers = createProviders(shared);
  const snapshots = createSnapshotSync(shared, { providers, jumped, ended: () => sync.ask() });
  const sync: Sync = createSync(shared, {
    providers,
    append,
    seekSnapshot: snapshots.begin,
    isSeeking: () => snapshots.progress() !== null,
    wantsAllBlocks: options.keepBlocksMs === undefined,
  });
  /** Reading takes its time and changes nothing: the votes need not wait for it. */
  const aside = (work: Promise<void>) => {
    work.catch((error: unknown) => {
      // A store that is closed while an answer is in the making has not failed.
      if (!stopped) fail(error);
    });
  };
  const serve = (to: string, fromHeight: number, maxBlocks: number, via?: number) =>
    aside(sync.serve(to, fromHeight, maxBlocks, via));
  const voter = createVoter(shared, {
    timing,
    voteLog,
    append,
    askForBlocks: sync.ask,
    offerBlocks: (to, fromHeight) => serve(to, fromHeight, WIRE_LIMITS.finalBlocks),
    resendPool: () => publishTransactions(pool.take(head(), RESENT)),
  });

  const entry = createEntry(shared, { stage: voter.stage, enter: voter.enter });

  let outgoing: SignedTransaction[] = [];
  const flush = () => {
    const batch = outgoing;
    outgoing = [];
    publishTransactions(batch);
    if (isValidator(shared)) queue.add(() => poolOwn(batch));
  };
  const outbox = createOutbox(shared, (transactions) => {
    if (transactions.length === 0) return;
    // What is submitted in one go leaves in one message.
    if (outgoing.length === 0) setImmediate(flush);
    outgoing = [...outgoing, ...transactions];
  });

  const publishTransactions = (transactions: readonly SignedTransaction[]) => {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    const send = () => {
      const payload = encodeEnvelope({ channel: 'transaction', transactions: batch });
      if (batch.length > 0 && !transport.publish({ channel: 'transaction', payload })) counters.unsent += 1;
      batch = [];
      bytes = 0;
    };
    for (const transaction of transactions) {
      const encoded = encodeTransaction(transaction);
      if (batch.length >= WIRE_LIMITS.transactions || bytes + encoded.length > RESENT.maxBytes) send();
      batch.push(encoded);
      bytes += encoded.length;
    }
    send();
  };

  const poolOwn = async (transactions: readonly SignedTransaction[]) => {
    for (const transaction of transactions) pool.add(transaction, head(), clock.utcMs());
    await voter.poolChanged();
  };

  /** False at the first that no honest node passes on: what comes after it is not worth a look. */
  const pooled = async (encoded: readonly Uint8Array[]): Promise<boolean> => {
    const isGarbage = (bytes: Uint8Array) => {
      const transaction = readTransaction(bytes);
      if (transaction === null) return true;
      const admission = pool.add(transaction, head(), clock.utcMs());
      return !admission.ok && GARBAGE.has(admission.code);
    };
    const holds = !encoded.some(isGarbage);
    await voter.poolChanged();
    return holds;
  };

  const blame = ({ from, via }: Received, reason: string) => {
    counters.garbage += 1;
    gate.blame(from, nowMs(), via);
    log({ event: 'garbage', from, reason });
  };

  const hear = async (message: Received) => {
    const { channel, from, payload, via } = message;
    if (from === self || !concerns(channel)) return;
    const taken = copies.look(message, nowMs());
    if (taken === undefined) {
      counters.copies += 1;
      return;
    }
    if (!gate.admits(from, nowMs(), via)) {
      counters.notAdmitted += 1;
      return;
    }
    const decoded = decodeEnvelope(channel, payload);
    if (!decoded.ok) blame(message, decoded.reason);
    else if (await take(decoded.envelope, message)) taken(nowMs());
    else blame(message, `${channel} does not hold`);
  };

  /** Votes and transactions are the validators' business. */
  const concerns = (channel: Received['channel']) =>
    isValidator(shared) || !(channel === 'proposal' || channel === 'vote' || channel === 'transaction');

  /** False for what no honest node sends. */
  const take = async (envelope: Envelope, { from, via }: Received): Promise<boolean> => {
    switch (envelope.channel) {
      case 'proposal':
      case 'vote':
        return voter.hear(envelope);
      case 'transaction':
        return pooled(envelope.transactions);
      case 'block':
        if (envelope.height > head().height + 1) sync.heard(envelope.height, from);
        return envelope.height !== head().height + 1 || sync.takeEncoded(envelope.finalBlock, from);
      case 'sync-request':
        serve(from, envelope.fromHeight, envelope.maxBlocks, via);
        await entry.heard(from, envelope.fromHeight - 1, via);
        await voter.asked(from, envelope.fromHeight);
        return true;
      case 'sync-response':
        await entry.heard(from, envelope.headHeight, via);
        return sync.takeResponse(envelope, from);
      case 'snapshot-request':
        aside(
          envelope.about === 'offer'
            ? snapshots.serveOffer(from, envelope.aboveHeight, via)
            : snapshots.servePart(from, envelope.height, envelope.index, via),
        );
        return true;
      case 'snapshot-response':
        return envelope.about === 'offer'
          ? snapshots.takeOffer(envelope.offer, from)
          : snapshots.takePart(envelope, from);
    }
  };

  const tick = () => {
    if (outbox.size() > 0 && transport.connected) {
      outbox.resend();
      sync.ask();
    }
    timers.set('resend', RESEND_MS, tick);
  };

  noteSeats();
  if (voteLog.doubt !== null && isValidator(shared))
    log({
      event: 'votes-in-doubt',
      reason: voteLog.doubt.reason,
      highestHeight: voteLog.doubt.highestHeight,
    });

  await new Promise<void>((resolve, reject) => {
    queue.add(() =>
      voter
        .start()
        .then(() => outbox.start())
        .then(() => entry.start())
        .then(resolve, reject),
    );
  });
  const unsubscribe = [
    transport.onMessage(createIntake(shared, hear)),
    transport.onConnection((up) => {
      log({ event: up ? 'connected' : 'disconnected', height: head().height });
      if (!up) return;
      sync.ask();
      entry.connected();
      outbox.resend();
    }),
  ];
  tick();
  if (transport.connected) sync.ask();

  return {
    address: self,
    get head() {
      return head();
    },
    async submit(call) {
      if (stopped || failed) return { ok: false, code: 'NODE_STOPPED', reason: 'the node has stopped' };
      return outbox.submit(call);
    },
    whenFinal: (id, wait) => whenFinal(outbox, id, wait),
    onBlock(listener) {
      blockListeners.add(listener);
      return () => blockListeners.delete(listener);
    },
    onHead(listener) {
      headListeners.add(listener);
      return () => headListeners.delete(listener);
    },
    holdKey: (next) => signer.take(next),
    status: () => ({
      height: head().height,
      digest: head().digest,
      round: voter.round(),
      connected: transport.connected,
      isValidator: isValidator(shared),
      validators: head().validators.length,
      liarsTolerated: faultsTolerated(head().validators.length),
      keyIsKnown: signer.current() !== undefined,
      votesInDoubt: voter.isInDoubt(),
      doubt: voter.isInDoubt() ? voteLog.doubt : null,
      poolSize: pool.size,
      ownPending: outbox.size(),
      queueLength: queue.length(),
      sync: {
        targetHeight: sync.target(),
        firstHeight: store.firstHeight,
        snapshot: snapshots.progress(),
      },
      latency: latency.summary(),
      counters: { ...counters },
      failed,
    }),
    async stop() {
      stopped = true;
      for (const end of unsubscribe) end();
      timers.clearAll();
      await queue.stop();
      await upkeep.stop();
      timers.clearAll();
    },
  };
}

/** The pool knows only block times, which may run fast; what costs is told by the real clock. */
function monotonic({ has, use }: Quota) {
  return {
    has: (name: string) => has(name, nowMs()),
    use: (name: string) => use(name, nowMs()),
  };
}

/** Of the pool, when it is sent again. */
const RESENT = { maxCount: 64, maxBytes: 512 * 1024 };

/** Refusals that an honest sender's transaction never meets; the others are a matter of timing. */
const GARBAGE: ReadonlySet<string> = new Set([
  'CHAIN_WRONG_CHAIN',
  'CHAIN_UNKNOWN_SENDER',
  'CHAIN_BAD_SIGNATURE',
  'CHAIN_TOO_LARGE',
]);

function readTransaction(bytes: Uint8Array): SignedTransaction | null {
  try {
    return decodeTransaction(bytes);
  } catch (error) {
    // Bytes that are no transaction are an expected outcome: the caller counts them.
    if (error instanceof ConsensusError) return null;
    throw error;
  }
}

function whenFinal(
  outbox: Pick<ReturnType<typeof createOutbox>, 'outcomeOf' | 'onOutcome'>,
  id: Hash,
  { timeoutMs, signal }: Wait,
): Promise<Finality> {
  const known = outbox.outcomeOf(id);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      forget();
    };
    const abort = () => {
      end();
      reject(new ConsensusError('CONSENSUS_ABORTED', `the wait for transaction ${id} was given up`, { id }));
    };
    const timer = setTimeout(() => {
      end();
      reject(
        new ConsensusError('CONSENSUS_TIMEOUT', `transaction ${id} is not final after ${timeoutMs} ms`, {
          id,
        }),
      );
    }, timeoutMs);
    const forget = outbox.onOutcome(id, (outcome) => {
      end();
      resolve(outcome);
    });
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
  });
}
