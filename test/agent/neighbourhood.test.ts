import fc from 'fast-check';
import t from 'tap';
import { AgentError } from '../../agent/errors.ts';
import { evDay } from '../../agent/neighbourhood/ev-day.ts';
import {
  dayGrid,
  type EvDay,
  homeProblem,
  loadNeighbourhood,
  type Neighbourhood,
  selectDay,
} from '../../agent/neighbourhood/index.ts';
import { planHome } from '../../optimizer/index.ts';
import { library } from '../optimizer/homes.ts';
import { columnAHome, type Files, fileAHome, withDirectory } from './csv-fixture.ts';

const plain = { seed: 1, hvac: true, ev: true };

function load(files: Files, homes: number): Promise<Neighbourhood> {
  return withDirectory(files, (dataDirectory) => loadNeighbourhood({ ...plain, dataDirectory, homes }));
}

async function failure(action: () => Promise<unknown>): Promise<AgentError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

t.test('one file a home is read, and what it lacks is filled in', async (t) => {
  const read = await load(fileAHome, 3);
  t.same(read.days, ['2017-05-08', '2017-05-09']);
  t.equal(read.firstSlotMs, Date.UTC(2017, 4, 8));
  t.same(
    read.homes.map((home) => home.home),
    ['home01', 'home02', 'home03'],
    'by name, not by line',
  );
  const [first, second, third] = read.homes;
  t.equal(first?.baseLoadKw[47], 1.47);
  t.equal(first?.pvRatedKw, 3, 'a measured peak above the nominal power raises the rating');
  t.equal(second?.pvRatedKw, 4);
  t.match(second?.battery, {
    capacityKwh: 10,
    energyKwhMin: 1,
    initialKwh: 5,
    chargeKwMax: 5,
    chargeEfficiency: 0.9,
    dischargeEfficiency: 0.9,
    wearPerKwh: 0.01,
  });
  t.equal(third?.battery, undefined);
  t.equal(third?.pvRatedKw, undefined);
  t.same(
    read.feedInPricePerKwh.slice(11, 14),
    [0.0281171, 0, 0.21],
    'wholesale held between 0 and the retail price',
  );
  t.same((await load(fileAHome, 1)).homes, read.homes.slice(0, 1), 'the first homes by name');
});

t.test('one column a home is read, without an efficiency', async (t) => {
  const read = await load(columnAHome, 2);
  t.equal(read.homes[1]?.baseLoadKw[10], 1);
  t.equal(read.homes[1]?.pvKw[0], 0.5);
  t.equal(read.homes[0]?.battery?.chargeEfficiency, Math.sqrt(0.9));
  t.equal(read.homes[1]?.battery, undefined);
});

t.test('a byte order mark, CRLF, blank lines and quotes change nothing', async (t) => {
  const dressed = Object.fromEntries(
    Object.entries(fileAHome).map(([name, text]) => [
      name,
      `\ufeff${String(text)
        .split('\n')
        .map((line) => line.replace(/^([^,\n]+)/, '"$1"'))
        .join('\r\n\r\n')}`,
    ]),
  );
  t.same({ ...(await load(dressed, 3)), source: '' }, { ...(await load(fileAHome, 3)), source: '' });
});

