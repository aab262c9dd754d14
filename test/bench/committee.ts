import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Address,
  addressOf,
  formatGenesis,
  type NodeTiming,
  publicKeyOf,
} from '../../consensus/index.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { end } from '../peers/processes.ts';
import { type Ask, asking } from './asking.ts';
import { benchKey, HOMES_PER_OPERATOR, SLOT_MS } from './load-plan.ts';
import type { LoadAnswers } from './load-process.ts';
import type { ValidatorAnswers } from './validator.ts';

export type Member = {
  readonly address: Address;
  readonly ask: Ask<ValidatorAnswers>;
  readonly pid: () => number;
  /** SIGKILL, and nothing more. */
  readonly kill: () => Promise<void>;
  /** Starts its process, from whatever its store holds. Resolves once the broker is connected. */
  readonly start: () => Promise<void>;
  /** Ends it in its own time, so that a profile of it is written. */
  readonly finish: () => Promise<void>;
};

/** Validators in processes of their own that meet only through a Mosquitto, and keep all they say on a real disk. */
export type Committee = {
  /** Sorted by address: the order of their turns. */
  readonly members: readonly Member[];
  /** A process that speaks for all homes, whose meters are qualified when this resolves. */
  readonly startLoad: () => Promise<Ask<LoadAnswers>>;
  /** Whether every validator that runs comes to so many transactions in all, within the time. */
  readonly untilFinal: (transactions: number, withinMs: number) => Promise<boolean>;
  readonly stop: () => Promise<void>;
};

export type CommitteeOptions = {
  readonly validators: number;
  /** Accounts that may tell readings. */
  readonly homes?: number;
  readonly timing?: Partial<NodeTiming>;
  /** In ms: how long readings are kept in the state. */
  readonly recordWindowMs?: number;
};

/** The agent's own, but for no pause between blocks and no empty ones. */
const TIMING: NodeTiming = {
  baseTimeoutMs: 1_000,
  maxTimeoutMs: 60_000,
  blockIntervalMs: 0,
  allowedSkewMs: 5_000,
  heartbeatMs: 0,
};
const NETWORK = 'bench';
/** Patience with the transactions that come before those that are measured. */
const SETUP_MS_MAX = 300_000;
/** And with a process that is to end by itself. */
const FINISH_MS = 5_000;

export async function startCommittee(options: CommitteeOptions): Promise<Committee> {
  const { validators, homes = 0, recordWindowMs = 60_000 } = options;
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-bench-'));
  const broker = await startMosquitto(['persistence false']);
  const people = peopleOf('validator', validators);
  const genesis = formatGenesis({
    network: NETWORK,
    currency: 'EUR',
    timeMs: Date.UTC(2026, 0, 1),
    slotMs: SLOT_MS,
    validators: people.map(({ address, publicKey }) => ({ address, publicKey })),
    accounts: [
      ...accountsOf(people, ['validator'], 10n ** 12n),
      ...accountsOf(peopleOf('home', homes), ['prosumer'], 0n),
      ...accountsOf(peopleOf('operator', Math.ceil(homes / HOMES_PER_OPERATOR)), ['dso', 'aggregator'], 0n),
    ].sort(byAddress),
    parameters: { recordWindowMs: BigInt(recordWindowMs), recordGraceMs: 0n },
  });
  const timing = { ...TIMING, ...options.timing };
  const members = people.map(({ address, privateKey }) => {
    const own = join(directory, address);
    return member({
      address,
      job: { privateKey, genesis, url: broker.url, directory: own, timing },
    });
  });
  const loads: ChildProcess[] = [];
  await Promise.all(members.map(({ start }) => start()));
  const untilFinal = async (transactions: number, withinMs: number) => {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline) {
      const found = await Promise.all(members.map(({ ask }) => ask('status', null)));
      if (found.every((status) => status.transactions >= transactions)) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  };
  return {
    members,
    untilFinal,
    async startLoad() {
      const child = startProcess('load-process.ts');
      loads.push(child);
      const ask = asking<LoadAnswers>(child);
      await ask('start', { genesis, url: broker.url, homes });
      let transactions = (await members[0]!.ask('status', null)).transactions;
      for (const name of ['registerMeters', 'qualifyMeters'] as const) {
        transactions += await ask(name, null);
        if (!(await untilFinal(transactions, SETUP_MS_MAX))) throw new Error(`no end of ${name}`);
      }
      return ask;
    },
    async stop() {
      await Promise.all([...loads.map(finish), ...members.map((each) => each.finish())]);
      await broker.stop();
      await rm(directory, { recursive: true });
    },
  };
}

function member({
  address,
  job,
}: {
  readonly address: Address;
  readonly job: Parameters<ValidatorAnswers['start']>[0];
}): Member {
  let child: ChildProcess | null = null;
  let asked: Ask<ValidatorAnswers> | null = null;
  return {
    address,
    ask: (name, argument) => {
      if (asked === null) return Promise.reject(new Error(`validator ${address} does not run`));
      return asked(name, argument);
    },
    pid: () => child?.pid ?? 0,
    async start() {
      child = startProcess('validator-process.ts');
      asked = asking<ValidatorAnswers>(child);
      await asked('start', job);
    },
    async finish() {
      asked = null;
      if (child !== null) await finish(child);
    },
    async kill() {
      asked = null;
      if (child !== null) await end(child);
    },
  };
}

/** The program beside this one, in the form that runs: JavaScript where this is JavaScript. */
function startProcess(name: string): ChildProcess {
  const script = fileURLToPath(new URL(name.replace('.ts', '.js'), import.meta.url));
  return fork(script, [], { stdio: 'inherit', serialization: 'advanced' });
}

/** Our processes end when their parent lets go of them. */
async function finish(child: ChildProcess): Promise<void> {
  if (child.connected) child.disconnect();
  await Promise.race([
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(undefined);
      else child.once('exit', resolve);
    }),
    new Promise((resolve) => setTimeout(resolve, FINISH_MS)),
  ]);
  await end(child);
}

type Person = { readonly address: Address; readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };

function peopleOf(kind: 'validator' | 'home' | 'operator', count: number): Person[] {
  return Array.from({ length: count }, (_, index) => {
    const privateKey = benchKey(kind, index);
    const publicKey = publicKeyOf(privateKey);
    return { address: addressOf(publicKey), publicKey, privateKey };
  }).sort(byAddress);
}

function accountsOf(people: readonly Person[], roles: readonly string[], balanceMicro: bigint) {
  return people.map(({ address, publicKey }) => ({ address, publicKey, roles, balanceMicro }));
}

function byAddress(a: { readonly address: string }, b: { readonly address: string }): number {
  return a.address < b.address ? -1 : 1;
}

/** Holds this process, and all that it starts from now on, to the first cores of the machine. */
export function useCores(count: number): void {
  const { status, stderr } = spawnSync('taskset', ['-apc', `0-${count - 1}`, `${process.pid}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

/** One line: what the figures were taken on. */
export function machineLine(): string {
  // It tells its version and ends with status 3.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const mosquitto = spawnSync('mosquitto', ['-h'], { encoding: 'utf8', env }).stdout.split('\n')[0];
  return `Node ${process.version}, ${cpus().length} cores of ${cpus()[0]?.model}, ${mosquitto}`;
}
