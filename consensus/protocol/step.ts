import { type Address, type Hash, VALIDATORS_MAX } from '../contract/types.ts';
import { faultsTolerated } from './committee.ts';
import { considerRoundZero, lead, onBuilt } from './leading.ts';
import type { Message, VoteRecord } from './messages.ts';
import { giveUpRound, joinRound, onProposal, onRoundChange, repeat, tellLate } from './rounds.ts';
import { end, runResendTimer, runRoundTimer, schedule, signs, type Turn } from './turn.ts';
import type { DecidedHead, Event, State, Step, TimerName, Timing } from './types.ts';
import { onChecked, onCommit, onPrepare, prepare } from './voting.ts';

/** Messages for the next height kept of one author until that height begins. */
const MESSAGES_AHEAD = 8;
/** Authors kept ahead: all of this committee, and as many that may be of the next. */
const AUTHORS_AHEAD = 2 * VALIDATORS_MAX;

/** What a node knows when it starts: its head, and the votes it cast before it stopped. */
export type Start = {
  readonly self: Address;
  readonly timing: Timing;
  readonly head: DecidedHead;
  /** Own votes found on disk; those at or below the head are ignored. */
  readonly records: readonly VoteRecord[];
  /** 0 for sound records; `Number.MAX_SAFE_INTEGER` while they are in doubt and no bound is known. */
  readonly signsAbove: number;
};

/** Begins the height after the head, taking up own votes again where they were left. */
export function startAgreement({ self, timing, head, records, signsAbove }: Start): Step {
  const turn: Turn = {
    state: { ...freshHeight({ self, timing, records, signsAbove, ahead: new Map(), pending: false }, head) },
    records: [],
    effects: [],
  };
  enterHeight(turn);
  return end(turn);
}

/**
 * The agreement on one block per height: the whole protocol as a function. Deterministic; reads no clock and does
 * nothing but return what is to be done.
 */
export function step(state: State, event: Event): Step {
  const turn: Turn = { state: { ...state }, records: [], effects: [] };
  switch (event.kind) {
    case 'message':
      onMessage(turn, event.message);
      break;
    case 'timeout':
      onTimeout(turn, event);
      break;
    case 'pool':
      turn.state.pending = event.pending;
      considerRoundZero(turn);
      break;
    case 'built':
      onBuilt(turn, event);
      break;
    case 'checked':
      onChecked(turn, event);
      break;
    case 'asked':
      tellLate(turn, event);
      break;
    case 'advanced':
      onAdvanced(turn, event.head);
      break;
    case 'doubt-ended':
      turn.state.signsAbove = Math.min(turn.state.signsAbove, event.height);
      // What was said before the restart could not be said again until now.
      if (signs(turn.state))
        for (const message of turn.state.sent) turn.effects.push({ kind: 'broadcast', message });
      joinRound(turn);
      // A proposal that came while nothing was signed still waits for this node's vote.
      if (turn.state.accepted !== null && turn.state.good.has(turn.state.accepted)) prepare(turn);
      considerRoundZero(turn);
      lead(turn);
      break;
    default:
      event satisfies never;
  }
  return end(turn);
}

// Heights

type Lasting = Pick<State, 'self' | 'timing' | 'records' | 'signsAbove' | 'ahead' | 'pending'>;

function freshHeight(lasting: Lasting, head: DecidedHead): State {
  return {
    ...lasting,
    height: head.height + 1,
    validators: head.validators,
    previousProposer: head.proposer,
    round: 0,
    decided: false,
    intervalPassed: lasting.timing.blockIntervalMs === 0,
    heartbeatDue: false,
    roundTimer: 'off',
    building: false,
    accepted: null,
    ownProposal: null,
    good: new Set(),
    prepared: null,
    sent: [],
    prepares: new Map(),
    commits: new Map(),
    roundChanges: new Map(),
  };
}

function onAdvanced(turn: Turn, head: DecidedHead): void {
  if (head.height < turn.state.height) return;
  const { self, timing, records, signsAbove, ahead, pending, height, validators } = turn.state;
  turn.state = { ...freshHeight({ self, timing, records, signsAbove, ahead, pending }, head) };
  enterHeight(turn);
  if (head.height === height && validators.includes(self)) tellNewcomers(turn, validators);
}

/**
 * A block is announced once, by the leader of its round, and that one may lie or have missed how it ended. Whoever has a
 * seat by it must hear of it all the same: it listens to no votes before, and nothing may be final without its own.
 */
function tellNewcomers({ state, effects }: Turn, before: readonly Address[]): void {
  for (const to of state.validators)
    if (!before.includes(to)) effects.push({ kind: 'offer-sync', to, height: state.height - 1 });
}