t.test('every fault is named by file, line and column', async (t) => {
  const edit = (file: string, from: string | RegExp, to: string): Files => ({
    ...fileAHome,
    [file]: String(fileAHome[file]).replace(from, to),
  });
  const without = (file: string): Files =>
    Object.fromEntries(Object.entries(fileAHome).filter(([name]) => name !== file));
  const cases: [string, Files, Partial<AgentError>][] = [
    ['no prices', without('prices.csv'), { code: 'AGENT_FILE_MISSING' }],
    ['no home file', without('home02.csv'), { code: 'AGENT_FILE_MISSING' }],
    ['empty', { ...fileAHome, 'home01.csv': '' }, { message: 'is empty' }],
    ['header only', { ...fileAHome, 'home01.csv': 'time,load_kw,pv_kw\n' }, { message: 'no rows' }],
    ['not UTF-8', { ...fileAHome, 'home01.csv': Uint8Array.of(0xff, 0xfe, 0x80) }, { message: 'not UTF-8' }],
    ['open quote', edit('home01.csv', 'T03:00,', 'T03:00,"'), { message: 'is not CSV' }],
    ['no column', edit('home01.csv', 'pv_kw', 'pv'), { details: { line: 1, column: 'pv_kw' } }],
    ['twice a column', edit('home01.csv', 'pv_kw', 'load_kw'), { details: { line: 1, column: 'load_kw' } }],
    [
      'no number',
      edit('home02.csv', 'T03:00,2.5', 'T03:00,NaN'),
      { details: { line: 5, column: 'load_kw' } },
    ],
    ['a gap in a cell', edit('home02.csv', 'T03:00,2.5', 'T03:00,'), { details: { line: 5 } }],
    ['infinite', edit('home02.csv', 'T03:00,2.5', 'T03:00,1e999'), { details: { line: 5 } }],
    ['hexadecimal', edit('home02.csv', 'T03:00,2.5', 'T03:00,0x10'), { details: { line: 5 } }],
    ['negative load', edit('home02.csv', 'T03:00,2.5', 'T03:00,-1'), { details: { column: 'load_kw' } }],
    ['watts for kW', edit('home02.csv', 'T03:00,2.5', 'T03:00,2500'), { details: { column: 'load_kw' } }],
    ['ragged', edit('home02.csv', 'T03:00,2.5', 'T03:00,2,5'), { details: { line: 5 } }],
    ['a gap in time', edit('home02.csv', /.*T03:00.*\n/, ''), { details: { line: 5, column: 'time' } }],
    ['a step back', edit('home02.csv', 'T03:00', 'T02:00'), { details: { line: 5, column: 'time' } }],
    ['no hour', edit('home02.csv', 'T03:00', 'T03:15'), { details: { line: 5, column: 'time' } }],
    ['no full hours', edit('prices.csv', /:00,/g, ':30,'), { message: 'does not begin an hour' }],
    ['no time', edit('home02.csv', '2017-05-08T03:00', 'noon'), { details: { line: 5, column: 'time' } }],
    ['no such day', edit('prices.csv', '2017-05-08T00', '2017-04-31T00'), { details: { line: 2 } }],
    ['shorter', edit('home02.csv', /.*09T23:00.*\n/, ''), { message: '47 rows, prices.csv 48' }],
    ['later', edit('home02.csv', /.*08T00:00.*\n/, ''), { details: { line: 2, column: 'time' } }],
    ['home twice', edit('homes.csv', 'home03', 'home01'), { details: { line: 4, column: 'home' } }],
    ['home elsewhere', edit('homes.csv', 'home03', '../home03'), { details: { line: 4, column: 'home' } }],
    ['kWh without kW', edit('homes.csv', '10,5.0', '10,0'), { details: { line: 2, column: 'battery_kw' } }],
    ['efficiency', edit('homes.csv', '0.81', '81'), { details: { column: 'battery_roundtrip_eff' } }],
    ['PV unrated', edit('homes.csv', 'Building_1,2.5', 'Building_1,0'), { message: 'set pv_nominal_kw' }],
  ];
  for (const [name, files, expected] of cases) {
    const error = await failure(() => load(files, 3));
    t.match(error, { code: 'AGENT_BAD_DATA', ...expected, message: expected.message ?? /\.csv/ }, name);
    t.notMatch(error.message, '\n', `${name}: one line`);
  }
  const half = Object.fromEntries(
    Object.entries(fileAHome).map(([name, text]) => [
      name,
      String(text).replace(/2017-05-08T0.*\n|2017-05-09.*\n/g, ''),
    ]),
  );
  t.match(await failure(() => load(half, 3)), { message: 'no whole day' });
  const few = await failure(() => load(fileAHome, 4));
  t.match(few, { code: 'AGENT_BAD_OPTION', message: 'use --homes 3 or fewer' });
  const nowhere = await failure(() =>
    loadNeighbourhood({ ...plain, homes: 1, dataDirectory: '/nowhere/at/all' }),
  );
  t.equal(nowhere.code, 'AGENT_FILE_MISSING');
  const lone = { ...columnAHome, 'pv_kw.csv': String(columnAHome['pv_kw.csv']).replace('h002', 'h003') };
  t.match(await failure(() => load(lone, 2)), { code: 'AGENT_BAD_DATA', details: { column: 'h002' } });
});

