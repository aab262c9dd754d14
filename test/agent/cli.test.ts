import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { parse, stringify } from 'yaml';
import type { CliIo, RoundsOptions } from '../../agent/cli/actions.ts';
import { runCommandLine } from '../../agent/cli/command-line.ts';
import { type DemoOptions, parseDemoOptions } from '../../agent/cli/demo-options.ts';
import type { DemoReport } from '../../agent/cli/demo-report.ts';
import { renderDemoReport } from '../../agent/cli/demo-view.ts';
import { reportText, requireReportPlace, writeReport } from '../../agent/cli/json-report.ts';
import { keysEncrypt } from '../../agent/cli/keys-encrypt.ts';
import { keysNew } from '../../agent/cli/keys-new.ts';
import { keysShow } from '../../agent/cli/keys-show.ts';
import { status } from '../../agent/cli/status.ts';
import { startLocalApi } from '../../agent/diagnostics/local-api.ts';
import { AgentError } from '../../agent/errors.ts';
import { readKeyFile } from '../../consensus/index.ts';
import { withDirectory } from './csv-fixture.ts';

const defaults: DemoOptions = {
  homes: 10,
  validators: 4,
  slots: 24,
  form: 'pool',
  seed: 1,
  keep: false,
  json: 'none',
  brokers: [],
  kills: [],
  hvac: true,
  ev: true,
};

t.test('right options of the demo', async (t) => {
  const cases: [string, Partial<DemoOptions>][] = [
    ['', {}],
    ['--homes 3', { homes: 3, validators: 3 }],
    ['--homes 200 --validators 7 --slots 96', { homes: 200, validators: 7, slots: 96 }],
    ['--homes=1 --validators=1 --slots=3', { homes: 1, validators: 1, slots: 3 }],
    ['--data ./homes --day 2024-02-29', { dataDirectory: './homes', day: '2024-02-29' }],
    ['--form pairwise --seed 4294967295', { form: 'pairwise', seed: 4294967295 }],
    ['--broker mqtt://127.0.0.1:1883', { brokers: ['mqtt://127.0.0.1:1883'] }],
    ['--broker mqtts://user:word@broker.example', { brokers: ['mqtts://user:word@broker.example'] }],
    ['--broker mqtt://one --broker mqtt://two', { brokers: ['mqtt://one', 'mqtt://two'] }],
    ['--dir run1', { directory: 'run1', keep: true }],
    ['--keep', { keep: true }],
    ['--json', { json: 'stdout' }],
    ['--json --no-ev', { json: 'stdout', ev: false }],
    ['--json out.json --no-hvac', { json: { file: 'out.json' }, hvac: false }],
    ['--kill 2@5', { kills: [{ validator: 2, slot: 5 }] }],
    [
      '--kill 4@23 --kill 1@0 --kill 1@3 --kill 2@3',
      {
        kills: [
          { validator: 1, slot: 0 },
          { validator: 1, slot: 3 },
          { validator: 2, slot: 3 },
          { validator: 4, slot: 23 },
        ],
      },
    ],
  ];
  for (const [line, expected] of cases) {
    const words = line.split(' ').filter((word) => word !== '');
    t.same(parseDemoOptions(words), { ...defaults, ...expected }, line);
  }
});