function enterHeight(turn: Turn): void {
  const { state } = turn;
  const { blockIntervalMs, heartbeatMs } = state.timing;
  restoreVotes(turn);
  if (blockIntervalMs > 0) schedule(turn, 'interval', blockIntervalMs);
  if (heartbeatMs > 0) schedule(turn, 'heartbeat', heartbeatMs);
  considerRoundZero(turn);

  const waiting = [...state.ahead.values()].flatMap((ahead) => ahead.messages);
  const stillAhead = [...state.ahead].filter(([, ahead]) => ahead.height > state.height);
  state.ahead = new Map(stillAhead.map(([author, { height }]) => [author, { height, messages: [] }]));
  const early = waiting.filter((message) => message.height === state.height);
  // They came when it was not known yet who would decide here, and by which keys.
  if (early.length > 0) turn.effects.push({ kind: 'hear-again', messages: early });
}

/**
 * Takes own votes of this height up again. Whoever voted before a restart must not vote otherwise after it, and
 * must still vouch for the block it committed to.
 */
function restoreVotes(turn: Turn): void {
  const { state } = turn;
  const mine = state.records.filter((record) => record.message.height === state.height);
  state.records = state.records.filter((record) => record.message.height > state.height);
  if (mine.length === 0) return;

  const good = new Set<Hash>();
  for (const { message, prepares } of mine) {
    state.round = Math.max(state.round, message.round);
    if (message.kind !== 'round-change') good.add(message.digest);
    const { prepared } = state;
    if (message.kind === 'commit' && (prepared === null || message.round > prepared.round)) {
      state.prepared = { round: message.round, digest: message.digest, prepares };
    }
  }
  state.good = good;
  state.sent = mine.map(({ message }) => message).filter((message) => message.round === state.round);
  for (const message of state.sent) {
    if (message.kind !== 'round-change') state.accepted = message.digest;
    if (message.kind === 'proposal') state.ownProposal = message;
    if (signs(state)) turn.effects.push({ kind: 'broadcast', message });
  }
  // A crash may have come between a proposal and the vote for it.
  if (state.accepted !== null) prepare(turn);
  if (state.accepted !== null || state.round === 0) runRoundTimer(turn);
  if (state.round > 0) runResendTimer(turn);
}

function onTimeout(turn: Turn, event: { timer: TimerName; height: number; round: number }): void {
  const { state } = turn;
  if (event.height !== state.height) return;
  if (state.decided) {
    if (event.timer === 'resend') askForDecided(turn);
    return;
  }
  switch (event.timer) {
    case 'interval':
      state.intervalPassed = true;
      considerRoundZero(turn);
      break;
    case 'heartbeat':
      state.heartbeatDue = true;
      considerRoundZero(turn);
      break;
    case 'round':
      if (event.round === state.round) giveUpRound(turn);
      break;
    case 'resend':
      if (event.round === state.round) repeat(turn);
      break;
    default:
      event.timer satisfies never;
  }
}

/** Final, and its body has not come: who was asked first may not have it yet, or say so. */
function askForDecided(turn: Turn): void {
  turn.effects.push({ kind: 'ask-sync', height: turn.state.height });
  runResendTimer(turn);
}

// Messages

function onMessage(turn: Turn, message: Message): void {
  const { state } = turn;
  if (message.height > state.height) keepAhead(turn, message);
  else if (message.height < state.height) answerLate(turn, message);
  else if (!state.decided && state.validators.includes(message.author)) onCurrent(turn, message);
}

function onCurrent(turn: Turn, message: Message): void {
  switch (message.kind) {
    case 'proposal':
      onProposal(turn, message);
      break;
    case 'prepare':
      onPrepare(turn, message);
      break;
    case 'commit':
      onCommit(turn, message);
      break;
    case 'round-change':
      onRoundChange(turn, message);
      break;
    default:
      message satisfies never;
  }
}

/** Only who is stuck gives up rounds of a height that is final; a block that he missed may have dropped him. */
function answerLate(turn: Turn, { kind, author, height }: Message): void {
  if (kind !== 'round-change' || author === turn.state.self) return;
  turn.effects.push({ kind: 'offer-sync', to: author, height });
}

/** Who decides on the next height is not known before this one is final: newcomers may be heard from early. */
function keepAhead(turn: Turn, message: Message): void {
  const { state } = turn;
  if (message.author === state.self) return;
  const isMember = state.validators.includes(message.author);
  const isNew = !isMember && !state.ahead.has(message.author);
  if (isNew && (message.height > state.height + 1 || state.ahead.size >= AUTHORS_AHEAD)) return;
  const known = state.ahead.get(message.author) ?? { height: 0, messages: [] };
  const isNext = message.height === state.height + 1 && known.messages.length < MESSAGES_AHEAD;
  state.ahead = new Map(state.ahead).set(message.author, {
    height: Math.max(known.height, message.height),
    messages: isNext ? [...known.messages, message] : known.messages,
  });
  const members = [...state.ahead.keys()].filter((author) => state.validators.includes(author));
  if (isMember && members.length > faultsTolerated(state.validators.length))
    turn.effects.push({ kind: 'ask-sync', height: state.height });
}
