import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import t, { type Test } from 'tap';
import type { DemoReport } from '../../agent/cli/demo-report.ts';
import { openNursery } from '../../agent/demo/children.ts';
import { startMosquitto } from '../peers/mosquitto.ts';

t.setTimeout(240_000);

const PROGRAM = fileURLToPath(new URL('../../agent/cli/main.js', import.meta.url));

async function runDemo(words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => {
    out += part;
  });
  child.stderr.on('data', (part) => {
    err += part;
  });
  const [status] = await once(child, 'close');
  return { status, out, err };
}

/** Topics that a newcomer to the broker would be told of at once. */
async function retainedOn(url: string): Promise<string[]> {
  const client = await connectAsync(url);
  const topics: string[] = [];
  client.on('message', (topic) => topics.push(topic));
  await client.subscribeAsync('g/#');
  await setTimeout(200);
  await client.endAsync();
  return topics;
}

/** What every day must end with, whatever happened in it. */
function holds(t: Test, report: DemoReport): void {
  t.equal(report.maxImbalanceW, 0, 'every slot clears');
  t.equal(report.paymentsSum, 0, 'payments sum to nothing');
  t.ok(Math.abs(report.cost.gap) <= 0.005, `gap ${report.cost.gap}`);
  for (const { home, alone, together } of report.perHome) {
    t.ok(together <= alone + Math.max(0.001 * Math.abs(alone), 0.01), `${home} does not lose`);
  }
  t.equal(new Set(Object.values(report.stateRoots)).size, 1, 'one state root');
  t.equal(new Set(Object.values(report.heights)).size, 1, 'one height');
  t.equal(
    report.delivery.met + report.delivery.short,
    report.delivery.obligations,
    'every obligation is judged',
  );
  const sold = report.perHome.reduce((sum, { soldKwh }) => sum + soldKwh, 0);
  const bought = report.perHome.reduce((sum, { boughtKwh }) => sum + boughtKwh, 0);
  t.ok(Math.abs(sold - bought) < 1e-6, 'what is sold is bought');
  t.ok(sold > 0, 'and something is');
}

t.test('a day with the embedded broker, in which a validator is killed', { timeout: 120_000 }, async (t) => {
  // A socket's path is short, and the test's own folder lies too deep for it.
  const place = mkdtempSync(join(tmpdir(), 'gq-'));
  t.teardown(() => rmSync(place, { recursive: true }));
  const directory = join(place, 'run');
  const file = join(place, 'report.json');
  const { status, out, err } = await runDemo([
    ...['--homes', '4', '--slots', '6', '--seed', '3', '--kill', '2@1'],
    ...['--dir', directory, '--json', file],
  ]);
  t.equal(status, 0, err);
  const report: DemoReport = JSON.parse(readFileSync(file, 'utf8'));
  holds(t, report);
  t.same(report.killed, [{ validator: 2, slot: 1 }]);
  t.match(err, /validator 2 killed/);
  t.match(err, /validator 2 started again/);
  t.match(out, /payments sum to 0/);
  t.ok(existsSync(join(directory, 'homes', 'home001', 'ledger')), 'a directory that was given stays');
  const again = await runDemo(['--dir', directory]);
  t.match(again, { status: 2, err: /holds an earlier run/ });
  const deep = await runDemo(['--dir', join(place, 'x'.repeat(90))]);
  t.match(deep, { status: 2, err: /too long for a socket/ });
  const nowhere = await runDemo(['--dir', '/proc/nothing/here']);
  t.match(nowhere, { status: 2, err: /\/proc\/nothing\/here cannot be used/ });
});

t.test('pairwise, through a Mosquitto of the outside, report to stdout', { timeout: 120_000 }, async (t) => {
  const mosquitto = await startMosquitto();
  t.teardown(() => mosquitto.stop());
  const { status, out, err } = await runDemo([
    ...['--homes', '3', '--validators', '1', '--slots', '4', '--form', 'pairwise'],
    ...['--broker', mosquitto.url, '--json'],
  ]);
  t.equal(status, 0, err);
  const report: DemoReport = JSON.parse(out);
  holds(t, report);
  t.equal(report.form, 'pairwise');
  const left = await retainedOn(mosquitto.url);
  t.same(left, [], 'no clock is left on a broker that others use');
  t.notOk(err.includes('\u001b'), 'plain where no terminal looks on');
});

