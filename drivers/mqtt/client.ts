import { connect as connectTcp } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';
import { type IClientOptions, type IConnackPacket, MqttClient, UniqueMessageIdProvider } from 'mqtt';
import { DriversError } from '../errors.ts';
import { createBackoff } from './backoff.ts';
import { BoundedPackets } from './bounded-packets.ts';
import { emptyStore } from './empty-store.ts';
import type { Log } from './log.ts';
import {
  defaultOutboxLimits,
  Outbox,
  type OutboxClass,
  type OutboxCounters,
  type OutboxEntry,
  type OutboxLimits,
} from './outbox.ts';
import { type Channel, requireId, requireRawTopic, topicsOf } from './topics.ts';

export type MqttOptions = {
  /** `mqtt://host:port` or `mqtts://host:port`, where needed with `user:password@` before the host. */
  readonly url: string;
  /** The same at every start: the broker keeps the session under it. */
  readonly clientId: string;
  readonly network: string;
  readonly nodeId: string;
  readonly protocolVersion: 4 | 5;
  readonly log: Log;
  /** Those of the address unless told here. */
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** How long the broker keeps our session while we are away (MQTT 5). 0: no session at all, in both versions. */
  readonly sessionSeconds?: number;
  readonly keepaliveSeconds?: number;
  readonly connectTimeoutMs?: number;
  readonly backoffMsMin?: number;
  readonly backoffMsMax?: number;
  /** A connection that lasted this long resets the waiting time. */
  readonly stableMs?: number;
  /** Unacknowledged publishes at once; the broker may allow less. */
  readonly windowMax?: number;
  readonly payloadBytesMax?: number;
  readonly outbox?: Partial<Record<OutboxClass, OutboxLimits>>;
  /** Uniform in [0, 1): the jitter of the waiting time. */
  readonly random?: () => number;
  readonly monotonicMs?: () => number;
};

type MqttCounters = OutboxCounters & {
  accepted: number;
  acknowledged: number;
  /** Sent again after a lost connection. */
  republished: number;
  /** Answered by the broker with a reason code of failure (MQTT 5). */
  refused: number;
  received: number;
  badTopics: number;
  badPayloads: number;
  connects: number;
  losses: number;
};

type IncomingMessage = {
  readonly channel: Channel;
  readonly from: string;
  readonly payload: Uint8Array;
};

