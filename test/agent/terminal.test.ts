import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { errorLine } from '../../agent/cli/exit-codes.ts';
import { jsonLog } from '../../agent/log.ts';
import {
  createProgress,
  legible,
  legibleJson,
  lookOf,
  renderChart,
  renderFacts,
  renderHomeTable,
} from '../../agent/terminal/index.ts';
import { renderProgressLine } from '../../agent/terminal/progress.ts';

const block = { width: 60, color: false, unicode: true };
const ascii = { width: 60, color: false, unicode: false };

t.test('colour, Unicode and width follow the place written to', async (t) => {
  const cases: [Parameters<typeof lookOf>, ReturnType<typeof lookOf>][] = [
    [[{ isTTY: true, columns: 100 }, { LANG: 'en_US.UTF-8' }], { width: 100, color: true, unicode: true }],
    [
      [
        { isTTY: true, columns: 100 },
        { NO_COLOR: '1', LANG: 'C' },
      ],
      { width: 100, color: false, unicode: false },
    ],
    [[{ isTTY: true }, { NO_COLOR: '', LC_ALL: 'C.utf8' }], { width: 80, color: true, unicode: true }],
    [[{ isTTY: true, columns: 900 }, { TERM: 'dumb' }], { width: 160, color: false, unicode: false }],
    [[{ columns: 0 }, { LC_ALL: 'C', LANG: 'C.UTF-8' }], { width: 80, color: false, unicode: false }],
  ];
  for (const [given, expected] of cases) t.same({ ...lookOf(...given) }, expected);
  const screen = { isTTY: true, columns: 100 };
  const look = lookOf(screen, {});
  screen.columns = 60;
  t.equal(look.width, 60, 'a terminal made narrower is as narrow as it is now');
});

const day = {
  title: 'Net import',
  unit: 'kW',
  slotMinutes: 60,
  bars: { label: 'together', values: [0, 2, 4, 6, 8, -4, -3, -1] },
  marks: [{ label: 'alone', values: [0, 4, 4, 8, 8, -8, 1, 0] }],
  rows: 8,
};

t.test('a chart is bars from zero and marks over them', async (t) => {
  t.equal(
    renderChart(day, block),
    `Net import  █ together  ━━ alone  [kW]
       8 │            ━━━━━━━━
       6 │            ███ ███
       4 │    ━━━━━━━━███ ███
       2 │    ███ ███ ███ ███     ━━━━
       0 ┼━━━━────────────────────────━━━━
      -2 │                    ███ ███ ▀▀▀
      -4 │                    ███ ▀▀▀
      -6 │
      -8 │                    ━━━━
          00      02      04      06 h`,
  );
  t.equal(
    renderChart({ ...day, bars: { label: 'agreed', values: [0.21, 0.5] }, marks: [], rows: 2 }, ascii),
    `Net import  # agreed  [kW]
    0.50 |    ###
    0.25 |### ###
       0 +________
          00 h`.replace('       0 +', '    0.00 +'),
  );
});

t.test('a chart is as wide as the place, whatever the values', async (t) => {
  const value = fc.oneof(fc.double({ min: -1e5, max: 1e5 }), fc.constantFrom(0, -0, 1e-12, Number.NaN));
  const nothing = { ...day, bars: { label: 'a', values: [Number.MIN_VALUE, -1e-320] }, marks: [] };
  t.equal(renderChart(nothing, block).split('\n').length, 4, 'next to nothing is nothing');
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 288 }),
      fc.integer({ min: 40, max: 160 }),
      fc.boolean(),
      fc.constantFrom(5, 15, 60),
      (values, width, unicode, slotMinutes) => {
        const chart = {
          title: 'x',
          unit: 'kW',
          slotMinutes,
          bars: { label: 'a', values },
          marks: [{ label: 'b', values: [...values].reverse() }],
        };
        const lines = renderChart(chart, { width, color: true, unicode }).split('\n').slice(1, -1);
        const bare = lines.map((line) => stripVTControlCharacters(line));
        if (bare.length > 12) return false;
        return bare.every((line) => line.length <= width && (unicode || /^[ -~]*$/.test(line)));
      },
    ),
    { numRuns: 300 },
  );
});

