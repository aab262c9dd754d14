import {
  type Checkpoint,
  checkpointOf,
  type Head,
  isEmptyPart,
  type Manifest,
  type Milestone,
  openPart,
} from '../chain/index.ts';
import type { Address } from '../contract/types.ts';
import { encodeEnvelope, type SnapshotOffer } from '../network/index.ts';
import type { Providers } from './providers.ts';
import type { Shared } from './shared.ts';
import { judgeOffer } from './snapshot-offer.ts';

/**
 * Takes a node past blocks that nobody keeps any more, or that are too many: to the state at the end of an epoch, part
 * by part. Everybody is asked what he has, and the highest that its seals prove is fetched, so that an old one can only
 * be offered in vain. Every part is checked before it is kept.
 */
export type SnapshotSync = {
  /** Looks for a snapshot above the own head, if it is not at it and did not just look in vain. */
  readonly begin: () => void;
  readonly progress: () => SnapshotProgress | null;
  /** These return false for what no honest node sends. */
  readonly takeOffer: (offer: SnapshotOffer, from: Address) => Promise<boolean>;
  readonly takePart: (
    answer: { readonly height: number; readonly index: number; readonly part: Uint8Array | null },
    from: Address,
  ) => Promise<boolean>;
};

export type SnapshotProgress = {
  /** 0 while it is not known which. */
  readonly height: number;
  readonly parts: number;
  readonly partsHere: number;
};

export type SnapshotSyncOptions = {
  readonly providers: Providers;
  /** Sealed proof has come that the chain is further on: a snapshot above the own head, or a part of it. */
  readonly shown: () => void;
  /** A snapshot at this height is about to be taken over; ends once what follows from that is on disk. */
  readonly jumping: (height: number) => Promise<void>;
  /** Goes on from there. */
  readonly jumped: (head: Head) => Promise<void>;
  /** It has ended, either way: blocks may be asked for again. */
  readonly ended: () => void;
};

/** Patience with all offers, and with one part; a part is asked for twice. */
const OFFERS_MS = 2_000;
const PART_MS = 3_000;
const PART_TRIES = 2;
/**
 * After a wrong part: whoever carries messages may lie in anybody's name, and then the true one comes another way. Only
 * who has not said anything true by then is dropped.
 */
const SECOND_WORD_MS = 500;
/** Between two parts: no faster than an honest node serves. */
const PACE_MS = 100;
/** After a look in vain. */
const REST_MS = 3_000;
/** Committee changes that one provider may lead through. */
const CHANGES_MAX = 4096;

/** A snapshot that a provider has shown to be sealed, and the changes of the committee that lead there. */
type Offered = {
  readonly from: Address;
  readonly milestone: Milestone;
  readonly manifest: Manifest;
  readonly changes: readonly Milestone[];
};

type Asking = {
  readonly kind: 'asking';
  /** How far each provider has led, among those still to answer. */
  readonly waiting: Map<Address, { trusted: Checkpoint; changes: Milestone[]; lie?: string }>;
};

type Fetching = {
  readonly kind: 'fetching';
  readonly offered: Offered;
  index: number;
  tries: number;
  /** A wrong answer has come. */
  isDoubted: boolean;
  readonly startedMs: number;
};

