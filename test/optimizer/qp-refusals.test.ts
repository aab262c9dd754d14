import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { createQpLibrary, OptimizerError } from '../../optimizer/index.ts';
import { library } from './homes.ts';
import { dense } from './qp-problems.ts';

const INF = Infinity;

const good = dense({
  P: [
    [2, 1],
    [1, 2],
  ],
  q: [1, 1],
  A: [
    [1, 1],
    [1, 0],
  ],
  l: [0, 0],
  u: [1, 1],
});

t.test('bad input is refused with its place', (t) => {
  const A = (change: object) => ({ A: { ...good.A, ...change } });
  const columns = (change: object) => ({
    A: { starts: [0, 2, 3], rows: [0, 1, 0], values: [1, 1, 1], ...change },
  });
  const P = (change: object) => ({ P: { ...good.P, ...change } });
  const cases: [change: object, code: string, details: object][] = [
    [{ variables: 0 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'variables', value: 0 }],
    [{ variables: 1.5 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'variables' }],
    [{ variables: Number.NaN }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'variables' }],
    [{ variables: 2 ** 40 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'variables' }],
    [{ constraints: -1 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'constraints' }],
    [{ q: [1] }, 'OPTIMIZER_BAD_LENGTH', { field: 'q', length: 1, expected: 2 }],
    [{ l: [0, 0, 0] }, 'OPTIMIZER_BAD_LENGTH', { field: 'l' }],
    [{ u: [] }, 'OPTIMIZER_BAD_LENGTH', { field: 'u' }],
    [A({ values: [1] }), 'OPTIMIZER_BAD_LENGTH', { field: 'A' }],
    [P({ rows: [0] }), 'OPTIMIZER_BAD_LENGTH', { field: 'P' }],
    [{ q: [1, Number.NaN] }, 'OPTIMIZER_NOT_FINITE', { field: 'q', index: 1 }],
    [{ q: [INF, 0] }, 'OPTIMIZER_NOT_FINITE', { field: 'q', index: 0 }],
    [{ l: [0, Number.NaN] }, 'OPTIMIZER_NOT_FINITE', { field: 'l', index: 1 }],
    [{ l: [INF, 0], u: [INF, 1] }, 'OPTIMIZER_NOT_FINITE', { field: 'l', index: 0 }],
    [{ u: [-1e30, 1], l: [-INF, 0] }, 'OPTIMIZER_NOT_FINITE', { field: 'u', index: 0 }],
    [A({ values: [1, INF, 1] }), 'OPTIMIZER_NOT_FINITE', { field: 'A', index: 1 }],
    [P({ values: [2, 1, Number.NaN] }), 'OPTIMIZER_NOT_FINITE', { field: 'P', index: 2 }],
    [A({ rows: [0, 2, 1] }), 'OPTIMIZER_BAD_INDEX', { field: 'A', index: 1, row: 2 }],
    [A({ rows: [0, 0.5, 1] }), 'OPTIMIZER_BAD_INDEX', { field: 'A', index: 1 }],
    [A({ columns: [0, 1, -1] }), 'OPTIMIZER_BAD_INDEX', { field: 'A', index: 2 }],
    [P({ columns: [0, 7, 1] }), 'OPTIMIZER_BAD_INDEX', { field: 'P', index: 1 }],
    [A({ rows: [0, 1, 1], columns: [0, 0, 0] }), 'OPTIMIZER_DUPLICATE_ENTRY', { field: 'A', index: 2 }],
    [P({ rows: [0, 0, 0], columns: [0, 1, 1] }), 'OPTIMIZER_DUPLICATE_ENTRY', { field: 'P', index: 2 }],
    [P({ rows: [0, 1, 1], columns: [0, 0, 1] }), 'OPTIMIZER_LOWER_TRIANGLE', { field: 'P', index: 1 }],
    [{ l: [0, 2] }, 'OPTIMIZER_CROSSED_BOUNDS', { row: 1, l: 2, u: 1 }],
    [P({ values: [2, 3, 2] }), 'OPTIMIZER_NON_CONVEX', { field: 'P', index: 1 }],
    [P({ values: [-2, 0, 2] }), 'OPTIMIZER_NON_CONVEX', { field: 'P', index: 0, curvature: -2 }],
    [columns({ rows: [1, 0, 0] }), 'OPTIMIZER_UNSORTED_ENTRY', { field: 'A', index: 1, row: 0, column: 0 }],
    [columns({ rows: [1, 1, 0] }), 'OPTIMIZER_DUPLICATE_ENTRY', { field: 'A', index: 1, row: 1, column: 0 }],
    [columns({ rows: [0, 2, 0] }), 'OPTIMIZER_BAD_INDEX', { field: 'A', index: 1, row: 2 }],
    [columns({ rows: [0, 1] }), 'OPTIMIZER_BAD_LENGTH', { field: 'A' }],
    [columns({ starts: [0, 3] }), 'OPTIMIZER_BAD_LENGTH', { field: 'A.starts', length: 2, expected: 3 }],
    [columns({ starts: [0, 4, 3] }), 'OPTIMIZER_BAD_INDEX', { field: 'A.starts', index: 1, value: 4 }],
    [columns({ starts: [0, 2, 1] }), 'OPTIMIZER_BAD_INDEX', { field: 'A.starts', index: 2 }],
    [columns({ starts: [1, 2, 3] }), 'OPTIMIZER_BAD_INDEX', { field: 'A.starts', index: 0 }],
    [columns({ starts: [0, 2, 2] }), 'OPTIMIZER_BAD_INDEX', { field: 'A.starts', index: 2 }],
    [columns({ starts: [0, 0.5, 3] }), 'OPTIMIZER_BAD_INDEX', { field: 'A.starts', index: 1 }],
  ];
  t.equal(library.setup(good).solve().status, 'solved');
  for (const [change, code, details] of cases) {
    const problem = { ...good, ...change };
    t.throws(() => library.setup(problem), { name: 'OptimizerError', code, details }, JSON.stringify(change));
  }
  for (const settings of [
    { maxIterations: 0 },
    { maxIterations: 1.5 },
    { epsAbsolute: -1 },
    { epsRelative: Number.NaN },
    { memoryBytesMax: 0 },
  ]) {
    t.throws(() => library.setup(good, settings), { code: 'OPTIMIZER_OUT_OF_RANGE' });
  }
  const solver = library.setup(good);
  t.throws(() => solver.update({ q: [1] }), { code: 'OPTIMIZER_BAD_LENGTH' });
  t.throws(() => solver.update({ l: [Number.NaN, 0] }), {
    code: 'OPTIMIZER_NOT_FINITE',
    details: { field: 'l', index: 0 },
  });
  t.throws(() => solver.update({ u: [-5, 1] }), { code: 'OPTIMIZER_CROSSED_BOUNDS', details: { row: 0 } });
  t.throws(() => solver.update({ P: [2, 1] }), { code: 'OPTIMIZER_BAD_LENGTH', details: { field: 'P' } });
  t.throws(() => solver.update({ A: [1, INF, 1] }), {
    code: 'OPTIMIZER_NOT_FINITE',
    details: { field: 'A', index: 1 },
  });
  t.throws(() => solver.solve({ x: new Float64Array(1), y: new Float64Array(2) }), {
    code: 'OPTIMIZER_BAD_LENGTH',
  });
  t.throws(() => solver.warmStart({ x: [0, INF], y: [0, 0] }), { code: 'OPTIMIZER_NOT_FINITE' });
  t.throws(() => solver.warmStart({ x: [0, 0], y: [0] }), { code: 'OPTIMIZER_BAD_LENGTH' });
  t.throws(() => createQpLibrary(new Uint8Array([1, 2, 3])), { code: 'OPTIMIZER_BAD_WASM' });
  const empty = createQpLibrary(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  t.throws(() => empty.setup(good), { code: 'OPTIMIZER_BAD_WASM' });
  const stages = readFileSync(new URL('../../optimizer/prosumer/stages.wasm', import.meta.url));
  t.throws(() => createQpLibrary(stages).setup(good), { code: 'OPTIMIZER_BAD_WASM', message: /not export/ });
  t.end();
});

