/**
 * Does a week of real households hold what the demo promises? Every day of the data in both forms, without and with
 * a validator killed at an hour that differs from day to day, one demo after the other. Prints a table, and what broke.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { DemoReport } from '../../agent/cli/demo-report.ts';
import { loadNeighbourhood } from '../../agent/neighbourhood/index.ts';
import { commandOptions } from '../command-options.ts';

const AGENT = fileURLToPath(new URL('../../agent/cli/main.js', import.meta.url));
const VALIDATORS = 4;
const GAP_MAX = 0.005;

/** What does not hold in a day, in words; empty when all does. */
function broken(report: DemoReport): string[] {
  const losers = report.perHome.filter(
    ({ alone, together }) => together > alone + Math.max(0.001 * Math.abs(alone), 0.01),
  );
  return [
    ...(report.cost.gap > GAP_MAX ? ['gap'] : []),
    ...losers.map(({ home }) => `${home} loses`),
    ...(report.maxImbalanceW !== 0 ? ['imbalance'] : []),
    ...(report.paymentsSum !== 0 ? ['payments'] : []),
    ...(new Set(Object.values(report.stateRoots)).size !== 1 ? ['state roots'] : []),
  ];
}

async function runDemo(options: readonly string[]): Promise<DemoReport> {
  const directory = await mkdtemp(join(tmpdir(), 'gq-days-'));
  try {
    const file = join(directory, 'report.json');
    const demo = spawn(process.execPath, [AGENT, 'demo', ...options, '--json', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let told = '';
    demo.stderr.on('data', (chunk) => {
      told = `${told}${chunk}`.slice(-2_000);
    });
    const [code] = await once(demo, 'close');
    if (code !== 0) throw new Error(`demo ${options.join(' ')} ended with ${code}:\n${told}`);
    return JSON.parse(await readFile(file, 'utf8'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const { values, whole, wrong } = commandOptions(
  'npm run bench:days -- --data DIR [--homes N] [--seed N] [--kill]',
  () =>
    parseArgs({
      options: {
        data: { type: 'string' },
        homes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
        kill: { type: 'boolean', default: false },
      },
    }).values,
);
const { homes, seed, kill } = values;
const data = values.data ?? wrong('Which households? Say --data DIR.');
const neighbourhood = await loadNeighbourhood({
  dataDirectory: data,
  homes: whole(homes, 'homes'),
  seed: whole(seed, 'seed', 0),
  hvac: true,
  ev: true,
});
const failures: string[] = [];
process.stdout.write(
  '| day | form | killed | alone | together | centralised | gap % | rounds | blocks, p50 ms | delivered | s |\n' +
    '|---|---|---|---|---|---|---|---|---|---|---|\n',
);
for (const form of ['pool', 'pairwise']) {
  for (const [index, day] of neighbourhood.days.entries()) {
    // Another validator and another hour each day: over a week all four, from the small hours to the evening.
    const killed = `${(index % VALIDATORS) + 1}@${(3 * index + 2) % 22}`;
    const options = ['--data', data, '--day', day, '--form', form, '--homes', homes, '--seed', seed];
    const report = await runDemo([...options, ...(kill ? ['--kill', killed] : [])]);
    const { cost, blocks, delivery } = report;
    const row = [
      day,
      form,
      kill ? killed : '-',
      cost.alone.toFixed(3),
      cost.together.toFixed(3),
      cost.centralised.toFixed(3),
      (100 * cost.gap).toFixed(3),
      report.rounds,
      `${blocks.count}, ${blocks.p50Ms?.toFixed(0) ?? '-'}`,
      `${delivery.met}/${delivery.obligations}`,
      report.wallSeconds.toFixed(0),
    ];
    process.stdout.write(`| ${row.join(' | ')} |\n`);
    failures.push(...broken(report).map((what) => `${day} ${form}: ${what}`));
  }
}
process.stdout.write(`${failures.length === 0 ? 'All of it holds.' : failures.join('\n')}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
