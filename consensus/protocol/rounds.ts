import type { Address } from '../contract/types.ts';
import { faultsTolerated, quorum } from './committee.ts';
import { lead } from './leading.ts';
import type { OwnRoundChange, Proposal, RoundChange } from './messages.ts';
import { runResendTimer, runRoundTimer, signs, type Turn, vote } from './turn.ts';
import type { State } from './types.ts';
import { isValidProposal, isValidRoundChange } from './validity.ts';
import { withoutRoundsBelow } from './votes.ts';
import { accept } from './voting.ts';

export function giveUpRound(turn: Turn): void {
  const { state } = turn;
  // What was pending may have become final or void meanwhile: then there is nothing to wait for.
  if (state.round === 0 && state.accepted === null && !state.pending && !state.heartbeatDue) {
    state.roundTimer = 'off';
    return;
  }
  enterRound(turn, state.round + 1);
}

export function onProposal(turn: Turn, message: Proposal): void {
  const { state } = turn;
  if (message.author === state.self || message.round < state.round) return;
  if (message.round === state.round && state.accepted !== null) return;
  if (!isValidProposal(message, state)) return;
  if (message.round > state.round) enterRound(turn, message.round);
  accept(turn, message);
}

export function onRoundChange(turn: Turn, message: RoundChange): void {
  const { state } = turn;
  if (!isValidRoundChange(message, state)) return;
  if (message.round < state.round) {
    answerStale(turn, message);
    return;
  }
  const known = state.roundChanges.get(message.author);
  if (known !== undefined && known.round >= message.round) return;
  state.roundChanges = new Map(state.roundChanges).set(message.author, message);

  const higher = [...state.roundChanges.values()]
    .filter((change) => change.author !== state.self && change.round > state.round)
    .map((change) => change.round);
  if (higher.length > faultsTolerated(state.validators.length)) enterRound(turn, Math.min(...higher));
  else considerRoundTimer(turn);
  lead(turn);
}

/**
 * Whoever is still above round 0 says again what it said. Perhaps it waits in vain: the height may be final by votes that
 * never came here, and those who cast them, dropped from the committee by that very block, do not listen any more.
 */
export function repeat(turn: Turn): void {
  for (const message of turn.state.sent) turn.effects.push({ kind: 'broadcast', message });
  turn.effects.push({ kind: 'resend-pool' }, { kind: 'ask-sync', height: turn.state.height });
  runResendTimer(turn);
}

/**
 * Who asks for the height under way has just come, or come back: it is told at once what brought the others to this
 * round, for they may have waited for nobody else.
 */
export function tellLate({ state, effects }: Turn, { by, height }: { by: Address; height: number }): void {
  if (height !== state.height || state.decided) return;
  if (by === state.self || !state.validators.includes(by)) return;
  if ((state.roundChanges.get(by)?.round ?? 0) >= state.round) return;
  for (const message of state.sent) effects.push({ kind: 'send', to: by, message });
}

/** Whoever came to this round in silence says so now: the others may be waiting for its company. */
export function joinRound(turn: Turn): void {
  const { state } = turn;
  if (!signs(state) || state.round === 0 || state.prepared?.round === state.round) return;
  if (!state.sent.some((message) => message.kind === 'round-change')) vote(turn, ownRoundChange(state));
}

function enterRound(turn: Turn, round: number): void {
  const { state } = turn;
  state.round = round;
  state.accepted = null;
  state.ownProposal = null;
  state.building = false;
  state.sent = [];
  state.prepares = withoutRoundsBelow(state.prepares, round);
  if (signs(state)) {
    vote(turn, ownRoundChange(state));
    // Whoever leads the new round may never have heard of what this node is waiting for.
    turn.effects.push({ kind: 'resend-pool' });
  }
  state.roundTimer = 'off';
  runResendTimer(turn);
  considerRoundTimer(turn);
}

/**
 * A round above 0 is given up in company only: its time runs once a quorum has come as far. Whoever is cut off would
 * otherwise run ahead by a round a timeout, and those who need its vote would have to follow it through all of them.
 */
function considerRoundTimer(turn: Turn): void {
  const { state } = turn;
  if (state.round === 0) return;
  const company = [...state.roundChanges.values()].filter(({ round }) => round >= state.round);
  if (company.length >= quorum(state.validators.length)) runRoundTimer(turn);
}

function ownRoundChange({ self, height, round, prepared }: State): OwnRoundChange {
  return {
    kind: 'round-change',
    height,
    round,
    prepared: prepared === null ? null : { round: prepared.round, digest: prepared.digest },
    prepares: prepared?.prepares ?? [],
    author: self,
  };
}

function answerStale(turn: Turn, message: RoundChange): void {
  const { state } = turn;
  const own = state.sent.find((sent) => sent.kind === 'round-change');
  if (own !== undefined && message.author !== state.self)
    turn.effects.push({ kind: 'send', to: message.author, message: own });
}
