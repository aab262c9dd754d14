import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { CliIo, ForecastEvaluateOptions } from '../../agent/cli/actions.ts';
import { forecastEvaluate } from '../../agent/cli/forecast-evaluate.ts';
import { isTimeZone, utcOffsetMs } from '../../agent/clock/time-zone.ts';
import { loadConfig } from '../../agent/config/load.ts';
import type { AgentConfig, DayAhead } from '../../agent/config/schema.ts';
import { dayAhead, forecast, outlookOfTheDay } from '../../agent/cycle/forecast.ts';
import { baseLoadKw, createSlotMeans, learnSlot } from '../../agent/cycle/learn.ts';
import type { Snapshot } from '../../agent/cycle/sense.ts';
import { openForecasterFile } from '../../agent/forecaster-file.ts';
import type { Home } from '../../agent/home.ts';
import { readHistory } from '../../agent/neighbourhood/index.ts';
import { createForecaster, type Forecaster, forecastSlots, observeSlot } from '../../optimizer/index.ts';
import { DAY, HOUR, household, MONDAY } from '../optimizer/histories.ts';

const SLOTS = 24;
const START = MONDAY + 30 * DAY;
const series = (value: number) => new Array<number>(SLOTS).fill(value);
const priced: DayAhead = {
  day: '2026-04-01',
  startMs: START,
  slotMs: HOUR,
  importPricePerKwh: series(0.3),
  feedInPricePerKwh: series(0.1),
};
const setting = { slotMs: HOUR, startMs: START, endMs: START + SLOTS * HOUR };
const history = household({ seed: 40, days: 31 });
const learnt = (slots: number) =>
  history.slice(0, slots).reduce(observeSlot, createForecaster({ slotMs: HOUR }));

const exampleConfig = (): Promise<AgentConfig> =>
  loadConfig(fileURLToPath(new URL('../../../agent/config/example.yaml', import.meta.url)));

async function homeWith(t: Test, day: DayAhead, forecaster: Forecaster) {
  const config = { ...(await exampleConfig()), timeZone: 'UTC' };
  const directory = t.testdir();
  const forecasterFile = await openForecasterFile(directory, setting);
  const state = { journal: { day: day.day, untold: [], realised: [] }, forecaster };
  return { directory, home: { config, day, forecasterFile, state } as unknown as Home };
}

/** The devices of the example at one time. */
const snapshot = (atMs: number, loadW: number, pvW: number): Snapshot => {
  const base = { atMs, quality: 'good' as const, faults: [] };
  return {
    meter: { ...base, netImportW: loadW - pvW + 800 - 300 + 1_400 },
    pv: { ...base, generationW: pvW, state: 'producing' },
    battery: { ...base, chargeW: 800, dischargeW: 300 },
    evse: { ...base, state: 'C', chargeW: 1_400 },
    missing: [],
  };
};

type Seen = { readonly slot: number; readonly seen: readonly Snapshot[]; readonly curtailed?: boolean };
const learn = (home: Home, { slot, seen, curtailed = false }: Seen) => {
  const means = createSlotMeans(home.config);
  for (const snapshot of seen) means.see(snapshot);
  return learnSlot(home, { slot, means, curtailed });
};

