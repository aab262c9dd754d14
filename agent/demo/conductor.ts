import { join } from 'node:path';
import type { HomeProblem } from '../../optimizer/index.ts';
import { type DemoOptions, restartAfterSlots } from '../cli/demo-options.ts';
import { sleep } from '../clock/clock.ts';
import type { DeviceConfig } from '../config/schema.ts';
import { askLocalApi } from '../diagnostics/local-api.ts';
import type { ProblemAnswer } from '../diagnostics/problem-answer.ts';
import type { SessionAnswer } from '../diagnostics/session-answer.ts';
import type { AgentStatus } from '../diagnostics/status.ts';
import { AgentError } from '../errors.ts';
import type { DayData } from '../neighbourhood/index.ts';
import { type Child, type Nursery, openNursery } from './children.ts';
import { type ClockTeller, openClockTeller } from './clock-teller.ts';
import { EVENING_BEFORE_MS, type HomePlace, type Layout, layOut, writeConfig } from './layout.ts';

/** Simulated time runs this much faster than real time while homes register and trade. */
const TRADING_SPEED = 10;
/** How long a slot of the day lasts in real time. */
const SLOT_REAL_MS = 1_000;
const POLL_MS = 150;
/** A phase that takes longer than this is stuck, and the demo says so. */
const PHASE_REAL_MS_MAX = 180_000;

/** What happens, for those who watch. */
export type DemoEvent =
  | { readonly kind: 'starting'; readonly done: number; readonly of: number }
  | { readonly kind: 'trading'; readonly status: AgentStatus; readonly toleranceKw: number }
  | { readonly kind: 'delivering'; readonly slot: number; readonly of: number }
  | { readonly kind: 'killed' | 'restarted'; readonly validator: number; readonly slot: number }
  | { readonly kind: 'settling'; readonly done: number; readonly of: number };

/** All that the homes told when the day was over. */
export type DayOutcome = {
  readonly statuses: readonly AgentStatus[];
  readonly session: SessionAnswer;
  /** What each home planned by, in the order of `statuses`. */
  readonly problems: readonly HomeProblem[];
  readonly rssMb: Readonly<Record<string, number>>;
};

export type DayRun = {
  readonly options: DemoOptions;
  readonly data: DayData;
  readonly directory: string;
  readonly watch: (event: DemoEvent) => void;
  readonly signal: AbortSignal;
};

/**
 * Lives one day with real processes: starts broker, emulator and homes, tells the time, kills whom it was told to
 * kill, and asks the homes for what came of it. Whatever happens, every process it started has ended afterwards.
 *
 * @throws AgentError AGENT_CHILD_FAILED or AGENT_TIMEOUT.
 */
export async function liveDay(asked: DayRun): Promise<DayOutcome> {
  const over = new AbortController();
  const run = { ...asked, signal: AbortSignal.any([asked.signal, over.signal]) };
  const nursery = openNursery(join(run.directory, 'logs'));
  const tellers: ClockTeller[] = [];
  const live = async () => {
    const stage = await setUp(run, nursery, tellers);
    await trade(run, stage);
    await deliver(run, stage, nursery);
    return await collect(run, stage);
  };
  const day = live();
  try {
    return await Promise.race([day, nursery.failure, interruption(run.signal)]);
  } finally {
    over.abort();
    await nursery.stopAll();
    // It may have been in the middle of starting or asking somebody: nothing of it goes on behind our back.
    await day.catch(() => undefined);
    await Promise.all(tellers.map((teller) => teller.stop()));
  }
}