const wrong: [string[], RegExp][] = [
  [['--homes', '0'], /--homes '0'.* from 1 to 1000/],
  [['--homes', '1001'], /1 to 1000/],
  [['--homes', '1e2'], /whole number/],
  [['--homes', ' 5'], /whole number/],
  [['--homes', ''], /whole number/],
  [['--homes'], /argument missing.*demo --help/],
  [['--homes', '3', '--validators', '4'], /--validators '4'.*there are 3/],
  [['--validators', '11'], /there are 10/],
  [['--validators', '0'], /--validators/],
  [['--slots', '25'], /48, 72, 96/],
  [['--slots', '0'], /--slots/],
  [['--day', '2023-02-29'], /YYYY-MM-DD/],
  [['--day', '8.5.2017'], /YYYY-MM-DD/],
  [['--form', 'pool '], /did you mean pool/],
  [['--form', 'Pairs'], /did you mean pairwise/],
  [['--form', ''], /pool or pairwise/],
  [['--seed', '-1'], /seed/],
  [['--seed', '4294967296'], /seed/],
  [['--broker', 'localhost:1883'], /mqtt:\/\//],
  [['--broker', 'http://localhost'], /mqtt:\/\//],
  [['--broker', 'mqtt://'], /mqtt:\/\//],
  [['--broker', 'mqtt://one', '--broker', 'mqtt://one'], /twice/],
  [['1', '2', '3', '4'].flatMap((host) => ['--broker', `mqtt://${host}`]), /three at most/],
  [['--json', ''], /path/],
  [['--data', ''], /path/],
  [['--kill', '5@3'], /numbered 1 to 4/],
  [['--kill', '0@3'], /numbered 1 to 4/],
  [['--kill', '1@99'], /slots are numbered 0 to 23/],
  [['--kill', '1@24'], /slots are numbered 0 to 23/],
  [['--kill', '1'], /validator@slot/],
  [['--kill', '1@3', '--kill', '1@5'], /back in slot 5/],
  [['--kill', '1@3', '--kill', '1@3'], /back in slot 5/],
  [['--home', '3'], /unknown option '--home'.*--homes/],
  [['extra'], /too many arguments/],
];

function refusal(words: readonly string[]): AgentError {
  try {
    parseDemoOptions(words);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  throw new Error(`${words.join(' ')} was taken`);
}

t.test('wrong options of the demo', async (t) => {
  for (const [words, expected] of wrong) {
    const error = refusal(words);
    t.match(error, { code: 'AGENT_BAD_OPTION', message: expected }, words.join(' '));
    t.notMatch(error.message, '\n');
  }
});

t.test('any words are options or an AgentError', async () => {
  const names =
    '--homes --validators --slots --data --day --form --seed --broker --dir --json --kill --keep'.split(' ');
  const word = fc.oneof(
    fc.constantFrom(...names),
    fc.constantFrom('1', '4', '2@3', 'pool', '2017-05-08', '--', '-'),
    fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text !== '-h' && text !== '--help'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      try {
        const options = parseDemoOptions(words);
        return options.validators <= options.homes;
      } catch (error) {
        return error instanceof AgentError && error.code === 'AGENT_BAD_OPTION';
      }
    }),
    { numRuns: 1000 },
  );
});

/** Runs a command line with actions that only note that they were called. */
async function run(words: readonly string[], outcome?: unknown) {
  const out: string[] = [];
  const err: string[] = [];
  const called: unknown[] = [];
  const action = (name: string) => async (options: object) => {
    called.push({ name, ...options });
    if (outcome !== undefined) throw outcome;
  };
  const stream = (lines: string[]) =>
    ({ columns: 80, write: (text: string) => lines.push(text) }) as unknown as NodeJS.WriteStream;
  const status = await runCommandLine(
    words,
    {
      demo: action('demo'),
      rounds: action('rounds'),
      run: action('run'),
      status: action('status'),
      schedule: action('schedule'),
      emulate: action('emulate'),
      forecastEvaluate: action('forecast evaluate'),
      qp: action('qp'),
      committee: action('committee'),
      vote: action('vote'),
      prove: action('prove'),
      verify: action('verify'),
      keysNew: action('keys new'),
      keysShow: action('keys show'),
      keysEncrypt: action('keys encrypt'),
      keysRotate: action('keys rotate'),
    },
    { stdout: stream(out), stderr: stream(err), env: {} },
    '1.2.3',
  );
  return { status, out: out.join(''), err: err.join(''), called };
}

const traded: RoundsOptions = {
  ...{ homes: 10, slots: 24, form: 'pool', seed: 1, toleranceW: 1, roundsMax: 60 },
  ...{ json: 'none', hvac: true, ev: true },
};

t.test('commands reach their actions', async (t) => {
  const cases: [string, object][] = [
    ['demo --homes 6', { name: 'demo', ...defaults, homes: 6 }],
    ['qp --json a.json', { name: 'qp', file: 'a.json', json: true }],
    ['qp -', { name: 'qp', file: '-', json: false }],
    ['run --config a.yaml', { name: 'run', configFile: 'a.yaml' }],
    ['status --config a.yaml --json', { name: 'status', configFile: 'a.yaml', json: true }],
    ['rounds', { name: 'rounds', ...traded }],
    ['rounds --homes 1', { name: 'rounds', ...traded, homes: 1 }],
    ['rounds --homes 32 --form pairwise', { name: 'rounds', ...traded, homes: 32, form: 'pairwise' }],
    ['rounds --warm --json', { name: 'rounds', ...traded, warmPercent: 5, json: 'stdout' }],
    [
      'rounds --data ./homes --day 2024-02-29 --homes 50 --slots 96 --form pool --seed 7 --no-ev',
      {
        ...{ name: 'rounds', ...traded, dataDirectory: './homes', day: '2024-02-29' },
        ...{ homes: 50, slots: 96, seed: 7, ev: false },
      },
    ],
    [
      'rounds --form pairwise --warm 0 --tolerance 10 --max-rounds 3 --json r.json --no-hvac',
      {
        ...{ name: 'rounds', ...traded, form: 'pairwise', warmPercent: 0, toleranceW: 10 },
        ...{ roundsMax: 3, json: { file: 'r.json' }, hvac: false },
      },
    ],
    ['keys new --out key', { name: 'keys new', file: 'key', encrypt: false }],
    [
      `keys new --out key --for ${'ab'.repeat(20)}`,
      { name: 'keys new', file: 'key', encrypt: false, account: 'ab'.repeat(20) },
    ],
    ['keys new --out key --encrypt', { name: 'keys new', file: 'key', encrypt: true }],
    [
      'keys new --out key --passphrase-file secret',
      { name: 'keys new', file: 'key', encrypt: true, passphraseFile: 'secret' },
    ],
    ['committee --config c', { name: 'committee', configFile: 'c', json: false }],
    [
      `vote drop ${'ab'.repeat(20)} --config c --json`,
      {
        ...{ name: 'vote', configFile: 'c', json: true },
        ballot: { motion: 'drop', target: 'ab'.repeat(20), publicKey: null },
      },
    ],
    [
      `vote add ${'02'.repeat(33)} --config c`,
      {
        ...{ name: 'vote', configFile: 'c', json: false },
        ballot: { motion: 'add', target: null, publicKey: '02'.repeat(33) },
      },
    ],
    [
      `vote rekey ${'ab'.repeat(20)} ${'02'.repeat(33)} --config c`,
      {
        ...{ name: 'vote', configFile: 'c', json: false },
        ballot: { motion: 'rekey', target: 'ab'.repeat(20), publicKey: '02'.repeat(33) },
      },
    ],
    ['keys show key', { name: 'keys show', file: 'key', json: false }],
    ['keys show key --json', { name: 'keys show', file: 'key', json: true }],
    ['keys encrypt key', { name: 'keys encrypt', file: 'key' }],
    ['keys rotate --config c', { name: 'keys rotate', configFile: 'c', json: false }],
    [
      'schedule --problem home.json --json',
      { name: 'schedule', from: { kind: 'problem', file: 'home.json' }, json: 'stdout' },
    ],
    [
      'forecast evaluate a.csv b.csv',
      {
        name: 'forecast evaluate',
        files: ['a.csv', 'b.csv'],
        clock: { utcOffsetMs: 0 },
        warmUpDays: 90,
        json: 'none',
      },
    ],
    [
      'forecast evaluate a.csv --lat 34.1 --lon -117.4 --warm-up 30 --json out.json',
      {
        name: 'forecast evaluate',
        files: ['a.csv'],
        clock: { utcOffsetMs: -8 * 3_600_000 },
        warmUpDays: 30,
        json: { file: 'out.json' },
        location: { latitudeDeg: 34.1, longitudeDeg: -117.4 },
      },
    ],
    [
      'forecast evaluate a.csv --time-zone America/Los_Angeles',
      {
        name: 'forecast evaluate',
        files: ['a.csv'],
        clock: { timeZone: 'America/Los_Angeles' },
        warmUpDays: 90,
        json: 'none',
      },
    ],
    [
      'forecast evaluate --utc-offset=-3.5 a.csv --json',
      {
        name: 'forecast evaluate',
        files: ['a.csv'],
        clock: { utcOffsetMs: -3.5 * 3_600_000 },
        warmUpDays: 90,
        json: 'stdout',
      },
    ],
    [
      'emulate --homes 2 --port 0 --speed 60 --no-ev',
      { name: 'emulate', homes: 2, port: 0, host: '127.0.0.1', seed: 1, speed: 60, hvac: true, ev: false },
    ],
  ];
  for (const [line, expected] of cases) {
    t.same(await run(line.split(' ')), { status: 0, out: '', err: '', called: [expected] }, line);
  }
});

t.test('a wrong command line is one line on stderr and status 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /no command given; see gridquorum --help/],
    [['dmeo'], /unknown command 'dmeo' \(Did you mean demo\?\)/],
    [['--frobnicate'], /unknown option.*see gridquorum --help/],
    [['run'], /--config <file>.*see gridquorum run --help/],
    [['run', '--config', ''], /give a path/],
    [['keys'], /keys what\? See gridquorum keys --help/],
    [['keys', 'nwe'], /Did you mean new/],
    [['vote', 'revoke', 'AB', '--config', 'c'], /<address> 'AB': give 40 lower-case hex digits/],
    [['vote'], /vote what\? See gridquorum vote --help/],
    [['status', '--config', 'a', 'b'], /too many arguments/],
    [['emulate', '--port', '65534', '--homes', '2'], /begin lower/],
    [['emulate', '--speed', '0'], /--speed/],
    [['schedule', '--slots', '25'], /48, 72, 96/],
    [['schedule', '--problem', 'a', '--config', 'b'], /leave --config out/],
    [['rounds', '--homes', '1001'], /1 to 1000/],
    [
      ['rounds', '--homes', '33', '--form', 'pairwise'],
      /--homes '33': the pairwise form is for 2 to 32 homes/,
    ],
    [['rounds', '--homes', '1', '--form', 'pairwise'], /--homes '1': the pairwise form is for 2 to 32 homes/],
    [['schedule', '--homes', '33', '--form', 'pairwise'], /pairwise form is for 1 to 32 homes/],
    [['demo', '--homes', '33', '--form', 'pairwise'], /pairwise form is for 1 to 32 homes/],
    [['rounds', '--warm', '-5'], /--warm '-5'.* 0 to 100/],
    [['rounds', '--tolerance', 'x'], /--tolerance 'x'/],
    [['rounds', '--slots', '25'], /--slots '25'/],
    [['forecast'], /forecast what\?/],
    [['forecast', 'evaluate'], /csv.*see gridquorum forecast evaluate --help/],
    [['keys', 'new'], /--out <file>.*see gridquorum keys new --help/],
    [['forecast', 'evaluate', 'a.csv', '--lat', '34'], /needs --lon/],
    [['forecast', 'evaluate', 'a.csv', '--lon', '34'], /needs --lat/],
    [['forecast', 'evaluate', 'a.csv', '--lat', '91', '--lon', '0'], /--lat '91'.*-90 to 90/],
    [['forecast', 'evaluate', 'a.csv', '--lat', '1e1', '--lon', '0'], /--lat '1e1'/],
    [['forecast', 'evaluate', 'a.csv', '--utc-offset', '15'], /--utc-offset '15'.*-14 to 14/],
    [['forecast', 'evaluate', 'a.csv', '--utc-offset', '1.001'], /to the minute/],
    [['forecast', 'evaluate', 'a.csv', '--time-zone', 'Mars/Olympus'], /Europe\/Zurich/],
    [['forecast', 'evaluate', 'a.csv', '--time-zone', 'UTC', '--utc-offset', '0'], /not both/],
    [['forecast', 'evaluate', 'a.csv', '--warm-up', '0'], /--warm-up '0'/],
    [['forecast', 'evaluate', '--json', 'a.csv', 'b.csv'], /would be overwritten: put --json last/],
    ...wrong.map(([words, expected]): [string[], RegExp] => [['demo', ...words], expected]),
  ];
  for (const [words, expected] of cases) {
    const { status, out, err, called } = await run(words);
    t.equal(status, 2, words.join(' '));
    t.equal(out, '');
    t.match(err, expected);
    t.match(err, /^gridquorum: [^\n]+ \[AGENT_BAD_OPTION\]\n$/, 'one line with its code');
    t.same(called, []);
  }
});

