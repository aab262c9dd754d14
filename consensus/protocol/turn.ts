import type { Address } from '../contract/types.ts';
import { proposerOf } from './committee.ts';
import type { OwnMessage, Prepare, VoteRecord } from './messages.ts';
import type { Effect, State, Step, TimerName, Timing } from './types.ts';

/** The state under work within one step, and what the step has to say. */
export type Turn = { state: Draft; records: VoteRecord[]; effects: Effect[] };
type Draft = { -readonly [K in keyof State]: State[K] };

export function end({ state, records, effects }: Turn): Step {
  return { state, effects: records.length > 0 ? [{ kind: 'persist', records }, ...effects] : effects };
}

/** Says something that binds this node: on disk first, then out. */
export function vote(turn: Turn, message: OwnMessage, prepares: readonly Prepare[] = []): void {
  turn.records.push({ message, prepares });
  turn.state.sent = [...turn.state.sent, message];
  turn.effects.push({ kind: 'broadcast', message });
}

export function schedule(turn: Turn, timer: TimerName, delayMs: number): void {
  const { height, round } = turn.state;
  turn.effects.push({ kind: 'schedule', timer, delayMs, height, round });
}

/** Once for a round, and once more with its full time when its leader comes to it late. */
export function runRoundTimer(turn: Turn): void {
  const { state } = turn;
  const { timing, round, validators } = state;
  const time = leaderHasCome(state) ? 'full' : 'short';
  if (state.roundTimer === 'full' || state.roundTimer === time) return;
  state.roundTimer = time;
  // Nobody waits long for a leader that is not there; but every turn around the committee waits twice as long, for
  // messages may take longer than the first time allows.
  const doublings = time === 'full' ? round : Math.floor(round / validators.length);
  schedule(turn, 'round', roundTimeoutMs(timing, doublings));
}

/** Above round 0 everybody says so who comes to a round: a leader that has not done so is likely down. */
function leaderHasCome(state: State): boolean {
  const leader = leaderOf(state);
  if (state.round === 0 || state.accepted !== null || leader === state.self) return true;
  return state.roundChanges.get(leader)?.round === state.round;
}

/** What is said above round 0 is said again and again, and what is decided asked for until it is here. */
export function runResendTimer(turn: Turn): void {
  schedule(turn, 'resend', turn.state.timing.baseTimeoutMs);
}

/** base * 2^doublings up to the cap, step by step: no power that could leave the safe integers. */
function roundTimeoutMs({ baseTimeoutMs, maxTimeoutMs }: Timing, doublings: number): number {
  let timeoutMs = baseTimeoutMs;
  for (let done = 0; done < doublings && timeoutMs < maxTimeoutMs; done += 1) timeoutMs *= 2;
  return Math.min(timeoutMs, maxTimeoutMs);
}

export function leaderOf({ validators, previousProposer, round }: State): Address {
  return proposerOf(validators, previousProposer, round);
}

export function signs({ validators, self, height, signsAbove }: State): boolean {
  return height > signsAbove && validators.includes(self);
}