t.test('what a home expects of its day', async (t) => {
  await t.test('is taken from the file where that says it, series by series', async (t) => {
    const told = { ...priced, outdoorC: series(7), loadForecastKw: series(2), pvForecastKw: series(3) };
    const { home } = await homeWith(t, told, learnt(30 * 24));
    t.match(forecast(home, 20, { missing: [] }), {
      loadKw: [2, 2, 2, 2],
      pvKw: [3, 3, 3, 3],
      outdoorC: [7, 7, 7, 7],
    });
    t.same(dayAhead(home, { missing: [] }), {}, 'nothing for the journal to remember');
    const { loadForecastKw: _, ...partly } = told;
    const half = (await homeWith(t, partly, learnt(30 * 24))).home;
    t.match(forecast(half, 22, { missing: [] }).pvKw, [3, 3]);
    t.not(forecast(half, 22, { missing: [] }).loadKw[0], 2);
    t.same(dayAhead(half, { missing: [] }).dayAhead!.pvKw, series(3));
  });

  await t.test('is else what was learnt, and follows the day as it turns out', async (t) => {
    const ahead = (await homeWith(t, priced, learnt(30 * 24))).home;
    const asked = { fromMs: START, slots: SLOTS, utcOffsetMs: 0 };
    t.same(forecast(ahead, 0, { missing: [] }).loadKw, [...forecastSlots(learnt(30 * 24), asked).loadKw!]);
    const noon = (await homeWith(t, priced, learnt(30 * 24 + 12))).home;
    const rest = forecast(noon, 12, { missing: [] });
    t.equal(rest.loadKw.length, 12);
    t.same(rest.importPricePerKwh.length, 12);
    t.same(rest.loadKw, [
      ...forecastSlots(learnt(30 * 24 + 12), { ...asked, fromMs: START + 12 * HOUR, slots: 12 }).loadKw!,
    ]);
    t.notSame(rest.loadKw, forecast(ahead, 12, { missing: [] }).loadKw, 'the morning was heard');
  });

  await t.test('stays what it was for the offers and promises that were made on it', async (t) => {
    const { home } = await homeWith(t, priced, learnt(30 * 24));
    const issued = dayAhead(home, { missing: [] });
    const before = outlookOfTheDay({
      ...home,
      state: { ...home.state, journal: { ...home.state.journal, ...issued } },
    });
    home.state.journal = { ...home.state.journal, ...issued };
    home.state.forecaster = learnt(30 * 24 + 12);
    t.same(outlookOfTheDay(home), before);
  });

  await t.test('of a home that knows nothing is what it measures', async (t) => {
    const { home } = await homeWith(t, priced, createForecaster({ slotMs: HOUR }));
    const { loadKw, pvKw, outdoorC } = forecast(home, 20, snapshot(START, 700, 2_000));
    t.ok(loadKw.every((kw) => Math.abs(kw - 0.7) < 1e-9));
    t.same(pvKw, [0, 0, 0, 0]);
    t.equal(outdoorC.length, 4);
  });

  await t.test('has no hole, wherever the agent starts and however long the day', async () => {
    const { home } = await homeWith(t, priced, createForecaster({ slotMs: HOUR }));
    const { config } = home;
    fc.assert(
      fc.property(
        fc.nat(31 * 24),
        fc.nat(23),
        fc.integer({ min: 24, max: 240 }),
        (observed, fromSlot, slots) => {
          const long = new Array<number>(slots).fill(0.2);
          const day = { ...priced, importPricePerKwh: long, feedInPricePerKwh: long };
          const state = { ...home.state, forecaster: learnt(observed) };
          const { loadKw, pvKw, outdoorC } = forecast({ config, day, state }, fromSlot, { missing: [] });
          return [loadKw, pvKw, outdoorC].every(
            (all) => all.length === slots - fromSlot && all.every((value) => Number.isFinite(value)),
          );
        },
      ),
      { numRuns: 40, examples: [[31 * 24, 20, 24]] },
    );
  });
});

