/**
 * How long do ten blocks of ten transactions take? Validators in processes of their own that meet only through a real
 * Mosquitto, every vote and block synced to disk. One of them pays in lots of ten, and waits for each to be final.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  addressOf,
  buildCall,
  contract,
  formatGenesis,
  generateKey,
  openLedgerStore,
  openVoteLog,
  parseGenesis,
  publicKeyOf,
  startNode,
  toHex,
} from '../../consensus/index.ts';
import { connectMqtt } from '../../drivers/index.ts';
import { commandOptions } from '../command-options.ts';

const BLOCKS = 10;
const TRANSACTIONS = 10;

type Job = {
  readonly key: string;
  readonly genesis: string;
  readonly url: string;
  readonly directory: string;
};
type Lap = { readonly ms: number; readonly blocks: number; readonly p50Ms: number | null };

const keyOf = (index: number) => generateKey(new Uint8Array(32).fill(index + 1));

async function validator({ key, genesis: text, url, directory }: Job) {
  const genesis = parseGenesis(text);
  const privateKey = Uint8Array.from(Buffer.from(key, 'hex'));
  const nodeId = addressOf(publicKeyOf(privateKey));
  const store = await openLedgerStore({ directory, genesis, contract });
  const voteLog = await openVoteLog(directory, store);
  const log = () => undefined;
  const transport = connectMqtt({
    brokers: [{ url, protocolVersion: 5 }],
    clientId: nodeId,
    network: genesis.network,
    nodeId,
    log,
    sessionSeconds: 0,
  });
  const clock = { utcMs: () => Date.now() };
  const timing = {
    baseTimeoutMs: 2_000,
    maxTimeoutMs: 30_000,
    blockIntervalMs: 0,
    allowedSkewMs: 5_000,
    heartbeatMs: 0,
  };
  const node = await startNode({
    genesis,
    contract,
    privateKey,
    store,
    voteLog,
    transport,
    clock,
    timing,
    log,
  });
  const to = genesis.validators.map(({ address }) => address).find((address) => address !== nodeId)!;

  const pay = async (memo: string) => {
    const payment = buildCall('accounts.transfer', { to, amountMicro: 1n, memo });
    const submitted = await node.submit({ ...payment, expiresMs: Date.now() + 60_000 });
    if (!submitted.ok) throw new Error(`${submitted.code}: ${submitted.reason}`);
    const outcome = await node.whenFinal(submitted.id, { timeoutMs: 30_000 });
    if (!outcome.ok) throw new Error(outcome.code);
  };
  const lap = async (): Promise<Lap> => {
    const before = node.head.height;
    const begun = performance.now();
    for (let block = 0; block < BLOCKS; block += 1)
      await Promise.all(Array.from({ length: TRANSACTIONS }, (_, index) => pay(`${block}/${index}`)));
    const ms = performance.now() - begun;
    return { ms, blocks: node.head.height - before, p50Ms: node.status().latency.p50Ms };
  };
  process.on('message', async (message) => {
    if (message === 'lap') process.send?.(await lap());
    if (message === 'cpu') {
      const { user, system } = process.cpuUsage();
      process.send?.((user + system) / 1_000);
    }
    if (message === 'stop') {
      await node.stop();
      await transport.stop();
      await voteLog.close();
      await store.close();
      process.exit(0);
    }
  });
  while (!transport.connected) await pause(20);
  process.send?.('connected');
}

async function main() {
  const { values, whole } = commandOptions(
    'npm run bench:blocks -- [--validators N] [--repeats N]',
    () =>
      parseArgs({
        options: {
          validators: { type: 'string', default: '4' },
          repeats: { type: 'string', default: '10' },
        },
      }).values,
  );
  const count = whole(values.validators, 'validators');
  const repeats = whole(values.repeats, 'repeats');
  const directory = mkdtempSync(join(tmpdir(), 'gridquorum-bench-'));
  const port = await freePort();
  const config = join(directory, 'mosquitto.conf');
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n`,
  );
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const broker = spawn('mosquitto', ['-c', config], { stdio: 'ignore', env });
  const people = Array.from({ length: count }, (_, index) => {
    const publicKey = publicKeyOf(keyOf(index));
    return { address: addressOf(publicKey), publicKey };
  });
  people.sort((a, b) => (a.address < b.address ? -1 : 1));
  const genesis = formatGenesis({
    network: 'bench',
    currency: 'EUR',
    timeMs: Date.UTC(2026, 0, 1),
    slotMs: 300_000,
    validators: people,
    accounts: people.map((person) => ({ ...person, roles: [], balanceMicro: 1_000_000n })),
    parameters: {},
  });
  const started = people.map((_, index) => {
    const child = fork(fileURLToPath(import.meta.url), ['--validator'], { stdio: 'inherit' });
    const job: Job = {
      key: toHex(keyOf(index)),
      genesis,
      url: `mqtt://127.0.0.1:${port}`,
      directory: join(directory, `${index}`),
    };
    return { child, connected: ask(child, job) };
  });
  const children = started.map(({ child }) => child);
  try {
    for (const { connected } of started) await connected;
    await pause(200);
    const warm = (await ask(children[0]!, 'lap')) as Lap;
    const laps: Lap[] = [];
    const cpuMs = async () => {
      let sum = 0;
      for (const child of children) sum += (await ask(child, 'cpu')) as number;
      return sum;
    };
    const cpuBefore = await cpuMs();
    for (let repeat = 0; repeat < repeats; repeat += 1) laps.push((await ask(children[0]!, 'lap')) as Lap);
    const cpuPerLapMs = ((await cpuMs()) - cpuBefore) / laps.length;
    const times = laps.map(({ ms }) => ms).sort((a, b) => a - b);
    const at = (share: number) =>
      times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(0);
    // It tells its version and ends with status 3.
    const version = spawnSync('mosquitto', ['-h'], { encoding: 'utf8', env }).stdout.split('\n')[0];
    console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${version}`);
    console.log(
      `${BLOCKS} lots of ${TRANSACTIONS} transactions, ${count} validators: median ${at(0.5)} ms, ` +
        `${at(0)}..${at(1)} ms over ${times.length} laps (first, cold: ${warm.ms.toFixed(0)} ms); ` +
        `${cpuPerLapMs.toFixed(0)} CPU ms a lap in all validators; ` +
        `blocks a lap ${laps.map(({ blocks }) => blocks).join(' ')}`,
    );
  } finally {
    for (const child of children) if (child.connected) child.send('stop');
    await Promise.all(children.map((child) => exited(child)));
    broker.kill();
    rmSync(directory, { recursive: true });
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const exited = (child: ChildProcess) =>
  child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined;

function ask(child: ChildProcess, question: string | Job): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const died = () => reject(new Error('a validator died'));
    child.once('exit', died);
    child.once('message', (answer) => {
      child.off('exit', died);
      resolve(answer);
    });
    child.send(question);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

if (process.argv.includes('--validator')) process.once('message', (job) => void validator(job as Job));
else await main();