t.test('help and version go to stdout', async (t) => {
  t.match(await run(['--version']), { status: 0, out: '1.2.3\n', err: '' });
  for (const words of [['--help'], ['help']]) {
    t.match(await run(words), { status: 0, out: /demo[\s\S]*run[\s\S]*status[\s\S]*Exit status/, err: '' });
  }
  const help = await run(['help', 'demo']);
  t.match(help, { status: 0, out: /--kill <validator@slot>[\s\S]*Examples/, err: '' });
  t.same((await run(['demo', '--help'])).out, help.out);
  t.same(await run(['help', 'keys', 'rotate']), await run(['keys', 'rotate', '--help']));
  for (const line of (await run(['vote', '--help'])).out.split('\n')) t.ok(line.length <= 80, line);
});

t.test('what an action throws decides the status', async (t) => {
  const cases: [unknown, number, RegExp][] = [
    [new AgentError('AGENT_BAD_DATA', 'x.csv:3 is odd.'), 2, /x\.csv:3 is odd\. \[AGENT_BAD_DATA\]/],
    [new AgentError('AGENT_FILE_MISSING', 'no x'), 2, /no x/],
    [new AgentError('AGENT_BAD_CONFIG', 'no y'), 2, /no y/],
    [Object.assign(new Error('genesis'), { code: 'CONSENSUS_BAD_GENESIS' }), 2, /CONSENSUS_BAD_GENESIS/],
    [new AgentError('AGENT_CHILD_FAILED', 'home03 died'), 1, /home03 died \[AGENT_CHILD_FAILED\]/],
    [new AgentError('AGENT_ABORTED', 'stopped'), 130, /stopped/],
    [new TypeError('x is\n  not a function'), 1, /^gridquorum: x is not a function\n$/],
    ['thrown text', 1, /thrown text/],
  ];
  for (const [thrown, status, line] of cases) {
    const result = await run(['demo'], thrown);
    t.equal(result.status, status);
    t.match(result.err, line);
    t.equal(result.err.split('\n').length, 2);
  }
});

