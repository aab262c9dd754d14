import { randomInt } from 'node:crypto';
import { type Executed, type FinalBlock, genesisHash } from './chain/index.ts';
import { addressOf, publicKeyOf } from './crypto/index.ts';
import { WIRE_LIMITS } from './network/index.ts';
import { createCatchUp } from './node/catch-up.ts';
import { createEntry } from './node/entry.ts';
import { createHearing } from './node/hearing.ts';
import { createIntake } from './node/intake.ts';
import type { LedgerNode, NodeOptions } from './node/ledger-node.ts';
import { createNews } from './node/news.ts';
import { createOutbox } from './node/outbox.ts';
import { createProviders } from './node/providers.ts';
import { createShared, isValidator } from './node/shared.ts';
import { createSignOfLife } from './node/sign-of-life.ts';
import { createSigner } from './node/signer.ts';
import { createSnapshotServing } from './node/snapshot-serving.ts';
import { createSnapshotSync } from './node/snapshot-sync.ts';
import { createSync, type Sync } from './node/sync.ts';
import { createTransactions } from './node/transactions.ts';
import { createUpkeep } from './node/upkeep.ts';
import { createVoter } from './node/voter.ts';
import { faultsTolerated } from './protocol/index.ts';

export type { LedgerNode, NodeOptions, NodeStatus, NodeTiming, SyncStatus } from './node/ledger-node.ts';
export type { BlockListener } from './node/news.ts';
export type { OwnCall, Submitted } from './node/outbox.ts';
export type { Finality } from './node/outcomes.ts';

/** Own transactions are sent again, and what is missing asked for, while they are not final. */
const RESEND_MS = 2_000;

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
  let failed = false;
  let stopped = false;
  let unsubscribe: readonly (() => void)[] = [];
  const fail = (error: unknown) => {
    failed = true;
    for (const end of unsubscribe) end();
    timers.clearAll();
    // Nothing else is begun; what is under way may be what has failed, so that nobody waits for it here.
    void queue.stop();
    log({ event: 'node-failed', reason: error instanceof Error ? error.message : String(error) });
    options.onFailure?.(error);
  };
  const shared = createShared(
    {
      self,
      signer,
      genesis: genesisHash(genesis),
      contract,
      store,
      transport,
      clock,
      allowedSkewMs: timing.allowedSkewMs,
      log,
    },
    fail,
  );
  const { head, pool, latency, timers, queue, counters, nowMs } = shared;
  const news = createNews(shared);

  /** The one way a block becomes part of the chain. */
  const append = async (final: FinalBlock, executed: Executed) => {
    await voter.doubt.recognise(final);
    await store.append(final, executed);
    const { block } = final;
    const { height } = block.header;
    latency.end(height, nowMs());
    pool.advance(head(), clock.utcMs());
    news.tellBlock(block, executed);
    news.tellHead();
    upkeep.advanced(final, executed.next);
    await outbox.advanced(block);
    await voter.advanced();
    await voter.doubt.advanced(block);
    considerSign();
    await entry.advanced();
  };

  /** A snapshot has taken the place of blocks. */
  const jumped = async () => {
    pool.advance(head(), clock.utcMs());
    news.tellHead();
    await outbox.jumped();
    await voter.advanced();
    await entry.advanced();
  };

  const upkeep = createUpkeep(shared, options.keepBlocksMs ?? null);
  const providers = createProviders(shared);
  const catchUp = createCatchUp(shared, providers, news.tellCaughtUp);
  const snapshots = createSnapshotSync(shared, {
    providers,
    shown: catchUp.shown,
    jumping: (height) => voter.doubt.jumping(height),
    jumped,
    ended: () => sync.ask(),
  });
  const sync: Sync = createSync(shared, {
    providers,
    catchUp,
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
  const voter = createVoter(shared, {
    timing,
    voteLog,
    append,
    askForBlocks: sync.ask,
    offerBlocks: (to, fromHeight) => aside(sync.serve(to, fromHeight, WIRE_LIMITS.finalBlocks)),
    resendPool: () => transactions.resendPool(),
    signOfLife: { isIn: (block) => signOfLife.isIn(block) },
    isCurrent: () => !catchUp.isUnderWay(),
  });

  const transactions = createTransactions(shared, voter.poolChanged);
  const outbox = createOutbox(shared, transactions.send);
  const signOfLife = createSignOfLife(shared, { ...outbox, draw: (below) => randomInt(below) });
  const entry = createEntry(shared, { stage: voter.doubt.stage, enter: voter.doubt.enter });
  const serving = createSnapshotServing(shared);
  const hear = createHearing(shared, { voter, entry, transactions, sync, snapshots, serving, aside });

  /** By an old head it would be signed anew at every block that is caught up with. */
  const considerSign = () => {
    if (voter.doubt.wantsSign() && transport.connected && !catchUp.isUnderWay()) queue.add(signOfLife.give);
  };

  const tick = () => {
    if (outbox.size() > 0 && transport.connected) {
      outbox.resend();
      sync.ask();
    }
    considerSign();
    timers.set('resend', RESEND_MS, tick);
  };

  news.noteSeats();
  await new Promise<void>((resolve, reject) => {
    queue.add(() =>
      voter
        .start()
        .then(() => outbox.start())
        .then(() => entry.start())
        .then(resolve, reject),
    );
  });
  unsubscribe = [
    transport.onMessage(createIntake(shared, hear)),
    transport.onConnection((up) => {
      log({ event: up ? 'connected' : 'disconnected', height: head().height });
      if (!up) return;
      catchUp.begin();
      sync.ask();
      entry.connected();
      outbox.resend();
    }),
  ];
  catchUp.begin();
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
    whenFinal: outbox.whenFinal,
    onBlock: news.onBlock,
    onHead: news.onHead,
    isCatchingUp: catchUp.isUnderWay,
    onCaughtUp: news.onCaughtUp,
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
      votesInDoubt: voter.doubt.isOpen(),
      doubt: voter.doubt.isOpen() ? voteLog.doubt : null,
      refusedProposals: voter.refusedProposals(),
      poolSize: pool.size,
      ownPending: outbox.size(),
      queueLength: queue.length(),
      sync: {
        targetHeight: sync.target(),
        firstHeight: store.firstHeight,
        catchingUp: catchUp.isUnderWay(),
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