export function createSnapshotSync(shared: Shared, options: SnapshotSyncOptions): SnapshotSync {
  const { head, store, transport, timers, queue, counters, nowMs, log } = shared;
  const { providers, shown, jumping, jumped, ended } = options;
  let doing: Asking | Fetching | null = null;
  let offers: Offered[] = [];
  let restUntilMs = Number.NEGATIVE_INFINITY;
  let askedPartAtMs = Number.NEGATIVE_INFINITY;

  /** Where trust begins: at the own head, or at what somebody vouched for above it. */
  const base = (): Checkpoint =>
    store.trusted.height > head().height ? store.trusted : checkpointOf(head());

  const send = (to: Address, request: { about: 'offer'; aboveHeight: number } | PartRequest) => {
    const payload = encodeEnvelope({ channel: 'snapshot-request', ...request });
    if (!transport.publish({ channel: 'snapshot-request', to, payload })) counters.unsent += 1;
  };

  const begin = () => {
    if (doing !== null || nowMs() < restUntilMs || !transport.connected) return;
    const trusted = base();
    const asked = providers.list();
    if (asked.length === 0) return;
    offers = [];
    doing = { kind: 'asking', waiting: new Map(asked.map((name) => [name, { trusted, changes: [] }])) };
    for (const to of asked) send(to, { about: 'offer', aboveHeight: trusted.height });
    log({ event: 'snapshot-sought', height: head().height, providers: asked.length });
    const asking = doing;
    timers.set('snapshot', OFFERS_MS, () => {
      queue.add(() => (doing === asking ? choose() : undefined));
    });
  };

  const end = (reason: string | null) => {
    timers.clear('snapshot');
    doing = null;
    offers = [];
    if (reason !== null) {
      restUntilMs = nowMs() + REST_MS;
      log({ event: 'snapshot-given-up', reason });
    }
    ended();
  };

  /** The highest offered, from whoever agrees with most about its parts. */
  const choose = async () => {
    if (doing?.kind === 'asking')
      for (const [name, { lie }] of doing.waiting) if (lie !== undefined) providers.drop(name, lie);
    const useful = offers.filter(({ milestone }) => milestone.header.height > head().height);
    const height = Math.max(0, ...useful.map(({ milestone }) => milestone.header.height));
    const highest = useful.filter(({ milestone }) => milestone.header.height === height);
    const backers = (offered: Offered) =>
      highest.filter(({ manifest }) => sameManifest(manifest, offered.manifest)).length;
    const [offered] = [...highest].sort((left, right) => backers(right) - backers(left));
    if (offered === undefined) return end('nobody shows a snapshot above the own head');
    doing = { kind: 'fetching', offered, index: -1, tries: 0, isDoubted: false, startedMs: nowMs() };
    shown();
    await store.snapshots.incoming.keepOnly(offers.flatMap(({ manifest }) => manifest));
    await next(doing);
  };

  /** Goes to the next part that is not here yet. */
  const next = async (fetching: Fetching) => {
    const { manifest } = fetching.offered;
    fetching.tries = 0;
    fetching.isDoubted = false;
    do fetching.index += 1;
    while (
      fetching.index < manifest.length &&
      (isEmptyPart(manifest[fetching.index]!) ||
        (await store.snapshots.incoming.has(manifest[fetching.index]!)))
    );
    if (fetching.index >= manifest.length) return finish(fetching);
    askPart(fetching);
  };

  const askPart = (fetching: Fetching) => {
    const waitMs = askedPartAtMs + PACE_MS - nowMs();
    if (waitMs > 0) {
      timers.set('snapshot', waitMs, () => {
        if (doing === fetching) askPart(fetching);
      });
      return;
    }
    askedPartAtMs = nowMs();
    const { offered, index } = fetching;
    fetching.tries += 1;
    send(offered.from, { about: 'part', height: offered.milestone.header.height, index });
    timers.set('snapshot', PART_MS, () => {
      if (doing !== fetching) return;
      if (fetching.tries < PART_TRIES) askPart(fetching);
      else queue.add(() => giveUpOn(fetching, 'it does not answer'));
    });
  };

  const giveUpOn = async (fetching: Fetching, liedHow: string | null) => {
    if (doing === fetching) await leave(fetching.offered.from, liedHow);
  };

  /** The wait goes on, but not for long; and once, since a liar that goes on must not put off its end. */
  const secondWord = (fetching: Fetching, liedHow: string | null) => {
    const { index } = fetching;
    if (fetching.isDoubted) return;
    fetching.isDoubted = true;
    timers.set('snapshot', SECOND_WORD_MS, () => {
      queue.add(() => (fetching.index === index ? giveUpOn(fetching, liedHow) : undefined));
    });
  };

  /** Goes on with somebody else; what has come is kept, since its hash names it whoever sent it. */
  const leave = async (provider: Address, liedHow: string | null) => {
    if (liedHow !== null) providers.drop(provider, liedHow);
    offers = offers.filter(({ from }) => from !== provider);
    await choose();
  };

  const finish = async ({ offered, startedMs }: Fetching) => {
    timers.clear('snapshot');
    const { milestone, manifest, changes } = offered;
    const { height } = milestone.header;
    if (height <= head().height) return end(null);
    const isWhole = await store.snapshots.incoming.complete({ milestone, manifest });
    if (isWhole) await jumping(height);
    const adopted = isWhole ? await store.adopt({ milestone, manifest }, changes) : undefined;
    if (adopted === undefined) {
      // Every part was good when it came: the own disk has changed one.
      await store.snapshots.incoming.clear();
      return end('a part is damaged on the own disk');
    }
    log({ event: 'snapshot-adopted', height, parts: manifest.length, ms: Math.round(nowMs() - startedMs) });
    doing = null;
    await jumped(adopted);
    end(null);
  };

  return {
    begin,
    progress() {
      if (doing === null) return null;
      if (doing.kind === 'asking') return { height: 0, parts: 0, partsHere: 0 };
      const { milestone, manifest } = doing.offered;
      return { height: milestone.header.height, parts: manifest.length, partsHere: Math.max(0, doing.index) };
    },
    async takeOffer(offer, from) {
      if (doing?.kind !== 'asking') return true;
      const asking = doing;
      const led = asking.waiting.get(from);
      if (led === undefined) return true;
      const judged = judgeOffer(offer, {
        trusted: led.trusted,
        changesMax: CHANGES_MAX - led.changes.length,
        epochBlocks: store.epochBlocks,
      });
      switch (judged.kind) {
        case 'lie':
          // It may yet say something true: see SECOND_WORD_MS.
          led.lie = judged.how;
          return false;
        case 'nothing':
          // Nor need this be its last word.
          return true;
        case 'leads':
          led.trusted = judged.trusted;
          led.changes.push(...judged.changes);
          send(from, { about: 'offer', aboveHeight: led.trusted.height });
          return true;
        case 'snapshot': {
          const { milestone, manifest, changes } = judged;
          offers.push({ from, milestone, manifest, changes: [...led.changes, ...changes] });
          asking.waiting.delete(from);
          if (asking.waiting.size === 0) await choose();
          return true;
        }
      }
    },
    async takePart({ height, index, part }, from) {
      if (doing?.kind !== 'fetching') return true;
      const fetching = doing;
      const { offered } = fetching;
      // Late or twice is the network's doing; what was never asked for is not.
      if (height !== offered.milestone.header.height || from !== offered.from) return true;
      if (index !== fetching.index) return index < fetching.index;
      if (part === null) {
        secondWord(fetching, null);
        return true;
      }
      const named = offered.manifest[index]!;
      if (openPart(part, named) === null) {
        secondWord(fetching, `its part ${index} is not the one that the state has`);
        return false;
      }
      timers.clear('snapshot');
      shown();
      await store.snapshots.incoming.add(named, part);
      await next(fetching);
      return true;
    },
  };
}

type PartRequest = { readonly about: 'part'; readonly height: number; readonly index: number };

function sameManifest(left: Manifest, right: Manifest): boolean {
  return left.length === right.length && left.every(({ hash }, index) => hash === right[index]!.hash);
}
