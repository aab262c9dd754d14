import t, { type Test } from 'tap';
import type { QpProblem, QpSolution } from '../../optimizer/index.ts';
import { prepareHighs } from './highs.ts';
import { library } from './homes.ts';
import { collection, smoothFit, tangentCover } from './qp-collection.ts';
import { type Drawn, infeasible, solvable, type Trait, traits, unbounded } from './qp-families.ts';
import { certifies, kkt } from './qp-problems.ts';
import { buildScalable, scalable } from './qp-scalable.ts';

t.test('published problems reach their published optima', (t) => {
  for (const { name, source, problem, constant, optimum } of collection) {
    const solution = library.setup(problem).solve();
    const off = Math.abs(solution.objective + constant - optimum);
    t.equal(solution.status, 'solved', name);
    t.ok(off <= 1e-6 * Math.max(1, Math.abs(optimum)), `${name} (${source}): off by ${off}`);
  }
  t.end();
});

t.test('families of the collections are solved at any size', (t) => {
  for (const each of scalable) {
    const { problem, constant } = buildScalable(each);
    const solution = library.setup(problem).solve();
    checkSolved(t, each.name, problem, solution);
    if (each.optimum === undefined) continue;
    const off = Math.abs(solution.objective + constant - each.optimum);
    t.ok(off <= 2e-6 * Math.max(1, Math.abs(each.optimum)), `${each.name}: off by ${off}`);
  }
  t.end();
});

const SEEDS = 40;

const draw = (family: (seed: number, trait: Trait) => Drawn, of: readonly Trait[] = traits) =>
  of.flatMap((trait) =>
    Array.from({ length: SEEDS }, (_, k) => ({ name: `${trait} ${k + 1}`, ...family(k + 1, trait) })),
  );

t.test('problems of every trait are solved', (t) => {
  for (const { name, problem } of draw(solvable)) {
    const solution = library.setup(problem).solve();
    checkSolved(t, name, problem, solution);
  }
  t.end();
});

/** The traits by which problems without a solution differ. */
const distinct: readonly Trait[] = ['plain', 'linear', 'low rank', 'badly scaled'];

t.test('those that cannot be solved are proved so', (t) => {
  for (const { name, problem, status } of [...draw(infeasible, distinct), ...draw(unbounded, distinct)]) {
    const solution = library.setup(problem).solve();
    if (solution.status !== status) t.fail(`${name}: ${solution.status}, not ${status}`);
    // In units apart by 2^24 rounding in a unit of one hides what is left in that of another.
    else if (!name.startsWith('badly scaled') && !certifies(problem, solution)) t.fail(`${name}: ${status}`);
  }
  t.end();
});

t.test('in units far apart too, whatever cannot be solved has a proof that checks', (t) => {
  for (const seed of [73, 160, 268, 470, 474, 542, 762]) {
    const { problem, status } = unbounded(seed, 'badly scaled');
    const solution = library.setup(problem).solve();
    t.equal(solution.status, status, `seed ${seed}`);
    t.ok(certifies(problem, solution), `seed ${seed}`);
  }
  t.end();
});

t.test('problems without a point are infeasible, whatever their cost does', (t) => {
  for (const [seed, trait] of [
    [282, 'plain'],
    [147, 'linear'],
    [165, 'linear'],
    [275, 'badly scaled'],
  ] as const) {
    t.equal(
      library.setup(infeasible(seed, trait).problem).solve().status,
      'primalInfeasible',
      `${trait} ${seed}`,
    );
  }
  t.end();
});

t.test('nearly singular problems are solved as far as rounding lets them', (t) => {
  for (const points of [47, 67, 82]) {
    const fit = smoothFit(points);
    const solution = library.setup(fit).solve();
    const { violation, stationarity, complementarity } = kkt(fit, solution);
    t.equal(solution.status, 'solved', `${points} points after ${solution.iterations} steps`);
    t.ok(violation <= 1e-6 && stationarity <= 1e-6 && complementarity <= 1e-5, `${points} points`);
  }
  // The integral itself, -ln cos 1, is 0.6156264703860142.
  for (const [terms, points] of [
    [13, 132],
    [17, 132],
    [21, 330],
  ] as const) {
    const solution = library.setup(tangentCover(terms, points)).solve();
    t.equal(solution.status, 'solved', `${terms} terms`);
    t.ok(
      Math.abs(solution.objective + Math.log(Math.cos(1))) <= 1e-6,
      `${terms} terms: ${solution.objective}`,
    );
  }
  t.end();
});

t.test('linear programs agree with HiGHS', (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const { problem, status } of [solvable(seed, 'linear'), infeasible(seed, 'linear')]) {
      const ours = library.setup(problem).solve();
      const highs = prepareHighs(problem);
      const theirs = highs.solve();
      highs.dispose();
      t.equal(ours.status, status);
      t.equal(theirs.status, status);
      if (status !== 'solved') continue;
      const apart = Math.abs(ours.objective - theirs.objective);
      t.ok(apart <= 1e-7 * (1 + Math.abs(theirs.objective)), `seed ${seed}: ${apart} apart`);
    }
  }
  t.end();
});

function checkSolved(t: Test, name: string, problem: QpProblem, solution: QpSolution): void {
  const { violation, stationarity, complementarity, rowSize, costSize } = kkt(problem, solution);
  const holds =
    solution.status === 'solved' &&
    violation <= 2e-9 * (1 + rowSize) &&
    stationarity <= 2e-9 * (1 + costSize) &&
    complementarity <= 1e-7 * (1 + Math.abs(solution.objective));
  if (!holds) t.fail(name, { status: solution.status, violation, stationarity, complementarity });
}