t.test('the built program', async (t) => {
  const main = new URL('../../agent/cli/main.js', import.meta.url).pathname;
  const start = (...words: string[]) => spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' });
  const version = start('--version');
  t.match(version, { status: 0, stderr: '' });
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const bad = start('demo', '--homes', '0');
  t.match(bad, { status: 2, stdout: '' });
  t.equal(bad.stderr.trimEnd().split('\n').length, 1);
  const full = spawnSync(process.execPath, [main, 'schedule', '--no-trade'], {
    encoding: 'utf8',
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  });
  t.equal(full.status, 1);
  t.match(full.stderr, /^gridquorum: ENOSPC: [^\n]*\[ENOSPC\]\n$/, 'a full disk is one line');
});

const report: DemoReport = {
  source: 'generator, seed 1',
  day: '2025-05-05',
  form: 'pool',
  seed: 1,
  currency: 'USD',
  homes: 1,
  slots: 2,
  slotMinutes: 60,
  rounds: 12,
  cost: { alone: 2, together: 1.5, centralised: 1.49, gap: 0.006 },
  realised: { together: 1.6 },
  maxImbalanceW: 0,
  paymentsSum: 0,
  pricesPerKwh: [0.2, 0.1],
  importPricePerKwh: [0.3, 0.3],
  feedInPricePerKwh: [0.05, 0],
  netImportKw: { alone: [1, -1], together: [0.5, -0.5] },
  perHome: [
    {
      home: 'home001',
      alone: 2,
      together: 1.5,
      soldKwh: 1,
      boughtKwh: 0.5,
      delivery: { obligations: 2, met: 2, short: 0 },
    },
  ],
  blocks: { count: 9, p50Ms: 31.4, p95Ms: 70 },
  heights: { home001: 9 },
  stateRoots: { home001: 'ab'.repeat(32) },
  delivery: { obligations: 2, met: 2, short: 0 },
  killed: [{ validator: 1, slot: 1 }],
  wallSeconds: 12.34,
  rssMb: { home001: 81 },
};

