import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseGenesis } from '../../consensus/index.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { end } from '../peers/processes.ts';
import { type Random, seeded } from '../simulation/random.ts';
import { auditStores } from './audit.ts';
import { foundNetwork, type Person } from './committee.ts';
import { readKeptVotes } from './kept-votes.ts';
import type { Asked, Job, Told } from './member-life.ts';
import { contentOf, placeOf } from './vote-book.ts';
import { openWitness, type Witness } from './witness.ts';

export type KillSoakOptions = {
  readonly kills: number;
  readonly validators: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
};

export type KillReport = {
  readonly kills: number;
  readonly restarts: number;
  /** Told as final to whoever had submitted them. */
  readonly confirmed: number;
  /** Calls confirmed, or only taken, that are missing in a store afterwards, or stand in the chain twice. */
  readonly lost: number;
  /** Votes that contradict another by the same author at the same height and round. */
  readonly doubleSigned: number;
  /** From the start of a process to its first new vote on the broker. */
  readonly slowestReturnMs: number;
  readonly medianReturnMs: number;
  /** Votes seen on the broker that their author's record did not hold when it was killed. */
  readonly unkept: number;
  readonly blocks: number;
  readonly votes: number;
  readonly seconds: number;
  readonly seed: number;
  /** Anything else that must not be, in words. */
  readonly faults: readonly string[];
};

/** Longest that a node may take from its start to its first vote, and the network to come to rest. */
const RETURN_MS_MAX = 60_000;
const REST_MS_MAX = 60_000;
const SLOW_MS = 8_000;
const FAULTS_KEPT = 50;

/**
 * A committee of real processes over a real broker and synced stores, paid through without end, in which validators
 * are killed (SIGKILL) at random instants: one as a rule, sometimes two or all at once, sometimes one that has not come
 * back yet. Each starts alone from its own store. At the end all are killed once more and their stores read.
 */
export async function soakKill(options: KillSoakOptions): Promise<KillReport> {
  const { kills: wanted, validators: count, seed, onProgress = () => undefined } = options;
  const begunMs = performance.now();
  const random = seeded(seed);
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-kill-'));
  const { validators, client, genesis } = foundNetwork('kill-soak', count);
  const broker = await startMosquitto();
  const witness = await openWitness(broker.url, parseGenesis(genesis));
  const record = openRecord();
  const common = { genesis, url: broker.url };
  const members = validators.map((person) =>
    openMember(person, { ...common, directory: join(directory, person.address), callsAtOnce: 1 }, record),
  );
  const payer = openMember(
    client,
    { ...common, directory: join(directory, 'client'), callsAtOnce: 4 },
    record,
  );
  witness.onVote(({ author }) => members.find(({ person }) => person.address === author)?.voted());
  let kills = 0;
  let saidAt = 0;
  const faults: string[] = [];
  try {
    payer.start();
    for (const member of members) member.start();
    await allBack(members);
    onProgress(`${count} validators vote; a client and the validators pay`);
    while (kills < wanted && faults.length === 0) {
      await pause(random.between(0, 350));
      const victims = choose(members, wanted - kills, random);
      await Promise.all(victims.map((victim) => victim.kill()));
      kills += victims.length;
      for (const victim of victims) await compareKept(victim, witness, record);
      for (const victim of victims) victim.start();
      // Mostly all come back before the next falls; now and then one falls while it, or another, is starting.
      if (random.chance(0.75)) await watched(members, onProgress);
      else await pause(random.between(0, 700));
      faults.push(...record.takeFaults());
      if (kills - saidAt < 20) continue;
      saidAt = kills;
      const seconds = Math.round((performance.now() - begunMs) / 1_000);
      onProgress(
        `${kills} of ${wanted} kills, ${record.confirmed.size} confirmed, ${witness.book.breaches.length} double, ` +
          `slowest return ${record.slowestMs()} ms, ${seconds} s`,
      );
    }
    await allBack(members);
    const everybody = [...members, payer];
    await comeToRest(everybody, record);
    await Promise.all(everybody.map((member) => member.kill()));
    for (const member of members) await compareKept(member, witness, record);
    const audit = await auditStores(
      everybody.map(({ directory: place }) => place),
      { genesis, record, book: witness.book },
    );
    faults.push(...record.takeFaults(), ...audit.faults);
    if (witness.forged() > 0) faults.push(`${witness.forged()} messages that no validator signed`);
    return {
      kills,
      restarts: members.reduce((sum, { lives }) => sum + lives() - 1, 0),
      confirmed: record.confirmed.size,
      lost: audit.lost,
      doubleSigned: witness.book.breaches.length,
      slowestReturnMs: record.slowestMs(),
      medianReturnMs: record.medianMs(),
      unkept: record.unkept(),
      blocks: audit.blocks,
      votes: witness.book.size,
      seconds: Math.round((performance.now() - begunMs) / 1_000),
      seed,
      faults: [...faults, ...witness.book.breaches].slice(0, FAULTS_KEPT),
    };
  } finally {
    await Promise.all([...members, payer].map((member) => member.kill()));
    await witness.stop();
    await broker.stop();
    if (process.env.KEEP === undefined) await rm(directory, { recursive: true, force: true });
    else onProgress(`kept: ${directory}`);
  }
}

