import { type Executed, type FinalBlock, gatherCertificate, type Head } from '../chain/index.ts';
import type { Address } from '../contract/types.ts';
import { decodeVoteRecord, type Envelope, encodeVoteRecord } from '../network/index.ts';
import {
  digestOf,
  type Effect,
  type Event,
  type Message,
  type State,
  type Step,
  startAgreement,
  step,
  type Timing,
  type VoteRecord,
} from '../protocol/index.ts';
import { createBodies } from './bodies.ts';
import { createDoubt, type Doubt } from './doubt.ts';
import { executeFinal } from './execute-final.ts';
import { createJudge } from './judge.ts';
import type { KeptVotePort, VoteLogPort } from './ports.ts';
import { createProposals, type RefusedProposals } from './proposals.ts';
import { isValidator, type Shared } from './shared.ts';
import type { SignOfLife } from './sign-of-life.ts';
import { createVoice } from './voice.ts';

/** Runs the agreement: events in, effects out, on disk before out on the wire. */
export type Voter = {
  readonly start: () => Promise<void>;
  /** A proposal or vote, decoded and not yet verified. */
  readonly hear: (envelope: Extract<Envelope, { channel: 'proposal' | 'vote' }>) => Promise<Heard>;
  /** Another node asks for blocks from this height on. */
  readonly asked: (by: Address, height: number) => Promise<void>;
  /** The pool holds other transactions than before. */
  readonly poolChanged: () => Promise<void>;
  /** A final block has been stored, or a snapshot has taken the place of many. */
  readonly advanced: () => Promise<void>;
  readonly height: () => number;
  readonly round: () => number;
  readonly doubt: Doubt;
  readonly refusedProposals: () => RefusedProposals;
};

/**
 * `unproven`: a word for another height than the one under way, signed as nobody who decides there is known to sign. It
 * may be a lie; or its author has changed his key since, or got his seat in blocks that are missing here.
 */
export type Heard = 'taken' | 'unproven' | 'garbage';

export type VoterOptions = {
  readonly timing: Timing;
  readonly voteLog: VoteLogPort;
  /** Stores a block that was decided here; ends with `advanced`. */
  readonly append: (final: FinalBlock, executed: Executed) => Promise<void>;
  readonly askForBlocks: () => void;
  readonly offerBlocks: (to: Address, fromHeight: number) => void;
  readonly resendPool: () => void;
  readonly signOfLife: Pick<SignOfLife, 'isIn'>;
  readonly isCurrent: () => boolean;
};

