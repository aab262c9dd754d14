import { addressOf } from './address.ts';
import { createBackoff } from './backoff.ts';
import { type Connection, type ConnectionEvents, openConnection } from './connection.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { explain, type LinkFailure } from './failure.ts';
import type { BrokerAccess, LinkSetting } from './link-setting.ts';
import { type BrokerStatus, type LinkCounters, noCounts } from './link-status.ts';
import { defaultOutboxLimits, Outbox, type OutboxClass, type OutboxEntry } from './outbox.ts';
import { createPace } from './pace.ts';
import type { Topics } from './topics.ts';

/** What a link tells its transport. */
export type LinkEvents = {
  message(topic: string, payload: Buffer): void;
  up(): void;
  down(): void;
  /** Something was acknowledged, dropped or returned: `pending` may have changed. */
  settled(): void;
};

export type Link = {
  readonly status: BrokerStatus;
  readonly connected: boolean;
  readonly pending: number;
  readonly counters: LinkCounters;
  /** Keeps the payload. False: outbox full or payload too large; dropped and counted. */
  offer(kind: OutboxClass, topic: string, payload: Buffer): boolean;
  /** Asked again although it listens already, it makes the broker repeat what is retained there. */
  listen(topic: string): void;
  leave(topic: string): void;
  /** Says goodbye, waiting at most so long for it. Never rejects. */
  close(timeoutMs: number): Promise<void>;
};

/** The longest pause of reading at a time, so that the answers to our pings are read in between. */
const pauseMsMax = 250;

/**
 * One broker: QoS 1, own outbox, own reconnecting. Returns at once and keeps trying to connect, so the broker may come
 * later. Throws DRIVERS_BAD_REQUEST on an address that is none and DRIVERS_BAD_CREDENTIALS on files that will not do.
 */