/** What those outside know: calls taken and confirmed, times of return, and what must not have been. */
export type Record = {
  readonly accepted: Set<string>;
  /** By memo, with the height told. */
  readonly confirmed: Map<string, number>;
  readonly returned: (ms: number) => void;
  readonly slowestMs: () => number;
  readonly medianMs: () => number;
  readonly noteUnkept: (what: string) => void;
  readonly unkept: () => number;
  readonly fault: (what: string) => void;
  readonly takeFaults: () => string[];
};

function openRecord(): Record {
  const returns: number[] = [];
  let faults: string[] = [];
  let unkept = 0;
  const sorted = () => [...returns].sort((a, b) => a - b);
  const fault = (what: string) => {
    if (faults.length < FAULTS_KEPT) faults.push(what);
  };
  return {
    accepted: new Set(),
    confirmed: new Map(),
    returned: (ms) => void returns.push(Math.round(ms)),
    slowestMs: () => sorted().at(-1) ?? 0,
    medianMs: () => sorted()[Math.floor(returns.length / 2)] ?? 0,
    noteUnkept: (what) => {
      unkept += 1;
      fault(what);
    },
    unkept: () => unkept,
    fault,
    takeFaults: () => {
      const taken = faults;
      faults = [];
      return taken;
    },
  };
}

