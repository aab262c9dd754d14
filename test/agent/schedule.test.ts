import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { parse, stringify } from 'yaml';
import type { CliIo } from '../../agent/cli/actions.ts';
import { periodsOf, whenOf } from '../../agent/cli/clock-words.ts';
import { parseProblem } from '../../agent/cli/problem-file.ts';
import { schedule } from '../../agent/cli/schedule.ts';
import {
  checkScheduleOptions,
  type RawScheduleOptions,
  type ScheduleOptions,
} from '../../agent/cli/schedule-options.ts';
import type { ScheduleReport } from '../../agent/cli/schedule-report.ts';
import { startLocalApi } from '../../agent/diagnostics/local-api.ts';
import { AgentError } from '../../agent/errors.ts';
import { renderStrips, type Strip, wrapped } from '../../agent/terminal/index.ts';
import type { HomeProblem } from '../../optimizer/index.ts';
import { plainHome, randomHome } from '../optimizer/homes.ts';
import { fileAHome, withDirectory } from './csv-fixture.ts';

const given: RawScheduleOptions = { trade: true, hvac: true, ev: true };

type Told = { readonly out: string; readonly err: string; readonly error?: unknown };

/** Runs the command in this process, on a screen of 80 columns. */
async function tell(
  raw: Partial<RawScheduleOptions>,
  screen: { columns?: number; isTTY?: boolean; env?: CliIo['env'] } = {},
): Promise<Told> {
  const { columns = 80, isTTY = false, env = { LANG: 'C.UTF-8' } } = screen;
  const [out, err]: [string[], string[]] = [[], []];
  const stream = { columns, isTTY, write: (text: string) => out.push(text) } as unknown as NodeJS.WriteStream;
  const stderr = {
    columns,
    isTTY: false,
    write: (text: string) => err.push(text),
  } as unknown as NodeJS.WriteStream;
  const options = checkScheduleOptions({ ...given, ...raw });
  try {
    await schedule(options, { stdout: stream, stderr, env });
  } catch (error) {
    return { out: out.join(''), err: err.join(''), error };
  }
  return { out: out.join(''), err: err.join('') };
}

async function reportOf(raw: Partial<RawScheduleOptions>): Promise<ScheduleReport> {
  const { out, error } = await tell({ ...raw, json: true });
  if (error !== undefined && !(error instanceof AgentError && error.code === 'AGENT_INFEASIBLE')) throw error;
  return JSON.parse(out) as ScheduleReport;
}

const near = (a: number, b: number, within = 1e-6): boolean => Math.abs(a - b) <= within;

t.test('right and wrong options', async (t) => {
  const neighbourhood = {
    kind: 'neighbourhood',
    homes: 10,
    slots: 24,
    form: 'pool',
    seed: 1,
    trade: true,
    hvac: true,
    ev: true,
  };
  const right: [Partial<RawScheduleOptions>, ScheduleOptions['from'] | object][] = [
    [{}, neighbourhood],
    [
      { data: 'd', day: '2017-05-08', home: 'home04' },
      { dataDirectory: 'd', day: '2017-05-08', home: 'home04' },
    ],
    [
      { homes: '3', slots: '96', form: 'pairwise', seed: '7', trade: false },
      { homes: 3, slots: 96, trade: false },
    ],
    [{ problem: 'p.json' }, { kind: 'problem', file: 'p.json' }],
    [{ config: 'c.yaml' }, { kind: 'running', configFile: 'c.yaml' }],
  ];
  for (const [raw, expected] of right) {
    t.match(
      checkScheduleOptions({ ...given, ...raw }),
      { json: 'none', from: expected },
      JSON.stringify(raw),
    );
  }
  const wrong: [Partial<RawScheduleOptions>, RegExp][] = [
    [{ slots: '25' }, /48, 72, 96/],
    [{ homes: '0' }, /--homes/],
    [{ day: '8.5.2017' }, /YYYY-MM-DD/],
    [{ form: 'pairs' }, /did you mean pairwise/],
    [{ home: '' }, /name of a home/],
    [{ problem: '' }, /give a path/],
    [{ problem: 'a', config: 'b' }, /--problem says it all: leave --config out/],
    [{ problem: 'a', day: '2017-05-08' }, /leave --day out/],
    [{ config: 'a', trade: false }, /--config says it all: leave --no-trade out/],
  ];
  for (const [raw, expected] of wrong) {
    const refuse = (): unknown => checkScheduleOptions({ ...given, ...raw });
    t.throws(refuse, { code: 'AGENT_BAD_OPTION', message: expected }, JSON.stringify(raw));
  }
});