/** Rejects as soon as the run is to end: also while processes start, which nothing else would interrupt. */
const interruption = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(new AgentError('AGENT_ABORTED', 'The demo is to end.'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

type Stage = {
  readonly layout: Layout;
  readonly teller: ClockTeller;
  readonly others: readonly Child[];
  /** By home's name; a killed one is absent until it is started again. */
  readonly homes: Map<string, Child>;
  /** Peak memory of processes that were killed meanwhile. */
  readonly rssMb: Record<string, number>;
};

async function setUp(
  { options, data, directory, watch, signal }: DayRun,
  nursery: Nursery,
  tellers: ClockTeller[],
): Promise<Stage> {
  const steps = data.homes.length + 2;
  let done = 0;
  const step = () => watch({ kind: 'starting', done: ++done, of: steps });

  const others: Child[] = [];
  let { brokers } = options;
  if (brokers.length === 0) {
    const child = await nursery.start('broker', 'broker', []);
    others.push(child);
    brokers = [String(child.ready.url)];
  }
  step();
  const shape = { directory, validators: options.validators, form: options.form, seed: options.seed };
  const layout = await layOut(data, shape, brokers);
  const teller = await openClockTeller({ brokers, network: layout.network, signal });
  tellers.push(teller);
  teller.tell({ utcMs: data.startMs - EVENING_BEFORE_MS, speed: TRADING_SPEED });

  const emulator = await nursery.start('emulator', 'emulator', [layout.emulatorFile]);
  others.push(emulator);
  step();
  const devices = emulator.ready.devices as Record<string, DeviceConfig[]>;
  const homes = new Map<string, Child>();
  await Promise.all(
    layout.homes.map(async (place, index) => {
      const home = data.homes[index]!;
      const inputs = {
        data,
        home,
        place,
        layout,
        shape,
        brokers,
        devices: devices[place.home] ?? [],
        leads: index === 0,
      };
      await writeConfig(inputs);
      homes.set(place.home, await startHome(nursery, place));
      step();
    }),
  );
  return { layout, teller, others, homes, rssMb: {} };
}

const startHome = (nursery: Nursery, place: HomePlace) =>
  nursery.start(place.home, 'agent', ['run', '--config', place.configFile]);

const ask = async (place: HomePlace, path: string): Promise<unknown> => askLocalApi(place.directory, path);
async function problemOf(place: HomePlace): Promise<HomeProblem> {
  const { problem } = (await ask(place, '/problem')) as ProblemAnswer;
  if (problem !== undefined) return problem;
  throw new AgentError('AGENT_CHILD_FAILED', `${place.home} made no plan of the day: see its log.`);
}

const statusOf = (place: HomePlace) => ask(place, '/status') as Promise<AgentStatus>;

/** Polls the homes that run until all of them satisfy the condition. */
async function until(
  { layout, homes }: Stage,
  condition: (status: AgentStatus) => boolean,
  {
    what,
    signal,
    look,
  }: { what: string; signal: AbortSignal; look?: (statuses: readonly AgentStatus[]) => void },
): Promise<void> {
  const startedMs = performance.now();
  for (;;) {
    const running = layout.homes.filter(({ home }) => homes.has(home));
    // Who does not answer is busy, or has ended: then the nursery says so, and why.
    const answers = await Promise.all(running.map((place) => statusOf(place).catch(() => undefined)));
    const statuses = answers.filter((status) => status !== undefined);
    look?.(statuses);
    if (statuses.length === running.length && statuses.every(condition)) return;
    if (performance.now() - startedMs > PHASE_REAL_MS_MAX) {
      const late = running.flatMap(({ home }, index) => {
        const status = answers[index];
        return status && condition(status) ? [] : [`${home} (${status?.phase ?? 'no answer'})`];
      });
      throw new AgentError(
        'AGENT_TIMEOUT',
        `${what} takes too long; waiting for ${late.slice(0, 5).join(', ')}.`,
      );
    }
    await sleep(POLL_MS, signal);
  }
}

async function trade({ watch, signal }: DayRun, stage: Stage): Promise<void> {
  await until(stage, ({ phase }) => ['delivering', 'settling', 'done'].includes(phase), {
    what: 'Trading',
    signal,
    look: ([first]) =>
      first && watch({ kind: 'trading', status: first, toleranceKw: stage.layout.toleranceKw }),
  });
}

/** Runs the clock through the day, and kills and restarts on the way. */
async function deliver(
  { options, data, watch, signal }: DayRun,
  stage: Stage,
  nursery: Nursery,
): Promise<void> {
  const speed = data.slotMs / SLOT_REAL_MS;
  const startedMs = performance.now();
  stage.teller.tell({ utcMs: data.startMs, speed });
  const untilSlot = (slot: number, share = 0) =>
    sleep(Math.max(0, startedMs + (slot + share) * SLOT_REAL_MS - performance.now()), signal);

  const last = Math.max(data.slots, ...options.kills.map(({ slot }) => slot + restartAfterSlots + 1));
  for (let slot = 0; slot < last; slot += 1) {
    await untilSlot(slot);
    if (slot < data.slots) watch({ kind: 'delivering', slot, of: data.slots });
    for (const { validator } of options.kills.filter((kill) => kill.slot + restartAfterSlots === slot)) {
      const place = stage.layout.homes[validator - 1]!;
      stage.homes.set(place.home, await startHome(nursery, place));
      watch({ kind: 'restarted', validator, slot });
    }
    await untilSlot(slot, 0.5);
    for (const { validator } of options.kills.filter((kill) => kill.slot === slot)) {
      const { home } = stage.layout.homes[validator - 1]!;
      const child = stage.homes.get(home)!;
      stage.rssMb[`${home} (killed)`] = (await child.rssMb()) ?? 0;
      stage.homes.delete(home);
      await child.kill();
      watch({ kind: 'killed', validator, slot });
    }
  }
  await until(stage, ({ phase }) => phase === 'done', {
    what: 'Settlement',
    signal,
    look: (statuses) =>
      watch({
        kind: 'settling',
        done: statuses.filter(({ phase }) => phase === 'done').length,
        of: statuses.length,
      }),
  });
}

/** Asks everybody once more, when the ledger has come to rest. */
async function collect({ signal }: DayRun, stage: Stage): Promise<DayOutcome> {
  const heightsBefore = new Map<string, number>();
  await until(
    stage,
    ({ home, ledger }) => {
      const still = heightsBefore.get(home) === ledger.height && ledger.pending === 0;
      heightsBefore.set(home, ledger.height);
      return still && ledger.height === Math.max(...heightsBefore.values());
    },
    { what: 'The last block', signal },
  );
  const statuses = await Promise.all(stage.layout.homes.map(statusOf));
  const session = (await ask(stage.layout.homes[0]!, '/session')) as SessionAnswer;
  const problems = await Promise.all(stage.layout.homes.map(problemOf));
  const rssMb = { ...stage.rssMb };
  for (const child of [...stage.others, ...stage.homes.values()])
    rssMb[child.name] = (await child.rssMb()) ?? 0;
  return { statuses, session, problems, rssMb };
}