type Member = {
  readonly person: Person;
  readonly directory: string;
  readonly lives: () => number;
  start(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  voted(): void;
  /** Resolves once it has voted since its start; later than `RETURN_MS_MAX` is a fault. */
  back(): Promise<void>;
  ask(question: Asked): void;
  readonly head: () => Extract<Told, { kind: 'head' }> | null;
};

function openMember(person: Person, job: Omit<Job, 'life' | 'keyHex'>, record: Record): Member {
  const name = person.address.slice(0, 8);
  let child: ChildProcess | null = null;
  let lives = 0;
  let startedMs = 0;
  let isBack = false;
  let announceBack: () => void = () => undefined;
  let untilBack: Promise<void> = Promise.resolve();
  let head: Extract<Told, { kind: 'head' }> | null = null;

  const hear = (told: Told) => {
    switch (told.kind) {
      case 'ready':
        if (told.doubt !== null) record.fault(`${name} started in doubt: ${told.doubt}`);
        if (told.recovery !== null) record.fault(`${name} had to rebuild its store: ${told.recovery}`);
        break;
      case 'accepted':
        record.accepted.add(told.memo);
        break;
      case 'confirmed':
        record.confirmed.set(told.memo, told.height);
        break;
      case 'refused':
        record.fault(`${name}: ${told.memo} was refused: ${told.code}`);
        break;
      case 'head':
        head = told;
        break;
      case 'event':
        record.fault(`${name}: ${told.event} ${told.reason}`);
        break;
    }
  };

  return {
    person,
    directory: job.directory,
    lives: () => lives,
    start() {
      lives += 1;
      isBack = false;
      head = null;
      startedMs = performance.now();
      untilBack = new Promise((resolve) => {
        announceBack = resolve;
      });
      const started = fork(fileURLToPath(new URL('./member.js', import.meta.url)), [], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      child = started;
      started.on('message', hear);
      started.once('exit', (code, signal) => {
        if (signal !== 'SIGKILL') record.fault(`${name} ended by itself: ${code ?? signal}`);
      });
      started.send({ ...job, keyHex: person.keyHex, life: lives } satisfies Job);
    },
    async kill() {
      const victim = child;
      child = null;
      if (victim !== null) await end(victim, 'SIGKILL');
    },
    voted() {
      if (child === null || isBack) return;
      isBack = true;
      record.returned(performance.now() - startedMs);
      announceBack();
    },
    async back() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          record.fault(`${name} has not voted within ${RETURN_MS_MAX} ms of its start`);
          resolve();
        }, RETURN_MS_MAX);
      });
      await Promise.race([untilBack, late]);
      clearTimeout(timer);
    },
    ask(question) {
      if (child?.connected === true) child.send(question);
    },
    head: () => head,
  };
}

const allBack = (members: readonly Member[]) => Promise.all(members.map((member) => member.back()));

/** All are back; tells now and then how it stands while that takes long. */
async function watched(members: readonly Member[], onProgress: (line: string) => void): Promise<void> {
  const look = setInterval(() => {
    const states = members.map(
      (member) => `${member.person.address.slice(0, 4)} ${member.head()?.agreement}`,
    );
    onProgress(`still not all back: ${states.join(' | ')}`);
    for (const member of members) member.ask('head');
  }, SLOW_MS);
  for (const member of members) member.ask('head');
  await allBack(members).finally(() => clearInterval(look));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One as a rule; two in one of eight; all in one of twelve. */
function choose(members: readonly Member[], most: number, random: Random): readonly Member[] {
  const roll = random.next();
  const count = Math.min(most, roll < 1 / 12 ? members.length : roll < 1 / 12 + 1 / 8 ? 2 : 1);
  const left = [...members];
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(random.below(left.length), 1)[0]!,
  );
}

/** What was seen of a node must stand in its record: it was on disk before it was sent. */
async function compareKept({ person, directory }: Member, { book }: Witness, record: Record): Promise<void> {
  const kept = await readKeptVotes(directory, person.address);
  if (kept === null) return;
  const contents = new Map(kept.votes.map((vote) => [placeOf(vote), contentOf(vote)]));
  for (const vote of book.of(person.address, kept.floorHeight))
    if (contents.get(placeOf(vote)) !== contentOf(vote))
      record.noteUnkept(`${placeOf(vote)} was sent, and its record does not hold it`);
  for (const vote of kept.votes) book.note(vote);
}

/** Nobody pays any more, and all stand at one block with nothing left to tell. */
async function comeToRest(members: readonly Member[], record: Record): Promise<void> {
  const deadlineMs = performance.now() + REST_MS_MAX;
  for (const member of members) member.ask('quiet');
  for (;;) {
    for (const member of members) member.ask('head');
    await pause(150);
    const heads = members.map((member) => member.head());
    const isOne = new Set(heads.map((head) => head?.digest)).size === 1 && heads[0] !== null;
    if (isOne && heads.every((head) => head?.pending === 0)) return;
    if (performance.now() < deadlineMs) continue;
    record.fault(`the network does not come to rest: ${JSON.stringify(heads)}`);
    return;
  }
}