t.test('whatever is done to the files, the end is a neighbourhood or an AgentError', async (t) => {
  const damage = fc.record({
    layout: fc.constantFrom(fileAHome, columnAHome),
    file: fc.nat(),
    at: fc.nat(),
    cut: fc.nat(12),
    put: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom('"', ',', '\n', '\r', '\u0000', 'NaN', '-', '1e308', ',,,', '\ufeff'),
    ),
  });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damage, async ({ layout, file, at, cut, put }) => {
      const names = Object.keys(layout);
      const name = names[file % names.length] ?? '';
      const text = String(layout[name]);
      const place = at % text.length;
      const files = { ...layout, [name]: text.slice(0, place) + put + text.slice(place + cut) };
      try {
        const read = await load(files, 2);
        for (const home of read.homes) {
          if (![...home.baseLoadKw, ...home.pvKw].every((kw) => kw >= 0 && kw <= 1000)) return false;
          if (home.baseLoadKw.length !== read.outdoorC.length) return false;
        }
        return read.days.length > 0;
      } catch (error) {
        refused += 1;
        return error instanceof AgentError;
      }
    }),
    { numRuns: 400 },
  );
  t.ok(refused > 40, `${refused} of 400 were refused`);
});

t.test('a day is cut into slots', async (t) => {
  const read = await load(fileAHome, 3);
  const hourly = selectDay(read, { slots: 24 });
  t.match(hourly, { day: '2017-05-08', startMs: Date.UTC(2017, 4, 8), slotMs: 3_600_000, slots: 24 });
  const second = selectDay(read, { day: '2017-05-09', slots: 24 });
  t.equal(second.homes[0]?.baseLoadKw[0], 1.24);
  const quarters = selectDay(read, { slots: 96 });
  t.equal(quarters.slotMs, 900_000);
  t.same(
    quarters.homes[0]?.baseLoadKw,
    hourly.homes[0]?.baseLoadKw.flatMap((kw) => [kw, kw, kw, kw]),
    'power is constant within the hour',
  );
  const morning = selectDay(read, { slots: 5 });
  t.same(morning.outdoorC, hourly.outdoorC.slice(0, 5));
  t.ok((hourly.homes[2]?.importKwMax ?? 0) > 15, 'a home that needs more than the usual connection has it');
  t.same(JSON.parse(JSON.stringify(quarters)), quarters, 'a day survives JSON');
  for (const slots of [0, -1, 1.5, 25, 47, 100, 1000, Number.NaN]) {
    t.equal(dayGrid(slots), undefined);
    t.throws(() => selectDay(read, { slots }), { code: 'AGENT_BAD_OPTION' });
  }
  t.throws(() => selectDay(read, { day: '2017-05-10', slots: 24 }), {
    code: 'AGENT_BAD_OPTION',
    message: /use --day 2017-05-08 to 2017-05-09/,
  });
});

t.test('generated homes are the same by seed, whatever stands beside them', async (t) => {
  const make = (homes: number, seed: number) => loadNeighbourhood({ homes, seed, hvac: true, ev: true });
  const ten = await make(10, 7);
  const hundred = await make(100, 7);
  t.same(hundred.homes.slice(0, 10), ten.homes);
  t.same(hundred.outdoorC, ten.outdoorC);
  t.notSame((await make(10, 8)).homes, ten.homes);
  t.equal(ten.days.length, 7);
  const bare = await loadNeighbourhood({ homes: 100, seed: 7, hvac: false, ev: false });
  t.same(
    bare.homes,
    hundred.homes.map(({ hvac, ev, ...rest }) => rest),
    'without heat pump and vehicle the rest of the home is the same',
  );
  const many = (await make(1000, 7)).homes;
  const share = (has: (home: (typeof many)[number]) => unknown) =>
    many.filter((home) => has(home) !== undefined).length / many.length;
  t.ok(Math.abs(share((home) => home.hvac) - 0.4) < 0.06);
  t.ok(Math.abs(share((home) => home.ev) - 0.3) < 0.06);
  for (const home of many) {
    const night = [0, 1, 2, 3, 23].map((hour) => home.pvKw[hour]);
    if (night.some((kw) => kw !== 0)) t.fail(`${home.home} has sun at night`);
    if (home.pvKw.some((kw) => kw < 0 || kw > (home.pvRatedKw ?? 0)))
      t.fail(`${home.home} beyond its rating`);
    if (home.baseLoadKw.some((kw) => !(kw > 0 && kw <= 9))) t.fail(`${home.home} has an odd load`);
  }
});