t.test('strips stand under each other, slot by slot', async (t) => {
  const strip = (label: string, values: number[], more: Partial<Strip> = {}): Strip => ({
    label,
    values,
    empty: 0,
    full: 8,
    note: 'x',
    kind: 'flow',
    color: 'cyan',
    ...more,
  });
  const chart = {
    title: 'home',
    subtitle: 'where it comes from',
    slotMinutes: 120,
    groups: [
      [strip('price', [1, 2, 3, 4, 5, 6, -1, 8, 0, 1, 1, 1], { kind: 'level' })],
      [],
      [
        strip('car', [0, 0.001, 0.1, 8, 1, 1, 1, 1, 0, 0, 0, 0], {
          away: [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0],
        }),
        strip('missed', [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], { kind: 'alarm', note: '' }),
      ],
    ],
  };
  const plain = { width: 36, color: false, unicode: true };
  t.equal(
    renderStrips(chart, plain),
    `home  where it comes from

       00    06    12    18     h
price  ▁▁▂▂▃▃▄▄▅▅▆▆▔▔██▁▁▁▁▁▁▁▁  x

car    ┊   ▁▁██╌╌╌╌╌╌▁▁  ┊       x
missed ┊ !!  ┊     ┊     ┊`,
  );
  const ascii = renderStrips(chart, { ...plain, unicode: false });
  t.match(ascii, "price  ..,,::--==++''##........  x");
  t.match(ascii, 'car    |   ..##~~~~~~..  |       x');
  const coloured = renderStrips(chart, { ...plain, color: true });
  t.not(coloured, renderStrips(chart, plain));
  t.equal(stripVTControlCharacters(coloured), renderStrips(chart, plain), 'colour adds nothing else');
  const narrow = renderStrips({ ...chart, title: 'a'.repeat(30) }, plain).split('\n');
  t.same(narrow.slice(0, 3), ['a'.repeat(30), 'where it comes from', ''], 'a long title has its own line');
});

t.test('strips are as wide as the place and no wider', async () => {
  const value = fc.oneof(fc.double({ min: -5, max: 50 }), fc.constantFrom(0, 1e-12, Number.NaN));
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 288 }),
      fc.integer({ min: 50, max: 160 }),
      fc.boolean(),
      fc.constantFrom(5, 15, 30, 60),
      fc.constantFrom('level', 'flow', 'alarm'),
      fc.constantFrom('', 'kW', '12.0-13.0 kWh here'),
      (values, width, unicode, slotMinutes, kind, note) => {
        const strip: Strip = {
          label: 'x',
          values,
          empty: 0,
          full: 10,
          note,
          kind,
          color: 'cheap-to-dear',
        };
        const chart = { title: 'home', subtitle: 'file', slotMinutes, groups: [[strip]] };
        const lines = renderStrips(chart, { width, color: true, unicode }).split('\n');
        const bare = lines.map((line) => stripVTControlCharacters(line));
        return bare.every((line) => line.length <= width && (unicode || /^[ -~]*$/.test(line)));
      },
    ),
    { numRuns: 300 },
  );
});

t.test('columns that stand for several slots are whole hours or parts of one', async (t) => {
  const values = Array.from({ length: 288 }, (_, slot) => slot);
  const strip: Strip = {
    label: 'x',
    values,
    empty: 0,
    full: 288,
    note: '12.0 kW  200.0 kWh',
    kind: 'level',
    color: 'plain',
  };
  const chart = { title: 'home', subtitle: '', slotMinutes: 5, groups: [[strip]] };
  const hours = (width: number): string =>
    renderStrips(chart, { width, color: false, unicode: false }).split('\n')[2]!;
  t.equal(hours(70), '  00  02  04  06  08  10  12  14  16  18  20  22   h (6 slots each)');
  t.equal(
    hours(62),
    '  00    06    12    18     h (12 slots each)',
    'seven or eight would not divide the hour',
  );
});

