import {
  assembleBlock,
  BLOCK_BYTES_MAX,
  blockDigest,
  type Executed,
  encodeFinalBlock,
  executeBlock,
  type FinalBlock,
  gatherCertificate,
  type Head,
} from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import { sign } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import {
  decodeVoteRecord,
  type Envelope,
  encodeEnvelope,
  encodeVoteRecord,
  signedDigest,
} from '../network/index.ts';
import {
  type Effect,
  type Event,
  type Message,
  type OwnMessage,
  type State,
  type Step,
  startAgreement,
  step,
  type Timing,
  type VoteRecord,
} from '../protocol/index.ts';
import { createBodies } from './bodies.ts';
import type { EntryStage } from './entry.ts';
import { createJudge } from './judge.ts';
import type { KeptVotePort, VoteLogPort } from './ports.ts';
import { isValidator, nowMs, type Shared } from './shared.ts';

/** Runs the agreement: events in, effects out, on disk before out on the wire. */
export type Voter = {
  readonly start: () => Promise<void>;
  /** A proposal or vote, decoded and not yet verified. False for garbage. */
  readonly hear: (envelope: Extract<Envelope, { channel: 'proposal' | 'vote' }>) => Promise<boolean>;
  /** Another node asks for blocks from this height on. */
  readonly asked: (by: Address, height: number) => Promise<void>;
  /** The pool holds other transactions than before. */
  readonly poolChanged: () => Promise<void>;
  /** A final block has been stored. */
  readonly advanced: () => Promise<void>;
  /** A snapshot has taken the place of blocks. */
  readonly jumped: () => Promise<void>;
  readonly height: () => number;
  readonly round: () => number;
  readonly isInDoubt: () => boolean;
  /** What is still to be heard from the others before anything is signed. */
  readonly stage: () => EntryStage;
  /** It has been heard. */
  readonly enter: () => Promise<void>;
  /**
   * Looks for own words in a final block before it is stored.
   * @throws ConsensusError CONSENSUS_VOTES_IN_DOUBT when there is one that the record of votes does not hold; the doubt
   * is on disk then, and outlasts the restart
   */
  readonly recognise: (final: FinalBlock) => Promise<void>;
};

export type VoterOptions = {
  readonly timing: Timing;
  readonly voteLog: VoteLogPort;
  /** Stores a block that was decided here; ends with `advanced`. */
  readonly append: (final: FinalBlock, executed: Executed) => Promise<void>;
  readonly askForBlocks: () => void;
  readonly offerBlocks: (to: Address, fromHeight: number) => void;
  readonly resendPool: () => void;
};

/** Of a block's encoding: what every broker passes on, with the message around it. */
const PROPOSED_BYTES_MAX = 512 * 1024;

