import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createQpLibrary } from 'gridquorum/qp';
import t from 'tap';
import {
  buildHomeQp,
  createQpLibrary as createByPath,
  type QpProblem,
  type QpSolution,
} from '../../optimizer/index.ts';
import { fullHome, withOtherPrices } from './full-home.ts';
import { library } from './homes.ts';
import { smoothFit } from './qp-collection.ts';
import { dense, randomProblem, referenceHome } from './qp-problems.ts';

const bits = ({ x, y, ...rest }: QpSolution) => ({ ...rest, x: Array.from(x), y: Array.from(y) });

const day = (slots: number): QpProblem => buildHomeQp(fullHome(1, slots)).qp;

t.test('the package offers the solver alone', (t) => {
  const file = createRequire(import.meta.url).resolve('gridquorum/qp.wasm');
  const alone = createQpLibrary(readFileSync(file)).setup(referenceHome().problem).solve();
  t.equal(createQpLibrary, createByPath);
  t.same(bits(alone), bits(library.setup(referenceHome().problem).solve()));
  t.end();
});

t.test('compressed columns are the same problem as triplets', (t) => {
  const problem = dense({
    P: [
      [2, 1, 0],
      [1, 2, 0],
      [0, 0, 1],
    ],
    q: [1, -4, 0.5],
    A: [
      [1, 1, 0],
      [0, 2, 3],
    ],
    l: [1, -1],
    u: [1, 2],
  });
  const inColumns = {
    ...problem,
    P: { starts: [0, 1, 3, 4], rows: [0, 0, 1, 2], values: [2, 1, 2, 1] },
    A: { starts: [0, 1, 3, 4], rows: [0, 0, 1, 1], values: [1, 1, 2, 3] },
  };
  const backwards = {
    ...problem,
    A: { rows: [1, 1, 0, 0], columns: [2, 1, 1, 0], values: [3, 2, 1, 1] },
  };
  const expected = bits(library.setup(problem).solve());
  t.equal(expected.status, 'solved');
  t.same(bits(library.setup(inColumns).solve()), expected);
  t.same(bits(library.setup(backwards).solve()), expected, 'in whatever order');
  const solver = library.setup(backwards);
  solver.update({ A: [3, 2.5, 1, 4] });
  const changed = { ...inColumns, A: { ...inColumns.A, values: [4, 1, 2.5, 3] } };
  t.same(bits(solver.solve()), bits(library.setup(changed).solve()), 'updates follow the order given');
  t.end();
});

t.test('a matrix that is no longer convex is refused, and nothing has changed', (t) => {
  const problem = dense({
    P: [
      [2, 1],
      [1, 2],
    ],
    q: [-1, 1],
    A: [[1, 1]],
    l: [0],
    u: [1],
  });
  const solver = library.setup(problem);
  const before = bits(solver.solve());
  t.throws(() => solver.update({ P: [2, 2.001, 2], A: [5, 5], q: [9, 9] }), {
    code: 'OPTIMIZER_NON_CONVEX',
    details: { field: 'P' },
  });
  t.same(bits(solver.solve()), before);
  solver.update({ P: [2, 2, 2] });
  t.equal(solver.solve().status, 'dualInfeasible', 'one that only just is convex is taken');
  t.end();
});

t.test('an entry may become zero, and come back', (t) => {
  const problem = dense({
    P: [
      [1, 0],
      [0, 1],
    ],
    q: [-3, -3],
    A: [
      [1, 0],
      [1, 1],
    ],
    l: [-Infinity, -Infinity],
    u: [1, 3],
  });
  const solver = library.setup(problem);
  const before = bits(solver.solve());
  solver.update({ A: [0, 1, 1] });
  const loose = solver.solve();
  t.ok(Math.abs(loose.x[0]! - 1.5) < 1e-7 && Math.abs(loose.x[1]! - 1.5) < 1e-7, 'the bound is gone');
  solver.update({ l: [1, -Infinity], u: [2, 3] });
  t.same(solver.solve().certificate, Float64Array.of(-1, 0), '0 can not be 1');
  solver.update({ A: [1, 1, 1], l: [-Infinity, -Infinity], u: [1, 3] });
  t.same(bits(solver.solve()), before);
  solver.update({ P: [0, 0] });
  const linear = solver.solve();
  t.ok(linear.status === 'solved' && Math.abs(linear.objective + 9) < 1e-7, `${linear.objective}`);
  t.end();
});