t.test('callers without types are told what is wrong, too', (t) => {
  const setups: [unknown, string, RegExp][] = [
    [undefined, 'OPTIMIZER_BAD_TYPE', /^problem is undefined, no object$/],
    [{ ...good, P: undefined }, 'OPTIMIZER_BAD_TYPE', /^P is undefined, no object$/],
    [{ ...good, A: null }, 'OPTIMIZER_BAD_TYPE', /^A is null, no object$/],
    [{ ...good, P: [[2]] }, 'OPTIMIZER_BAD_TYPE', /^P\.rows is undefined, no vector$/],
    [{ ...good, A: { starts: null, rows: [], values: [] } }, 'OPTIMIZER_BAD_TYPE', /^A\.starts is null/],
    [{ ...good, A: { starts: [0, 0, 0], rows: [] } }, 'OPTIMIZER_BAD_TYPE', /^A\.values is undefined/],
    [{ ...good, q: null }, 'OPTIMIZER_BAD_TYPE', /^q is null, no vector$/],
    [{ ...good, q: '12' }, 'OPTIMIZER_BAD_TYPE', /^q is "12", no vector$/],
    [{ ...good, l: undefined }, 'OPTIMIZER_BAD_TYPE', /^l is undefined/],
    [{ ...good, q: [null, 1] }, 'OPTIMIZER_NOT_FINITE', /^q\[0\] is null$/],
    [{ ...good, q: [1, '1'] }, 'OPTIMIZER_NOT_FINITE', /^q\[1\] is "1"$/],
    [{ ...good, q: [1, 1n] }, 'OPTIMIZER_NOT_FINITE', /^q\[1\] is of type bigint$/],
    [{ ...good, u: ['1', 1] }, 'OPTIMIZER_NOT_FINITE', /^u\[0\] is "1"$/],
    [{ ...good, l: [null, 0] }, 'OPTIMIZER_NOT_FINITE', /^l\[0\] is null$/],
    [{ ...good, P: { ...good.P, values: ['2', 1, 2] } }, 'OPTIMIZER_NOT_FINITE', /^P\[0\] is "2"$/],
    [{ ...good, P: { ...good.P, rows: [Symbol('0'), 0, 1] } }, 'OPTIMIZER_BAD_INDEX', /of type symbol/],
    [{ ...good, variables: '2' }, 'OPTIMIZER_OUT_OF_RANGE', /^variables is "2"$/],
  ];
  for (const [problem, code, message] of setups) {
    t.throws(() => library.setup(problem as never), { name: 'OptimizerError', code, message });
  }
  t.throws(() => library.setup(good, null as never), { code: 'OPTIMIZER_BAD_TYPE' });
  t.throws(() => library.setup(good, { epsAbsolute: '1e-6' } as never), { code: 'OPTIMIZER_OUT_OF_RANGE' });
  const solver = library.setup(good);
  const { x } = solver.solve();
  const calls: [() => unknown, string][] = [
    [() => solver.update(null as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.update({ q: null } as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.update({ A: null } as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.update({ P: ['2', 1, 2] } as never), 'OPTIMIZER_NOT_FINITE'],
    [() => solver.warmStart(undefined as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.warmStart({ x: [0, 0] } as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.solve(null as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.solve({ x: [0, 0] } as never), 'OPTIMIZER_BAD_TYPE'],
    [() => solver.solve({ x: [0, 0], y: [0, 0] } as never), 'OPTIMIZER_BAD_TYPE'],
  ];
  for (const [call, code] of calls) t.throws(call, { name: 'OptimizerError', code }, String(call));
  t.same(solver.solve().x, x, 'and nothing has changed');
  t.end();
});

t.test('garbage is refused or answered, never a crash', (t) => {
  const number = fc.oneof(
    fc.integer({ min: -2, max: 4 }),
    fc.double(),
    fc.constantFrom(INF, -INF, Number.NaN, 1e300),
  );
  const list = fc.array(number, { maxLength: 5 });
  const triplets = fc.record({ rows: list, columns: list, values: list });
  const size = fc.integer({ min: 0, max: 4 });
  const few = (value: number[], length: number): number[] => value.slice(0, length);
  fc.assert(
    fc.property(
      size,
      size,
      triplets,
      triplets,
      list,
      list,
      list,
      fc.boolean(),
      (n, m, P, A, q, l, u, trimmed) => {
        const cut = (given: typeof P) => {
          const length = Math.min(given.rows.length, given.columns.length, given.values.length);
          return {
            rows: few(given.rows, length),
            columns: few(given.columns, length),
            values: few(given.values, length),
          };
        };
        const problem = {
          variables: n,
          constraints: m,
          P: trimmed ? cut(P) : P,
          A: trimmed ? cut(A) : A,
          q,
          l,
          u,
        };
        try {
          const { status, iterations } = library.setup(problem).solve();
          return status.length > 0 && iterations <= 400;
        } catch (error) {
          return error instanceof OptimizerError;
        }
      },
    ),
    { numRuns: 2000, seed: 3 },
  );
  t.end();
});
