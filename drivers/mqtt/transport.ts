import { DriversError } from '../errors.ts';
import { type Link, openLink } from './link.ts';
import type { BrokerAccess, LinkSetting } from './link-setting.ts';
import type { BrokerStatus, LinkCounters } from './link-status.ts';
import type { OutboxClass } from './outbox.ts';
import { type Channel, requireId, requireRawTopic, topicsOf } from './topics.ts';
import { within } from './within.ts';

export type MqttOptions = LinkSetting & {
  /** One to three, each by itself: never bridge them to each other, or a lie told to one is told by all. */
  readonly brokers: readonly BrokerAccess[];
  /** The same at every start: the brokers keep the session under it. */
  readonly clientId: string;
  readonly network: string;
};

export type IncomingMessage = {
  readonly channel: Channel;
  readonly from: string;
  readonly payload: Uint8Array;
  /** The broker that brought it: its place in the options. */
  readonly via: number;
};

export type MqttTransport = {
  /** To one broker at least. */
  readonly connected: boolean;
  /** Sums over the brokers: what is published to two of them counts twice. */
  readonly counters: Readonly<LinkCounters>;
  /** Of the broker that has acknowledged most: messages accepted and not yet acknowledged there. */
  readonly pending: number;
  /** In the order of the options. */
  readonly brokers: readonly BrokerStatus[];
  /** To all brokers; takes a copy of the payload. False: none of them takes it, it is dropped there and counted. */
  publish(message: { channel: Channel; to?: string; payload: Uint8Array }): boolean;
  /**
   * What others sent; own messages are left out. A message comes once from every broker that passes it on, and may come
   * more often: what is a copy only those can say who have verified the first.
   */
  onMessage(listener: (message: IncomingMessage) => void): () => void;
  /** True whenever a broker is reached, also beside others: something may have been missed. False: none is left. */
  onConnection(listener: (up: boolean) => void): () => void;
  /** A raw retained message, such as the simulated clock; a newer one replaces one still waiting. */
  publishRetained(topic: string, payload: Uint8Array): boolean;
  /** Listens to one raw topic at all brokers; what is retained there comes first, from each. */
  onTopic(topic: string, listener: (payload: Uint8Array) => void): () => void;
  /** Waits at most `timeoutMs` (2000) until one broker has acknowledged all, says goodbye, and closes. Never rejects. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
};

const brokersMax = 3;
const rawTopicsMax = 64;
const goodbyeMs = 500;

/**
 * Joins a network over one to three brokers at once: everything is published to all and heard from all, so that any one
 * of them may vanish, freeze or lie without a message being lost. Returns at once and keeps trying to connect.
 * Throws DRIVERS_BAD_TOPIC on names that cannot stand in a topic, DRIVERS_BAD_REQUEST on an address that is none and
 * DRIVERS_BAD_CREDENTIALS on files of TLS that will not do.
 */
export function connectMqtt(options: MqttOptions): MqttTransport {
  const topics = topicsOf(options.network, options.nodeId);
  requireId('clientId', options.clientId);
  const { brokers } = options;
  if (brokers.length < 1 || brokers.length > brokersMax)
    throw new DriversError('DRIVERS_BAD_REQUEST', `One to ${brokersMax} brokers, not ${brokers.length}.`);
  const messageListeners = new Set<(message: IncomingMessage) => void>();
  const connectionListeners = new Set<(up: boolean) => void>();
  const rawListeners = new Map<string, Set<(payload: Uint8Array) => void>>();
  let stopped = false;
  let drained: (() => void) | undefined;

  const links: Link[] = [];
  const connected = () => links.some((link) => link.connected);
  const pending = () =>
    links.reduce((least, link) => Math.min(least, link.pending), Number.POSITIVE_INFINITY);

  const hear = (via: number, topic: string, payload: Buffer) => {
    const raw = rawListeners.get(topic);
    const parsed = raw === undefined ? topics.parse(topic) : undefined;
    for (const listener of raw ?? []) listener(payload);
    if (parsed !== undefined) for (const listener of messageListeners) listener({ ...parsed, payload, via });
  };

  try {
    for (const [via, access] of brokers.entries())
      links.push(
        openLink(access, {
          // Two addresses may lead into one cluster, which lets one client of a name in.
          clientId: via === 0 ? options.clientId : `${options.clientId}-${via + 1}`,
          topics,
          setting: options,
          events: {
            message: (topic, payload) => hear(via, topic, payload),
            up: () => tell(connectionListeners, true),
            down: () => !connected() && tell(connectionListeners, false),
            settled: () => pending() === 0 && drained?.(),
          },
        }),
      );
  } catch (error) {
    for (const link of links) void link.close(0);
    throw error;
  }

  const offer = (kind: OutboxClass, topic: string, payload: Uint8Array): boolean => {
    if (stopped) return false;
    // One copy serves all outboxes.
    const copy = Buffer.from(payload);
    return links.map((link) => link.offer(kind, topic, copy)).includes(true);
  };

  return {
    get connected() {
      return connected();
    },
    get counters() {
      return sumOf(links.map((link) => link.counters));
    },
    get pending() {
      return pending();
    },
    get brokers() {
      return links.map((link) => link.status);
    },
    publish: (message) => offer(message.channel, topics.of(message), message.payload),
    onMessage: (listener) => listening(messageListeners, listener),
    onConnection: (listener) => listening(connectionListeners, listener),
    publishRetained: (topic, payload) => {
      requireRawTopic(topic);
      return offer('retained', topic, payload);
    },
    onTopic: (topic, listener) => {
      requireRawTopic(topic);
      const listeners = rawListeners.get(topic) ?? new Set();
      if (listeners.size === 0 && rawListeners.size >= rawTopicsMax)
        throw new DriversError('DRIVERS_QUEUE_FULL', `No more than ${rawTopicsMax} raw topics.`, { topic });
      listeners.add(listener);
      rawListeners.set(topic, listeners);
      for (const link of links) link.listen(topic);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || rawListeners.get(topic) !== listeners) return;
        rawListeners.delete(topic);
        for (const link of links) link.leave(topic);
      };
    },
    async stop({ timeoutMs = 2_000 } = {}) {
      if (stopped) return;
      if (connected() && pending() > 0)
        await within(timeoutMs, (done) => {
          drained = done;
        });
      stopped = true;
      await Promise.all(links.map((link) => link.close(Math.min(timeoutMs, goodbyeMs))));
    },
  };
}

function tell(listeners: ReadonlySet<(up: boolean) => void>, up: boolean): void {
  for (const listener of listeners) listener(up);
}

function listening<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function sumOf(all: readonly LinkCounters[]): LinkCounters {
  const [first, ...rest] = all as [LinkCounters, ...LinkCounters[]];
  const sum = { ...first };
  for (const counters of rest)
    for (const name of Object.keys(sum) as (keyof LinkCounters)[]) sum[name] += counters[name];
  return sum;
}
