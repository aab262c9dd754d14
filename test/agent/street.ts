import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { simulatedClock } from '../../agent/clock/simulated.ts';
import { type Child, openNursery } from '../../agent/demo/children.ts';
import { type ClockTeller, openClockTeller } from '../../agent/demo/clock-teller.ts';
import { houseOf } from '../../agent/demo/house.ts';
import {
  type ConfigInputs,
  EVENING_BEFORE_MS,
  type HomePlace,
  layOut,
  writeConfig,
} from '../../agent/demo/layout.ts';
import { askLocalApi } from '../../agent/diagnostics/local-api.ts';
import type { SessionAnswer } from '../../agent/diagnostics/session-answer.ts';
import type { AgentStatus } from '../../agent/diagnostics/status.ts';
import { type DayData, loadNeighbourhood, selectDay } from '../../agent/neighbourhood/index.ts';
import { contract, openLedgerStore, parseGenesis, readRecord } from '../../consensus/index.ts';
import { type HouseEmulator, startHouseEmulator } from '../../drivers/index.ts';
import { type Mosquitto, startMosquitto } from '../peers/mosquitto.ts';

/** Real time of a slot: room enough for an agent to start within it. */
const SLOT_REAL_MS = 1_500;
const TRADING_SPEED = 10;

/** One home: its agent is a process, the devices are emulated within the test so that they can be broken. */
export type StreetHome = {
  readonly place: HomePlace;
  readonly house: HouseEmulator;
  agent?: Child;
  start(): Promise<Child>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM; the exit status. */
  stop(): Promise<string>;
  status(): Promise<AgentStatus>;
  session(): Promise<SessionAnswer>;
  /** Slots of the day whose records its own ledger holds; the agent must not run. */
  recordedSlots(): Promise<readonly number[]>;
  /** What the agent told, oldest first. */
  log(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** All that it wrote to stderr. */
  words(): Promise<string>;
};

export type Street = {
  readonly directory: string;
  readonly data: DayData;
  readonly brokers: readonly Mosquitto[];
  readonly network: string;
  readonly homes: readonly StreetHome[];
  /** Begins to tell the time: the evening before, and running as in a demo. */
  tellEvening(): Promise<void>;
  /** Begins the day. */
  tellDay(): void;
  /** Resolves at this place in the day, real time since `tellDay`. */
  untilSlot(slot: number): Promise<void>;
};

/** A street of homes, every one a validator, with real brokers between them; no agent runs yet. */
export async function openStreet(
  t: Test,
  {
    slots,
    homes = 4,
    brokers: count = 1,
    way = (broker) => broker.url,
  }: {
    slots: number;
    homes?: number;
    brokers?: number;
    /** Where homes find a broker, counted from 0: itself, or who stands between. */
    way?: (broker: Mosquitto, index: number) => string | Promise<string>;
  },
): Promise<Street> {
  const directory = await mkdtemp(join(tmpdir(), 'gq-'));
  const brokers = await Promise.all(Array.from({ length: count }, () => startMosquitto()));
  const urls = await Promise.all(brokers.map(way));
  const neighbourhood = await loadNeighbourhood({ homes, seed: 3, hvac: false, ev: false });
  const data = selectDay(neighbourhood, { slots });
  const shape = { directory, validators: homes, form: 'pool' as const, seed: 3 };
  const layout = await layOut(data, shape, urls);
  const logs = join(directory, 'logs');
  await mkdir(logs);
  const nursery = openNursery(logs);
  nursery.failure.catch((error: Error) => t.comment(error.message));
  const clock = simulatedClock(data.startMs - EVENING_BEFORE_MS);
  let teller: ClockTeller | undefined;
  let startedMs = 0;

  const street = await Promise.all(
    layout.homes.map(async (place, index): Promise<StreetHome> => {
      const home = data.homes[index]!;
      const house = await startHouseEmulator({ house: houseOf(data, home), clock, host: '127.0.0.1' });
      const inputs: ConfigInputs = {
        data,
        home,
        place,
        layout,
        shape,
        brokers: urls,
        devices: house.devices.map((device) => ({ ...device, timeoutMs: 500 })),
        leads: index === 0,
      };
      await writeConfig(inputs);
      const self: StreetHome = {
        place,
        house,
        start: async () => {
          self.agent = await nursery.start(place.home, 'agent', ['run', '--config', place.configFile]);
          return self.agent;
        },
        kill: async () => {
          await self.agent?.kill();
          delete self.agent;
        },
        stop: async () => {
          const { agent } = self;
          delete self.agent;
          await agent?.stop();
          return (await agent?.ended) ?? 'was not running';
        },
        status: () => askLocalApi(place.directory, '/status') as Promise<AgentStatus>,
        session: () => askLocalApi(place.directory, '/session') as Promise<SessionAnswer>,
        recordedSlots: async () => {
          const genesis = parseGenesis(await readFile(layout.genesisFile, 'utf8'));
          const { directory } = place;
          const store = await openLedgerStore({
            directory,
            genesis,
            contract,
          });
          try {
            return Array.from({ length: data.slots }, (_, slot) => slot).filter(
              (slot) =>
                readRecord(store.head.state, place.address, data.startMs + slot * data.slotMs) !== undefined,
            );
          } finally {
            await store.close();
          }
        },
        words: () => readFile(join(logs, `${place.home}.log`), 'utf8'),
        log: async () => {
          const text = await self.words();
          return text
            .split('\n')
            .filter((line) => line.startsWith('{'))
            .map((line) => JSON.parse(line));
        },
      };
      return self;
    }),
  );
  t.teardown(async () => {
    await nursery.stopAll();
    await teller?.stop();
    await Promise.all(street.map(({ house }) => house.stop()));
    await Promise.all(brokers.map((broker) => broker.stop()));
    if (process.env.KEEP === undefined) await rm(directory, { recursive: true, force: true });
    else t.comment(directory);
  });
  const tell = (utcMs: number, speed: number) => {
    clock.adjust({ utcMs, wallMs: Date.now(), speed });
    teller?.tell({ utcMs, speed });
  };
  return {
    directory,
    data,
    brokers,
    network: layout.network,
    homes: street,
    tellEvening: async () => {
      teller = await openClockTeller({
        brokers: urls,
        network: layout.network,
        signal: new AbortController().signal,
      });
      tell(data.startMs - EVENING_BEFORE_MS, TRADING_SPEED);
    },
    tellDay: () => {
      startedMs = performance.now();
      tell(data.startMs, data.slotMs / SLOT_REAL_MS);
    },
    untilSlot: (slot) =>
      new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, startedMs + slot * SLOT_REAL_MS - performance.now())),
      ),
  };
}

/** Leaves prices in the home's day alone: weather, load and generation it is to forecast by itself. */
export async function leaveOutForecasts({ place: { directory } }: StreetHome): Promise<void> {
  const file = join(directory, 'day.json');
  const {
    outdoorC: _,
    loadForecastKw: _load,
    pvForecastKw: _pv,
    ...priced
  } = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify(priced));
}

/** Asks every few moments until all running homes satisfy the condition. */
export async function untilAll(
  homes: readonly StreetHome[],
  what: string,
  condition: (status: AgentStatus) => boolean,
  timeoutMs = 40_000,
): Promise<readonly AgentStatus[]> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const statuses = await Promise.all(homes.map((home) => home.status()));
    if (statuses.every(condition)) return statuses;
    if (performance.now() > deadlineMs) {
      const late = statuses.filter((status) => !condition(status));
      throw new Error(`Not within ${timeoutMs} ms: ${what}; ${JSON.stringify(late)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
