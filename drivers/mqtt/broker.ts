import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { DriversError } from '../errors.ts';
import { BoundedPackets } from './bounded-packets.ts';
import type { Log } from './log.ts';

export type BrokerOptions = {
  /** 0 takes a free port. */
  readonly port: number;
  readonly host?: string;
  readonly packetBytesMax?: number;
  readonly connectionsMax?: number;
  /** Messages kept for one client that is away; the newest beyond it are dropped and counted. */
  readonly offlineMessagesMax?: number;
  readonly log?: Log;
};

export type Broker = {
  readonly url: string;
  readonly port: number;
  readonly counters: Readonly<{ clientErrors: number; droppedOffline: number }>;
  stop(): Promise<void>;
};

/**
 * The embedded broker of a neighbourhood on one computer: aedes, MQTT 3.1.1 only, in memory. In the field
 * a Mosquitto or EMQX takes its place. Rejects with DRIVERS_PORT_IN_USE, else DRIVERS_BROKER_UNREACHABLE.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { port, host = '127.0.0.1', packetBytesMax = 1_310_720, connectionsMax = 1_024 } = options;
  const counters = { clientErrors: 0, droppedOffline: 0 };
  const broker = new Aedes({ connectTimeout: 10_000, drainTimeout: 30_000 });
  await broker.listen();
  boundOfflineQueues(broker, options.offlineMessagesMax ?? 2_000, counters);
  const countError = (_client: unknown, error: Error) => {
    counters.clientErrors += 1;
    options.log?.({ event: 'broker-client-error', reason: error.message });
  };
  broker.on('clientError', countError);
  broker.on('connectionError', countError);

  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    broker.handle(new BoundedPackets(socket, packetBytesMax));
  });
  server.maxConnections = connectionsMax;
  try {
    await listening(server, port, host);
  } catch (error) {
    await new Promise<void>((resolve) => broker.close(resolve));
    throw error;
  }
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `mqtt://${host}:${boundPort}`,
    port: boundPort,
    counters,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const code = inUse ? 'DRIVERS_PORT_IN_USE' : 'DRIVERS_BROKER_UNREACHABLE';
      const reason = inUse ? 'is in use' : `cannot be listened on (${cause.code ?? cause.message})`;
      reject(new DriversError(code, `Port ${port} of ${host} ${reason}.`, { host, port }, { cause }));
    });
    server.listen(port, host, resolve);
  });
}

type Subscriber = { readonly clientId: string };
type Queueing = { outgoingEnqueueCombi(subscribers: Subscriber[], packet: unknown): Promise<void> };

/**
 * aedes' memory store keeps every message for a client with a session that is away, without a bound. Its
 * type does not name the store, hence the cast; the method is the one its persistence modules document.
 */
function boundOfflineQueues(broker: Aedes, messagesMax: number, counters: { droppedOffline: number }): void {
  const { persistence, clients } = broker as unknown as {
    persistence: Queueing;
    clients: Record<string, unknown>;
  };
  const enqueue = persistence.outgoingEnqueueCombi.bind(persistence);
  const waiting = new Map<string, number>();
  broker.on('clientReady', (client) => waiting.delete(client.id));
  persistence.outgoingEnqueueCombi = (subscribers, packet) => {
    const kept = subscribers.filter(({ clientId }) => {
      if (clients[clientId] !== undefined) return true;
      const count = waiting.get(clientId) ?? 0;
      if (count >= messagesMax) {
        counters.droppedOffline += 1;
        return false;
      }
      waiting.set(clientId, count + 1);
      return true;
    });
    return enqueue(kept, packet);
  };
}
