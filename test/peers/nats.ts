import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, freePort } from './processes.ts';

export type NatsCluster = {
  /** The first server's address of MQTT. */
  readonly url: string;
  /** One address for all of them, as of a load balancer: leads to the first that answers. */
  readonly front: { readonly url: string };
  /** SIGKILL to one server; the others go on. */
  kill(index: number): Promise<void>;
  start(index: number): Promise<void>;
  stop(): Promise<void>;
};

const SERVERS = 3;

/**
 * Three NATS servers on the loopback as one broker of MQTT 3.1.1: sessions and messages are kept on all three
 * (JetStream, Raft), so that any one may be killed.
 */
export async function startNatsCluster(): Promise<NatsCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'nats-'));
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, async (_, index) => ({
      config: join(folder, `${index}.conf`),
      ports: {
        mqtt: await freePort(),
        route: await freePort(),
        client: await freePort(),
        health: await freePort(),
      },
    })),
  );
  const routes = servers.map(({ ports }) => `"nats://127.0.0.1:${ports.route}"`).join(', ');
  for (const [index, { config, ports }] of servers.entries()) {
    const lines = [
      `server_name: server-${index}`,
      `listen: "127.0.0.1:${ports.client}"`,
      `http: "127.0.0.1:${ports.health}"`,
      // A little more than the largest message: its topic and its frame.
      'max_payload: 2MB',
      `jetstream { store_dir: "${join(folder, `store-${index}`)}", max_mem: 128M, max_file: 512M }`,
      `cluster { name: street, listen: "127.0.0.1:${ports.route}", routes: [${routes}] }`,
      `mqtt { listen: "127.0.0.1:${ports.mqtt}", max_ack_pending: 1000, ack_wait: "5s" }`,
    ];
    await writeFile(config, `${lines.join('\n')}\n`);
  }
  const children: ChildProcess[] = [];
  const begin = (index: number) => {
    const { config } = servers[index]!;
    children[index] = spawn('nats-server', ['-c', config], { stdio: 'ignore' });
  };
  const healthy = (index: number) => untilHealthy(servers[index]!.ports.health);
  const stopServers = async () => {
    await Promise.all(children.map((child) => end(child)));
    await rm(folder, { recursive: true, force: true });
  };
  for (const index of servers.keys()) begin(index);
  await Promise.all([...servers.keys()].map(healthy)).catch(async (error: unknown) => {
    await stopServers();
    throw error;
  });
  const front = await startFront(servers.map(({ ports }) => ports.mqtt));
  return {
    url: `mqtt://127.0.0.1:${servers[0]!.ports.mqtt}`,
    front,
    kill: (index) => end(children[index]!),
    start: async (index) => {
      begin(index);
      await healthy(index);
    },
    stop: async () => {
      await front.stop();
      await stopServers();
    },
  };
}

/** A server is healthy once its cluster has a leader and it has caught up with it. */
async function untilHealthy(port: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The NATS server with health port ${port} does not come up.`);
}

async function startFront(ports: readonly number[]) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    const lead = ([port, ...others]: readonly number[]): void => {
      if (port === undefined) {
        client.destroy();
        return;
      }
      const socket = connect({ port, host: '127.0.0.1' });
      let reached = false;
      socket.once('connect', () => {
        reached = true;
        client.pipe(socket).pipe(client);
        client.once('close', () => socket.destroy());
      });
      socket.on('error', () => undefined);
      socket.once('close', () => (reached ? client.destroy() : lead(others)));
    };
    lead(ports);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
