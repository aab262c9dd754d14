import type { Head } from '../../consensus/chain/index.ts';
import { type Envelope, WIRE_LIMITS } from '../../consensus/network/index.ts';
import {
  digestOf,
  type Effect,
  type Event,
  type State,
  type Step,
  type VoteRecord,
} from '../../consensus/protocol/index.ts';
import type { Blocks } from './blocks.ts';
import type { CatchUp } from './catch-up.ts';
import type { Finality } from './finality.ts';
import type { Write } from './power.ts';
import type { Self } from './self.ts';
import type { Subject } from './subject.ts';
import type { Timers } from './timers.ts';
import type { Transactions } from './transactions.ts';
import type { Voice } from './voice.ts';

/** Runs the agreement: events in, effects out, on disk before out on the wire. */
export type Voter = {
  readonly start: () => void;
  readonly take: (...events: Event[]) => void;
  readonly hear: (envelope: Extract<Envelope, { channel: 'proposal' | 'vote' }>) => void;
  readonly poolChanged: () => void;
  /** A final block has been stored. */
  readonly advanced: () => void;
  /** Whether the agreement may come back to the block. */
  readonly needs: (digest: string) => boolean;
  /** Undefined before its start. */
  readonly state: () => State | undefined;
};

type Parts = {
  readonly timers: Timers;
  readonly bodies: ReturnType<Subject['bodies']['createBodies']>;
  readonly voice: Voice;
  readonly blocks: Blocks;
  readonly finality: Finality;
  readonly transactions: Transactions;
  readonly catchUp: CatchUp;
  readonly write: Write;
  readonly isValidator: () => boolean;
};

export function createVoter(self: Self, parts: Parts): Voter {
  const { subject, place, actor, disk, timing, random, witness } = self;
  const { timers, bodies, voice, blocks, finality, transactions, catchUp, isValidator } = parts;
  const { protocol } = subject;
  const { head } = disk;
  const backlog: Event[] = [];
  let busy = false;
  let state: State;

  const take = (...events: Event[]) => {
    backlog.push(...events);
    work(() => {
      for (let event = backlog.shift(); event !== undefined; event = backlog.shift())
        carryOut(protocol.step(state, event));
    });
  };

  const work = (job: () => void) => {
    if (busy) return;
    busy = true;
    try {
      job();
    } finally {
      busy = false;
    }
  };

  const carryOut = ({ state: next, effects }: Step) => {
    state = next;
    witness.keeps(place, next);
    for (const effect of effects) perform(effect);
  };

  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case 'persist':
        persist(effect.records);
        break;
      case 'broadcast': {
        const message = voice.speak(effect.message);
        if (message !== null && message.kind !== 'proposal') backlog.push({ kind: 'message', message });
        break;
      }
      case 'send':
        voice.speak(effect.message, effect.to);
        break;
      case 'schedule': {
        const { timer, height, round } = effect;
        timers.set(`agreement ${timer}`, effect.delayMs, () =>
          take({ kind: 'timeout', timer, height, round }),
        );
        break;
      }
      case 'build-block': {
        const { height, round, allowEmpty } = effect;
        afterThought(() => ({
          kind: 'built',
          height,
          round,
          digest: state.height === height ? blocks.build(allowEmpty) : null,
        }));
        break;
      }
      case 'check-block': {
        const { height, digest, author } = effect;
        afterThought(() => ({
          kind: 'checked',
          digest,
          valid: state.height === height && isGood(digest, author),
        }));
        break;
      }
      case 'finalise':
        finality.finalise(effect);
        break;
      case 'hear-again':
        for (const message of effect.messages)
          if (voice.isGenuine(message)) backlog.push({ kind: 'message', message });
        break;
      case 'resend-pool':
        transactions.resendPool();
        break;
      case 'ask-sync':
        catchUp.ask();
        break;
      case 'offer-sync':
        catchUp.serve(effect.to, effect.height, WIRE_LIMITS.finalBlocks);
        break;
      default:
        effect satisfies never;
    }
  };

  const isGood = (digest: string, author: string | null): boolean => {
    const isValid = blocks.check(digest, author);
    if (!isValid) self.count('blocks refused');
    return isValid;
  };

  /** The real pump thinks between two messages; here others may come first as well. */
  const afterThought = (think: () => Event) => {
    if (self.thinkMs === 0) backlog.push(think());
    else timers.later(random.between(0, self.thinkMs), () => take(think()));
  };

  const persist = (records: readonly VoteRecord[]) => {
    const kept = new Map<string, Uint8Array>();
    for (const { message } of records) {
      const digest = digestOf(message);
      const body = digest === undefined ? undefined : bodies.get(digest);
      if (digest === undefined || body === undefined) continue;
      body.pinned = true;
      kept.set(digest, body.bytes);
    }
    parts.write('votes', (fate) => disk.appendVotes({ records, bodies: kept }, fate));
  };

  return {
    start() {
      const records: VoteRecord[] = [];
      for (const frame of disk.frames()) {
        records.push(...frame.records);
        for (const [digest, bytes] of frame.bodies) bodies.restore(digest, bytes, actor.address);
      }
      const signsAbove = Number.MAX_SAFE_INTEGER;
      const start = { self: actor.address, timing, head: decided(head()), records, signsAbove };
      work(() => carryOut(protocol.startAgreement(start)));
      take();
    },
    take,
    hear({ message, block }) {
      if (message.author === actor.address || !isValidator()) return;
      if (!voice.isGenuine(message)) return;
      const digest = digestOf(message);
      const isNear = message.height === state.height || message.height === state.height + 1;
      const body = isNear ? block : null;
      if (body !== null && digest !== undefined && !bodies.addEncoded(digest, body, message.author)) return;
      take({ kind: 'message', message });
      finality.bodyCame();
    },
    poolChanged() {
      if (!state.pending && isValidator() && blocks.isPending()) take({ kind: 'pool', pending: true });
    },
    advanced() {
      const pending = isValidator() && blocks.isPending();
      take({ kind: 'pool', pending: false }, { kind: 'advanced', head: decided(head()) });
      if (pending) take({ kind: 'pool', pending });
    },
    needs(digest) {
      if (digest === state.accepted || digest === state.prepared?.digest) return true;
      if ([...state.roundChanges.values()].some((change) => digestOf(change) === digest)) return true;
      return [...state.ahead.values()].some(({ messages }) => messages.some((m) => digestOf(m) === digest));
    },
    state: () => state,
  };
}

function decided({ height, proposer, validators }: Head) {
  return { height, proposer, validators: validators.map(({ address }) => address) };
}