t.test('periods are told as people tell them', async (t) => {
  const day = { slots: 24, slotHours: 1 };
  const at = (...slots: [number, number][]): number[] =>
    Array.from({ length: 24 }, (_, slot) => slots.find(([one]) => one === slot)?.[1] ?? 0);
  t.equal(whenOf(day, at()), '');
  t.equal(whenOf(day, at([3, 1])), '03-04 h');
  t.equal(whenOf(day, at([1, 1], [2, 2], [22, 1], [23, 1])), '01-03 h and 22-24 h');
  t.equal(whenOf(day, at([1, 4], [5, 2], [9, 1], [13, 3])), '01-02 h, 05-06 h and 13-14 h', 'three largest');
  t.equal(whenOf(day, at([1, 4], [5, 0.1])), '01-02 h', 'dust is not told');
  t.equal(whenOf({ slots: 8, slotHours: 0.25 }, [0, 1, 1, 0, 1, 1, 1, 1]), '00:15-00:45 and 01-02 h');
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1, maxLength: 60 }),
      (kw) => {
        const told = periodsOf({ slots: kw.length, slotHours: 0.5 }, kw);
        const highest = kw.indexOf(Math.max(...kw));
        const inOrder = told.every(
          ({ fromSlot, toSlot }, i) => fromSlot < toSlot && fromSlot >= (told[i - 1]?.toSlot ?? 0),
        );
        return told.length <= 3 && inOrder && (kw[highest] === 0) === (told.length === 0);
      },
    ),
  );
});

t.test('words are wrapped between words', async (t) => {
  t.equal(wrapped('one two three', 7, '  '), 'one two\n  three');
  t.equal(wrapped('- a longwordthatisnotbroken b', 8, '  '), '- a\n  longwordthatisnotbroken\n  b');
  t.equal(wrapped('', 8), '');
});

