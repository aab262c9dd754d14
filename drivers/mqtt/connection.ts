import { type IClientOptions, type IConnackPacket, MqttClient, UniqueMessageIdProvider } from 'mqtt';
import type { Address } from './address.ts';
import type { Credentials } from './credentials.ts';
import { emptyStore } from './empty-store.ts';
import type { LinkSetting } from './link-setting.ts';
import type { OutboxEntry } from './outbox.ts';
import { openStream } from './stream.ts';
import { within } from './within.ts';

export type ConnectionOptions = {
  readonly address: Address;
  readonly credentials: Credentials;
  readonly clientId: string;
  readonly protocolVersion: 4 | 5;
  readonly packetBytesMax: number;
  readonly setting: Pick<LinkSetting, 'sessionSeconds' | 'keepaliveSeconds' | 'connectTimeoutMs'>;
  /** Begins without what the broker may have kept for us. */
  readonly clean: boolean;
  /** Ours: nothing retained, nothing of our own. */
  readonly subscriptions: readonly string[];
  /** Taken as they are, with what is retained there. May change until the connection is up. */
  readonly rawTopics: ReadonlySet<string>;
};

/** Nothing is told after `over`, which comes once. */
export type ConnectionEvents = {
  /** We are in, and the broker listens for us. `receiveMax`: unacknowledged publishes that it takes; undefined: its own affair. */
  up(session: { readonly sessionPresent: boolean; readonly receiveMax: number | undefined }): void;
  /** How long to read nothing after a message of so many bytes. */
  pauseMs(payloadBytes: number): number;
  message(topic: string, payload: Buffer, retained: boolean): void;
  /**
   * `error` undefined: closed without a word, or by us. `poisoned`: the broker sent more than is read at once, and would
   * send it again with the session that it keeps.
   */
  over(end: { readonly error: unknown; readonly poisoned: boolean }): void;
};

export type Connection = {
  /** QoS 1. `answered` with a reason code where the broker refuses it; never once the connection is over. */
  publish(entry: OutboxEntry, expirySeconds: number, answered: (reasonCode?: number) => void): void;
  listen(topic: string): void;
  leave(topic: string): void;
  /** Ends it, after a goodbye that is waited for at most so long where it is up. Never rejects. */
  close(timeoutMs: number): Promise<void>;
};

/** Messages that a broker of MQTT 5 may have on the way to us, unacknowledged. */
const receiveWindow = 256;

/**
 * One connection to one broker, from its first byte to its end: the only file that knows the client library. A fresh
 * client for each, so that nothing of the library's own queues outlives a connection.
 */
export function openConnection(options: ConnectionOptions, events: ConnectionEvents): Connection {
  const { address, credentials, protocolVersion, packetBytesMax } = options;
  const client = new MqttClient(
    () => openStream(address, { credentials, packetBytesMax }),
    clientOptions(options),
  );
  let up = false;
  let closing = false;
  let over = false;
  let poisoned = false;
  let pauseTimer: NodeJS.Timeout | undefined;
  // The last word of a broker of MQTT 5 says more than the socket's end that follows it.
  let word: unknown;

  client.on('disconnect', ({ reasonCode }) => {
    if (reasonCode) word = { code: reasonCode, message: 'the broker has ended the connection' };
  });
  client.on('connect', subscribe);
  client.on('message', (topic, payload, { retain }) => {
    if (!over) events.message(topic, payload, retain);
  });
  client.handleMessage = ({ payload }, done) => {
    const waitMs = events.pauseMs(payload.length);
    if (waitMs === 0) return done();
    pauseTimer = setTimeout(done, waitMs);
  };
  client.on('error', (error) => {
    poisoned ||= 'code' in error && (error.code as unknown) === 'PACKET_TOO_LARGE';
    end(word ?? error);
  });
  client.on('close', () => end(word));

  // Always, not only where the session is gone: the listeners may have changed since it was made.
  function subscribe({ sessionPresent, properties }: IConnackPacket): void {
    if (over) return;
    // The broker need not send us what we published, nor what was retained where nothing is to be.
    const messagesOnly = protocolVersion === 5 ? { nl: true, rh: 2 as const } : {};
    const filters = Object.fromEntries([
      ...options.subscriptions.map((topic) => [topic, { qos: 1 as const, ...messagesOnly }]),
      ...[...options.rawTopics].map((topic) => [topic, { qos: 1 as const }]),
    ]);
    client.subscribe(filters, (error, granted) => {
      if (over || closing) return;
      const refused = granted?.find(({ qos }) => qos >= 128);
      if (error) return end(error);
      if (refused !== undefined)
        return end({ code: refused.qos, message: `may not listen to ${refused.topic}` });
      up = true;
      events.up({ sessionPresent, receiveMax: properties?.receiveMaximum });
    });
  }

  function end(error?: unknown): void {
    if (over) return;
    over = true;
    clearTimeout(pauseTimer);
    discard(client);
    events.over({ error, poisoned });
  }

  return {
    publish({ kind, topic, payload }, expirySeconds, answered) {
      const retain = kind === 'retained';
      const properties =
        protocolVersion === 5 && !retain ? { messageExpiryInterval: expirySeconds } : undefined;
      const publishing = { qos: 1 as const, retain, ...(properties ? { properties } : {}) };
      client.publish(topic, payload, publishing, (error) => {
        if (over) return;
        if (!error) return answered();
        // Without a reason code it is the connection that failed: its end says so.
        if ('code' in error && typeof error.code === 'number') answered(error.code);
      });
    },
    listen(topic) {
      client.subscribe(topic, { qos: 1 }, (error) => {
        if (error) end(error);
      });
    },
    leave(topic) {
      client.unsubscribe(topic);
    },
    async close(timeoutMs) {
      closing = true;
      if (up) await within(timeoutMs, (done) => client.end(false, {}, () => done()));
      end();
    },
  };
}

function clientOptions(options: ConnectionOptions): IClientOptions {
  const { clientId, protocolVersion, clean, packetBytesMax } = options;
  const { username, password } = options.address;
  const { sessionSeconds, keepaliveSeconds, connectTimeoutMs } = options.setting;
  const properties = {
    sessionExpiryInterval: sessionSeconds ?? 3_600,
    maximumPacketSize: packetBytesMax,
    receiveMaximum: receiveWindow,
  };
  return {
    clientId,
    protocolVersion,
    clean: clean || sessionSeconds === 0,
    keepalive: keepaliveSeconds ?? 20,
    // Otherwise our own publishes put off the ping that finds a frozen broker.
    reschedulePings: false,
    connectTimeout: connectTimeoutMs ?? 10_000,
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

// The library may still report errors of a connection that is over for us; they say nothing new.
function discard(client: MqttClient): void {
  client.removeAllListeners('message');
  client.on('error', () => undefined);
  client.end(true);
  // A goodbye under way makes that do nothing: one that waits for a frozen broker would keep the socket, and the process.
  client.stream.destroy();
}
