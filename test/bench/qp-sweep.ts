/**
 * Which problems does the general QP solver solve? Three tables: the collections (published problems, and CUTEst's
 * and Maros-Meszaros' families by formula), random problems of ten traits that have a solution, and random ones that
 * have none. Everything is checked from the definitions: optimality conditions, published optima, certificates. What
 * fails is named. Files of --problems (.qps, .mps; integer marks are passed over) are solved besides, against HiGHS.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseQps } from '../../agent/cli/qps.ts';
import type { QpProblem, QpSolution } from '../../optimizer/index.ts';
import { commandOptions } from '../command-options.ts';
import { prepareHighs } from '../optimizer/highs.ts';
import { library } from '../optimizer/homes.ts';
import { collection } from '../optimizer/qp-collection.ts';
import { type Drawn, infeasible, solvable, type Trait, traits, unbounded } from '../optimizer/qp-families.ts';
import { certifies, kkt } from '../optimizer/qp-problems.ts';
import { buildScalable, scalable } from '../optimizer/qp-scalable.ts';

const { values: options, whole } = commandOptions(
  'npm run sweep:qp -- [--seeds 1000] [--problems DIR]',
  () =>
    parseArgs({ options: { seeds: { type: 'string', default: '1000' }, problems: { type: 'string' } } })
      .values,
);
const seeds = whole(options.seeds, 'seeds');
let failures = 0;

sweepCollections();
if (options.problems !== undefined) sweepFiles(options.problems);
sweepRandom('random, with a solution', traits, solvable);
sweepRandom('random, without a point', ['plain', 'linear', 'low rank', 'badly scaled'], infeasible);
sweepRandom('random, without a bound', ['plain', 'linear', 'low rank', 'badly scaled'], unbounded);
console.log(failures === 0 ? '\nall as they should be' : `\n${failures} not as they should be`);
process.exitCode = failures === 0 ? 0 : 1;

function fail(name: string, why: string): void {
  failures++;
  console.log(`  ${name}: ${why}`);
}

/** Relative, and absolute below 1. */
function apart(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.max(1, Math.abs(reference));
}

/** What is wrong with a solution by the optimality conditions, each relative to the terms in it. */
function flaw(problem: QpProblem, solution: QpSolution): string | undefined {
  const { violation, stationarity, complementarity, rowSize, costSize } = kkt(problem, solution);
  if (solution.status !== 'solved') return `${solution.status} after ${solution.iterations} steps`;
  if (violation > 2e-9 * (1 + rowSize)) return `rows violated by ${violation.toExponential(1)}`;
  if (stationarity > 2e-9 * (1 + costSize)) return `dual residual ${stationarity.toExponential(1)}`;
  if (complementarity > 1e-7 * (1 + Math.abs(solution.objective))) {
    return `gap ${complementarity.toExponential(1)}`;
  }
  return undefined;
}

function sweepCollections(): void {
  console.log('collections                 n      m  steps    objective      off');
  const all = [
    ...collection.map(({ name, problem, constant, optimum }) => ({ name, problem, constant, optimum })),
    ...scalable.map((each) => ({ name: each.name, optimum: each.optimum, ...buildScalable(each) })),
  ];
  for (const { name, problem, constant, optimum } of all) {
    const solution = library.setup(problem).solve();
    const why = flaw(problem, solution);
    const off = optimum === undefined ? undefined : apart(solution.objective + constant, optimum);
    console.log(line(name, problem, solution, constant, off));
    if (why !== undefined) fail(name, why);
  }
}

function line(
  name: string,
  problem: QpProblem,
  solution: QpSolution,
  constant: number,
  off?: number,
): string {
  return [
    name.padEnd(20),
    String(problem.variables).padStart(8),
    String(problem.constraints).padStart(6),
    String(solution.iterations).padStart(6),
    (solution.objective + constant).toPrecision(8).padStart(12),
    off === undefined ? '-'.padStart(8) : off.toExponential(1).padStart(8),
  ].join(' ');
}

function sweepFiles(directory: string): void {
  console.log('\nfiles                       n      m  steps    objective  off HiGHS');
  for (const file of readdirSync(directory).filter((name) => /\.(qps|mps)$/i.test(name))) {
    const text = readFileSync(join(directory, file), 'latin1').replace(/^.*'MARKER'.*$/gm, '');
    const { problem, constant } = parseQps(text, file);
    const solution = library.setup(problem).solve();
    const highs = prepareHighs(problem);
    const theirs = highs.solve();
    highs.dispose();
    const off = theirs.status === 'solved' ? apart(solution.objective, theirs.objective) : undefined;
    const status = solution.status === 'solved' ? '' : ` ${solution.status}`;
    console.log(line(file, problem, solution, constant, off) + status);
    const isProved = solution.certificate !== undefined && certifies(problem, solution);
    const why = isProved ? undefined : flaw(problem, solution);
    if (why !== undefined) fail(file, why);
  }
}

function sweepRandom(
  title: string,
  kinds: readonly Trait[],
  family: (seed: number, trait: Trait) => Drawn,
): void {
  console.log(`\n${title.padEnd(24)} problems   steps: mean  most`);
  for (const trait of kinds) {
    let [steps, most] = [0, 0];
    for (let seed = 1; seed <= seeds; seed++) {
      const { problem, status } = family(seed, trait);
      const solution = library.setup(problem).solve();
      steps += solution.iterations;
      most = Math.max(most, solution.iterations);
      const why =
        status === 'solved'
          ? flaw(problem, solution)
          : solution.status !== status
            ? `${solution.status}, not ${status}`
            : certifies(problem, solution)
              ? undefined
              : 'the certificate is coarser than 1e-8';
      if (why !== undefined) fail(`${trait} ${seed}`, why);
    }
    const mean = (steps / seeds).toFixed(1);
    console.log(
      `${trait.padEnd(24)} ${String(seeds).padStart(8)} ${mean.padStart(13)} ${String(most).padStart(5)}`,
    );
  }
}