t.test('a generated home: drawn, priced and explained within 80 columns', async (t) => {
  const { out, error } = await tell({ home: 'home003', homes: '4', day: '2025-05-06' });
  t.equal(error, undefined);
  t.ok(
    out.split('\n').every((line) => line.length <= 80),
    out,
  );
  for (const row of [
    'import price',
    'worth here',
    'PV',
    'load',
    'heat pump',
    'charge',
    'in battery',
    'vehicle',
    'sold',
    'meter in',
    'no plan: in',
  ]) {
    t.match(out, new RegExp(`^${row} +\\S`, 'm'), row);
  }
  t.match(out, /no plan +│ +self-cons\. +│ +plan alone +│ +with trade/);
  t.match(out, /^The plan saves \d+\.\d\d USD against no plan \(\d+ % of/m);
  t.match(
    out,
    /^(Costs|Earns) [\d.]+ USD instead of (costing )?[\d.]+: planning saves [\d.]+, trading saves [\d.]+\.$/m,
  );
  t.match(out, /^Against self-consumption only it/m);
  t.match(out, /^Trading with the neighbours/m);
  t.match(out, /^Battery: charges [\d.]+ kWh.* at \d\d-\d\d h \(worth/m);
  t.notMatch(out, '\u001b');
  const plain = await tell({ home: 'home003', homes: '4' }, { env: { LANG: 'C' } });
  t.match(plain.out, /^[ -~\n]*$/, 'ASCII where the locale has no more');
  const screen = { isTTY: true, columns: 120, env: { LANG: 'C.UTF-8' } };
  const coloured = await tell({ home: 'home003', homes: '4', trade: false }, screen);
  t.match(coloured.out, '\u001b[32m');
  t.ok(
    stripVTControlCharacters(coloured.out)
      .split('\n')
      .every((line) => line.length <= 120),
  );
  t.notMatch(coloured.out, 'neighbours', 'left out when asked to');
  const quiet = await tell(
    { home: 'home003', homes: '4', trade: false },
    { ...screen, env: { ...screen.env, NO_COLOR: '1' } },
  );
  t.equal(quiet.out, stripVTControlCharacters(coloured.out));
});

t.test('its report as JSON says the same, and can be planned again', async (t) => {
  const report = await reportOf({ home: 'home003', homes: '4', slots: '48' });
  t.match(report, {
    home: 'home003',
    day: '2025-05-05',
    currency: 'USD',
    slots: 48,
    slotHours: 0.5,
    status: 'planned',
    missed: [],
  });
  const { schedule: series, value, multipliers } = report;
  for (const [name, values] of Object.entries({ ...series, ...multipliers })) {
    if (name === 'peakKw' || name === 'peakPerKw' || name === 'shiftableKw') continue;
    t.equal((values as number[]).length, 48, name);
  }
  const { noPlan, selfConsumption, alone, together, savedAgainst, addedByTrade } = value!;
  t.ok(near(savedAgainst.noPlan.total, noPlan.total - alone.total));
  t.ok(near(savedAgainst.selfConsumption!.total, selfConsumption!.total - alone.total));
  t.ok(near(addedByTrade!.total, alone.total - together!.total));
  t.ok(near(report.cost.total - report.received, together!.total));
  t.ok(noPlan.total >= alone.total && selfConsumption!.total >= alone.total);
  const paid = series.soldKw.reduce((sum, kw, i) => sum + 0.5 * kw * report.tradePricePerKwh![i]!, 0);
  t.ok(near(paid, report.received, 1e-5), 'what is received is the trade at its prices');
  const metered = series.importKw.map((kw, i) => kw - series.feedInKw[i]! - series.soldKw[i]!);
  t.ok(metered.every((kw, i) => near(kw, series.netImportKw[i]!)));
  await withDirectory({ 'again.json': JSON.stringify(report) }, async (directory) => {
    const again = await reportOf({ problem: join(directory, 'again.json') });
    const { source, ...rest } = report;
    t.same({ ...again, source }, { ...rest, source });
    const file = join(directory, 'report.json');
    const told = await tell({ problem: join(directory, 'again.json'), json: file });
    t.match(told.out, 'What the day costs [USD]', 'charts beside the file');
    t.same({ ...JSON.parse(readFileSync(file, 'utf8')), source }, { ...rest, source });
  });
});

t.test('measured homes, by their files', async (t) => {
  await withDirectory(fileAHome, async (directory) => {
    const from = { data: directory, homes: '3', day: '2017-05-09' };
    const report = await reportOf(from);
    t.match(report, { home: 'home01', day: '2017-05-09' }, 'the first with a battery');
    t.match(await reportOf({ ...from, home: 'home03', form: 'pairwise' }), {
      home: 'home03',
      value: { selfConsumption: undefined },
    });
    const { out, error } = await tell({ ...from, home: 'home9' });
    t.equal(out, '');
    t.match(error, { code: 'AGENT_BAD_OPTION', message: /none of the 3 homes here \(home01 to home03\)/ });
    t.match((await tell({ ...from, homes: '9' })).error, { code: 'AGENT_BAD_OPTION' });
    t.match((await tell({ ...from, day: '2020-01-01' })).error, { code: 'AGENT_BAD_OPTION' });
  });
});

/** A problem of our own, told in words. */
async function wordsOf(problem: HomeProblem, beside: object = {}): Promise<string> {
  let words = '';
  await withDirectory({ 'p.json': JSON.stringify({ problem, ...beside }) }, async (directory) => {
    const { out } = await tell({ problem: join(directory, 'p.json') });
    words = out.replace(/\n {2}/g, ' ');
  });
  return words;
}

t.test('words say what is so', async (t) => {
  const battery = {
    capacityKwh: 4,
    energyKwhMin: 0,
    chargeKwMax: 2,
    dischargeKwMax: 2,
    chargeEfficiency: 1,
    dischargeEfficiency: 0.9,
    initialKwh: 0,
    wearPerKwh: 0.01,
  };
  const importPricePerKwh = [0.1, 0.3, 0.5];
  const stored = await wordsOf(plainHome([0, 0, 1.8], { importPricePerKwh, battery }));
  t.match(
    stored,
    'The plan saves 0.66 money against no plan (74 % of 0.90): 0.70 less for energy from the supplier; but 0.04 more wear.',
  );
  t.match(
    stored,
    /Battery: charges 2\.0 kWh: 2\.0 kWh at 00-01 h \(worth [\d.]+ a kWh here\)\. Gives 1\.8 kWh at 02-03 h/,
  );
  t.match(stored, 'It begins with 0.0 kWh and ends with 0.0.');

  const sunny = await wordsOf(plainHome([0, 0, 1.8], { importPricePerKwh, pvKw: [2, 0, 0], battery }));
  t.match(await wordsOf(plainHome([1], { pvKw: [3] })), 'Earns 0.10 money, with a plan or without.');
  t.match(sunny, 'charges 2.0 kWh, all of it sun to spare: 2.0 kWh at 00-01 h');
  t.match(sunny, 'Against self-consumption only it saves nothing.');

  const still = await wordsOf(plainHome([1, 1, 1], { battery }));
  t.match(
    still,
    'Battery: stands still. No two hours differ enough in price to pay for its losses (10 %) and its wear (0.010 a kWh each way).',
  );
  t.match(
    await wordsOf(plainHome([1, 1])),
    'The plan saves nothing against no plan. There is nothing in this home that can wait.',
  );

  const wasted = await wordsOf(plainHome([0, 0], { pvKw: [3, 0], feedInPricePerKwh: [-0.05, 0.05] }));
  t.match(wasted, 'PV: 3.0 kWh are thrown away at 00-01 h;');
  t.match(wasted, 'The plan saves 0.15 money against no plan (100 % of 0.15): 0.15 more for energy fed in.');

  const dishes = { fromSlot: 0, toSlot: 3, powerKwMax: 1, preferredKw: [0, 0, 1], discomfortPerKw2h: 0.01 };
  const washed = await wordsOf(plainHome([0, 0, 0], { importPricePerKwh, shiftableLoads: [dishes] }));
  t.match(washed, 'Shiftable load: 1.0 kWh at 00-01 h (preferred: 02-03 h).');

  const hvac = {
    powerKwMax: 2,
    resistanceKPerKw: 5,
    capacitanceKwhPerK: 4,
    gainKPerKw: 0.75,
    outdoorC: [5, 5, 5],
    preferredC: 20,
    indoorCMin: 16,
    indoorCMax: 22,
    indoorCInitial: 20,
    powerKwInitial: 1,
    discomfortPerK2h: 0.01,
  };
  const housed = async (change: object, importKwMax = 20) =>
    await wordsOf(plainHome([0, 0, 0], { importKwMax, hvac: { ...hvac, ...change } }));
  t.match(await housed({}), /20\.0 is wanted\. It ends at 17\.9\.$/m);
  t.match(await housed({ finalIndoorC: 20 }), /20\.0 is wanted\. It ends at 20\.0\.$/m);
  t.match(await housed({ finalIndoorC: 20 }, 0.5), /It ends at 19\.\d: 20\.0 was asked for/);
  const cooled = { gainKPerKw: -0.75, outdoorC: [35, 35, 35], indoorCMax: 26, finalIndoorC: 20 };
  t.match(await housed(cooled), /It ends at 20\.0\.$/m);
  t.match(await housed(cooled, 0.5), /It ends at 21\.0: 20\.0 was asked for/);

  const sold = plainHome([1, 1], { trade: { kind: 'fixed', soldKw: [-1, -1] } });
  const bought = await wordsOf(sold, {
    received: -0.4,
    home: 'mill',
    currency: 'EUR',
    tradePricePerKwh: [0.2, 0.2],
  });
  t.match(bought, 'Costs 0.40 EUR instead of 0.60: trading saves 0.20.');
  t.match(
    bought,
    'Trading with the neighbours adds 0.20 EUR: 0.60 less for energy from the supplier; but 0.40 to the neighbours.',
  );
  t.match(bought, /^mill {2}/);
  const both = plainHome([0, 0, 1.8], {
    importPricePerKwh,
    battery,
    trade: { kind: 'fixed', soldKw: [0, 0, -1.8] },
  });
  t.match(
    await wordsOf(both, { received: -0.09 }),
    'Trading with the neighbours adds 0.15 money: 0.20 less for energy from the supplier, 0.04 less wear; but 0.09 to the neighbours. With it the plan saves 0.81 money in all.',
  );
  const paidWell = await wordsOf(sold, { received: 0.5 });
  t.match(paidWell, 'Earns 0.50 money instead of costing 0.60: trading saves 1.10.');
  const tooMuch = plainHome([1, 1], { trade: { kind: 'fixed', soldKw: [0, -3] } });
  t.match(await wordsOf(tooMuch), 'the plan departs from it by up to 2.00 kW');
  const tripped = await wordsOf(
    plainHome([1, 3], { battery: { ...battery, initialKwh: 2 }, netImportKwMax: [5, 2] }),
  );
  t.match(
    tripped,
    'That way does not keep the limits, so it may look cheaper than it can be: net import maximum is missed by 1.00 kW at 01:00.',
  );
});

t.test('a home without a plan is drawn as near as can be, and fails', async (t) => {
  const problem = { ...randomHome(3), importKwMax: 0.5 };
  await withDirectory({ 'p.json': JSON.stringify(problem) }, async (directory) => {
    const file = join(directory, 'p.json');
    const { out, error } = await tell({ problem: file });
    t.match(error, { code: 'AGENT_INFEASIBLE', message: /^home has no plan: .* is missed by / });
    t.match(out, /^limit missed +┊?.*!!/m);
    t.match(out, /^No plan keeps every limit\./m);
    t.match(out, /^- [a-zA-Z ]+ is missed by [\d.]+ (kW|kWh|K) at \d\d/m);
    t.notMatch(out, 'What the day costs');
    const report = await reportOf({ problem: file });
    t.match(report, { status: 'infeasible', value: undefined, multipliers: undefined });
    t.ok(report.missed.length > 0 && report.schedule.importKw.length === 24);
  });
});

t.test('a written problem is taken or refused with the field’s name', async (t) => {
  const good = JSON.parse(JSON.stringify(randomHome(5)));
  const drawn = Array.from({ length: 20 }, (_, seed) => randomHome(seed));
  const [someHvac, someEv] = [drawn.find(({ hvac }) => hvac)!.hvac, drawn.find(({ ev }) => ev)!.ev];
  for (const [field, device] of Object.entries({ hvac: someHvac, ev: someEv })) {
    t.ok(parseProblem({ ...good, [field]: device }, 'x'), field);
  }
  t.match(parseProblem({ ...good, netImportKwMax: good.baseLoadKw.map(() => null) }, 'x').problem, {
    netImportKwMax: good.baseLoadKw.map(() => Number.POSITIVE_INFINITY),
  });
  const wrong: [unknown, RegExp][] = [
    [3, /^x: .*expected object/],
    [{ ...good, trade: { kind: 'gift' } }, /^x, field trade\.kind: /],
    [{ ...good, hvac: { powerKwMax: 'big' } }, /^x, field hvac\.powerKwMax: /],
    [{ ...good, pvKw: [0, 'a'] }, /^x, field pvKw\[1\]: .*expected number/],
    [{ ...good, batery: {} }, /^x: .*batery/],
    [{ ...good, hvac: { ...someHvac, finalIndorC: 20 } }, /^x, field hvac: .*finalIndorC/],
    [{ ...good, ev: { ...someEv, wear: 0 } }, /^x, field ev: .*wear/],
    [{ problem: { ...good, slots: undefined } }, /^x, field slots: /],
    [{ problem: good, received: 'much' }, /^x, field received: /],
  ];
  for (const [value, message] of wrong) {
    t.throws(() => parseProblem(value, 'x'), { code: 'AGENT_BAD_DATA', message }, String(message));
  }
  const senseless: [object, RegExp][] = [
    [{ ...good, slots: 25 }, /importPricePerKwh has 24 entries for 25 slots/],
    [{ ...good, pvKw: good.baseLoadKw.map(() => -1) }, /pvKw\[0\] is -1/],
  ];
  for (const [value, message] of senseless) {
    await withDirectory({ 'p.json': JSON.stringify(value) }, async (directory) => {
      t.match((await tell({ problem: join(directory, 'p.json') })).error, {
        code: 'AGENT_BAD_DATA',
        message,
      });
    });
  }
  await withDirectory({ 'p.json': '{"problem":' }, async (directory) => {
    const file = join(directory, 'p.json');
    t.match((await tell({ problem: file })).error, { code: 'AGENT_BAD_DATA', message: /is not JSON \(/ });
    t.match((await tell({ problem: `${file}x` })).error, { code: 'AGENT_FILE_MISSING' });
  });
  t.match((await tell({ problem: '/dev/zero' })).error, {
    code: 'AGENT_BAD_DATA',
    message: /^\/dev\/zero has more than 16777216 bytes\.$/,
  });
  await withDirectory({ 'p.json': `\uFEFF${JSON.stringify(good)}` }, async (directory) => {
    const { error } = await tell({ problem: join(directory, 'p.json') });
    t.equal(error, undefined, 'a byte order mark is no fault');
  });
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(good)), (value, field) => {
      for (const given of [value, { problem: value }, { ...good, [field]: value }]) {
        try {
          parseProblem(given, 'x');
        } catch (error) {
          if (!(error instanceof AgentError && error.code === 'AGENT_BAD_DATA')) return false;
          if (error.message.includes('\n')) return false;
        }
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

t.test('feeding in is worth no more than energy costs', async (t) => {
  const dear = plainHome([1, 1, 1], {
    pvKw: [0, 3, 0],
    importPricePerKwh: [0.3, 0.1, 0.2],
    feedInPricePerKwh: [0.5, 0.1, 0.4],
  });
  await withDirectory({ 'p.json': JSON.stringify(dear) }, async (directory) => {
    const file = join(directory, 'p.json');
    const { err } = await tell({ problem: file });
    t.equal(
      err,
      'gridquorum: the feed-in price is above the import price in 2 slots, and counts as equal to it there.\n',
    );
    const report = await reportOf({ problem: file });
    t.match(report, { feedInCappedSlots: 2, problem: { feedInPricePerKwh: [0.3, 0.1, 0.2] } });
    const { importKw, feedInKw, netImportKw } = report.schedule;
    t.ok(importKw.every((kw, i) => near(kw - feedInKw[i]!, netImportKw[i]!)));
    const metered = netImportKw.reduce(
      (sum, kw, i) =>
        sum + (kw > 0 ? report.problem.importPricePerKwh[i]! : report.problem.feedInPricePerKwh[i]!) * kw,
      0,
    );
    t.ok(near(report.cost.total, metered), 'what it costs is what its meter tells');
    writeFileSync(file, JSON.stringify(report));
    const again = await tell({ problem: file });
    t.equal(again.err, '', 'a report is a problem that needs no cap any more');
  });
});

t.test('a running agent tells its plan', async (t) => {
  const example = readFileSync(new URL('../../../agent/config/example.yaml', import.meta.url), 'utf8');
  const genesis = readFileSync(new URL('../../../docs/running.md', import.meta.url), 'utf8').match(
    /```json\n(\{\n {2}"network"[\s\S]*?)```/,
  )![1]!;
  await withDirectory({ 'genesis.json': genesis }, async (directory) => {
    const config = { ...parse(example), directory, genesisFile: join(directory, 'genesis.json') };
    const configFile = join(directory, 'home.yaml');
    writeFileSync(configFile, stringify(config));
    t.match((await tell({ config: configFile })).error, {
      code: 'AGENT_FILE_MISSING',
      message: /is it running/,
    });
    const answers = {
      '/status': { phase: 'waiting', day: '2026-06-01', address: 'aa' },
      '/problem': {} as object,
      '/session': { trades: {}, pricesMicro: [] } as object,
    };
    const api = await startLocalApi(
      directory,
      {
        tell: {
          '/status': () => answers['/status'],
          '/problem': () => answers['/problem'],
          '/session': () => answers['/session'],
        },
      },
      () => undefined,
    );
    try {
      t.match((await tell({ config: configFile })).error, {
        code: 'AGENT_NOT_READY',
        message: /not planned its day yet \(waiting\)/,
      });
      answers['/status'] = { ...answers['/status'], phase: 'done' };
      t.match((await tell({ config: configFile })).error, {
        code: 'AGENT_NOT_READY',
        message: /nothing left to plan of .*: give it a dayFile/,
      });
      answers['/problem'] = { problem: plainHome([1, 2], { netImportKwMin: [-9, -9] }) };
      t.match(await reportOf({ config: configFile }), {
        home: 'maple-street-7',
        currency: 'EUR',
        day: '2026-06-01',
        received: 0,
        value: { together: undefined },
      });
      answers['/session'] = {
        trades: {
          aa: { soldW: [-500, -1000], paymentMicro: '-300000' },
          bb: { soldW: [500, 1000], paymentMicro: '300000' },
        },
        pricesMicro: [200_000, 200_000],
      };
      const traded = await reportOf({ config: configFile });
      t.match(traded, { received: -0.3, tradePricePerKwh: [0.2, 0.2], schedule: { soldKw: [-0.5, -1] } });
      t.ok(near(traded.value!.addedByTrade!.total, 0.15));
      t.match(traded.source, /traded with 1 neighbour$/);
    } finally {
      await api.stop();
    }
  });
});
