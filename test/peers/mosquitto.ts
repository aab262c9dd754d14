import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerHost, shippedFolder } from './broker-guide.ts';
import { end, freePort } from './processes.ts';

export type Mosquitto = {
  readonly port: number;
  readonly url: string;
  /** Where its configuration and its state are. */
  readonly folder: string;
  pid(): number;
  /** SIGKILL, and nothing more: what it had not written is lost. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** A real Mosquitto on a free port of the loopback, writing its state at every change, as one in the field should. */
export async function startMosquitto(extraLines: readonly string[] = []): Promise<Mosquitto> {
  const [port, folder] = [await freePort(), await newFolder()];
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    'max_queued_messages 10000',
    ...extraLines,
  ];
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `${lines.join('\n')}\n`);
  return startFrom(config, { scheme: 'mqtt', port, folder });
}

/** The shipped script of the certificate authority. */
export const certificatesScript = join(shippedFolder, 'certificates.sh');

/**
 * Mosquitto as docs/brokers.md sets it up, included by Debian's own file; `broker` names the certificate it goes by.
 * `second` is the other one on the same host.
 */
export async function startShippedMosquitto(
  authority: string,
  broker: string,
): Promise<Mosquitto & { second(): Promise<Mosquitto> }> {
  const folder = await newFolder();
  const host = await brokerHost(folder, { authority, broker });
  const startStep = async (step: 'broker' | 'secondBroker') => {
    const port = await freePort();
    return startFrom(await host.install(step, port), { scheme: 'mqtts', port, folder });
  };
  return { ...(await startStep('broker')), second: () => startStep('secondBroker') };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'));
  // Started as root it becomes its own user, who must be able to write its state here.
  await chmod(folder, 0o777);
  return folder;
}

async function startFrom(
  config: string,
  { scheme, port, folder }: { scheme: 'mqtt' | 'mqtts'; port: number; folder: string },
): Promise<Mosquitto> {
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn('/usr/sbin/mosquitto', ['-c', config], { stdio: 'ignore' });
    await listening(port);
  };
  await start();
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    folder,
    pid: () => child?.pid ?? 0,
    kill: () => (child ? end(child) : Promise.resolve()),
    start,
    stop: async () => {
      if (child) await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Nothing listens on port ${port}.`);
}