t.test('what a slot teaches', async (t) => {
  await t.test('load is what the meter sees without the devices that are steered', async (t) => {
    const config = await exampleConfig();
    const seen = snapshot(START, 900, 2_500);
    t.ok(Math.abs(baseLoadKw(config, seen)! - 0.9) < 1e-9);
    const { battery: _, ...without } = seen;
    t.equal(baseLoadKw(config, without), undefined, 'a battery that does not answer hides the load');
    const alone = { ...config, devices: config.devices.filter(({ kind }) => kind === 'meter') };
    t.equal(baseLoadKw(alone, { missing: [], meter: { ...seen.meter!, netImportW: -5 } }), 0);
  });

  await t.test('the mean of what was seen over most of it, once, and on disk', async (t) => {
    const { home, directory } = await homeWith(t, priced, learnt(30 * 24));
    const seen = [0, 0.3, 0.6, 0.9].map((share, k) => snapshot(START + share * HOUR, 1_000 + k * 200, 500));
    await learn(home, { slot: 0, seen });
    const byHand = observeSlot(learnt(30 * 24), { startMs: START, utcOffsetMs: 0, loadKw: 1.3, pvKw: 0.5 });
    t.same(JSON.stringify(home.state.forecaster).length, JSON.stringify(byHand).length);
    t.equal(home.state.forecaster.load.diary.pages[0]![0], 1.3);
    t.equal(home.state.forecaster.pv.today.pvKw, 0.5);
    const { found } = await openForecasterFile(directory, setting);
    t.same(found, { forecaster: home.state.forecaster });
    const before = home.state.forecaster;
    await learn(home, { slot: 0, seen });
    t.equal(home.state.forecaster, before, 'an agent started again in the slot does not learn it twice');
  });

  await t.test('nothing of what was hardly seen, and no cloud of what was held down', async (t) => {
    const { home } = await homeWith(t, priced, createForecaster({ slotMs: HOUR }));
    const seen = (share: number) => [0, share].map((at) => snapshot(START + at * HOUR, 1_000, 500));
    await learn(home, { slot: 0, seen: seen(0.4) });
    t.equal(home.state.forecaster.load.diary.day, null);
    const later = (hour: number, seen: Snapshot[]) =>
      seen.map((one) => ({
        ...one,
        meter: { ...one.meter!, atMs: one.meter!.atMs + hour * HOUR },
        pv: { ...one.pv!, atMs: one.pv!.atMs + hour * HOUR },
      }));
    await learn(home, { slot: 1, seen: later(1, seen(0.9)), curtailed: true });
    t.equal(home.state.forecaster.load.diary.pages[0]![1], 1);
    t.equal(home.state.forecaster.pv.day, null);
    const throttled = later(2, seen(0.9)).map((one) => ({
      ...one,
      pv: { ...one.pv!, state: 'throttled' as const },
    }));
    await learn(home, { slot: 2, seen: throttled });
    t.equal(home.state.forecaster.pv.day, null);
    await learn(home, { slot: 3, seen: later(3, seen(0.9)) });
    t.not(home.state.forecaster.pv.day, null);
  });

  await t.test('what no home has, or no disk takes, is told of and ends no day', async (t) => {
    const { home } = await homeWith(t, priced, createForecaster({ slotMs: HOUR }));
    const told: unknown[] = [];
    const deaf = { ...home, log: (entry: unknown) => told.push(entry) } as unknown as Home;
    const huge = [0, 0.9].map((share) => snapshot(START + share * HOUR, 1e12, 500));
    await learn(deaf, { slot: 0, seen: huge });
    t.equal(deaf.state.forecaster.newestMs, null);
    const full = {
      ...deaf,
      forecasterFile: { write: () => Promise.reject(new Error('ENOSPC')) },
    } as unknown as Home;
    await learn(full, { slot: 0, seen: [0, 0.9].map((share) => snapshot(START + share * HOUR, 800, 500)) });
    t.equal(full.state.forecaster.newestMs, START, 'it is known all the same');
    t.match(told, [
      { event: 'slot-not-learnt', slot: 0 },
      { event: 'slot-not-learnt', slot: 0 },
    ]);
  });

  await t.test('what was learnt is taken up again, or begun anew with a stated doubt', async (t) => {
    const directory = t.testdir();
    const path = join(directory, 'forecaster.json');
    const anew = createForecaster({ slotMs: HOUR });
    const file = await openForecasterFile(directory, setting);
    t.same(file.found, { forecaster: anew }, 'nothing at first');
    await Promise.all([file.write(learnt(20)), file.write(learnt(50))]);
    t.same((await openForecasterFile(directory, setting)).found, { forecaster: learnt(50) });
    const whole = readFileSync(path);
    for (const cut of [0, 1, 64, 65, 70, Math.floor(whole.length / 2), whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, cut));
      const { found } = await openForecasterFile(directory, setting);
      t.same(found.forecaster, anew);
      t.match(found.doubt, /is damaged/, `cut at ${cut}`);
    }
    await file.write({ ...learnt(5), version: 9 } as unknown as Forecaster);
    t.match((await openForecasterFile(directory, setting)).found, { doubt: /another version.*version/ });
    await file.write(learnt(50));
    t.match((await openForecasterFile(directory, { ...setting, slotMs: HOUR / 4 })).found, {
      doubt: /other slots/,
    });
    for (const startMs of [setting.startMs - 10 * DAY, setting.startMs + 1]) {
      await file.write(learnt(30 * 24));
      const later = { ...setting, startMs, endMs: startMs + DAY };
      t.match((await openForecasterFile(directory, later)).found, { doubt: /a clock that was wrong/ });
    }
    const north = { ...setting, location: { latitudeDeg: 48, longitudeDeg: 8 } };
    await file.write(createForecaster({ slotMs: HOUR, location: north.location }));
    const south = { ...north, location: { latitudeDeg: 47, longitudeDeg: 8 } };
    t.match((await openForecasterFile(directory, south)).found, { doubt: /another place/ });
    t.equal((await openForecasterFile(directory, north)).found.doubt, undefined);
    const moved = { ...setting, location: { latitudeDeg: 47, longitudeDeg: 8 } };
    t.match((await openForecasterFile(directory, moved)).found, {
      doubt: /another place/,
      forecaster: { location: { latitudeDeg: 47 } },
    });
  });
});