export function createVoter(shared: Shared, options: VoterOptions): Voter {
  const { self, signer, genesis, contract, clock, log, head, pool, queue, timers } = shared;
  const { timing, voteLog } = options;
  const backlog: Event[] = [];
  let state: State;
  let startedUtcMs: number | null = null;
  let entered = false;
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
        const message = signed(effect.message);
        if (message === null) break;
        publish(message);
        if (message.kind !== 'proposal') backlog.push({ kind: 'message', message });
        break;
      }
      case 'send':
        // Who is told something again that was said long ago need not be who asked: anybody can repeat a message.
        if (!shared.gate.serves(effect.to, nowMs())) shared.counters.unserved += 1;
        else {
          const message = signed(effect.message);
          if (message !== null) publish(message, effect.to);
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
        backlog.push({ kind: 'built', height, round, digest: build(effect.allowEmpty) });
        break;
      }
      case 'check-block':
        backlog.push({ kind: 'checked', digest: effect.digest, valid: check(effect.digest, effect.author) });
        break;
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

  /** Null while the key that the ledger names is not at hand. */
  const signed = (message: OwnMessage): Message | null => {
    const key = signer.current();
    if (key === undefined) {
      shared.counters.unsigned += 1;
      return null;
    }
    const signature = sign(signedDigest(genesis, message), key.privateKey);
    return { ...message, signature } as Message;
  };

  const publish = (message: Message, to?: Address) => {
    const digest = digestOf(message);
    const block = digest === undefined ? null : (bodies.get(digest)?.bytes ?? null);
    const payload = encodeEnvelope(envelopeOf(message, block));
    const channel = message.kind === 'proposal' ? 'proposal' : 'vote';
    if (!shared.transport.publish({ channel, payload, ...(to === undefined ? {} : { to }) }))
      shared.counters.unsent += 1;
  };

  const build = (allowEmpty: boolean): Hash | null => {
    const candidates = pool.take(head(), { maxCount: 2_000, maxBytes: PROPOSED_BYTES_MAX, first: self });
    const proposal = {
      proposer: self,
      timeMs: clock.utcMs(),
      maxBytes: Math.min(PROPOSED_BYTES_MAX, BLOCK_BYTES_MAX),
    };
    const { block, dropped, ...executed } = assembleBlock(head(), candidates, proposal, contract);
    dropFailed(dropped);
    if (block.transactions.length === 0 && !allowEmpty) return null;
    return bodies.add(block, { ok: true, ...executed }, self);
  };

  const dropFailed = (dropped: ReturnType<typeof assembleBlock>['dropped']) => {
    for (const { transaction, code, reason, waits } of dropped) {
      if (waits) continue;
      pool.drop(transaction);
      log({
        event: 'transaction-dropped',
        sender: transaction.sender,
        nonce: transaction.nonce,
        code,
        reason,
      });
    }
  };

  const check = (digest: Hash, author: Address | null): boolean => {
    const body = bodies.get(digest);
    const reason = body === undefined ? 'its body is missing' : refusal(body.block, author);
    if (body === undefined || reason !== null) {
      log({
        event: 'proposal-refused',
        height: state.height,
        round: state.round,
        digest,
        reason: `${reason}`,
      });
      return false;
    }
    if (body.executed !== null) return true;
    const executed = executeBlock(head(), body.block, contract);
    if (executed.ok) body.executed = executed;
    else
      log({
        event: 'proposal-refused',
        height: state.height,
        round: state.round,
        digest,
        reason: executed.reason,
      });
    return executed.ok;
  };

  /** For a fresh block: written by its proposer, and not from the future. */
  const refusal = ({ header }: FinalBlock['block'], author: Address | null): string | null => {
    if (author === null) return null;
    if (header.proposer !== author) return 'written by another than its proposer';
    return header.timeMs > clock.utcMs() + shared.allowedSkewMs ? 'from the future' : null;
  };

  const finalise = async (effect: Extract<Effect, { kind: 'finalise' }>) => {
    const body = bodies.get(effect.digest);
    if (body === undefined) {
      bodiless = effect;
      options.askForBlocks();
      return;
    }
    const { round, commits } = effect;
    const executed = body.executed ?? executeBlock(head(), body.block, contract);
    if (!executed.ok) throw divergence(effect.height, executed.reason);
    const certificate = gatherCertificate(commits, { round, validators: head().validators });
    const final = { block: body.block, certificate };
    if (effect.announce) announce(final);
    await options.append(final, executed);
  };

  const announce = (final: FinalBlock) => {
    const { height } = final.block.header;
    const payload = encodeEnvelope({ channel: 'block', height, finalBlock: encodeFinalBlock(final) });
    if (!shared.transport.publish({ channel: 'block', payload })) shared.counters.unsent += 1;
  };

  /** A block waits for being made as soon as one transaction would succeed in it. */
  const isPending = (): boolean => {
    const candidates = pool.take(head(), { maxCount: 256, maxBytes: PROPOSED_BYTES_MAX });
    if (candidates.length === 0) return false;
    const attempt = { proposer: self, timeMs: clock.utcMs(), maxTransactions: 1 };
    const { block, dropped } = assembleBlock(head(), candidates, attempt, contract);
    dropFailed(dropped);
    return block.transactions.length > 0;
  };

  /** As soon as the clock can be believed: one that lags behind the chain would make old blocks look young. */
  const noteStart = () => {
    const isBehind = clock.utcMs() + shared.allowedSkewMs < head().header.timeMs;
    if (clock.set !== false && !isBehind) startedUtcMs ??= clock.utcMs();
  };

  /** A block born after this node came back follows every height at which it may have spoken before. */
  const endDoubt = async ({ height, header }: Head) => {
    if (voteLog.doubt === null || !isValidator(shared)) return;
    noteStart();
    if (startedUtcMs === null || height < voteLog.doubt.highestHeight) return;
    if (header.timeMs > startedUtcMs + 2 * shared.allowedSkewMs) await trustAbove(height);
  };

  const trustAbove = async (height: number) => {
    await voteLog.endDoubt(height);
    log({ event: 'votes-trusted', height });
    await take({ kind: 'doubt-ended', height });
  };

  const decidedHead = ({ height, proposer, validators }: Head) => ({
    height,
    proposer,
    validators: validators.map(({ address }) => address),
  });

  return {
    async start() {
      noteStart();
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
      await take({ kind: 'pool', pending: isPending() });
    },
    async hear({ message, block }) {
      if (message.author === self || !isValidator(shared)) return true;
      if (isOld(message, state)) return true;
      if (!judge.holds(message)) return false;
      const digest = digestOf(message);
      // The block of a height that is final, or far, is of no use to anybody.
      const isNear = message.height === state.height || message.height === state.height + 1;
      const body = isNear ? block : null;
      if (body !== null && digest !== undefined && !bodies.addEncoded(digest, body, message.author))
        return false;
      if (message.kind === 'proposal' && message.height === state.height)
        shared.latency.begin(message.height, nowMs());
      await take({ kind: 'message', message });
      if (bodiless !== null && bodies.get(bodiless.digest) !== undefined) {
        const ready = bodiless;
        bodiless = null;
        await finalise(ready);
      }
      return true;
    },
    async asked(by, height) {
      if (isValidator(shared)) await take({ kind: 'asked', by, height });
    },
    async poolChanged() {
      if (state.pending || !isValidator(shared)) return;
      const pending = isPending();
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
      const pending = isValidator(shared) && isPending();
      if (pending) shared.latency.begin(newest.height + 1, nowMs());
      await take({ kind: 'pool', pending: false }, { kind: 'advanced', head: decidedHead(newest) });
      if (pending) await take({ kind: 'pool', pending });
      await endDoubt(newest);
    },
    height: () => state.height,
    round: () => state.round,
    isInDoubt: () => voteLog.doubt !== null && isValidator(shared),
    async jumped() {
      const { height } = head();
      // Of a record that may have been put back from a backup, own words in those blocks would have told.
      if (!entered && voteLog.doubt === null)
        await voteLog.beginDoubt(
          `blocks up to ${height} came as a snapshot, without the own words in them`,
          height,
        );
      await this.advanced();
    },
    stage() {
      const { doubt } = voteLog;
      if (doubt === null) return entered ? 'none' : 'again';
      if (!isValidator(shared)) return 'none';
      const { height, validators, state: ledger } = head();
      if (height === 0) return doubt.isFirstStart ? 'first' : 'none';
      // The second of two, just seated: nothing is final without it, so it would wait for the other in vain. The other
      // seals nothing while it is in doubt itself: it was seated before, and so cannot come here.
      const isNewSecond = validators.length === 2 && contract.seatedAt(ledger, self) === height;
      return isNewSecond && height >= doubt.highestHeight ? 'first' : 'none';
    },
    async enter() {
      entered = true;
      if (voteLog.doubt !== null) return trustAbove(head().height);
      await take({ kind: 'doubt-ended', height: voteLog.floorHeight });
    },
    async recognise({ block: { header }, certificate }) {
      if (voteLog.doubt !== null) return;
      const { height } = header;
      const digest = blockDigest(header);
      const place = head().validators.findIndex(({ address }) => address === self);
      const isSealed = certificate.seals.some(({ signer }) => signer === place);
      const word =
        isSealed && !voteLog.holds({ height, kind: 'commit', digest })
          ? 'seal'
          : header.proposer === self && !voteLog.holds({ height, kind: 'proposal', digest })
            ? 'proposal'
            : null;
      if (word === null) return;
      const reason = `block ${height} bears a ${word} of this node that its record of votes does not hold: the whole directory is older than that`;
      await voteLog.beginDoubt(reason, height);
      throw new ConsensusError('CONSENSUS_VOTES_IN_DOUBT', reason, { height });
    },
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

/** The block that goes with a message, or is bound by it. */
function digestOf(message: OwnMessage): Hash | undefined {
  return message.kind === 'round-change' ? message.prepared?.digest : message.digest;
}

function envelopeOf(message: Message, block: Uint8Array | null): Envelope {
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
}

export function divergence(height: number, reason: string): ConsensusError {
  return new ConsensusError(
    'CONSENSUS_BAD_BLOCK',
    `block ${height} is final and does not execute here: ${reason}`,
    { height },
  );
}
