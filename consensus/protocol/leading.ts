import type { Hash } from '../contract/types.ts';
import { quorum } from './committee.ts';
import type { Justification, OwnProposal } from './messages.ts';
import { leaderOf, runRoundTimer, signs, type Turn, vote } from './turn.ts';
import type { State } from './types.ts';
import { highestPrepared } from './validity.ts';
import { accept } from './voting.ts';

/** Starts round 0 once there is something to say: without that, nobody's silence is a fault. */
export function considerRoundZero(turn: Turn): void {
  const { state } = turn;
  if (state.decided || state.round !== 0 || !state.intervalPassed) return;
  if (!state.pending && !state.heartbeatDue) return;
  runRoundTimer(turn);
  if (state.ownProposal !== null || state.accepted !== null || state.building) return;
  if (!signs(state) || leaderOf(state) !== state.self) return;
  build(turn, state.heartbeatDue);
}

/** In a round above 0 the leader waits for a quorum's round changes, then proposes what they bind it to. */
export function lead(turn: Turn): void {
  const { state } = turn;
  if (state.decided || state.round === 0 || !signs(state) || leaderOf(state) !== state.self) return;
  if (state.ownProposal !== null || state.accepted !== null || state.building) return;
  const grounds = groundsOf(state);
  if (grounds === null) return;
  // The others wait for a block: an empty one sets them free as well as a full one.
  if (grounds.digest === null) build(turn, true);
  else propose(turn, grounds.digest, grounds.justification);
}

function build(turn: Turn, allowEmpty: boolean): void {
  turn.state.building = true;
  const { height, round } = turn.state;
  turn.effects.push({ kind: 'build-block', height, round, allowEmpty });
}

export function onBuilt(turn: Turn, event: { height: number; round: number; digest: Hash | null }): void {
  const { state } = turn;
  if (event.height !== state.height || event.round !== state.round || !state.building) return;
  state.building = false;
  if (event.digest === null || state.accepted !== null) return;
  state.good = new Set(state.good).add(event.digest);
  if (state.round === 0) {
    propose(turn, event.digest, null);
    return;
  }
  // A round change that came while the block was built may bind the leader after all.
  const grounds = groundsOf(state);
  if (grounds !== null) propose(turn, grounds.digest ?? event.digest, grounds.justification);
}

function propose(turn: Turn, digest: Hash, justification: Justification | null): void {
  const { self, height, round } = turn.state;
  const proposal: OwnProposal = { kind: 'proposal', height, round, digest, author: self, justification };
  turn.state.ownProposal = proposal;
  vote(turn, proposal);
  accept(turn, proposal);
}

/** The round changes that allow a proposal now, and the block they demand, if any. */
function groundsOf(state: State): { digest: Hash | null; justification: Justification } | null {
  const changes = state.validators
    .map((author) => state.roundChanges.get(author))
    .filter((change) => change !== undefined)
    .filter((change) => change.round === state.round);
  if (changes.length < quorum(state.validators.length)) return null;
  const highest = highestPrepared(changes);
  if (highest === 'contradictory') return null;
  const proof = changes.find(
    ({ prepared }) => prepared?.round === highest?.round && prepared?.digest === highest?.digest,
  );
  return {
    digest: highest?.digest ?? null,
    justification: {
      roundChanges: changes.map((change) => ({ ...change, prepares: [] })),
      prepares: highest === null ? [] : (proof?.prepares ?? []),
    },
  };
}
