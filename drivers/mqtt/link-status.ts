import type { LinkFailure } from './failure.ts';
import type { OutboxCounters } from './outbox.ts';

export type LinkCounts = {
  accepted: number;
  acknowledged: number;
  /** Sent again after a lost connection. */
  republished: number;
  /** Answered by the broker with a reason code of failure (MQTT 5). */
  refused: number;
  received: number;
  /** Times that reading paused because messages came faster than they are taken. */
  paused: number;
  badTopics: number;
  badPayloads: number;
  /** Retained where nothing is to be retained: not passed on. */
  badRetained: number;
  connects: number;
  losses: number;
};

export type LinkCounters = OutboxCounters & LinkCounts;

/** How one broker is, for status and diagnostics. */
export type BrokerStatus = {
  /** Without name and password. */
  readonly url: string;
  readonly connected: boolean;
  /** UTC in milliseconds: so it has been since then. */
  readonly sinceMs: number;
  /** Why it is not connected; absent while it is, and before the first attempt has ended. */
  readonly problem?: LinkFailure;
  /** Messages accepted and not yet acknowledged, and their bytes. */
  readonly pending: number;
  readonly pendingBytes: number;
  readonly counters: Readonly<LinkCounters>;
};

export function noCounts(): LinkCounts {
  return {
    accepted: 0,
    acknowledged: 0,
    republished: 0,
    refused: 0,
    received: 0,
    paused: 0,
    badTopics: 0,
    badPayloads: 0,
    badRetained: 0,
    connects: 0,
    losses: 0,
  };
}