t.test('a report is written whole or not at all', async (t) => {
  t.same(JSON.parse(reportText(report)), report);
  t.throws(() => reportText({ ...report, wallSeconds: Number.NaN }), /wallSeconds is NaN/);
  t.throws(
    () => reportText({ ...report, cost: { ...report.cost, gap: Number.POSITIVE_INFINITY } }),
    /cost\.gap is Infinity/,
  );
  await withDirectory({ 'old.json': 'old' }, async (directory) => {
    const file = join(directory, 'old.json');
    await writeReport(file, report);
    t.same(JSON.parse(readFileSync(file, 'utf8')), report);
    t.same(readdirSync(directory), ['old.json'], 'no draft is left');
    await t.rejects(writeReport(join(directory, 'no', 'report.json'), report), {
      code: 'AGENT_BAD_OPTION',
      message: /ENOENT/,
    });
    mkdirSync(join(directory, 'taken'));
    await t.rejects(writeReport(join(directory, 'taken'), report), { code: 'AGENT_BAD_OPTION' });
    const places = [join(directory, 'taken'), join(directory, 'no', 'report.json')];
    for (const place of places) {
      await t.rejects(requireReportPlace(place), {
        code: 'AGENT_BAD_OPTION',
        message: /give --json another/,
      });
    }
    await requireReportPlace(file);
    await requireReportPlace(join(directory, 'new.json'));
    t.same(readdirSync(directory), ['old.json', 'taken'], 'no draft is left of a failure or a look');
  });
});

