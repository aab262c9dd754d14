import { type IClientOptions, type IConnackPacket, MqttClient, UniqueMessageIdProvider } from 'mqtt';
import { addressOf } from './address.ts';
import { createBackoff } from './backoff.ts';
import { type CredentialFiles, type Credentials, readCredentials } from './credentials.ts';
import { emptyStore } from './empty-store.ts';
import { explain, type LinkFailure } from './failure.ts';
import type { Log } from './log.ts';
import {
  defaultOutboxLimits,
  Outbox,
  type OutboxClass,
  type OutboxCounters,
  type OutboxEntry,
  type OutboxLimits,
} from './outbox.ts';
import { createPace } from './pace.ts';
import { openStream } from './stream.ts';
import type { Topics } from './topics.ts';

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

export type LinkCounters = OutboxCounters & {
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
  const { shown, secure } = address;
  const credentialsNow = (): Credentials => (secure ? readCredentials(access, setting.nodeId) : {});
  credentialsNow();
  const { log, windowMax = 20, payloadBytesMax = 1_048_576, stableMs = 60_000 } = setting;
  const { monotonicMs = () => performance.now(), wallMs = Date.now, random = Math.random } = setting;
  const { protocolVersion } = access;
  const packetBytesMax = payloadBytesMax * 4 + 1_024;
  const { reconnectMsMin: minMs = 1_000, reconnectMsMax: maxMs = 60_000 } = access;
  const backoff = createBackoff({ minMs, maxMs, random });
  const outbox = new Outbox({ ...defaultOutboxLimits, ...setting.outbox });
  const pace = createPace(setting.receivedPerSecondMax ?? 4_000);
  const rawTopics = new Set<string>();
  const counts = {
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

  let client: MqttClient | undefined;
  let up = false;
  let sinceMs = wallMs();
  let problem: LinkFailure | undefined;
  let stable = false;
  let closed = false;
  let window = windowMax;
  let poisoned = false;
  let retryTimer: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;
  let pauseTimer: NodeJS.Timeout | undefined;

  // A fresh client for every attempt: nothing of the library's own queues outlives a connection.
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
    const stream = () => openStream(address, { credentials, packetBytesMax });
    const mine = new MqttClient(stream, settings());
    poisoned = false;
    client = mine;
    // The last word of a broker of MQTT 5 says more than the socket's end that follows it.
    let word: unknown;
    mine.on('disconnect', ({ reasonCode }) => {
      if (reasonCode) word = { code: reasonCode, message: 'the broker has ended the connection' };
    });
    mine.on('connect', (connack) => subscribe(mine, connack));
    mine.on('message', (topic, payload, { retain }) => {
      if (mine === client) receive(topic, payload, retain);
    });
    mine.handleMessage = ({ payload }, done) => {
      const waitMs = pace(payload.length, monotonicMs());
      if (waitMs === 0) return done();
      counts.paused += 1;
      pauseTimer = setTimeout(done, Math.min(waitMs, pauseMsMax));
    };
    mine.on('error', (error) => {
      poisoned ||= 'code' in error && (error.code as unknown) === 'PACKET_TOO_LARGE';
      lose(mine, word ?? error);
    });
    mine.on('close', () => lose(mine, word));
  }

  function settings(): IClientOptions {
    const { username, password } = address;
    const properties = {
      sessionExpiryInterval: setting.sessionSeconds ?? 3_600,
      maximumPacketSize: packetBytesMax,
      receiveMaximum: receiveWindow,
    };
    return {
      clientId,
      protocolVersion,
      clean: poisoned || setting.sessionSeconds === 0,
      keepalive: setting.keepaliveSeconds ?? 20,
      // Otherwise our own publishes put off the ping that finds a frozen broker.
      reschedulePings: false,
      connectTimeout: setting.connectTimeoutMs ?? 10_000,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      messageIdProvider: new UniqueMessageIdProvider(),
      // Otherwise 65,536 buffers of two bytes are made ahead, one for each number there is: 7 MB.
      writeCache: false,
      outgoingStore: emptyStore(),
      incomingStore: emptyStore(),
      ...(protocolVersion === 5 ? { properties } : {}),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
  }

  // Always, not only where the session is gone: the listeners may have changed since it was made.
  function subscribe(mine: MqttClient, connack: IConnackPacket): void {
    if (mine !== client) return;
    const allowed = connack.properties?.receiveMaximum ?? windowMax;
    window = Math.max(1, Math.min(windowMax, allowed));
    const filters = Object.fromEntries([
      ...topics.subscriptions.map((topic) => [topic, { qos: 1 as const, ...messagesOnly }]),
      ...[...rawTopics].map((topic) => [topic, { qos: 1 as const }]),
    ]);
    mine.subscribe(filters, (error, granted) => {
      if (mine !== client || closed) return;
      const refused = granted?.find(({ qos }) => qos >= 128);
      if (error) lose(mine, error);
      else if (refused !== undefined)
        lose(mine, { code: refused.qos, message: `may not listen to ${refused.topic}` });
      else rise(connack.sessionPresent);
    });
  }

  // The broker need not send us what we published, nor what was retained where nothing is to be.
  const messagesOnly = protocolVersion === 5 ? { nl: true, rh: 2 as const } : {};

  function rise(sessionPresent: boolean): void {
    up = true;
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
  }

  function lose(mine: MqttClient, error?: unknown): void {
    if (mine !== client) return;
    client = undefined;
    clearTimeout(stableTimer);
    clearTimeout(pauseTimer);
    outbox.returnInFlight();
    discard(mine);
    const wasUp = up;
    up = false;
    if (wasUp) {
      counts.losses += 1;
      sinceMs = wallMs();
    }
    if (!closed) retry(explain(error, address, wasUp ? (stable ? 'stable' : 'up') : 'down'), wasUp);
    events.settled();
    if (wasUp) events.down();
  }

  function retry(failure: LinkFailure, wasUp: boolean): void {
    const waitMs = backoff.nextMs();
    problem = failure;
    const event = wasUp ? 'mqtt-lost' : 'mqtt-unreachable';
    log({ event, host: address.host, port: address.port, ...failure, waitMs });
    retryTimer = setTimeout(attempt, waitMs);
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
    while (up && client !== undefined && outbox.inFlight < window) {
      const entry = outbox.take(monotonicMs());
      if (entry === undefined) break;
      if (entry.sent > 1) counts.republished += 1;
      send(client, entry);
    }
    events.settled();
  }

  function send(mine: MqttClient, entry: OutboxEntry): void {
    const expirySeconds = Math.max(1, Math.ceil((entry.expiresMs - monotonicMs()) / 1_000));
    const retain = entry.kind === 'retained';
    const properties =
      protocolVersion === 5 && !retain ? { messageExpiryInterval: expirySeconds } : undefined;
    const publishing = { qos: 1 as const, retain, ...(properties ? { properties } : {}) };
    mine.publish(entry.topic, entry.payload, publishing, (error) => {
      if (mine !== client) return;
      if (error) {
        // Without a reason code it is the connection that failed: its loss returns the entry to the outbox.
        if (!('code' in error) || typeof error.code !== 'number') return;
        counts.refused += 1;
        log({ event: 'mqtt-publish-refused', topic: entry.topic, reasonCode: error.code });
      } else {
        counts.acknowledged += 1;
      }
      outbox.settle(entry);
      pump();
    });
  }

  attempt();
  return {
    get status() {
      return {
        url: shown,
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
      const mine = client;
      if (up && mine !== undefined)
        mine.subscribe(topic, { qos: 1 }, (error) => {
          if (error) lose(mine, error);
        });
    },
    leave(topic) {
      rawTopics.delete(topic);
      if (up) client?.unsubscribe(topic);
    },
    async close(timeoutMs) {
      closed = true;
      clearTimeout(retryTimer);
      const mine = client;
      if (mine === undefined) return;
      if (up) await within(timeoutMs, (done) => mine.end(false, {}, () => done()));
      lose(mine);
    },
  };
}

/** Messages that a broker of MQTT 5 may have on the way to us, unacknowledged. */
const receiveWindow = 256;

/** Resolves when `start`'s callback is called, or after the time, whichever is first. */
export function within(timeoutMs: number, start: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    start(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

// The library may still report errors of a connection that is over for us; they say nothing new.
function discard(client: MqttClient): void {
  client.removeAllListeners('message');
  client.on('error', () => undefined);
  client.end(true);
  // A goodbye under way makes that do nothing: one that waits for a frozen broker would keep the socket, and the process.
  client.stream.destroy();
}