t.test('a process that is only starting is ended with the others, and none is started after', async (t) => {
  const nursery = openNursery(t.testdir());
  const starting = nursery.start('broker', 'broker', []);
  starting.catch(() => undefined);
  await nursery.stopAll();
  await t.rejects(starting, { code: 'AGENT_CHILD_FAILED' });
  await t.rejects(nursery.start('late', 'broker', []), { code: 'AGENT_ABORTED' });
});

t.test('whoever started a process leaves none behind, even by kill -9', { timeout: 60_000 }, async (t) => {
  const children = new URL('../../agent/demo/children.js', import.meta.url).href;
  const script = `const { openNursery } = await import(${JSON.stringify(children)});
    const { pid } = await openNursery(${JSON.stringify(t.testdir())}).start('broker', 'broker', []);
    process.stdout.write(String(pid));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(parent.stdout, 'data');
  const pid = Number(said);
  t.teardown(() => isRunning(pid) && process.kill(pid, 'SIGKILL'));
  t.ok(isRunning(pid));
  parent.kill('SIGKILL');
  const deadlineMs = performance.now() + 20_000;
  while (isRunning(pid) && performance.now() < deadlineMs) await setTimeout(50);
  t.notOk(isRunning(pid), 'the broker has ended, too');
});

/** A process of which only the status is left (nobody has asked for it yet) does not run. */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, 'utf8'));
}

t.test('a demo that cannot start ends, and leaves nobody behind', { timeout: 60_000 }, async (t) => {
  const hours = Array.from({ length: 24 }, (_, hour) => `2025-05-05T${String(hour).padStart(2, '0')}:00`);
  // More than any emulated house can use: its process refuses while the broker and the clock run already.
  const data = t.testdir({
    'prices.csv': `time,outdoor_temp_c,retail_import_usd_per_kwh,wholesale_da_usd_per_mwh\n${hours.map((time) => `${time},10,0.3,50`).join('\n')}\n`,
    'homes.csv': 'home,pv_nominal_kw,battery_kwh,battery_kw\nFarm_1,0,0,0\n',
    'Farm_1.csv': `time,load_kw,pv_kw\n${hours.map((time) => `${time},600,0`).join('\n')}\n`,
  });
  const { status, err } = await runDemo([
    '--homes',
    '1',
    '--validators',
    '1',
    '--data',
    data,
    '--slots',
    '2',
  ]);
  t.equal(status, 1, err);
  t.match(err, /emulator ended by itself[^\n]*\[AGENT_CHILD_FAILED\]\n$/);
});

t.test('a demo that is told to end while it waits for a broker ends', { timeout: 60_000 }, async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'gq-'));
  t.teardown(() => rmSync(temporary, { recursive: true }));
  const child = spawn(
    process.execPath,
    [PROGRAM, 'demo', '--homes', '1', '--validators', '1', '--broker', 'mqtt://127.0.0.1:9'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: temporary },
    },
  );
  const [said] = await once(child.stderr, 'data');
  t.match(String(said), /Starting/);
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  t.same((await ended)[0], 130);
  t.same(readdirSync(temporary), [], 'and takes its temporary directory with it');
});

t.test('a broker that is not there is one line', { timeout: 60_000 }, async (t) => {
  const { status, err } = await runDemo([
    '--homes',
    '2',
    '--validators',
    '1',
    '--slots',
    '2',
    '--broker',
    'mqtt://127.0.0.1:9',
  ]);
  t.equal(status, 1);
  t.match(err, /gridquorum: No broker answers at mqtt:\/\/127\.0\.0\.1:9[^\n]*\[AGENT_TIMEOUT\]\n$/);
});