export type MqttTransport = {
  readonly connected: boolean;
  readonly counters: Readonly<MqttCounters>;
  /** Messages accepted and not yet acknowledged. */
  readonly pending: number;
  /** Takes a copy of the payload. False: outbox full or payload too large; dropped and counted. */
  publish(message: { channel: Channel; to?: string; payload: Uint8Array }): boolean;
  /** What others sent; own messages are left out. A message may come more than once. */
  onMessage(listener: (message: IncomingMessage) => void): () => void;
  onConnection(listener: (up: boolean) => void): () => void;
  /** A raw retained message, such as the simulated clock; a newer one replaces one still waiting. */
  publishRetained(topic: string, payload: Uint8Array): boolean;
  /** Listens to one raw topic; what is retained there comes first. */
  onTopic(topic: string, listener: (payload: Uint8Array) => void): () => void;
  /** Waits at most `timeoutMs` (2000) for acknowledgements, says goodbye, and closes. Never rejects. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
};

const rawTopicsMax = 64;

/**
 * One broker as a transport: QoS 1, own outbox, own reconnecting. Returns at once and keeps trying to
 * connect, so the broker may come later. Throws DRIVERS_BAD_TOPIC on names that cannot stand in a topic
 * and DRIVERS_BAD_REQUEST on an address that is none.
 */
export function connectMqtt(options: MqttOptions): MqttTransport {
  const topics = topicsOf(options.network, options.nodeId);
  requireId('clientId', options.clientId);
  const address = addressOf(options.url);
  const { username = address.username, password = address.password } = options;
  const { log, protocolVersion, windowMax = 20, payloadBytesMax = 1_048_576, stableMs = 60_000 } = options;
  const packetBytesMax = payloadBytesMax * 4 + 1_024;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const { backoffMsMin = 1_000, backoffMsMax = 60_000, random = Math.random } = options;
  const backoff = createBackoff({ minMs: backoffMsMin, maxMs: backoffMsMax, random });
  const outbox = new Outbox({ ...defaultOutboxLimits, ...options.outbox });
  const counts = {
    accepted: 0,
    acknowledged: 0,
    republished: 0,
    refused: 0,
    received: 0,
    badTopics: 0,
    badPayloads: 0,
    connects: 0,
    losses: 0,
  };
  const messageListeners = new Set<(message: IncomingMessage) => void>();
  const connectionListeners = new Set<(up: boolean) => void>();
  const rawListeners = new Map<string, Set<(payload: Uint8Array) => void>>();

  let client: MqttClient | undefined;
  let up = false;
  let stopped = false;
  let window = windowMax;
  let poisoned = false;
  let retryTimer: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;
  let settled: (() => void) | undefined;

  // A fresh client for every attempt: nothing of the library's own queues outlives a connection.
  function attempt(): void {
    const properties = {
      sessionExpiryInterval: options.sessionSeconds ?? 3_600,
      maximumPacketSize: packetBytesMax,
    };
    const settings: IClientOptions = {
      clientId: options.clientId,
      protocolVersion,
      clean: poisoned || options.sessionSeconds === 0,
      keepalive: options.keepaliveSeconds ?? 20,
      // Otherwise our own publishes put off the ping that finds a frozen broker.
      reschedulePings: false,
      connectTimeout: options.connectTimeoutMs ?? 10_000,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      messageIdProvider: new UniqueMessageIdProvider(),
      outgoingStore: emptyStore(),
      incomingStore: emptyStore(),
      ...(protocolVersion === 5 ? { properties } : {}),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
    poisoned = false;
    const mine = new MqttClient(() => openStream(address, options.tls, packetBytesMax), settings);
    client = mine;
    mine.on('connect', (connack) => subscribe(mine, connack));
    mine.on('message', (topic, payload) => {
      if (mine === client) receive(topic, payload);
    });
    mine.on('error', (error) => {
      poisoned ||= 'code' in error && (error.code as unknown) === 'PACKET_TOO_LARGE';
      lose(mine, error);
    });
    mine.on('close', () => lose(mine));
  }

  // Always, not only where the session is gone: the listeners may have changed since it was made.
  function subscribe(mine: MqttClient, connack: IConnackPacket): void {
    if (mine !== client) return;
    const allowed = connack.properties?.receiveMaximum ?? windowMax;
    window = Math.max(1, Math.min(windowMax, allowed));
    const filters = [...topics.subscriptions, ...rawListeners.keys()];
    // `nl`: the broker need not send us what we published.
    mine.subscribe(filters, { qos: 1, nl: protocolVersion === 5 }, (error) => {
      if (mine !== client || stopped) return;
      if (error) lose(mine, error);
      else rise(connack.sessionPresent);
    });
  }

  function rise(sessionPresent: boolean): void {
    up = true;
    counts.connects += 1;
    stableTimer = setTimeout(() => backoff.reset(), stableMs);
    log({ event: 'mqtt-up', host: address.host, port: address.port, sessionPresent });
    for (const listener of connectionListeners) listener(true);
    pump();
  }

  function lose(mine: MqttClient, error?: Error & { code?: string | number }): void {
    if (mine !== client) return;
    client = undefined;
    clearTimeout(stableTimer);
    outbox.returnInFlight();
    discard(mine);
    const wasUp = up;
    up = false;
    if (wasUp) counts.losses += 1;
    const waitMs = stopped ? 0 : backoff.nextMs();
    if (!stopped) {
      const reason = error?.message ? error.message : String(error?.code ?? 'closed');
      log({
        event: wasUp ? 'mqtt-lost' : 'mqtt-unreachable',
        host: address.host,
        port: address.port,
        reason,
        waitMs,
      });
      retryTimer = setTimeout(attempt, waitMs);
    }
    settled?.();
    if (wasUp) for (const listener of connectionListeners) listener(false);
  }

  function receive(topic: string, payload: Buffer): void {
    if (payload.length > payloadBytesMax) {
      counts.badPayloads += 1;
      return;
    }
    const raw = rawListeners.get(topic);
    if (raw !== undefined) {
      for (const listener of raw) listener(payload);
      return;
    }
    const parsed = topics.parse(topic);
    if (parsed === undefined) {
      counts.badTopics += 1;
    } else if (payload.length === 0) {
      counts.badPayloads += 1;
    } else if (parsed.from !== options.nodeId) {
      counts.received += 1;
      for (const listener of messageListeners) listener({ ...parsed, payload });
    }
  }

  function pump(): void {
    while (up && client !== undefined && outbox.inFlight < window) {
      const entry = outbox.take(monotonicMs());
      if (entry === undefined) break;
      if (entry.sent > 1) counts.republished += 1;
      send(client, entry);
    }
    if (outbox.inFlight === 0) settled?.();
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

  function offer(kind: OutboxClass, topic: string, payload: Uint8Array): boolean {
    if (stopped) return false;
    if (payload.length > payloadBytesMax) {
      outbox.counters.dropped += 1;
      return false;
    }
    const accepted = outbox.offer(kind, topic, payload, monotonicMs());
    if (accepted) counts.accepted += 1;
    pump();
    return accepted;
  }

  function onTopic(topic: string, listener: (payload: Uint8Array) => void): () => void {
    requireRawTopic(topic);
    const listeners = rawListeners.get(topic) ?? new Set();
    if (listeners.size === 0 && rawListeners.size >= rawTopicsMax)
      throw new DriversError('DRIVERS_QUEUE_FULL', `No more than ${rawTopicsMax} raw topics.`, { topic });
    listeners.add(listener);
    rawListeners.set(topic, listeners);
    const mine = client;
    // Asked again even if we listen already: the broker then sends what it retains to the newcomer, too.
    if (up && mine !== undefined)
      mine.subscribe(topic, { qos: 1 }, (error) => {
        if (error) lose(mine, error);
      });
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || rawListeners.get(topic) !== listeners) return;
      rawListeners.delete(topic);
      if (up) client?.unsubscribe(topic);
    };
  }

  async function stop({ timeoutMs = 2_000 }: { timeoutMs?: number } = {}): Promise<void> {
    if (stopped) return;
    if (up && outbox.inFlight + outbox.waiting > 0)
      await within(timeoutMs, (done) => {
        settled = done;
      });
    stopped = true;
    clearTimeout(retryTimer);
    const mine = client;
    if (mine === undefined) return;
    if (up) await within(Math.min(timeoutMs, 500), (done) => mine.end(false, {}, () => done()));
    lose(mine);
  }

  attempt();
  return {
    get connected() {
      return up;
    },
    get counters() {
      return { ...counts, ...outbox.counters };
    },
    get pending() {
      return outbox.inFlight + outbox.waiting;
    },
    publish: (message) => offer(message.channel, topics.of(message), message.payload),
    onMessage: (listener) => listening(messageListeners, listener),
    onConnection: (listener) => listening(connectionListeners, listener),
    publishRetained: (topic, payload) => {
      requireRawTopic(topic);
      return offer('retained', topic, payload);
    },
    onTopic,
    stop,
  };
}

function listening<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Resolves when `start`'s callback is called, or after the time, whichever is first. */
function within(timeoutMs: number, start: (done: () => void) => void): Promise<void> {
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
}

type Address = {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly username?: string;
  readonly password?: string;
};

function addressOf(given: string): Address {
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  const [username, password] = [parsed?.username, parsed?.password].map(plain);
  const malformed = username === false || password === false;
  if (
    parsed === undefined ||
    malformed ||
    !['mqtt:', 'mqtts:'].includes(parsed.protocol) ||
    parsed.hostname === ''
  ) {
    // A password in it is nobody's business who reads the message.
    const url = given.replace(/\/\/.*@/, '//***@');
    throw new DriversError('DRIVERS_BAD_REQUEST', `Not the address of a broker: "${url}".`, { url });
  }
  const secure = parsed.protocol === 'mqtts:';
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? (secure ? 8_883 : 1_883) : Number(parsed.port);
  return {
    ...{ host, secure, port },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

/** A part of an address as it was before it was made fit for one; undefined where there is none, false where it is malformed. */
function plain(part: string | undefined): string | undefined | false {
  if (part === undefined || part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    return false;
  }
}

// Nagle's algorithm costs tens of milliseconds a message here, and the library leaves it on.
function openStream(address: Address, tls: MqttOptions['tls'], packetBytesMax: number): BoundedPackets {
  const { host, port } = address;
  const socket = address.secure
    ? connectTls({ host, port, ...tls })
    : connectTcp({ host, port, noDelay: true });
  socket.setNoDelay(true);
  return new BoundedPackets(socket, packetBytesMax);
}
