import type { Hash } from '../contract/types.ts';
import { proposerOf, quorum } from './committee.ts';
import type { Commit, OwnProposal, Prepare } from './messages.ts';
import { runResendTimer, runRoundTimer, signs, type Turn, vote } from './turn.ts';
import { addVote, votesFor } from './votes.ts';

export function accept(turn: Turn, proposal: OwnProposal): void {
  const { state } = turn;
  state.accepted = proposal.digest;
  runRoundTimer(turn);
  if (state.good.has(proposal.digest)) {
    prepare(turn);
    return;
  }
  const isFresh = proposal.justification === null || proposal.justification.prepares.length === 0;
  turn.effects.push({
    kind: 'check-block',
    height: state.height,
    digest: proposal.digest,
    author: isFresh ? proposal.author : null,
  });
}

export function onChecked(turn: Turn, { digest, valid }: { digest: Hash; valid: boolean }): void {
  const { state } = turn;
  if (!valid || state.decided) return;
  state.good = new Set(state.good).add(digest);
  if (state.accepted === digest) prepare(turn);
}

export function prepare(turn: Turn): void {
  const { state } = turn;
  const { self, height, round, accepted } = state;
  if (accepted === null) return;
  if (signs(state) && !state.sent.some((message) => message.kind === 'prepare')) {
    vote(turn, { kind: 'prepare', height, round, digest: accepted, author: self });
  }
  considerCommit(turn);
}

export function onPrepare(turn: Turn, message: Prepare): void {
  if (message.round < turn.state.round) return;
  turn.state.prepares = addVote(turn.state.prepares, message);
  considerCommit(turn);
}

function considerCommit(turn: Turn): void {
  const { state } = turn;
  const { self, height, round, accepted } = state;
  if (accepted === null || !state.good.has(accepted)) return;
  if (state.prepared?.round !== round) {
    const prepares = votesFor(state.prepares, state.validators, { round, digest: accepted });
    if (prepares.length < quorum(state.validators.length)) return;
    state.prepared = { round, digest: accepted, prepares };
  }
  if (!signs(state) || state.sent.some((message) => message.kind === 'commit')) return;
  const commit = { kind: 'commit', height, round, digest: accepted, author: self } as const;
  vote(turn, commit, state.prepared.prepares);
}

export function onCommit(turn: Turn, message: Commit): void {
  const { state } = turn;
  // A twin of this node may speak in its name: its own word counts only for what it has prepared itself.
  if (message.author === state.self) {
    if (state.prepared?.round !== message.round || state.prepared.digest !== message.digest) return;
  }
  state.commits = addVote(state.commits, message);
  const { height, validators } = state;
  const { round, digest } = message;
  const commits = votesFor(state.commits, validators, { round, digest });
  if (commits.length < quorum(validators.length)) return;
  state.decided = true;
  runResendTimer(turn);
  const announce = proposerOf(validators, state.previousProposer, round) === state.self;
  turn.effects.push({ kind: 'finalise', height, round, digest, commits, announce });
}