t.test('arrays of the caller are written into', (t) => {
  const { problem } = referenceHome();
  const solver = library.setup(problem);
  const fresh = solver.solve();
  const into = { x: new Float64Array(problem.variables), y: new Float64Array(problem.constraints) };
  const solution = solver.solve(into);
  t.equal(solution.x, into.x);
  t.equal(solution.y, into.y);
  t.same(bits(solution), bits(fresh));
  t.not(solver.solve().x, fresh.x, 'and left alone otherwise');
  t.end();
});

t.test('memory is taken at setup, and never again', (t) => {
  const problem = day(288);
  const solver = library.setup(problem);
  const held = solver.memoryBytes;
  t.ok(held <= 4 * 2 ** 20, `${held} bytes for 288 slots with everything`);
  const before = solver.solve();
  const { qp } = buildHomeQp(withOtherPrices(fullHome(1, 288), 1, 0.05));
  solver.update({ q: qp.q, P: qp.P.values, A: qp.A.values });
  solver.warmStart(before);
  t.equal(solver.solve().status, 'solved');
  solver.update({ l: Array.from(qp.l, () => 1), u: Array.from(qp.l, () => 1) });
  t.equal(solver.solve().status, 'primalInfeasible');
  t.equal(solver.memoryBytes, held);
  t.equal(library.setup(problem, { memoryBytesMax: held }).memoryBytes, held, 'so much is enough');
  t.throws(() => library.setup(problem, { memoryBytesMax: held - 1 }), { code: 'OPTIMIZER_OUT_OF_MEMORY' });
  const entries = { rows: [], columns: [], values: [] };
  const least = { variables: 1, constraints: 0, P: entries, A: entries, q: [0], l: [], u: [] };
  const leastBytes = library.setup(least).memoryBytes;
  t.equal(library.setup(least, { memoryBytesMax: leastBytes }).memoryBytes, leastBytes);
  for (const memoryBytesMax of [1, 1_000, 65_536, leastBytes - 1]) {
    t.throws(() => library.setup(least, { memoryBytesMax }), {
      code: 'OPTIMIZER_OUT_OF_MEMORY',
      details: { bytes: leastBytes },
    });
  }
  t.end();
});

t.test('nothing of old values is left after an update of them', (t) => {
  // With P so large its rounding would pass for curvature that is not there; with the new one it must not.
  for (const seed of [3, 16, 71, 83, 91]) {
    const problem = randomProblem(seed, 'any');
    const { P } = problem;
    const large = { ...P, values: Array.from(P.values, (value) => 1e13 * value) };
    const solver = library.setup({ ...problem, P: large });
    t.equal(solver.solve().status, 'dualInfeasible', `seed ${seed}, large`);
    solver.update({ P: P.values });
    t.same(bits(solver.solve()), bits(library.setup(problem).solve()), `seed ${seed}`);
  }
  // A solve ends under less regularisation than convexity is judged with: eigenvalues above -1e-8 count as zero.
  const fit = smoothFit(30);
  const n = fit.variables;
  const rows = [...Array.from(fit.P.rows), n, n, n + 1];
  const columns = [...Array.from(fit.P.columns), n, n + 1, n + 1];
  const curved = (off: number) => [...Array.from(fit.P.values), 1, off, 1];
  const solver = library.setup({
    ...fit,
    variables: n + 2,
    q: [...Array.from(fit.q), 0, 0],
    P: { rows, columns, values: curved(1) },
  });
  t.equal(solver.solve().status, 'solved');
  solver.update({ P: curved(1 + 4e-9) });
  t.equal(solver.solve().status, 'solved');
  t.throws(() => solver.update({ P: curved(1 + 4e-8) }), { code: 'OPTIMIZER_NON_CONVEX' });
  t.end();
});

t.test('solutions are the same to the last bit wherever they are computed', (t) => {
  const problems: [name: string, problem: QpProblem][] = [
    ['reference home', referenceHome().problem],
    ...[24, 96].map((slots): [string, QpProblem] => [`home of ${slots} slots`, day(slots)]),
    ...Array.from({ length: 10 }, (_, k): [string, QpProblem] => [
      `random ${k}`,
      randomProblem(k, 'solvable'),
    ]),
  ];
  const digests = problems.map(([name, problem]) => {
    const { status, x } = library.setup(problem).solve();
    const hash = createHash('sha256').update(new Uint8Array(x.buffer)).digest('hex').slice(0, 32);
    return [name, status, hash];
  });
  t.same(
    digests,
    JSON.parse(readFileSync(new URL('../../../test/vectors/qp/bits.json', import.meta.url), 'utf8')),
  );
  t.end();
});