t.test('clocks of people', async (t) => {
  const hours = (zone: string, utcMs: number) => utcOffsetMs(zone, utcMs) / HOUR;
  const [winter, summer] = [Date.UTC(2026, 0, 10), Date.UTC(2026, 6, 10)];
  t.same([hours('UTC', winter), hours('Europe/Zurich', winter), hours('Europe/Zurich', summer)], [0, 1, 2]);
  t.same([hours('America/Los_Angeles', winter), hours('America/Los_Angeles', summer)], [-8, -7]);
  t.same([hours('Asia/Kolkata', winter), hours('Australia/Lord_Howe', winter)], [5.5, 11]);
  t.ok(isTimeZone('Europe/Zurich') && !isTimeZone('Mars/Olympus') && !isTimeZone(''));
});

/** Histories as files, with one line of `edit` put in place of that of the same number (the header is line 1). */
function csvOf(t: Test, edit: Record<number, string> = {}, days = 12): string {
  const rows = household({ seed: 41, days }).map(
    ({ startMs, loadKw, pvKw }) =>
      `${new Date(startMs).toISOString().slice(0, 16)},${loadKw!.toFixed(3)},${pvKw!.toFixed(3)},extra`,
  );
  const lines = ['time,load_kw,pv_kw,note', ...rows];
  for (const [line, text] of Object.entries(edit)) lines[Number(line) - 1] = text;
  const file = join(t.testdir(), 'home.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

t.test('histories of homes', async (t) => {
  const utc = { utcOffsetMs: 0 };
  const { slotMs, slots } = await readHistory(csvOf(t, { 5: '2026-03-02T03:00,,0.5,', 6: '' }), utc);
  t.equal(slotMs, HOUR);
  t.equal(slots.length, 12 * 24 - 1, 'a slot may be missing');
  t.same(slots[3], { startMs: MONDAY + 3 * HOUR, utcOffsetMs: 0, pvKw: 0.5 }, 'and so may a value');
  const bad: [Record<number, string>, RegExp][] = [
    [{ 1: 'time,load_kw,note,more' }, /home\.csv.*no column 'pv_kw'/],
    [{ 4: '2026-03-02T02:00,x,0,' }, /home\.csv:4, column load_kw: 'x' is no number/],
    [{ 4: '2026-03-02T02:00,10001,0,' }, /home\.csv:4, column load_kw.*not within -10000/],
    [{ 4: '2026-03-02T02:00,1' }, /home\.csv:4 has 2 cells/],
    [{ 4: '2026-03-32T02:00,1,0,' }, /home\.csv:4, column time.*no time/],
    [{ 4: '2026-04-31T02:00,1,0,' }, /home\.csv:4, column time.*no time/],
    [{ 4: '2026-03-02T01:00,1,0,' }, /home\.csv:4, column time.*not come after.*--time-zone/],
    [{ 4: '2026-03-02T02:30,1,0,' }, /home\.csv:4, column time.*no slot of 60 minutes/],
    [{ 3: '2026-03-02T07:00,1,0,' }, /home\.csv:3, column time.*420 minutes do not divide/],
    [{ 3: '2026-03-01T07:00,1,0,' }, /home\.csv:3, column time.*not come after/],
  ];
  for (const [edit, message] of bad) {
    await t.rejects(readHistory(csvOf(t, edit), utc), { code: 'AGENT_BAD_DATA', message }, String(message));
  }
  await t.rejects(readHistory(join(t.testdir(), 'none.csv'), utc), { code: 'AGENT_FILE_MISSING' });
  await t.rejects(readHistory('/dev/zero', utc), {
    code: 'AGENT_BAD_DATA',
    message: /more than 134217728 bytes/,
  });

  await t.test('whose meters slip below zero', async (t) => {
    const slipped = { 4: '2026-03-02T02:00,-0.05,-0.002,', 5: '2026-03-02T03:00,-0.051,0,' };
    const { slots, corrections } = await readHistory(csvOf(t, slipped), utc);
    t.match(slots[2], { loadKw: 0, pvKw: 0 });
    t.same(Object.keys(slots[3]!), ['startMs', 'utcOffsetMs', 'pvKw'], 'that one was not measured');
    t.same(corrections, { toZero: 2, leftOut: 1, neverShown: 0 });

    const netted = Object.fromEntries(
      Array.from({ length: 30 }, (_, k) => [
        4 + k,
        `${new Date(MONDAY + (k + 2) * HOUR).toISOString().slice(0, 16)},-2,-1,`,
      ]),
    );
    await t.rejects(readHistory(csvOf(t, netted), utc), {
      code: 'AGENT_BAD_DATA',
      message: /column load_kw: 10 % of its readings are negative: give what the home uses/,
    });
    const turned = join(t.testdir(), 'turned.csv');
    writeFileSync(turned, 'time,load_kw,pv_kw\n2026-03-02T00:00,1,-2\n2026-03-02T01:00,1,0\n');
    await t.rejects(readHistory(turned, utc), { message: /column pv_kw: 50 %.*what is generated/ });
  });

  await t.test('by a clock that is put back and forward', async (t) => {
    const written = (name: string, times: readonly string[]) => {
      const file = join(t.testdir(), `${name}.csv`);
      writeFileSync(file, `time,load_kw,pv_kw\n${times.map((time, k) => `${time},${k},0`).join('\n')}\n`);
      return file;
    };
    const shown = async (times: readonly string[], timeZone = 'Europe/Zurich') => {
      const { slots, corrections } = await readHistory(written('home', times), { timeZone });
      const read = slots.map(({ startMs, utcOffsetMs, loadKw }) => [
        new Date(startMs).toISOString().slice(11, 16),
        utcOffsetMs / HOUR,
        loadKw,
      ]);
      return { read, neverShown: corrections.neverShown };
    };
    const autumn = (hours: readonly string[]) => hours.map((hour) => `2026-10-25T${hour}`);
    t.same(await shown(autumn(['01:00', '02:00', '02:00', '03:00'])), {
      read: [
        ['23:00', 2, 0],
        ['00:00', 2, 1],
        ['01:00', 1, 2],
        ['02:00', 1, 3],
      ],
      neverShown: 0,
    });
    t.same((await shown(autumn(['01:00', '01:30', '02:00', '02:30', '02:00', '02:30', '03:00']))).read, [
      ['23:00', 2, 0],
      ['23:30', 2, 1],
      ['00:00', 2, 2],
      ['00:30', 2, 3],
      ['01:00', 1, 4],
      ['01:30', 1, 5],
      ['02:00', 1, 6],
    ]);
    t.same((await shown(autumn(['00:00', '01:00', '02:00', '03:00']))).read.slice(2), [
      ['00:00', 2, 2],
      ['02:00', 1, 3],
    ]);
    await t.rejects(shown(autumn(['01:00', '02:00', '02:00', '02:00'])), {
      message: /:5, column time.*come after/,
    });
    const midnight = ['04T22:00', '04T23:00', '04T23:00', '05T00:00'].map((hour) => `2026-04-${hour}`);
    t.same((await shown(midnight, 'America/Santiago')).read, [
      ['01:00', -3, 0],
      ['02:00', -3, 1],
      ['03:00', -4, 2],
      ['04:00', -4, 3],
    ]);
    const far = ['01:00', '02:00', '02:00', '03:00'].map((hour) => `2026-04-05T${hour}`);
    t.same(
      (await shown(far, 'Pacific/Auckland')).read.map(([, ahead]) => ahead),
      [13, 13, 12, 12],
    );
    const spring = ['01:00', '02:00', '03:00', '04:00'].map((hour) => `2026-03-29T${hour}`);
    t.same(await shown(spring), {
      read: [
        ['00:00', 1, 0],
        ['01:00', 2, 2],
        ['02:00', 2, 3],
      ],
      neverShown: 1,
    });
  });
});

t.test('forecast evaluate', async (t) => {
  const complaints: string[] = [];
  const run = async (options: Partial<ForecastEvaluateOptions>, columns = 80) => {
    const out: string[] = [];
    complaints.length = 0;
    const stream = (lines: string[]) =>
      ({ columns, write: (text: string) => lines.push(text) }) as unknown as NodeJS.WriteStream;
    const io: CliIo = { stdout: stream(out), stderr: stream(complaints), env: { LANG: 'C.UTF-8' } };
    const given = { files: [], clock: { utcOffsetMs: 0 }, warmUpDays: 7, json: 'none' as const };
    await forecastEvaluate({ ...given, ...options }, io);
    return out.join('');
  };
  const file = csvOf(t);

  await t.test('tells programs figures of each file and their mean', async (t) => {
    const report = JSON.parse(await run({ files: [file, file], json: 'stdout' }));
    t.same(Object.keys(report), ['mean', 'files']);
    const figures = ['mae', 'rmse', 'skillMae', 'skillRmse'];
    t.same(Object.keys(report.files[0]), ['file', 'load', 'pv', 'days', 'corrections']);
    t.match(report.files[0], { file, days: 5 });
    for (const of of ['load', 'pv']) {
      t.same(Object.keys(report.mean[of]), figures);
      for (const figure of figures) {
        t.ok(Math.abs(report.mean[of][figure] - report.files[0][of][figure]) < 1e-12);
      }
    }
    const dark = join(t.testdir(), 'dark.csv');
    writeFileSync(dark, readFileSync(file, 'utf8').replace(/[\d.]+,extra/g, '0,extra'));
    const mixed = JSON.parse(await run({ files: [file, dark], json: 'stdout' }));
    t.match(mixed.files[1].pv, { mae: 0, rmse: 0 }, 'a home without PV');
    t.same(mixed.mean.pv, mixed.files[0].pv, 'tells nothing of forecasts of PV');
    t.not(JSON.parse(await run({ files: [dark], json: 'stdout' })).mean.pv.mae, null);
    const place = join(t.testdir(), 'report.json');
    const table = await run({ files: [file], json: { file: place } });
    t.match(table, /skill against 24 h persistence/);
    t.same(JSON.parse(readFileSync(place, 'utf8')).files, [report.files[0]]);
  });

  await t.test('says how much it did not take as it stands', async (t) => {
    const slipped = csvOf(t, { 4: '2026-03-02T02:00,-0.01,0,', 5: '2026-03-02T03:00,-3,0,' });
    const report = JSON.parse(await run({ files: [file, slipped], json: 'stdout' }));
    t.same(report.files[0].corrections, { toZero: 0, leftOut: 0, neverShown: 0 });
    t.same(report.files[1].corrections, { toZero: 1, leftOut: 1, neverShown: 0 });
    t.equal(
      complaints[0],
      `${slipped}: 1 reading just below zero taken for 0, 1 negative reading left out.\n`,
    );
    const spring = csvOf(t, {}, 45);
    await run({ files: [spring], clock: { timeZone: 'Europe/Zurich' } });
    t.match(complaints[0], /1 row of an hour that the clock never showed left out/);
  });

  await t.test('tells people a table and two charts that fit', async (t) => {
    for (const columns of [80, 120]) {
      const text = await run({ files: [file, file] }, columns);
      t.ok(
        text.split('\n').every((line) => line.length <= columns),
        `${columns} columns`,
      );
      t.match(text, /home\.csv.*\n(.*\n)*.*mean.*\n(.*\n)*Load.*\n(.*\n)*PV/);
    }
  });

  await t.test('knows summer time, and goes on through it', async (t) => {
    // The clocks of Zurich go forward on 2026-03-29, those of Santiago back on 2026-04-05.
    const long = csvOf(t, {}, 45);
    for (const timeZone of ['UTC', 'Europe/Zurich', 'America/Santiago']) {
      const report = JSON.parse(await run({ files: [long], clock: { timeZone }, json: 'stdout' }));
      t.equal(report.files[0].days, 38, timeZone);
      t.ok(report.mean.load.skillRmse > 0.1, `${report.mean.load.skillRmse}`);
    }
    await t.rejects(run({ files: [long], clock: { timeZone: 'Australia/Lord_Howe' } }), {
      code: 'AGENT_BAD_OPTION',
      message: /less than the slots of .*home\.csv/,
    });
    const byZone = await run({ files: [long], clock: { timeZone: 'Asia/Kolkata' }, json: 'stdout' });
    t.equal(byZone, await run({ files: [long], clock: { utcOffsetMs: 5.5 * HOUR }, json: 'stdout' }));
  });

  await t.test('says when a history is too short, and writes nothing', async (t) => {
    const place = join(t.testdir(), 'report.json');
    await t.rejects(run({ files: [file], warmUpDays: 12, json: { file: place } }), {
      code: 'AGENT_BAD_DATA',
      message: /home\.csv leaves no load or no PV to judge after 12 days/,
    });
    t.notOk(existsSync(place));
    await t.rejects(run({ files: [file], json: { file: t.testdir() } }), { code: 'AGENT_BAD_OPTION' });
  });
});