const home = { home: 'home01', alone: 1.5, together: 1.2, soldKwh: 3.25, boughtKwh: 1 };

t.test('the table has a row a home and a sum', async (t) => {
  const rows = [
    { ...home, delivery: { obligations: 24, met: 24 } },
    { ...home, home: 'home02', alone: -0.5, together: -0.4999, delivery: { obligations: 24, met: 23 } },
    { ...home, home: 'home03', alone: 0, together: 0, delivery: { obligations: 0, met: 0 } },
  ];
  const plain = renderHomeTable(rows, { currency: 'USD', rowsMax: 30 }, ascii);
  t.equal(
    plain,
    `Planned cost by home [USD], traded energy [kWh], obligations met
+--------+--------+----------+--------+--------+------+--------+-----------+
| home   |  alone | together | saving |        | sold | bought | delivered |
+--------+--------+----------+--------+--------+------+--------+-----------+
| home01 |  1.500 |    1.200 |  0.300 | 20.0 % |  3.3 |    1.0 |     24/24 |
| home02 | -0.500 |   -0.500 |  0.000 |  0.0 % |  3.3 |    1.0 |     23/24 |
| home03 |  0.000 |    0.000 |  0.000 |        |  3.3 |    1.0 |         - |
| all    |  1.000 |    0.700 |  0.300 | 30.0 % |  9.8 |    3.0 |     47/48 |
+--------+--------+----------+--------+--------+------+--------+-----------+`,
  );
  const small = [{ ...rows[0]!, alone: 0.05, together: -0.911 }];
  t.notMatch(
    renderHomeTable(small, { currency: 'USD', rowsMax: 1 }, ascii),
    / %/,
    'a share of nothing says nothing',
  );
  const short = renderHomeTable(rows, { currency: 'USD', rowsMax: 1 }, block);
  t.match(short, 'and 2 more');
  t.match(short, /all +│ +1\.000/, 'the sum is over all of them');
  const coloured = renderHomeTable(rows, { currency: 'USD', rowsMax: 30 }, { ...ascii, color: true });
  t.not(coloured, plain);
  t.equal(stripVTControlCharacters(coloured), plain, 'colour adds nothing else');
});

t.test('a phase that comes to nothing leaves the line free, and no round is told twice', (t) => {
  const terminal = recorder();
  const onTerminal = createProgress({ stream: terminal.stream, isTty: true, look: block, nowMs: () => 0 });
  onTerminal.begin('Living the day', 24);
  onTerminal.abandon();
  t.equal(terminal.written.at(-1), '\r\u001b[2K');
  onTerminal.note('Logs are in /tmp');
  t.match(terminal.written.at(-1), /Logs.*\n$/, 'nothing is drawn behind it');
  const plain = recorder();
  const progress = createProgress({ stream: plain.stream, isTty: false, look: ascii, nowMs: () => 0 });
  progress.begin('Trading', 1);
  for (const round of [1, 2, 2, 2, 3]) progress.round({ round, imbalanceKw: 1, toleranceKw: 0.1 });
  t.equal(plain.written.filter((line) => line.includes('round 2')).length, 1);
  t.end();
});

function recorder() {
  const written: string[] = [];
  return { written, stream: { write: (text: string) => written.push(text) } };
}

t.test('progress is redrawn in place on a terminal', async (t) => {
  const { written, stream } = recorder();
  let nowMs = 0;
  const progress = createProgress({ stream, isTty: true, look: block, nowMs: () => nowMs });
  progress.begin('Living the day', 24);
  for (let slot = 1; slot <= 24; slot += 1) {
    nowMs += 30;
    progress.step(slot, `${slot}:00`);
  }
  nowMs += 100;
  progress.detail('the last hour');
  t.match(written.at(-1), /100 % {2}the last hour$/);
  progress.note('validator 2 is back');
  progress.finish('done');
  progress.finish();
  progress.step(3);
  progress.detail('too late');
  t.ok(written.length < 15, `${written.length} writes for 24 steps`);
  t.ok(written.every((text) => text.startsWith('\r\u001b[2K')));
  t.equal(written.filter((text) => text.endsWith('\n')).length, 2, 'only the note and the end stay');
  t.equal(written.at(-1), '\r\u001b[2K✔ Living the day  done\n');
});

