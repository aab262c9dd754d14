import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { sleep } from '../../agent/clock/clock.ts';
import { loadConfig } from '../../agent/config/load.ts';
import type { AgentConfig, DayAhead } from '../../agent/config/schema.ts';
import { agree } from '../../agent/cycle/agree.ts';
import { outlookOfTheDay } from '../../agent/cycle/forecast.ts';
import { homeProblem } from '../../agent/cycle/optimize.ts';
import { register } from '../../agent/cycle/register.ts';
import { closeFinishedSlots } from '../../agent/cycle/settle.ts';
import type { Home } from '../../agent/home.ts';
import type { LogEntry } from '../../agent/log.ts';
import { loadOptimizerLibrary } from '../../agent/optimizer-library.ts';
import { openSession } from '../../agent/roles/aggregator.ts';
import { readDevices } from '../../consensus/contract/index.ts';
import { readAccount, readRecord, readSession, readTurn } from '../../consensus/index.ts';
import type { MeterReading } from '../../drivers/index.ts';
import { planHome } from '../../optimizer/index.ts';
import { AGGREGATOR, SLOT_MS, START_MS, World } from '../consensus/contract-world.ts';

const SLOTS = 4;
const series = (value: number) => new Array<number>(SLOTS).fill(value);
const day: DayAhead = {
  day: new Date(START_MS).toISOString().slice(0, 10),
  startMs: START_MS,
  slotMs: SLOT_MS,
  importPricePerKwh: series(0.3),
  feedInPricePerKwh: series(0.1),
  outdoorC: series(15),
  loadForecastKw: series(0.5),
  pvForecastKw: series(8),
};

async function configOf(t: Test, importWMax: number, exportWMax: number): Promise<AgentConfig> {
  const example = new URL('../../../agent/config/example.yaml', import.meta.url);
  const config = await loadConfig(fileURLToPath(example));
  return { ...config, directory: t.testdir(), connection: { importWMax, exportWMax } };
}

