/**
 * How long does a home's day (24 slots, quarter hours, five minutes) or week (672 quarter hours) with everything
 * take to plan? Prints, for every solver on the same problems in the same run, the time of one solve with its
 * data in place; setup is apart. Times are of CPU, since machines are shared; wall time follows.
 *
 * The directory of --data holds prosumer-dev.json, problems with known optima.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { fullHome, withOtherPrices } from '../optimizer/full-home.ts';
import { library } from '../optimizer/homes.ts';
import { type Outcome, type Pair, type Solver, solvers } from './qp-solvers.ts';
import { spreadOf, type Timing, time } from './timing.ts';

const { values: options, wholes } = commandOptions(
  'npm run bench:qp -- [--data DIR] [--slots 24,96]',
  () =>
    parseArgs({
      options: { data: { type: 'string' }, slots: { type: 'string', default: '24,96,288,672' } },
    }).values,
);
const sizes = wholes(options.slots, 'slots');

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`);
console.log('a home with everything; ms of CPU a solve: median (10 % .. 90 %) over seeds and repeats');
for (const slots of sizes) compareSolvers(slots);
if (options.data !== undefined) compareWithReferences(`${options.data}/prosumer-dev.json`);

/** One solver's part of a table. */
type Row = {
  readonly solver: Solver;
  readonly timings: Timing[];
  readonly outcomes: Outcome[];
  /** Relative distance of objectives from the first solver's, largest; like times, of what was solved. */
  apart: number;
};

function compareSolvers(slots: number): void {
  const rows: Row[] = solvers.map((solver) => ({ solver, timings: [], outcomes: [], apart: 0 }));
  const seeds = Math.max(...solvers.map((solver) => solver.effort(slots)?.seeds ?? 0));
  for (let seed = 1; seed <= seeds; seed++) {
    const home = fullHome(seed, slots);
    const pair: Pair = { home, repriced: withOtherPrices(home, seed, 0.05) };
    for (const row of rows) measure(row, pair, { seed, slots });
  }
  const peer = rows.find(({ solver }) => solver.name.startsWith('HiGHS'));
  const peerMs = peer && spreadOf(peer.timings.map(({ cpuMs }) => cpuMs)).median;
  console.log(`\n${slots} slots, ${seeds} homes`);
  console.log(
    'solver               median  (10 % .. 90 %)      wall  HiGHS/  steps (most)   solved   objective off      kB',
  );
  for (const row of rows) if (row.outcomes.length > 0) console.log(line(row, peerMs));
}

function measure(row: Row, pair: Pair, { seed, slots }: { seed: number; slots: number }): void {
  const { solver } = row;
  const effort = solver.effort(slots);
  if (effort === undefined || seed > effort.seeds) return;
  const prepared = solver.prepare(pair);
  const outcome = prepared.solve();
  row.outcomes.push(outcome);
  if (outcome.status !== 'solved') {
    prepared.dispose?.();
    return;
  }
  row.timings.push(...time(() => prepared.solve(), effort.repeats));
  prepared.dispose?.();
  const yardstick = solvers[0]!.prepare({ ...pair, home: pair[solver.answers] }).solve();
  const apart = Math.abs(outcome.objective - yardstick.objective) / Math.abs(yardstick.objective);
  row.apart = Math.max(row.apart, apart);
}

function line({ solver, timings, outcomes, apart }: Row, peerMs: number | undefined): string {
  const cpu = spreadOf(timings.map(({ cpuMs }) => cpuMs));
  const wall = spreadOf(timings.map(({ wallMs }) => wallMs));
  const steps = outcomes.map(({ iterations }) => iterations ?? Number.NaN);
  const solved = outcomes.filter(({ status }) => status === 'solved').length;
  const bytes = Math.max(...outcomes.map((outcome) => outcome.bytes ?? Number.NaN));
  const shown = (value: number, digits: number): string =>
    Number.isFinite(value) ? value.toFixed(digits) : '-';
  const digits = cpu.median < 1 ? 3 : cpu.median < 100 ? 2 : 0;
  return [
    solver.name.padEnd(18),
    shown(cpu.median, digits).padStart(8),
    `(${shown(cpu.low, digits)} .. ${shown(cpu.high, digits)})`.padStart(18),
    shown(wall.median, digits).padStart(8),
    shown((peerMs ?? Number.NaN) / cpu.median, 0).padStart(7),
    `${shown(spreadOf(steps).median, 0)} (${shown(Math.max(...steps), 0)})`.padStart(12),
    `${solved}/${outcomes.length}`.padStart(9),
    (timings.length > 0 ? apart.toExponential(1) : '-').padStart(14),
    shown(bytes / 1024, 0).padStart(8),
  ].join(' ');
}

/** Problems with optima known from elsewhere: the general solver's error, and its time. */
function compareWithReferences(file: string): void {
  const bounds = (given: (number | null)[], infinite: number) => given.map((value) => value ?? infinite);
  console.log('\nreference problem        median  (10 % .. 90 %)  steps  objective off');
  for (const { name, n, m, P, A, q, l, u, fopt } of JSON.parse(readFileSync(file, 'utf8'))) {
    const triplets = (matrix: { rows: number[]; cols: number[]; vals: number[] }) => ({
      rows: matrix.rows,
      columns: matrix.cols,
      values: matrix.vals,
    });
    const solver = library.setup({
      variables: n,
      constraints: m,
      P: triplets(P),
      A: triplets(A),
      q,
      l: bounds(l, -Infinity),
      u: bounds(u, Infinity),
    });
    const { objective, iterations } = solver.solve();
    const cpu = spreadOf(time(() => solver.solve(), 30).map(({ cpuMs }) => cpuMs));
    const off = Math.abs(objective - fopt) / Math.abs(fopt);
    const range = `(${cpu.low.toFixed(2)} .. ${cpu.high.toFixed(2)})`;
    console.log(
      `${name.padEnd(22)} ${cpu.median.toFixed(2).padStart(8)}  ${range.padEnd(16)} ${String(iterations).padStart(4)}  ${off.toExponential(1)}`,
    );
  }
}
