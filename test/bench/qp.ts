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
import type { HomeProblem } from '../../optimizer/index.ts';
import { commandOptions } from '../command-options.ts';
import { fullHome } from '../optimizer/full-home.ts';
import { library } from '../optimizer/homes.ts';
import { compareWithHighs } from './qp-highs.ts';
import { change, type Outcome, referenceFor, type Solver, solvers } from './qp-solvers.ts';
import { spreadOf, type Timing, time } from './timing.ts';

const { values: options, wholes } = commandOptions(
  'npm run bench:qp -- [--data DIR] [--slots 24,96] [--highs 96]',
  () =>
    parseArgs({
      options: {
        data: { type: 'string' },
        slots: { type: 'string', default: '24,96,288,672' },
        highs: { type: 'string', default: '24,96' },
      },
    }).values,
);
const sizes = wholes(options.slots, 'slots');
const sizesOfHighs = wholes(options.highs, 'highs');

const SEEDS = 12;
const REPEATS = 30;
/** Problems that a warm start goes to, from each home. */
const VARIANTS = 3;

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`);
console.log('a home with everything; ms of CPU a solve: median (10 % .. 90 %) over homes and repeats');
console.log(
  'off: largest distance from the general solver at its tightest, objective (relative) and trade (kW)',
);
for (const slots of sizes) compareSolvers(slots);
for (const slots of sizesOfHighs) compareWithHighs(slots);
if (options.data !== undefined) compareWithReferences(`${options.data}/prosumer-dev.json`);

/** One line of a table. */
type Row = {
  readonly solver: Solver;
  readonly timings: Timing[];
  readonly outcomes: Outcome[];
  /** Largest over what was solved. */
  objectiveOff: number;
  tradeOffKw: number;
};

function compareSolvers(slots: number): void {
  const rows: Row[] = solvers.map((solver) => ({
    solver,
    timings: [],
    outcomes: [],
    objectiveOff: 0,
    tradeOffKw: 0,
  }));
  for (let seed = 1; seed <= SEEDS; seed++) {
    const home = fullHome(seed, slots);
    for (const row of rows) {
      const { warm } = row.solver;
      if (warm === undefined) measure(row, home, home, REPEATS);
      else {
        for (let variant = 1; variant <= VARIANTS; variant++) {
          measure(row, change(home, warm, 100 * seed + variant), home, REPEATS / VARIANTS);
        }
      }
    }
  }
  console.log(`\n${slots} slots, ${SEEDS} homes; warm, ${VARIANTS} changes each`);
  console.log(
    'solver                         median  (10 % .. 90 %)      wall   steps (most)    solved  objective off  trade off    kB',
  );
  for (const row of rows) console.log(line(row));
}

function measure(row: Row, now: HomeProblem, before: HomeProblem, repeats: number): void {
  const prepared = row.solver.prepare(now, before);
  const outcome = prepared.solve();
  row.outcomes.push(outcome);
  if (outcome.status !== 'solved') return;
  row.timings.push(...time(() => prepared.solve(), repeats));
  const reference = referenceFor(now);
  const off = Math.abs(outcome.objective - reference.objective) / Math.abs(reference.objective);
  row.objectiveOff = Math.max(row.objectiveOff, off);
  for (let t = 0; t < now.slots; t++) {
    const offKw = Math.abs((outcome.soldKw?.[t] ?? Number.NaN) - (reference.soldKw?.[t] ?? Number.NaN));
    row.tradeOffKw = Math.max(row.tradeOffKw, offKw);
  }
}

function line({ solver, timings, outcomes, objectiveOff, tradeOffKw }: Row): string {
  const cpu = spreadOf(timings.map(({ cpuMs }) => cpuMs));
  const wall = spreadOf(timings.map(({ wallMs }) => wallMs));
  const steps = outcomes.map(({ iterations }) => iterations ?? Number.NaN);
  const solved = outcomes.filter(({ status }) => status === 'solved').length;
  const bytes = Math.max(...outcomes.map((outcome) => outcome.bytes ?? Number.NaN));
  const digits = cpu.median < 1 ? 3 : cpu.median < 100 ? 2 : 0;
  return [
    solver.name.padEnd(28),
    cpu.median.toFixed(digits).padStart(8),
    `(${cpu.low.toFixed(digits)} .. ${cpu.high.toFixed(digits)})`.padStart(18),
    wall.median.toFixed(digits).padStart(8),
    `${spreadOf(steps).median.toFixed(0)} (${Math.max(...steps).toFixed(0)})`.padStart(12),
    `${solved}/${outcomes.length}`.padStart(9),
    objectiveOff.toExponential(1).padStart(14),
    tradeOffKw.toExponential(1).padStart(10),
    (bytes / 1024).toFixed(0).padStart(6),
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