export function createVoter(shared: Shared, options: VoterOptions): Voter {
  const { self, contract, log, head, queue, timers, nowMs } = shared;
  const { timing, voteLog } = options;
  const backlog: Event[] = [];
  let state: State;
  let busy = false;
  /** What is proposed, prepared or said early; a leader may yet be bound by a round change that it keeps. */
  const bodies = createBodies(
    (digest) =>
      digest === state.accepted ||
      digest === state.prepared?.digest ||
      [...state.roundChanges.values()].some((change) => digestOf(change) === digest) ||
      [...state.ahead.values()].some(({ messages }) => messages.some((early) => digestOf(early) === digest)),
  );
  const judge = createJudge(shared, bodies.committees);
  const voice = createVoice(shared, bodies);
  const proposals = createProposals(shared, bodies);
  const doubt = createDoubt(shared, voteLog, {
    signAbove: (height) => take({ kind: 'doubt-ended', height }),
    signOfLife: options.signOfLife,
    isCurrent: options.isCurrent,
  });
  /** Decided by others' votes before its body came. */
  let bodiless: Extract<Effect, { kind: 'finalise' }> | null = null;

  const take = async (...events: Event[]) => {
    backlog.push(...events);
    if (busy) return;
    busy = true;
    try {
      for (let event = backlog.shift(); event !== undefined; event = backlog.shift())
        await carryOut(step(state, event));
    } finally {
      busy = false;
    }
  };

  const carryOut = async ({ state: next, effects }: Step) => {
    const roundBefore = state?.height === next.height ? state.round : 0;
    state = next;
    if (next.round > roundBefore) log({ event: 'round-change', height: next.height, round: next.round });
    for (const effect of effects) await perform(effect);
  };

  const perform = async (effect: Effect): Promise<void> => {
    switch (effect.kind) {
      case 'persist':
        await voteLog.append(effect.records.flatMap(keptVotes));
        break;
      case 'broadcast': {
        const message = voice.signed(effect.message);
        if (message === null) break;
        voice.publish(message);
        if (message.kind !== 'proposal') backlog.push({ kind: 'message', message });
        break;
      }
      case 'send':
        // Who is told something again that was said long ago need not be who asked: anybody can repeat a message.
        if (!shared.gate.serves(effect.to, nowMs())) shared.counters.unserved += 1;
        else {
          const message = voice.signed(effect.message);
          if (message !== null) voice.publish(message, effect.to);
        }
        break;
      case 'schedule': {
        const { timer, height, round } = effect;
        timers.set(`agreement ${timer}`, effect.delayMs, () => {
          queue.add(() => take({ kind: 'timeout', timer, height, round }));
        });
        break;
      }
      case 'build-block': {
        const { height, round } = effect;
        backlog.push({ kind: 'built', height, round, digest: proposals.build(effect.allowEmpty) });
        break;
      }
      case 'check-block': {
        const { digest, author } = effect;
        backlog.push({ kind: 'checked', digest, valid: proposals.check(digest, author, state) });
        break;
      }
      case 'finalise':
        await finalise(effect);
        break;
      case 'hear-again':
        for (const message of effect.messages) {
          if (judge.holds(message)) backlog.push({ kind: 'message', message });
          else shared.counters.garbage += 1;
        }
        break;
      case 'resend-pool':
        options.resendPool();
        break;
      case 'ask-sync':
        options.askForBlocks();
        break;
      case 'offer-sync':
        options.offerBlocks(effect.to, effect.height);
        break;
      default:
        effect satisfies never;
    }
  };

  /** The vote, and before it the block it binds this node to: the log keeps one copy of each. */
  const keptVotes = (record: VoteRecord): KeptVotePort[] => {
    const { kind, height, round } = record.message;
    const digest = digestOf(record.message) ?? null;
    const kept: KeptVotePort[] = [{ kind, height, round, digest, payload: encodeVoteRecord(record) }];
    const body = digest === null ? undefined : bodies.get(digest);
    if (body !== undefined && !body.pinned) {
      body.pinned = true;
      kept.unshift({ kind: 'block', height, round, digest, payload: body.bytes });
    }
    return kept;
  };

  const finalise = async (effect: Extract<Effect, { kind: 'finalise' }>) => {
    const body = bodies.get(effect.digest);
    if (body === undefined) {
      bodiless = effect;
      options.askForBlocks();
      return;
    }
    const { round, commits } = effect;
    const executed = body.executed ?? executeFinal(head(), body.block, contract);
    const certificate = gatherCertificate(commits, { round, validators: head().validators });
    const final = { block: body.block, certificate };
    if (effect.announce) voice.announce(final);
    await options.append(final, executed);
  };

  const decidedHead = ({ height, proposer, validators }: Head) => ({
    height,
    proposer,
    validators: validators.map(({ address }) => address),
  });

  return {
    async start() {
      doubt.start();
      const records: VoteRecord[] = [];
      for (const { kind, digest, payload } of voteLog.votes) {
        if (kind !== 'block') records.push(decodeVoteRecord(payload));
        else if (digest !== null) bodies.restore(digest, payload, self);
      }
      busy = true;
      await carryOut(
        startAgreement({
          self,
          timing,
          head: decidedHead(head()),
          records,
          signsAbove: Number.MAX_SAFE_INTEGER,
        }),
      );
      busy = false;
      await take({ kind: 'pool', pending: proposals.isPending() });
    },
    async hear({ message, block }) {
      if (message.author === self || !isValidator(shared)) return 'taken';
      if (isOld(message, state)) return 'taken';
      if (!judge.holds(message)) return message.height === head().height + 1 ? 'garbage' : 'unproven';
      const digest = digestOf(message);
      // The block of a height that is final, or far, is of no use to anybody.
      const isNear = message.height === state.height || message.height === state.height + 1;
      const body = isNear ? block : null;
      if (body !== null && digest !== undefined && !bodies.addEncoded(digest, body, message.author))
        return 'garbage';
      if (message.kind === 'proposal' && message.height === state.height)
        shared.latency.begin(message.height, nowMs());
      await take({ kind: 'message', message });
      if (bodiless !== null && bodies.get(bodiless.digest) !== undefined) {
        const ready = bodiless;
        bodiless = null;
        await finalise(ready);
      }
      return 'taken';
    },
    async asked(by, height) {
      if (isValidator(shared)) await take({ kind: 'asked', by, height });
    },
    async poolChanged() {
      if (state.pending || !isValidator(shared)) return;
      const pending = proposals.isPending();
      if (!pending) return;
      shared.latency.begin(state.height, nowMs());
      await take({ kind: 'pool', pending });
    },
    async advanced() {
      bodiless = null;
      const newest = head();
      bodies.advance(newest.height);
      await voteLog.finalised(newest.height);
      judge.advanced();
      const pending = isValidator(shared) && proposals.isPending();
      if (pending) shared.latency.begin(newest.height + 1, nowMs());
      await take({ kind: 'pool', pending: false }, { kind: 'advanced', head: decidedHead(newest) });
      if (pending) await take({ kind: 'pool', pending });
    },
    height: () => state.height,
    round: () => state.round,
    doubt,
    refusedProposals: proposals.refused,
  };
}

/** Whether the message cannot change anything any more: not worth the price of its verification. */
function isOld(message: Message, state: State): boolean {
  if (message.kind === 'round-change') return false;
  if (message.height !== state.height) return message.height < state.height;
  if (message.kind === 'commit') return false;
  if (message.round < state.round) return true;
  return message.kind === 'prepare' && state.prepared?.round === message.round;
}
