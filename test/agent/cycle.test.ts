import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { sleep } from '../../agent/clock/clock.ts';
import { systemClock } from '../../agent/clock/system.ts';
import { loadConfig } from '../../agent/config/load.ts';
import type { AgentConfig, DayAhead } from '../../agent/config/schema.ts';
import { agree, nothingAgreed } from '../../agent/cycle/agree.ts';
import { runDay } from '../../agent/cycle/day.ts';
import { outlookOfTheDay } from '../../agent/cycle/forecast.ts';
import { homeProblem } from '../../agent/cycle/optimize.ts';
import { register } from '../../agent/cycle/register.ts';
import { closeFinishedSlots } from '../../agent/cycle/settle.ts';
import { carryOut } from '../../agent/cycle/slots.ts';
import { statusOf } from '../../agent/diagnostics/status.ts';
import type { Home } from '../../agent/home.ts';
import type { LogEntry } from '../../agent/log-entry.ts';
import { loadOptimizerLibrary } from '../../agent/optimizer-library.ts';
import { openSession } from '../../agent/roles/aggregator.ts';
import { readDevices } from '../../consensus/contract/index.ts';
import { readAccount, readRecord, readSession, readTurn } from '../../consensus/index.ts';
import type { MeterReading } from '../../drivers/index.ts';
import { createForecaster, planHome } from '../../optimizer/index.ts';
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
  const listen = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
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
      forecaster: createForecaster({ slotMs: SLOT_MS }),
    },
    forecasterFile: { write: async () => undefined },
    node: {
      head: {
        state: world.state,
        height: 1,
        header: {
          get timeMs() {
            return world.timeMs;
          },
        },
      },
      status: () => ({ ownPending: 1 }),
      submit: async ({ method, args }: { method: string; args: Parameters<World['apply']>[2] }) =>
        world.apply(address, method, args),
      isCatchingUp: () => false,
      onHead: listen,
      onCaughtUp: listen,
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
  await register({ ...home, config }, new AbortController().signal);
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

/** A home whose clock is off, on a street where time passes when the test says so. */
async function homeOffBy(t: Test, offMs: number, homes = 1) {
  const world = new World(homes).connect();
  const { home: usual, told } = await homeOn(t, world);
  const computer = { offMs };
  world.timeMs = START_MS;
  const clock = systemClock({
    toleranceMs: SLOT_MS / 10,
    wallMs: () => world.timeMs + computer.offMs,
    monotonicMs: () => world.timeMs,
  });
  const poll = async (targetMs: number, signal: AbortSignal) => {
    while (home.clock.utcMs() < targetMs) await sleep(2, signal);
  };
  let reads = 0;
  /** 100 Wh in the first slot, 200 in the second. */
  const importWh = () => {
    const slot = (world.timeMs - START_MS) / SLOT_MS;
    return (
      1_000_000 + 50 * Math.floor(slot) * (Math.floor(slot) + 1) + 100 * (Math.floor(slot) + 1) * (slot % 1)
    );
  };
  const powerW = () => 400 * (1 + Math.floor((world.timeMs - START_MS) / SLOT_MS));
  const read = async () => {
    reads += 1;
    const head = { quality: 'good', faults: [], atMs: home.clock.utcMs() } as const;
    return { ...head, importWh: importWh(), exportWh: 0, netImportW: powerW() };
  };
  const meter = { config: { id: 'meter', kind: 'meter' }, device: { read } };
  const rehearse: World['apply'] = (...call) => {
    const trueMs = world.timeMs;
    world.timeMs = home.clock.utcMs();
    const before = world.snapshot();
    const outcome = world.apply(...call);
    world.timeMs = trueMs;
    if (!outcome.ok) return outcome;
    for (const key of world.entries.keys()) if (!before.has(key)) world.entries.delete(key);
    for (const [key, value] of before) world.entries.set(key, value);
    return world.apply(...call);
  };
  const home: Home = {
    ...usual,
    config: { ...usual.config, timing: { ...usual.config.timing, senseMs: 20 } },
    clock: { ...clock, waitUntil: poll },
    devices: { all: [meter], reach: async () => undefined, mark: () => undefined, find: () => undefined },
    node: {
      ...usual.node,
      submit: async ({ method, args }: { method: string; args: Parameters<World['apply']>[2] }) =>
        rehearse(usual.address, method, args),
    },
  } as unknown as Home;
  return {
    ...{ home, told, clock, computer, world },
    /** To this place in the day, and until the meter was looked at there. */
    async at(place: number) {
      world.timeMs = START_MS + Math.round(place * SLOT_MS);
      const before = reads;
      while (reads < before + 3) await sleep(2, new AbortController().signal);
    },
    recordedWh: () =>
      Array.from({ length: SLOTS }, (_, slot) => {
        const record = readRecord(world.state, home.address, START_MS + slot * SLOT_MS);
        return record && Math.round(Number(record.importWs) / 3_600);
      }),
  };
}

for (const [words, offMs] of Object.entries({
  'an hour ahead': 4 * SLOT_MS,
  'half a slot ahead': SLOT_MS / 2,
  'three years ahead': 3 * 365 * 86_400_000,
  'half a slot behind': -SLOT_MS / 2,
}))
  t.test(`a home starts with a clock ${words}: nothing is lost of it`, { timeout: 20_000 }, async (t) => {
    const { home, clock, computer, at, recordedWh, world } = await homeOffBy(t, 0);
    const stopping = new AbortController();
    const run = () => carryOut(home, () => nothingAgreed(home), stopping.signal);
    clock.heard(world.timeMs, false);
    const day = run();
    day.catch((error) => t.fail(String(error)));
    for (const place of [0.02, 0.5, 1.02]) await at(place);
    t.match(home.state.journal, { boundary: { slot: 1 } });

    // As if it had begun with that clock, and the chain is heard of all the time.
    computer.offMs = offMs;
    const wrong = systemClock({
      toleranceMs: SLOT_MS / 10,
      wallMs: () => world.timeMs + computer.offMs,
      monotonicMs: () => world.timeMs,
    });
    Object.assign(home.clock, { utcMs: wrong.utcMs, standing: wrong.standing });
    for (const place of [1.3, 1.5, 1.8, 2.02, 2.5, 2.8]) {
      world.timeMs = START_MS + place * SLOT_MS;
      wrong.heard(world.timeMs, false);
      await at(place);
    }
    t.match(
      home.state.journal,
      { boundary: { slot: 1 } },
      'no boundary is noted by a clock that is not borne out',
    );
    t.same(recordedWh(), [100, undefined, undefined, undefined]);
    computer.offMs = 0;
    for (const place of [2.85, 3.02, 3.5]) await at(place);
    t.same(recordedWh(), [100, 200, 300, undefined], 'each slot as it was measured');
    world.timeMs = START_MS + 4.02 * SLOT_MS;
    await day;
    t.same(recordedWh(), [100, 200, 300, 400]);
    t.same(
      home.state.journal.realised.map(({ slot, substituted }) => [slot, substituted]),
      [0, 1, 2, 3].map((slot) => [slot, false]),
      'once each, and none is substituted',
    );
    stopping.abort();
  });

for (const { words, offMs, startPlace } of [
  { words: 'two slots ahead', offMs: 2 * SLOT_MS, startPlace: 0.05 },
  { words: 'a slot behind', offMs: -SLOT_MS, startPlace: 1.05 },
])
  t.test(`a clock ${words} that is disproven steers no device`, { timeout: 20_000 }, async (t) => {
    const { home, told, clock, computer, world, at } = await homeOffBy(t, offMs);
    const said: string[] = [];
    const unit = (kind: string) => {
      const say = (word: string) => async () => {
        said.push(`${word} ${kind}`);
        return { ok: true, appliedW: 0, clamped: false };
      };
      const steer = say('steer');
      const steering = { charge: steer, discharge: steer, setPower: steer, limitGeneration: steer };
      return { id: kind, kind, ...steering, release: say('release') };
    };
    Object.assign(home.devices, { find: (kind: string) => unit(kind) });
    const statusLedger = { doubt: null, latency: { count: 0 } };
    Object.assign(home.node, { status: () => statusLedger });
    Object.assign(home.node.head, { validators: [] });
    Object.assign(home, { brokers: () => [], keyIsChanging: () => false });
    const eventsOf = () => told.map(({ event }) => event).filter((event) => event.startsWith('clock-'));
    let blocks = 0;
    const block = () => {
      blocks += 1;
      clock.heard(world.timeMs, false, { proposer: 'abcd'[blocks % 4]!, liarsMax: 1 });
    };
    const stopping = new AbortController();
    world.timeMs = START_MS + startPlace * SLOT_MS;
    const day = carryOut(home, () => nothingAgreed(home), stopping.signal);
    await at(startPlace);
    t.match(statusOf(home), { slot: words === 'a slot behind' ? 0 : 2 });
    t.ok(said.includes('steer battery'), 'as long as nobody contradicts');

    said.length = 0;
    for (const later of [0.1, 0.2, 0.3, 0.4]) {
      await at(startPlace + later);
      block();
    }
    await at(startPlace + 0.45);
    t.same(said.sort(), ['release battery', 'release evse', 'release hvac', 'release pv']);
    t.equal(statusOf(home).slot, undefined);
    t.match(statusOf(home).clock, { proven: false, disproven: true });
    said.length = 0;
    for (const later of [0.6, 0.9, 1, 1.5]) {
      await at(startPlace + later);
      block();
    }
    t.same(said, [], 'slot after slot');
    t.same(eventsOf(), ['clock-disproven'], 'told once');

    computer.offMs = 0;
    await at(startPlace + 1.6);
    t.ok(said.includes('steer battery'));
    t.match(statusOf(home), { slot: Math.floor(startPlace + 1.6) });
    t.same(eventsOf(), ['clock-disproven', 'clock-believed-again']);
    stopping.abort();
    await t.rejects(day, { code: 'AGENT_ABORTED' });
  });

t.test('while nobody says anything, one call a slot finds out what time it is', async (t) => {
  const { home, clock, world } = await homeOffBy(t, 0);
  world.timeMs = START_MS + SLOT_MS;
  clock.heard(START_MS - SLOT_MS, false);
  const sent: string[] = [];
  const submit = async ({ method }: { method: string }) => {
    sent.push(method);
    return { ok: true, id: '' };
  };
  Object.assign(home.node, { submit, status: () => ({ ownPending: 0, connected: true }) });
  await closeFinishedSlots(home, undefined, 1);
  await closeFinishedSlots(home, undefined, 1);
  t.same(sent, ['accounts.skip']);
  world.timeMs += SLOT_MS;
  await closeFinishedSlots(home, undefined, 2);
  t.equal(sent.length, 2);
  clock.heard(world.timeMs, false);
  world.timeMs += SLOT_MS;
  await closeFinishedSlots(home, undefined, 3);
  t.equal(sent.length, 2, 'a proven clock asks nobody');
});

t.test('what is too late by the own clock alone is told as soon as that is right', async (t) => {
  const { home, clock, computer, world, told, recordedWh } = await homeOffBy(t, 0);
  world.timeMs = START_MS + SLOT_MS;
  clock.heard(world.timeMs, true);
  home.state.journal.boundary = { slot: 0, importWh: 1_000_000, exportWh: 0 };
  computer.offMs = 3 * 365 * 86_400_000;
  const reading = { quality: 'good', faults: [], importWh: 1_000_100, exportWh: 0, netImportW: 0 } as const;
  // Alone nobody contradicts it, and still: only the chain's time gives a record up.
  await closeFinishedSlots(home, { ...reading, atMs: world.timeMs }, 1);
  t.match(told, [{ event: 'call-rejected', code: 'CONTRACT_TOO_LATE' }]);
  t.same(
    home.state.journal.untold.map(({ slot }) => slot),
    [0],
  );
  computer.offMs = 0;
  await closeFinishedSlots(home, { ...reading, atMs: world.timeMs }, 1);
  t.equal(recordedWh()[0], 100);
  t.same(home.state.journal.untold, []);
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

t.test(
  'while the ledger catches up devices are seen to, and nothing is said',
  { timeout: 20_000 },
  async (t) => {
    const { home, at, clock, world, told } = await homeOffBy(t, 0, 2);
    const id = `${day.day}/pool`;
    // An old head: the session is in its first round there, whose deadline is over.
    world.timeMs = START_MS - 86_400_000;
    world.open(id, { slots: SLOTS });
    world.timeMs = START_MS;
    home.state.journal = {
      ...home.state.journal,
      boundary: { slot: 0, importWh: 1_000_000, exportWh: 0 },
      measured: {},
    };
    let catchingUp = true;
    const heads = new Set<() => void>();
    const ends = new Set<() => void>();
    const listenTo = (listeners: typeof heads) => (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const sent: string[] = [];
    const { submit } = home.node;
    Object.assign(home.node, {
      isCatchingUp: () => catchingUp,
      onHead: listenTo(heads),
      onCaughtUp: listenTo(ends),
      status: () => ({ ownPending: 0, connected: true }),
      submit: async (call: Parameters<typeof submit>[0]) => {
        sent.push(call.method);
        return submit(call);
      },
    });
    const stopping = new AbortController();
    const running = runDay(home, stopping.signal);
    running.catch((error) => t.fail(String(error)));
    for (const place of [0.02, 0.5, 1.02, 1.5]) {
      world.timeMs = START_MS + place * SLOT_MS;
      clock.heard(world.timeMs, false);
      await at(place);
    }
    for (const listener of heads) listener();
    await at(1.6);
    t.equal(home.state.phase, 'delivering');
    t.match(home.state.journal, { boundary: { slot: 1 }, untold: [{ slot: 0 }], schedule: {} });
    t.same(sent, []);

    catchingUp = false;
    for (const listener of ends) listener();
    await at(2.02);
    await at(2.1);
    t.ok(sent.includes('registry.registerDevice') && sent.includes('coordination.offer'), sent.join());
    t.ok(sent.includes('metering.record'));
    t.same(home.state.journal.untold, [], JSON.stringify(told));
    stopping.abort();
    await running;
  },
);

t.test(
  'what an old head shows as final binds, also while the ledger catches up',
  { timeout: 20_000 },
  async (t) => {
    const world = new World(1).connect();
    const id = `${day.day}/pool`;
    world.open(id, { slots: SLOTS });
    const { home } = await homeOn(t, world);
    home.state.journal.measured = {};
    world.must(home.address, 'coordination.nominate', { id, netImportW: [1, 2, 3, 4] });
    Object.assign(home.node, { isCatchingUp: () => true });
    t.match(await agree(home, new AbortController().signal), { nominatedKw: [0.001, 0.002, 0.003, 0.004] });
  },
);