t.test('progress is a few plain lines elsewhere', async (t) => {
  const { written, stream } = recorder();
  const progress = createProgress({ stream, isTty: false, look: ascii, nowMs: () => 0 });
  progress.begin('Trading');
  for (let round = 1; round <= 60; round += 1) {
    progress.round({ round, imbalanceKw: 3 * 0.85 ** round, toleranceKw: 0.001 });
  }
  progress.begin('Living the day', 24);
  for (let slot = 1; slot <= 24; slot += 1) {
    progress.step(slot);
    progress.detail('for a terminal');
  }
  progress.finish();
  t.equal(
    written.join(''),
    `Trading ...
  Trading: round 1, imbalance 2.55 kW a home
  Trading: round 2, imbalance 2.17 kW a home
  Trading: round 5, imbalance 1.33 kW a home
  Trading: round 10, imbalance 0.59 kW a home
  Trading: round 20, imbalance 0.12 kW a home
  Trading: round 50, imbalance 0.9 W a home
ok Trading  round 60, imbalance 0.2 W a home
Living the day ...
  Living the day: 6 of 24
  Living the day: 12 of 24
  Living the day: 18 of 24
ok Living the day
`,
  );
});

t.test('a line of progress never wraps', async (t) => {
  const phase = fc.record({
    label: fc.string({ minLength: 1, maxLength: 60 }),
    done: fc.double({ min: -1, max: 30, noNaN: true }),
    total: fc.constantFrom(0, 1, 24),
    detail: fc.constantFrom('', 'short', 'x'.repeat(200)),
  });
  fc.assert(
    fc.property(phase, fc.integer({ min: 50, max: 160 }), fc.boolean(), (state, width, unicode) => {
      const line = renderProgressLine(state, { width, unicode, color: true });
      return stripVTControlCharacters(line).length < width;
    }),
  );
  const narrow = { ...ascii, width: 60 };
  t.match(
    renderProgressLine({ label: 'Living the day', done: 1, total: 2, detail: '' }, narrow),
    'Living the day ',
  );
  const half = { label: 'Trading', done: 12, total: 24, detail: '' };
  t.equal(renderProgressLine(half, { ...ascii, width: 80 }), 'Trading            ########.........  50 %');
  const round = { ...half, detail: 'round 12, imbalance 0.96 kW a home' };
  t.match(
    renderProgressLine(round, { ...ascii, width: 80 }),
    /0\.96 kW a home$/,
    'a round has room on 80 columns',
  );
});

t.test('what others have written can neither steer a terminal nor turn the order of its line', async (t) => {
  const lie = '\u001b[2J\u001b[HProven\n  balance  9\r\u009b1m\u202egnp\u2066\u200b\u2028\u0007\u007f\ud800';
  const harmless = (text: string) => t.notMatch(text, /[^\P{C}\n]|[\u2028\u2029]/u, JSON.stringify(text));
  harmless(legible(lie));
  t.equal(legible('Zoë’s 家 2026-06-01/pool\u001b'), 'Zoë’s 家 2026-06-01/pool\\u{1b}');
  const shown = renderFacts(lie, [{ label: lie, value: lie, mood: 'bad' }], ascii);
  harmless(shown);
  t.notMatch(shown, /^ {2}balance/m, 'no line of its own');
  harmless(errorLine(new Error(lie)));
  const lines: string[] = [];
  jsonLog((line) => lines.push(line), { level: 'info', fields: {} })({ event: 'x', reason: lie });
  harmless(lines[0]!);
  t.equal(JSON.parse(lines[0]!).reason, lie, 'an escape in JSON stands for the same');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = JSON.stringify({ text }, null, 1);
      t.equal(JSON.parse(legibleJson(json)).text, text);
      return !/[^\P{C}\n]|[\u2028\u2029]/u.test(legibleJson(json).replace(/[\p{Cn}\p{Co}]/gu, ''));
    }),
    { numRuns: 300 },
  );
});
