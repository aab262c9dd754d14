import type { CredentialFiles } from './credentials.ts';
import type { Log } from './log.ts';
import type { OutboxClass, OutboxLimits } from './outbox.ts';

/** How to reach one broker. */
export type BrokerAccess = CredentialFiles & {
  /** `mqtt://host:port` or `mqtts://host:port`, where needed with `user:password@` before the host. */
  readonly url: string;
  /** 4 is MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5;
  /** Waiting time between attempts: up to so long after the first failure, doubling up to the greatest. */
  readonly reconnectMsMin?: number;
  readonly reconnectMsMax?: number;
};

/** What holds for every broker alike. */
export type LinkSetting = {
  readonly nodeId: string;
  readonly log: Log;
  /** How long the broker keeps our session while we are away (MQTT 5). 0: no session at all, in both versions. */
  readonly sessionSeconds?: number;
  readonly keepaliveSeconds?: number;
  readonly connectTimeoutMs?: number;
  /** A connection that lasted this long resets the waiting time. */
  readonly stableMs?: number;
  /** Unacknowledged publishes at once; the broker may allow less. */
  readonly windowMax?: number;
  readonly payloadBytesMax?: number;
  /** Taken from one broker; more waits with it. */
  readonly receivedPerSecondMax?: number;
  readonly outbox?: Partial<Record<OutboxClass, OutboxLimits>>;
  /** Uniform in [0, 1): the jitter of the waiting time. */
  readonly random?: () => number;
  readonly monotonicMs?: () => number;
  /** UTC, for those who read the status. */
  readonly wallMs?: () => number;
};
