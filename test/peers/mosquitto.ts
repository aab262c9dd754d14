import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  return startWith('mqtt', (port, folder) => [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'persistence true',
    `persistence_location ${folder}/`,
    'autosave_on_changes true',
    'autosave_interval 1',
    'max_queued_messages 10000',
    ...extraLines,
  ]);
}

/** The files that come with the program. */
const shipped = new URL('../../../drivers/mqtt/mosquitto/', import.meta.url);

/** The shipped script of the certificate authority. */
export const certificatesScript = fileURLToPath(new URL('certificates.sh', shipped));

/** Mosquitto with the configuration and the rights that ship, over TLS; `broker` names the certificate it goes by. */
export async function startShippedMosquitto(authority: string, broker: string): Promise<Mosquitto> {
  const conf = await readFile(new URL('mosquitto.conf', shipped), 'utf8');
  return startWith('mqtts', async (port, folder) => {
    const files = [
      [join(authority, 'ca.crt'), 'ca.crt'],
      [join(authority, 'revoked.crl'), 'revoked.crl'],
      [join(authority, `${broker}.crt`), 'broker.crt'],
      [join(authority, `${broker}.key`), 'broker.key'],
      [fileURLToPath(new URL('acl', shipped)), 'acl'],
    ] as const;
    for (const [from, name] of files) {
      await copyFile(from, join(folder, name));
      await chmod(join(folder, name), 0o644);
    }
    return conf
      .replaceAll('/etc/mosquitto/gridquorum/', `${folder}/`)
      .replaceAll('/var/lib/mosquitto/', `${folder}/`)
      .replace(/^listener 8883$/m, `listener ${port} 127.0.0.1`)
      .split('\n');
  });
}

async function startWith(
  scheme: 'mqtt' | 'mqtts',
  linesOf: (port: number, folder: string) => readonly string[] | Promise<readonly string[]>,
): Promise<Mosquitto> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mosquitto-'));
  // Started as root it becomes its own user, who must be able to write its state here.
  await chmod(folder, 0o777);
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `${(await linesOf(port, folder)).join('\n')}\n`);
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