export function openLink(
  access: BrokerAccess,
  {
    clientId,
    topics,
    setting,
    events,
  }: { clientId: string; topics: Topics; setting: LinkSetting; events: LinkEvents },
): Link {
  const address = addressOf(access.url);
  const credentialsNow = (): Credentials => (address.secure ? readCredentials(access, setting.nodeId) : {});
  credentialsNow();
  const { log, windowMax = 20, payloadBytesMax = 1_048_576, stableMs = 60_000 } = setting;
  const { monotonicMs = () => performance.now(), wallMs = Date.now, random = Math.random } = setting;
  const { protocolVersion, reconnectMsMin: minMs = 1_000, reconnectMsMax: maxMs = 60_000 } = access;
  const backoff = createBackoff({ minMs, maxMs, random });
  const outbox = new Outbox({ ...defaultOutboxLimits, ...setting.outbox });
  const pace = createPace(setting.receivedPerSecondMax ?? 4_000);
  const rawTopics = new Set<string>();
  const counts = noCounts();

  let connection: Connection | undefined;
  let up = false;
  let sinceMs = wallMs();
  let problem: LinkFailure | undefined;
  let stable = false;
  let closed = false;
  let poisoned = false;
  let window = windowMax;
  let retryTimer: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;

  function attempt(): void {
    // What has expired meanwhile is not kept in memory for a broker that stays away.
    outbox.expire(monotonicMs());
    let credentials: Credentials;
    try {
      credentials = credentialsNow();
    } catch (error) {
      retry(explain(error, address, 'down'), false);
      return;
    }
    connection = openConnection(
      {
        ...{ address, credentials, clientId, protocolVersion, rawTopics, setting },
        packetBytesMax: payloadBytesMax * 4 + 1_024,
        clean: poisoned,
        subscriptions: topics.subscriptions,
      },
      { up: rise, message: receive, pauseMs, over: lose },
    );
  }

  const rise: ConnectionEvents['up'] = ({ sessionPresent, receiveMax = windowMax }) => {
    up = true;
    window = Math.max(1, Math.min(windowMax, receiveMax));
    sinceMs = wallMs();
    problem = undefined;
    counts.connects += 1;
    stable = false;
    stableTimer = setTimeout(() => {
      stable = true;
      backoff.reset();
    }, stableMs);
    log({ event: 'mqtt-up', host: address.host, port: address.port, sessionPresent });
    events.up();
    pump();
  };

  const lose: ConnectionEvents['over'] = (end) => {
    connection = undefined;
    poisoned = end.poisoned;
    clearTimeout(stableTimer);
    outbox.returnInFlight();
    const wasUp = up;
    up = false;
    if (wasUp) {
      counts.losses += 1;
      sinceMs = wallMs();
    }
    if (!closed) retry(explain(end.error, address, wasUp ? (stable ? 'stable' : 'up') : 'down'), wasUp);
    events.settled();
    if (wasUp) events.down();
  };

  function retry(failure: LinkFailure, wasUp: boolean): void {
    const waitMs = backoff.nextMs();
    problem = failure;
    const event = wasUp ? 'mqtt-lost' : 'mqtt-unreachable';
    log({ event, host: address.host, port: address.port, ...failure, waitMs });
    retryTimer = setTimeout(attempt, waitMs);
  }

  function pauseMs(payloadBytes: number): number {
    const waitMs = pace(payloadBytes, monotonicMs());
    if (waitMs > 0) counts.paused += 1;
    return Math.min(waitMs, pauseMsMax);
  }

  function receive(topic: string, payload: Buffer, retained: boolean): void {
    if (payload.length > payloadBytesMax) counts.badPayloads += 1;
    else if (rawTopics.has(topic)) events.message(topic, payload);
    else if (topics.parse(topic) === undefined) counts.badTopics += 1;
    else if (payload.length === 0) counts.badPayloads += 1;
    else if (retained) counts.badRetained += 1;
    else if (topics.parse(topic)?.from !== setting.nodeId) {
      counts.received += 1;
      events.message(topic, payload);
    }
  }

  function pump(): void {
    while (up && connection !== undefined && outbox.inFlight < window) {
      const entry = outbox.take(monotonicMs());
      if (entry === undefined) break;
      if (entry.sent > 1) counts.republished += 1;
      send(connection, entry);
    }
    events.settled();
  }

  function send(via: Connection, entry: OutboxEntry): void {
    const expirySeconds = Math.max(1, Math.ceil((entry.expiresMs - monotonicMs()) / 1_000));
    via.publish(entry, expirySeconds, (reasonCode) => {
      if (reasonCode === undefined) {
        counts.acknowledged += 1;
      } else {
        counts.refused += 1;
        log({ event: 'mqtt-publish-refused', topic: entry.topic, reasonCode });
      }
      outbox.settle(entry);
      pump();
    });
  }

  attempt();
  return {
    get status() {
      return {
        url: address.shown,
        connected: up,
        sinceMs,
        ...(problem !== undefined && { problem }),
        pending: outbox.inFlight + outbox.waiting,
        pendingBytes: outbox.bytes,
        counters: { ...counts, ...outbox.counters },
      };
    },
    get connected() {
      return up;
    },
    get pending() {
      return outbox.inFlight + outbox.waiting;
    },
    get counters() {
      return { ...counts, ...outbox.counters };
    },
    offer(kind, topic, payload) {
      if (closed) return false;
      if (payload.length > payloadBytesMax) {
        outbox.counters.dropped += 1;
        return false;
      }
      const accepted = outbox.offer(kind, topic, payload, monotonicMs());
      if (accepted) counts.accepted += 1;
      pump();
      return accepted;
    },
    listen(topic) {
      rawTopics.add(topic);
      if (up) connection?.listen(topic);
    },
    leave(topic) {
      rawTopics.delete(topic);
      if (up) connection?.leave(topic);
    },
    async close(timeoutMs) {
      closed = true;
      clearTimeout(retryTimer);
      await connection?.close(timeoutMs);
    },
  };
}
