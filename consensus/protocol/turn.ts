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

export function runRoundTimer(turn: Turn): void {
  turn.state.roundTimerRuns = true;
  schedule(turn, 'round', roundTimeoutMs(turn.state.timing, turn.state.round));
}

/** What is said above round 0 is said again and again. */
export function runResendTimer(turn: Turn): void {
  schedule(turn, 'resend', turn.state.timing.baseTimeoutMs);
}

/** base * 2^round up to the cap, by doubling: no power that could leave the safe integers. */
function roundTimeoutMs({ baseTimeoutMs, maxTimeoutMs }: Timing, round: number): number {
  let timeoutMs = baseTimeoutMs;
  for (let r = 0; r < round && timeoutMs < maxTimeoutMs; r += 1) timeoutMs *= 2;
  return Math.min(timeoutMs, maxTimeoutMs);
}

export function leaderOf({ validators, previousProposer, round }: State): Address {
  return proposerOf(validators, previousProposer, round);
}

export function signs({ validators, self, height, signsAbove }: State): boolean {
  return height > signsAbove && validators.includes(self);
}
