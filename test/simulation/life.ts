import type { Block } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type { State } from '../../consensus/protocol/index.ts';
import { createBlocks } from './blocks.ts';
import type { Call } from './cast.ts';
import { createCatchUp } from './catch-up.ts';
import { createDoubt } from './doubt.ts';
import { createEntry } from './entry.ts';
import { createFinality } from './finality.ts';
import { createWrite } from './power.ts';
import type { Self } from './self.ts';
import { createTimers } from './timers.ts';
import { createTransactions } from './transactions.ts';
import { createVoice } from './voice.ts';
import { createVoter } from './voter.ts';
import { createWaiting } from './works.ts';

/** A node from its start to its crash: the same order of doing things as the real pump, in virtual time. */
export type Life = {
  readonly hear: (envelope: Envelope, from: string) => void;
  readonly submit: (call: Call) => void;
  readonly askForBlocks: () => void;
  readonly isValidator: () => boolean;
  /** Undefined before its first step. */
  readonly state: () => State | undefined;
  readonly build: (allowEmpty: boolean) => string | null;
  readonly bodyOf: (digest: string) => Block | undefined;
  readonly end: () => void;
};

/** As often as the real node looks whether it is wanted. */
const SIGN_MS = 2_000;

/** @param powerFails ends this life at once */
export function beginLife(self: Self, powerFails: () => void): Life {
  const { subject, place, actor, disk, random, note } = self;
  const { head } = disk;
  const isValidator = () => head().validators.some(({ address }) => address === actor.address);
  const write = createWrite(self);
  const timers = createTimers(self.agenda);
  let isOver = false;
  const waiting = createWaiting({ works: self.works, isOver: () => isOver, powerFails });
  const bodies = subject.bodies.createBodies((digest) => voter.needs(digest));
  const voice = createVoice(self, bodies);
  const doubt = createDoubt(self, {
    signAbove: (height) => timers.later(0, () => voter.take({ kind: 'doubt-ended', height })),
    submit: (call) => waiting.port(() => transactions.submit(call)),
  });
  const transactions = createTransactions(self, {
    setTimer: timers.set,
    write,
    isValidator,
    poolChanged: () => voter.poolChanged(),
    askForBlocks: () => catchUp.ask(),
  });
  const blocks = createBlocks(self, { bodies, transactions });
  const finality = createFinality(self, {
    bodies,
    transactions,
    write,
    askForBlocks: () => catchUp.ask(),
    recognise: doubt.recognise,
    stored: (final, next) => catchUp.advanced(final, next),
    advanced(height, block) {
      voice.advanced();
      disk.finalised(height, random);
      voter.advanced();
      transactions.mend();
      if (block !== null) doubt.advanced(block);
      entry.advanced();
    },
  });
  const catchUp = createCatchUp(self, {
    ...waiting,
    timers,
    write,
    append: finality.append,
    jumping: doubt.jumping,
    jumped: finality.jumped,
  });
  const voter = createVoter(self, {
    timers,
    bodies,
    voice,
    blocks,
    finality,
    transactions,
    catchUp,
    write,
    isValidator,
  });
  const entry = createEntry(self, {
    setTimer: timers.set,
    isToBeHeard: doubt.isToBeHeard,
    enter() {
      note?.(`n${place} may sign`);
      doubt.enter();
    },
  });

  const repeatSign = () => {
    if (doubt.wantsSign()) waiting.run(doubt.giveSign);
    timers.set('sign of life', SIGN_MS, repeatSign);
  };

  timers.later(0, () => {
    doubt.start();
    voter.start();
    transactions.begin();
    catchUp.ask();
    entry.begin();
    timers.set('sign of life', SIGN_MS, repeatSign);
  });

  return {
    hear(envelope, from) {
      if (voter.state() === undefined) return;
      switch (envelope.channel) {
        case 'proposal':
        case 'vote':
          voter.hear(envelope);
          break;
        case 'transaction':
          if (isValidator()) transactions.hear(envelope.transactions);
          break;
        case 'block':
          if (envelope.height > head().height + 1) catchUp.heard(envelope.height, from);
          else if (envelope.height === head().height + 1) catchUp.take(envelope.finalBlock, from);
          break;
        case 'sync-request':
          catchUp.serve(from, envelope.fromHeight, envelope.maxBlocks);
          if (envelope.fromHeight > head().height + 1) catchUp.heard(envelope.fromHeight - 1, from);
          entry.heard(from, envelope.fromHeight - 1);
          if (isValidator()) voter.take({ kind: 'asked', by: from, height: envelope.fromHeight });
          break;
        case 'sync-response':
          entry.heard(from, envelope.headHeight);
          catchUp.takeResponse(envelope, from);
          break;
        case 'snapshot-request':
          catchUp.takeSnapshotRequest(envelope, from);
          break;
        case 'snapshot-response':
          catchUp.takeSnapshotResponse(envelope, from);
          break;
        default:
          envelope satisfies never;
      }
    },
    submit: (call) => transactions.submit(call),
    askForBlocks: () => catchUp.ask(),
    isValidator,
    state: voter.state,
    build: blocks.build,
    bodyOf: (digest) => bodies.get(digest)?.block,
    end() {
      isOver = true;
      timers.end();
      catchUp.end();
    },
  };
}