/** A home on a ledger that takes every call at once, in a block of its own. */
async function homeOn(
  t: Test,
  world: World,
  address = world.homes[0]!,
): Promise<{ home: Home; told: LogEntry[]; newBlock(): void }> {
  const listeners = new Set<() => void>();
  const told: LogEntry[] = [];
  const home = {
    config: await configOf(t, 10_000, 10_000),
    address,
    day,
    clock: {
      utcMs: () => world.timeMs,
      waitUntil: (_: number, signal: AbortSignal) => sleep(60_000, signal),
    },
    library: await loadOptimizerLibrary(),
    journalFile: { found: {}, write: async () => undefined },
    log: (entry: LogEntry) => told.push(entry),
    state: {
      phase: 'delivering',
      handedOver: new Set(),
      journal: { day: day.day, untold: [], realised: [] },
    },
    node: {
      head: { state: world.state, height: 1 },
      status: () => ({ ownPending: 1 }),
      submit: async ({ method, args }: { method: string; args: Parameters<World['apply']>[2] }) =>
        world.apply(address, method, args),
      onHead: (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  } as unknown as Home;
  const newBlock = () => {
    for (const listener of listeners) listener();
  };
  return { home, told, newBlock };
}

t.test('no plan asks more of the connection than it carries, whatever is sold or bought', async (t) => {
  const config = await configOf(t, 3_000, 2_000);
  const { battery: _, ...withoutBattery } = config;
  const outlook = outlookOfTheDay({ config, day, state: { journal: {} } as Home['state'] });
  const problem = (pvKw: number, soldKw: number) =>
    homeProblem({
      config: withoutBattery,
      outlook: { ...outlook, pvKw: series(pvKw) },
      measured: {},
      trade: { kind: 'fixed', soldKw: series(soldKw) },
    });
  const library = await loadOptimizerLibrary();
  const sunny = planHome(library, problem(8, 1));
  t.ok(sunny.status === 'solved' && sunny.schedule.netImportKw.every((kw) => kw >= -2 - 1e-6));
  const promised = homeProblem({
    config,
    outlook,
    measured: {},
    trade: { kind: 'none' },
    netImportKwMax: [-1, 9, Number.POSITIVE_INFINITY, 2],
  });
  t.same(promised.netImportKwMax, [-1, 3, 3, 2]);
  t.same(promised.netImportKwMin, series(-2));
});

t.test('a house is to begin the next day as it is preferred, however it stands now', async (t) => {
  const config = await configOf(t, 3_000, 2_000);
  const hvac = {
    powerKwMax: 3,
    resistanceKPerKw: 5,
    capacitanceKwhPerK: 4,
    gainKPerKw: 0.7,
    preferredC: 20,
    indoorCMin: 18,
    indoorCMax: 22,
    discomfortPerK2h: 0.01,
  };
  const outlook = outlookOfTheDay({ config, day, state: { journal: {} } as Home['state'] });
  const problem = homeProblem({
    config: { ...config, hvac },
    outlook: { ...outlook, outdoorC: series(5) },
    measured: { indoorC: 17 },
    trade: { kind: 'none' },
  });
  t.match(problem.hvac, { finalIndoorC: 20, indoorCMin: 17, indoorCMax: 22 });
});

t.test('a device of which the configuration says nothing is left off the ledger', async (t) => {
  const world = new World(1);
  const { home, told } = await homeOn(t, world);
  const { ev: _, ...config } = home.config;
  await register({ ...home, config });
  t.same(
    readDevices(world.state, home.address).map(({ kind }) => kind),
    ['meter', 'pv', 'battery'],
  );
  t.same(told, [], 'and nothing was refused');
});

t.test('the aggregator opens a day from where yesterday ended, if the homes are the same', async (t) => {
  const { signal } = new AbortController();
  const yesterday = new Date(START_MS - 86_400_000).toISOString().slice(0, 10);
  const opened = async (homesThen: number, soldMw: number) => {
    const world = new World(3);
    world.timeMs = START_MS - 2 * 86_400_000;
    world.connect();
    const { home } = await homeOn(t, world, AGGREGATOR);
    const market = { ...home.config.market, membersMin: 3 };
    world.open(`${yesterday}/pool`, {
      ...{
        startMs: START_MS - 86_400_000,
        slots: SLOTS,
        maxRounds: 1,
        startPrices: series(1).map(() => 250_000n),
      },
    });
    for (const owner of world.homes.slice(homesThen)) {
      world.must(owner, 'coordination.withdraw', { id: `${yesterday}/pool` });
    }
    const [seller, buyer, ...others] = world.homes.slice(0, homesThen);
    const sold = [soldMw, -soldMw, 0].slice(0, homesThen);
    for (const [place, owner] of [seller, buyer, ...others].entries()) {
      world.must(owner!, 'coordination.offer', {
        id: `${yesterday}/pool`,
        round: 1,
        soldMw: series(sold[place]!),
      });
    }
    await openSession({ ...home, config: { ...home.config, market } }, signal);
    const session = readSession(world.state, `${day.day}/pool`)!;
    const turn = readTurn(world.state, `${day.day}/pool`, world.homes[0]!)!;
    return { session, targets: turn.form === 'pool' ? turn.targetsMw : [] };
  };
  const warm = await opened(3, 2_000_000);
  t.same(warm.targets, series(2_000_000), 'yesterday’s trade');
  t.same(
    warm.session.pricesMicro,
    series(1).map(() => 250_000n),
    'and its prices',
  );
  t.equal(warm.session.relaxationPermille, 1000);
  const cold = await opened(2, 2_000_000);
  t.same(cold.targets, series(0), 'a home has left since: from nothing');
  t.same(
    cold.session.pricesMicro,
    series(1).map(() => 200_000n),
    'at the middle of both prices',
  );
  t.equal(cold.session.relaxationPermille, 1700);
});

t.test('what the meter counted becomes records', async (t) => {
  const world = new World(1).connect();
  const { home, told } = await homeOn(t, world);
  const read = async (place: number, slot: number, importWh: number, netImportW = 0) => {
    world.timeMs = START_MS + Math.round(place * SLOT_MS);
    const head = { quality: 'good', faults: [] } as const;
    const reading: MeterReading = { ...head, atMs: world.timeMs, importWh, exportWh: 0, netImportW };
    await closeFinishedSlots(home, reading, slot);
  };
  const recordedWh = () =>
    Array.from({ length: SLOTS }, (_, slot) => {
      const record = readRecord(world.state, home.address, START_MS + slot * SLOT_MS);
      return record && Number(record.importWs) / 3_600;
    });

  await read(0, 0, 1_000_000);
  await read(1, 1, 1_000_400);
  t.same(recordedWh(), [400, undefined, undefined, undefined]);

  await t.test('an agent that starts again within the slot leaves its beginning where it was', async (t) => {
    // Much flowed just now, little before: dated back by this power the slot would begin elsewhere.
    await read(1.2, 1, 1_000_450, 5_000);
    await read(2, 2, 1_000_700);
    t.same(recordedWh(), [400, 300, undefined, undefined]);
  });

  await t.test('a counter that begins anew is no energy, and steers nothing', async (t) => {
    await read(3, 3, 12);
    t.match(told, [{ event: 'meter-restarted', slot: 3 }]);
    t.same(recordedWh(), [400, 300, undefined, undefined]);
    t.match(home.state.journal, { boundary: { slot: 3, importWh: 12 } });
    t.equal(home.state.journal.realised.length, 2);
  });

  await t.test('a reading long after the day is spread over the time until then', async (t) => {
    // Two slots after the end, at a power that says nothing of the hours before.
    await read(SLOTS + 2.5, SLOTS, 12 + 900 + 500, 4_000);
    t.same(recordedWh(), [400, 300, undefined, 300]);
    t.match(home.state.journal, { boundary: { slot: SLOTS } });
    t.equal(home.state.journal.realised.at(-1)?.substituted, true);
  });
  t.ok(readAccount(world.state, home.address));
  const files = readdirSync(join(home.config.directory, 'readings', day.day));
  t.same(files.sort(), ['0.jsonl', '1.jsonl', '3.jsonl'], 'no draft is left');
});

t.test(
  'a nomination that an earlier run has sent binds as if this one had',
  { timeout: 20_000 },
  async (t) => {
    const world = new World(1).connect();
    world.open(`${day.day}/pool`, { slots: SLOTS });
    const { home, newBlock } = await homeOn(t, world);
    home.state.journal.measured = {};
    const sent: string[] = [];
    const waiting = async ({ method }: { method: string }) => {
      sent.push(method);
      return { ok: false, code: 'CONTRACT_ALREADY_EXISTS', reason: 'it waits in the outbox' };
    };
    Object.assign(home.node, { submit: waiting });
    const agreeing = agree(home, new AbortController().signal);
    while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    world.must(home.address, 'coordination.nominate', { id: `${day.day}/pool`, netImportW: [1, 2, 3, 4] });
    newBlock();
    t.match(await agreeing, { nominatedKw: [0.001, 0.002, 0.003, 0.004] });
    t.same(sent, ['coordination.nominate']);
  },
);