t.test('a report goes through a link, and into a pipe, without taking their place', async (t) => {
  await withDirectory({ 'real.json': 'old' }, async (directory) => {
    const link = join(directory, 'link.json');
    symlinkSync('real.json', link);
    await writeReport(link, report);
    t.ok(lstatSync(link).isSymbolicLink());
    t.same(JSON.parse(readFileSync(join(directory, 'real.json'), 'utf8')), report);

    const pipe = join(directory, 'pipe');
    spawnSync('mkfifo', [pipe]);
    await requireReportPlace(pipe);
    const [text] = await Promise.all([readFile(pipe, 'utf8'), writeReport(pipe, report)]);
    t.same(JSON.parse(text), report);
    t.ok(lstatSync(pipe).isFIFO());
  });
});

t.test('a report for people says what holds and what does not', async (t) => {
  const look = { width: 80, color: false, unicode: true };
  const text = renderDemoReport(report, look);
  t.match(text, /alone 2\.000, together 1\.500, centralised 1\.490 USD/);
  t.match(text, /0 W in every slot; payments sum to 0/);
  t.match(text, /one state root abababababababab/);
  t.match(text, /validator 1 in slot 1/);
  t.ok(text.split('\n').every((line) => line.length <= 80));
  const level = { ...report, cost: { ...report.cost, gap: -1e-9 } };
  t.match(renderDemoReport(level, look), /gap to centralised +0\.000 %/);
  const forked = { ...report, stateRoots: { home001: 'aa', home002: 'bb' } };
  t.match(renderDemoReport(forked, { ...look, color: true }), /\[31m2 different state roots/);
});

t.test('a new key is the owner’s alone and never overwrites', async (t) => {
  await withDirectory({}, async (directory) => {
    const out: string[] = [];
    const stdout = { write: (text: string) => out.push(text) } as unknown as NodeJS.WriteStream;
    const io = { stdout, stderr: stdout, env: {} };
    const file = join(directory, 'key');
    await keysNew({ file, encrypt: false }, io);
    const key = readFileSync(file, 'utf8');
    const { privateKey } = JSON.parse(key);
    t.match(privateKey, /^[0-9a-f]{64}$/);
    t.equal(statSync(file).mode & 0o777, 0o600);
    const told = JSON.parse(out.join(''));
    t.match(told, { address: /^[0-9a-f]{40}$/, publicKey: /^0[23][0-9a-f]{64}$/ });
    t.notMatch(out.join(''), privateKey, 'the private key is not told');
    await t.rejects(keysNew({ file, encrypt: false }, io), {
      code: 'AGENT_BAD_OPTION',
      message: /is there already/,
    });
    t.equal(readFileSync(file, 'utf8'), key);
  });
});

t.test('a key is shown without being opened, and encrypted in its place', async (t) => {
  await withDirectory({}, async (directory) => {
    const out: string[] = [];
    const stdout = { write: (text: string) => out.push(text) } as unknown as NodeJS.WriteStream;
    const stderr = { write: () => true } as unknown as NodeJS.WriteStream;
    const io = { stdout, stderr, env: {} };
    const told = () => JSON.parse(out.splice(0).join(''));
    const file = join(directory, 'key');
    const passphraseFile = join(directory, 'passphrase');
    writeFileSync(passphraseFile, 'under the stairs\nnot this line\n', { mode: 0o600 });
    await keysNew({ file, encrypt: false }, io);
    const { address, publicKey } = told();
    await keysShow({ file, json: true }, io);
    t.same(told(), { address, publicKey, encrypted: false });
    const { privateKey } = await readKeyFile(file);

    await keysEncrypt({ file, passphraseFile }, io);
    await keysShow({ file, json: true }, io);
    t.same(told(), { address, publicKey, encrypted: true });
    t.notMatch(readFileSync(file, 'utf8'), Buffer.from(privateKey).toString('hex'));
    t.same((await readKeyFile(file, { passphrase: 'under the stairs' })).privateKey, privateKey);
    await t.rejects(keysEncrypt({ file, passphraseFile }, io), {
      code: 'AGENT_BAD_OPTION',
      message: /already/,
    });

    const account = 'ab'.repeat(20);
    await keysNew({ file: join(directory, 'sealed'), encrypt: true, account, passphraseFile }, io);
    t.equal(told().address, account, 'for another account');
    await t.rejects(readKeyFile(join(directory, 'sealed')), { code: 'CONSENSUS_KEY_LOCKED' });

    chmodSync(passphraseFile, 0o644);
    const other = { file: join(directory, 'other'), encrypt: true };
    await t.rejects(keysNew({ ...other, passphraseFile }, io), {
      code: 'AGENT_BAD_CONFIG',
      message: /chmod 600/,
    });
    const none = join(directory, 'none');
    await t.rejects(keysNew({ ...other, passphraseFile: none }, io), { code: 'AGENT_FILE_MISSING' });
    writeFileSync(none, '\n', { mode: 0o600 });
    await t.rejects(keysNew({ ...other, passphraseFile: none }, io), {
      code: 'AGENT_BAD_OPTION',
      message: /empty/,
    });
    writeFileSync(none, 'x'.repeat(2_000), { mode: 0o600 });
    await t.rejects(keysNew({ ...other, passphraseFile: none }, io), { code: 'AGENT_BAD_DATA' });
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    for (const noFile of [pipe, '/dev/zero', directory])
      await t.rejects(keysNew({ ...other, passphraseFile: noFile }, io), {
        code: 'AGENT_BAD_CONFIG',
        message: `${noFile} is no file that could hold a passphrase`,
      });
    t.throws(() => statSync(other.file), 'nothing is made of it');
  });
});

t.test('an agent that runs keeps its heap small, whoever starts it; short commands need not', async (t) => {
  const main = fileURLToPath(new URL('../../agent/cli/main.js', import.meta.url));
  const probe = `import { getHeapSpaceStatistics } from 'node:v8';
    process.on('exit', () => {
      let kept = [];
      for (let index = 0; index < 500_000; index += 1) {
        kept.push({ index, held: [index] });
        if (kept.length > 40_000) kept = [];
      }
      const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
      process.stdout.write(String(young.space_size / 2 ** 20));
    });`;
  const youngMb = (command: string[]) => {
    const args = ['--import', `data:text/javascript,${encodeURIComponent(probe)}`, main, ...command];
    return Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
  };
  const runningMb = youngMb(['run', '--config', 'no-such-file.yaml']);
  t.ok(runningMb > 0 && runningMb <= 8, `${runningMb} MB`);
  const shortMb = youngMb(['status', '--config', 'no-such-file.yaml']);
  t.ok(shortMb > 16, `${shortMb} MB`);
});

t.test('status shows how far the ledger is, and a validator that refuses what is proposed', async (t) => {
  const example = readFileSync(new URL('../../../agent/config/example.yaml', import.meta.url), 'utf8');
  await withDirectory({}, async (directory) => {
    const configFile = join(directory, 'home.yaml');
    writeFileSync(configFile, stringify({ ...parse(example), directory }));
    const sync = { targetHeight: 12, firstHeight: 1, catchingUp: true, snapshot: null };
    const ledger = { height: 9, stateRoot: 'ab', validator: true, keyIsKnown: true, sync };
    const tell = async (refusedProposals: { count: number; lastReason: string | null }, clock?: object) => {
      const answer = {
        ...(clock && { clock: { proven: false, leapMs: 0, ...clock } }),
        ...{ home: 'oak', address: 'aa', utcMs: 0, phase: 'waiting', brokers: [], mended: [], devices: [] },
        ledger: { ...ledger, refusedProposals },
      };
      const api = await startLocalApi(directory, { tell: { '/status': () => answer } }, () => undefined);
      const parts: string[] = [];
      const stdout = { columns: 80, write: (part: string) => parts.push(part) };
      try {
        await status({ configFile, json: false }, { stdout, env: {} } as unknown as CliIo);
      } finally {
        await api.stop();
      }
      return parts.join('');
    };
    t.match(
      await tell({ count: 3, lastReason: 'from the future' }),
      /refused +3 proposed blocks, the last: from the future/,
    );
    const quiet = await tell({ count: 0, lastReason: null });
    t.notMatch(quiet, /refused/);
    t.match(quiet, /height +9, of 12, catching up/);
    const ofClock = async (disproven: boolean, aheadOfChainMs: number) =>
      (await tell({ count: 0, lastReason: null }, { disproven, aheadOfChainMs })).replace(/\s+/g, ' ');
    t.match(
      await ofClock(true, 480_000),
      /clock 480 s ahead of the chain: set it; until then the devices are/,
    );
    t.match(
      await ofClock(true, -900_000),
      /clock 900 s behind the chain: set it; until then the devices are/,
    );
    t.match(await ofClock(false, 480_000), /clock 480 s ahead of the newest block: is it right\?/);
  });
});
