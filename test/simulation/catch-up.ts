import type { Executed, FinalBlock } from '../../consensus/chain/index.ts';
import type { Channel, Envelope } from '../../consensus/network/index.ts';
import { createLedgerPort } from './ledger-port.ts';
import type { Write } from './power.ts';
import type { Self } from './self.ts';
import type { Subject } from './subject.ts';
import type { Timers } from './timers.ts';
import type { Waiting } from './works.ts';

/** The real node's ways to what it has missed, in virtual time: blocks, snapshots, and what it keeps for others. */
export type CatchUp = {
  readonly ask: () => void;
  /** Somebody says that this height is final. */
  readonly heard: (height: number, from: string) => void;
  /** Takes a final block in if it is the next. */
  readonly take: (finalBlock: Uint8Array, from: string) => void;
  readonly takeResponse: (response: Of<'sync-response'>, from: string) => void;
  readonly serve: (to: string, fromHeight: number, maxBlocks: number) => void;
  readonly takeSnapshotRequest: (request: Of<'snapshot-request'>, from: string) => void;
  readonly takeSnapshotResponse: (response: Of<'snapshot-response'>, from: string) => void;
  /** A final block has been stored. */
  readonly advanced: (final: FinalBlock, next: Executed['next']) => void;
  readonly end: () => void;
};

type Logged = {
  readonly event: string;
  readonly height?: number;
  readonly reason?: string;
  readonly provider?: string;
};

type Of<C extends Channel> = Extract<Envelope, { channel: C }>;

type Parts = Waiting & {
  readonly timers: Timers;
  readonly write: Write;
  readonly append: (final: FinalBlock, executed: Executed) => void;
  /** A snapshot is about to take the place of blocks up to this height. */
  readonly jumping: (height: number) => void;
  /** It has. */
  readonly jumped: () => void;
};

export function createCatchUp(
  self: Self,
  { timers, write, port, run, append, jumping, jumped }: Parts,
): CatchUp {
  const { subject, actor, disk, agenda, witness, say, count, note, place, prunes } = self;
  const shared = {
    self: actor.address,
    contract: subject.contract,
    head: disk.head,
    nowMs: agenda.nowMs,
    store: createLedgerPort(self, { port, write }),
    timers,
    queue: {
      add(work: () => unknown) {
        run(work);
        return true;
      },
    },
    transport: {
      connected: true,
      publish({ channel, to, payload }: { channel: Channel; to?: string; payload: Uint8Array }) {
        const decoded = subject.network.decodeEnvelope(channel, payload);
        if (decoded.ok) say(decoded.envelope, to);
        return true;
      },
    },
    // Rates have tests of their own.
    gate: { serves: () => true },
    counters: { unsent: 0, unserved: 0, droppedProviders: 0 },
    log({ event, height, reason, provider }: Logged) {
      if (event === 'snapshot-adopted') count('snapshots taken over');
      if (event === 'blocks-pruned') count('chains pruned');
      if (event === 'provider-dropped') count('providers dropped');
      // That a question or its answer is lost is no lie.
      if (event === 'provider-dropped' && provider !== undefined && reason !== 'it does not answer')
        witness.dropped(place, provider, reason ?? '');
      note?.(`n${place} ${event} ${height ?? ''} ${reason ?? ''}`.trimEnd());
    },
    // All that they use of what the parts of a real node share.
  } as unknown as Parameters<Subject['sync']['createSync']>[0];

  const providers = subject.providers.createProviders(shared);
  const snapshots = subject.snapshotSync.createSnapshotSync(shared, {
    providers,
    shown: () => undefined,
    jumping: (height) => port(() => jumping(height)),
    jumped: () => port(jumped),
    ended: () => sync.ask(),
  });
  const sync: ReturnType<Subject['sync']['createSync']> = subject.sync.createSync(shared, {
    providers,
    catchUp: OPEN_TO_ALL,
    append: (final, executed) => port(() => append(final, executed)),
    seekSnapshot: snapshots.begin,
    isSeeking: () => snapshots.progress() !== null,
    wantsAllBlocks: !prunes,
  });
  const serving = subject.serving.createSnapshotServing(shared);
  const upkeep = subject.upkeep.createUpkeep(shared, prunes ? 0 : null);

  return {
    ask: sync.ask,
    heard: sync.heard,
    take: (finalBlock, from) => run(() => sync.takeEncoded(finalBlock, from)),
    takeResponse: (response, from) => run(() => sync.takeResponse(response, from)),
    serve: (to, fromHeight, maxBlocks) => run(() => sync.serve(to, fromHeight, maxBlocks)),
    takeSnapshotRequest: (request, from) =>
      run(() =>
        request.about === 'offer'
          ? serving.offer(from, request.aboveHeight)
          : serving.part(from, request.height, request.index),
      ),
    takeSnapshotResponse: (response, from) =>
      run(() =>
        response.about === 'offer'
          ? snapshots.takeOffer(response.offer, from)
          : snapshots.takePart(response, from),
      ),
    advanced: (final, next) => upkeep.advanced(final, next),
    end: () => run(() => upkeep.stop()),
  };
}

/** Whether the head is worth acting by is the clients' affair, who here say what they want whenever they want it. */
const OPEN_TO_ALL = { taking: () => undefined, taken: () => undefined };
