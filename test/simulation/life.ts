import type { Block, Executed, FinalBlock } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type {
  Effect,
  Event,
  Message,
  OwnMessage,
  State,
  Step,
  VoteRecord,
} from '../../consensus/protocol/index.ts';
import { createBlocks } from './blocks.ts';
import type { Call } from './cast.ts';
import { createCatchUp } from './catch-up.ts';
import type { Fate } from './disk.ts';
import { createDoubt } from './doubt.ts';
import { createEntry } from './entry.ts';
import type { Self } from './self.ts';
import { nameOf } from './signatures.ts';
import type { Subject } from './subject.ts';
import { createTransactions } from './transactions.ts';

/** A node from its start to its crash: the same order of doing things as the real pump, in virtual time. */
export type Life = {
  readonly hear: (envelope: Envelope, from: string) => void;
  readonly submit: (call: Call) => void;
  readonly askForBlocks: () => void;
  readonly isValidator: () => boolean;
  readonly state: () => State;
  readonly build: (allowEmpty: boolean) => string | null;
  readonly bodyOf: (digest: string) => Block | undefined;
  readonly end: () => void;
};

/** Thrown through whatever a node is doing when its power fails. */
export const POWER_FAILS = Symbol('power fails');

export function beginLife(self: Self): Life {
  const { subject, place, actor, disk, timing, agenda, random, witness, say, note } = self;
  const { chain, protocol } = subject;
  const { head } = disk;
  const bodies = subject.bodies.createBodies(isNeeded);
  const judge = subject.judge.createJudge(
    // All that it uses of what the parts of a real node share.
    {
      head,
      genesis: self.world.start.genesis,
      contract: subject.contract,
      verified: self.signatures.verified,
    } as unknown as Parameters<Subject['judge']['createJudge']>[0],
    bodies.committees,
  );
  const { build, check, isPending } = createBlocks(self, { bodies, transactions: () => transactions });
  const backlog: Event[] = [];
  const newestTimer = new Map<string, number>();
  let timersSet = 0;
  let over = false;
  let busy = false;
  let state: State;
  let bodiless: Extract<Effect, { kind: 'finalise' }> | null = null;

  const isValidator = () => head().validators.some(({ address }) => address === actor.address);

  function isNeeded(digest: string): boolean {
    if (digest === state.accepted || digest === state.prepared?.digest) return true;
    if ([...state.roundChanges.values()].some((change) => digestOf(change) === digest)) return true;
    return [...state.ahead.values()].some(({ messages }) => messages.some((m) => digestOf(m) === digest));
  }

  const later = (delayMs: number, action: () => void) => {
    agenda.plan(delayMs, () => {
      if (!over) action();
    });
  };

  /** Setting a timer again replaces it. */
  const setTimer = (name: string, delayMs: number, action: () => void) => {
    timersSet += 1;
    const mine = timersSet;
    newestTimer.set(name, mine);
    later(delayMs, () => {
      if (newestTimer.get(name) === mine) action();
    });
  };

  // The agreement

  const take = (...events: Event[]) => {
    backlog.push(...events);
    if (busy) return;
    busy = true;
    try {
      for (let event = backlog.shift(); event !== undefined; event = backlog.shift())
        carryOut(protocol.step(state, event));
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
        const message = sign(effect.message);
        if (message === null) break;
        say(envelopeOf(message));
        if (message.kind !== 'proposal') backlog.push({ kind: 'message', message });
        break;
      }
      case 'send': {
        const message = sign(effect.message);
        if (message !== null) say(envelopeOf(message), effect.to);
        break;
      }
      case 'schedule': {
        const { timer, height, round } = effect;
        setTimer(`agreement ${timer}`, effect.delayMs, () => take({ kind: 'timeout', timer, height, round }));
        break;
      }
      case 'build-block': {
        const { height, round, allowEmpty } = effect;
        afterThought(() => ({
          kind: 'built',
          height,
          round,
          digest: state.height === height ? build(allowEmpty) : null,
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
        finalise(effect);
        break;
      case 'hear-again':
        for (const message of effect.messages) if (holds(message)) backlog.push({ kind: 'message', message });
        break;
      case 'resend-pool':
        transactions.resendPool();
        break;
      case 'ask-sync':
        catchUp.ask();
        break;
      case 'offer-sync':
        catchUp.serve(effect.to, effect.height);
        break;
      default:
        effect satisfies never;
    }
  };

  const isGood = (digest: string, author: string | null): boolean => {
    const isValid = check(digest, author);
    if (!isValid) self.count('blocks refused');
    return isValid;
  };

  /** The real pump thinks between two messages; here others may come first as well. */
  const afterThought = (think: () => Event) => {
    if (self.thinkMs === 0) backlog.push(think());
    else later(random.between(0, self.thinkMs), () => take(think()));
  };

  const write = (kind: 'votes' | 'block' | 'transaction', action: (fate: Fate) => void) => {
    const fate = self.fateOf(kind);
    action(fate);
    if (fate !== 'goes on') throw POWER_FAILS;
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
    write('votes', (fate) => disk.appendVotes({ records, bodies: kept }, fate));
  };

  const sign = (message: OwnMessage): Message | null => {
    const key = self.key();
    if (key === undefined) return null;
    witness.said(place, message, disk.holds(nameOf(message)));
    return self.signatures.sign(message, key);
  };

  const envelopeOf = (message: Message): Envelope => {
    const digest = digestOf(message);
    const block = digest === undefined ? null : (bodies.get(digest)?.bytes ?? null);
    switch (message.kind) {
      case 'proposal':
        if (block === null) throw new Error('an own proposal without its block');
        return { channel: 'proposal', message, block };
      case 'round-change':
        return { channel: 'vote', message, block: message.prepared === null ? null : block };
      case 'prepare':
      case 'commit':
        return { channel: 'vote', message, block: null };
    }
  };

  // Blocks

  const finalise = (effect: Extract<Effect, { kind: 'finalise' }>) => {
    const body = bodies.get(effect.digest);
    if (body === undefined) {
      bodiless = effect;
      catchUp.ask();
      return;
    }
    const { round, height, digest } = effect;
    const executed = body.executed ?? self.executions.execute(head(), body.block);
    if (!executed.ok) {
      witness.accuse(`n${place} cannot execute final block ${height}: ${executed.reason}`);
      return;
    }
    const { validators } = head();
    const commits = effect.commits.map((commit) => ({
      author: commit.author,
      signature: self.seals.of(commit.author, { height, round: commit.round, digest }, validators),
    }));
    const certificate = chain.gatherCertificate(commits, { round, validators });
    const final = { block: body.block, certificate };
    const finalBlock = chain.encodeFinalBlock(final);
    if (effect.announce) say({ channel: 'block', height, finalBlock });
    append(final, executed, finalBlock);
  };

  /** The one way a block becomes part of the chain. */
  const append = (final: FinalBlock, executed: Executed, finalBlock: Uint8Array) => {
    const { block } = final;
    const { height } = block.header;
    if (self.recognisesItself && !doubt.recognise(final)) throw POWER_FAILS;
    const settled = transactions.settledBy(block);
    write('block', (fate) => {
      if (fate === 'goes on' || fate === 'after')
        disk.appendBlock({ finalBlock, head: executed.next, settled }, random);
      witness.finalised(place, final, executed.next);
    });
    note?.(
      `n${place} has final block ${height} ${executed.next.digest.slice(0, 8)}, ${block.transactions.length} transactions`,
    );
    transactions.advanced(settled, block);
    bodiless = null;
    bodies.advance(height);
    judge.advanced();
    disk.finalised(height, random);
    const pending = isValidator() && isPending();
    take({ kind: 'pool', pending: false }, { kind: 'advanced', head: decidedHead() });
    if (pending) take({ kind: 'pool', pending });
    transactions.mend();
    doubt.advanced();
    entry.advanced();
  };

  const decidedHead = () => {
    const { height, proposer, validators } = head();
    return { height, proposer, validators: validators.map(({ address }) => address) };
  };

  const poolChanged = () => {
    if (!state.pending && isValidator() && isPending()) take({ kind: 'pool', pending: true });
  };

  const doubt = createDoubt(self, (height) => later(0, () => take({ kind: 'doubt-ended', height })));
  const transactions = createTransactions(self, {
    setTimer,
    write,
    isValidator,
    poolChanged,
    askForBlocks: () => catchUp.ask(),
  });
  const entry = createEntry(self, {
    setTimer,
    isToBeHeard: doubt.isToBeHeard,
    enter() {
      note?.(`n${place} may sign`);
      doubt.enter();
    },
  });
  const catchUp = createCatchUp(self, { later: setTimer, append });

  // Before the first step there is no state; nothing is needed of a life that has not begun.
  const begin = () => {
    doubt.start();
    const records: VoteRecord[] = [];
    for (const frame of disk.frames()) {
      records.push(...frame.records);
      for (const [digest, bytes] of frame.bodies) bodies.restore(digest, bytes, actor.address);
    }
    busy = true;
    try {
      carryOut(
        protocol.startAgreement({
          self: actor.address,
          timing,
          head: decidedHead(),
          records,
          signsAbove: Number.MAX_SAFE_INTEGER,
        }),
      );
    } finally {
      busy = false;
    }
    take();
    transactions.begin();
    catchUp.ask();
    entry.begin();
  };
  later(0, begin);

  return {
    hear(envelope, from) {
      if (state === undefined) return;
      switch (envelope.channel) {
        case 'proposal':
        case 'vote':
          hearVote(envelope);
          break;
        case 'transaction':
          if (isValidator()) transactions.hear(envelope.transactions);
          break;
        case 'block':
          if (envelope.height > head().height + 1) catchUp.heard(from);
          else if (envelope.height === head().height + 1) catchUp.take(envelope.finalBlock);
          break;
        case 'sync-request':
          catchUp.serve(from, envelope.fromHeight);
          if (envelope.fromHeight > head().height + 1) catchUp.heard(from);
          entry.heard(from, envelope.fromHeight - 1);
          if (isValidator()) take({ kind: 'asked', by: from, height: envelope.fromHeight });
          break;
        case 'sync-response':
          entry.heard(from, envelope.headHeight);
          catchUp.takeResponse(envelope);
          break;
        case 'snapshot-request':
        case 'snapshot-response':
          break;
        default:
          envelope satisfies never;
      }
    },
    submit: (call) => transactions.submit(call),
    askForBlocks: () => catchUp.ask(),
    isValidator,
    state: () => state,
    build,
    bodyOf: (digest) => bodies.get(digest)?.block,
    end() {
      over = true;
    },
  };

  /** Who is no validator now may be one by the next block, where the agreement asks again, or late and not know it. */
  function holds(message: Message): boolean {
    if (self.keysChange) return judge.holds(message);
    const isSeated = head().validators.some(({ address }) => address === message.author);
    return (isSeated || message.height !== head().height + 1) && self.signatures.isGenuine(message);
  }

  function hearVote({ message, block }: Extract<Envelope, { channel: 'proposal' | 'vote' }>): void {
    if (message.author === actor.address || !isValidator()) return;
    if (!holds(message)) return;
    const digest = digestOf(message);
    const isNear = message.height === state.height || message.height === state.height + 1;
    const body = isNear ? block : null;
    if (body !== null && digest !== undefined && !bodies.addEncoded(digest, body, message.author)) return;
    take({ kind: 'message', message });
    if (bodiless !== null && bodies.get(bodiless.digest) !== undefined) {
      const ready = bodiless;
      bodiless = null;
      finalise(ready);
    }
  }
}

/** The block that goes with a message, or is bound by it. */
export function digestOf(message: OwnMessage): string | undefined {
  return message.kind === 'round-change' ? message.prepared?.digest : message.digest;
}