/** Charging at full power whenever it is plugged in meets every demand, and no drive empties the battery. */
function vehicleCan(ev: EvDay, slotHours: number): boolean {
  let storedKwh = ev.initialKwh;
  return ev.present.every((present, slot) => {
    storedKwh -= ev.drivenKwh[slot] ?? 0;
    if (storedKwh < -1e-9) return false;
    const roomKwh = ev.capacityKwh - storedKwh;
    storedKwh += present * Math.min(roomKwh, ev.chargeKwMax * ev.chargeEfficiency * slotHours);
    return storedKwh >= (ev.energyKwhMin[slot] ?? 0) - 1e-9;
  });
}

t.test('a vehicle is asked for no more than its charger can give', async () => {
  const vehicle = fc.record({
    capacityKwh: fc.constantFrom(20, 60),
    chargeKwMax: fc.constantFrom(0.5, 2, 11),
    chargeEfficiency: fc.constantFrom(0.8, 1),
    departureHour: fc.integer({ min: 1, max: 11 }),
    returnHour: fc.integer({ min: 12, max: 23 }),
    midnightKwh: fc.integer({ min: 0, max: 20 }),
    targetKwh: fc.integer({ min: 0, max: 20 }),
    drivenKwh: fc.integer({ min: 0, max: 30 }),
    wearPerKwh: fc.constant(0),
  });
  fc.assert(
    fc.property(vehicle, fc.constantFrom(2, 6, 14, 23, 24, 96), (ev, slots) => {
      const slotMs = slots <= 24 ? 3_600_000 : 86_400_000 / slots;
      return vehicleCan(evDay(ev, { slots, slotMs }), slotMs / 3_600_000);
    }),
    { numRuns: 500 },
  );
});

t.test('every home can keep its limits, whatever the weather', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(2 ** 32 - 1),
        day: fc.nat(6),
        slots: fc.constantFrom(1, 3, 8, 13, 20, 24, 48),
        coldestC: fc.integer({ min: -25, max: 25 }),
        swingK: fc.integer({ min: 0, max: 35 }),
      }),
      async ({ seed, day, slots, coldestC, swingK }) => {
        const made = await loadNeighbourhood({ homes: 8, seed, hvac: true, ev: true });
        const outdoorC = made.outdoorC.map(
          (_, hour) => coldestC + (swingK / 2) * (1 - Math.cos(((hour - 3) * Math.PI) / 12)),
        );
        const cut = selectDay({ ...made, outdoorC }, { day: made.days[day], slots });
        return cut.homes
          .filter((home) => home.hvac !== undefined || home.ev !== undefined)
          .every((home) => planHome(library, homeProblem(cut, home, { kind: 'none' })).status === 'solved');
      },
    ),
    { numRuns: 60 },
  );
});

t.test('a house heats when it is cold and cools when it is hot', async (t) => {
  const made = await loadNeighbourhood({ homes: 30, seed: 1, hvac: true, ev: false });
  for (const [outC, mode] of [
    [2, 'heating'],
    [34, 'cooling'],
  ] as const) {
    const day = selectDay({ ...made, outdoorC: made.outdoorC.map(() => outC) }, { slots: 24 });
    for (const { hvac } of day.homes) {
      if (hvac === undefined) continue;
      t.equal(hvac.mode, mode);
      t.equal(Math.sign(hvac.gainKPerKw), mode === 'heating' ? 1 : -1);
      t.ok(hvac.powerKwInitial > 0);
      t.equal(hvac.finalIndoorC, hvac.preferredC, 'and is to be left as it was found');
    }
  }
});
