/**
 * How long from the start of a validator's process to its first vote on the broker, with a long chain and the state of
 * a neighbourhood in its store? Four validators in processes of their own over a real Mosquitto; one is killed and
 * started again, again and again. `npm run bench:start`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { contract, openLedgerStore, openVoteLog } from '../../consensus/index.ts';
import { commandOptions } from '../command-options.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { end } from '../peers/processes.ts';
import type { Job, Told } from '../soak/member-life.ts';
import { openWitness } from '../soak/witness.ts';
import { foundStreet, meters, record } from './street-chain.ts';
import { spreadOf } from './timing.ts';

const { values, whole } = commandOptions(
  'npm run bench:start -- [--blocks N] [--homes N] [--records N] [--slot-minutes N] [--repeats N] [--store DIR] [--json]',
  () =>
    parseArgs({
      options: {
        blocks: { type: 'string', default: '10000' },
        homes: { type: 'string', default: '200' },
        records: { type: 'string', default: '33600' },
        'slot-minutes': { type: 'string', default: '60' },
        repeats: { type: 'string', default: '9' },
        store: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const blocks = whole(values.blocks, 'blocks', 400);
const homes = whole(values.homes, 'homes', 4);
const records = whole(values.records, 'records', 0);
const slotMs = whole(values['slot-minutes'], 'slot-minutes') * 60_000;
const repeats = whole(values.repeats, 'repeats');
const VALIDATORS = 4;

const blockMs = Math.max(1_000, Math.ceil((Math.ceil(records / homes) * slotMs) / blocks));
const street = foundStreet({ homes, validators: VALIDATORS, slotMs, blockMs });
const directory = await mkdtemp(join(tmpdir(), 'gridquorum-start-'));
const broker = await startMosquitto();
const children: ChildProcess[] = [];
try {
  // A store that an earlier run has filled with the same figures is taken as it is.
  const template = values.store ?? join(directory, 'template');
  const built = await fill(template);
  process.stderr.write(`the store holds ${blocks} blocks, ${built.entries} entries of state\n`);
  for (const { address } of street.validators)
    await cp(template, join(directory, address), { recursive: true });
  const witness = await openWitness(broker.url, street.genesis);
  const [mortal, ...others] = street.validators as [Validator, ...Validator[]];
  for (const other of others) await started(other);
  const laps: Lap[] = [];
  for (let repeat = 0; repeat <= repeats; repeat += 1) {
    const begunMs = performance.now();
    const voted = new Promise<number>((resolve) =>
      witness.onVote(({ author }) => {
        if (author === mortal.address) resolve(performance.now() - begunMs);
      }),
    );
    const { child, ready } = await started(mortal, repeat);
    const votedMs = await voted;
    laps.push({ ...ready, votedMs, ...(await memoryOf(child)) });
    process.stderr.write(`${JSON.stringify(laps.at(-1))}\n`);
    await end(child, 'SIGKILL');
    // What it had sent is to arrive before it is listened for again.
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await witness.stop();
  // The first comes from cold files, and the committee has not begun yet.
  report(laps.slice(1), built);
} finally {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')));
  await broker.stop();
  await rm(directory, { recursive: true, force: true });
}

type Validator = (typeof street.validators)[number];
type Lap = {
  readonly loadedMs: number;
  readonly openedMs: number;
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly votedMs: number;
  readonly residentMb: number;
  readonly peakMb: number;
};

/** Registrations first, then records slot by slot, spread over the blocks that are left. */
async function fill(place: string) {
  const store = await openLedgerStore({ directory: place, genesis: street.genesis, contract });
  if (store.head.height >= blocks) {
    const entries = [...store.head.state.entries()].length;
    await store.close();
    return { entries };
  }
  const voteLog = await openVoteLog(place, store);
  await voteLog.endDoubt(0);
  const append = async (calls: Parameters<typeof street.next>[0]) => {
    const { final, executed } = street.next(calls);
    await store.append(final, executed);
    if (store.head.height % 1_000 === 0) process.stderr.write(`${store.head.height} blocks\n`);
  };
  const { register, qualify } = meters(street);
  await append(register);
  await append(qualify);
  let told = 0;
  while (store.head.height < blocks) {
    const due = Math.ceil(((store.head.height - 1) * records) / (blocks - 2));
    const calls = [];
    for (; told < Math.min(due, records); told += 1) {
      const slot = Math.floor(told / homes);
      // Of slots that are over.
      const slotStartMs = street.genesis.timeMs + (slot - 2) * slotMs;
      calls.push(record(street.homes[told % homes]!, slotStartMs));
    }
    await append(calls);
  }
  const entries = [...store.head.state.entries()].length;
  await voteLog.close();
  await store.close();
  return { entries };
}

async function started(person: Validator, life = 0) {
  const child = fork(fileURLToPath(new URL('../soak/member.js', import.meta.url)), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  const ready = new Promise<Extract<Told, { kind: 'ready' }>>((resolve, reject) => {
    child.on('message', (told: Told) => {
      if (told.kind === 'ready') resolve(told);
      if (told.kind === 'event' || told.kind === 'refused') process.stderr.write(`${JSON.stringify(told)}\n`);
    });
    child.once('exit', () => reject(new Error('a validator ended before it was ready')));
  });
  ready.catch(() => undefined);
  child.send({
    keyHex: person.keyHex,
    genesis: street.genesisText,
    url: broker.url,
    directory: join(directory, person.address),
    life: life + 1,
    callsAtOnce: 1,
  } satisfies Job);
  return { child, ready: await ready };
}

async function memoryOf({ pid }: ChildProcess) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  return { residentMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

function report(laps: readonly Lap[], { entries }: { entries: number }): void {
  const names = ['loadedMs', 'openedMs', 'readyMs', 'votedMs', 'cpuMs', 'residentMb', 'peakMb'] as const;
  const figures = Object.fromEntries(
    names.map((name) => [name, spreadOf(laps.map((lap) => lap[name]))]),
  ) as Record<(typeof names)[number], ReturnType<typeof spreadOf>>;
  if (values.json) {
    console.log(JSON.stringify({ blocks, homes, entries, repeats: laps.length, ...figures }));
    return;
  }
  console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
  console.log(
    `${blocks} blocks, ${homes} homes, ${entries} entries of state, ${laps.length} starts after a kill -9`,
  );
  for (const name of names) {
    const { median, low, high } = figures[name];
    console.log(
      `${name.padEnd(11)} ${median.toFixed(0).padStart(6)}  (${low.toFixed(0)} .. ${high.toFixed(0)})`,
    );
  }
}
