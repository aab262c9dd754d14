import fc from 'fast-check';
import t from 'tap';
import type { QpProblem, QpSolution } from '../../optimizer/index.ts';
import { library, uniform } from './homes.ts';
import { certifies, dense, kkt, randomProblem, referenceHome } from './qp-problems.ts';

const INF = Infinity;

const bits = ({ x, y, ...rest }: QpSolution) => ({ ...rest, x: Array.from(x), y: Array.from(y) });

t.test('a home of 24 hours reaches the reference optimum', (t) => {
  const { problem, optimum } = referenceHome();
  const solver = library.setup(problem);
  const held = solver.memoryBytes;
  const solution = solver.solve();
  const { violation, stationarity, complementarity } = kkt(problem, solution);
  t.equal(solution.status, 'solved');
  t.ok(Math.abs(solution.objective - optimum) <= 1e-8 * Math.abs(optimum), `objective ${solution.objective}`);
  t.ok(violation <= 1e-8, `violation ${violation}`);
  t.ok(stationarity <= 1e-8, `stationarity ${stationarity}`);
  t.ok(complementarity <= 1e-6, `complementarity ${complementarity}`);
  t.equal(solution.primalResidual, violation);
  t.ok(solution.iterations <= 20);
  t.equal(solver.memoryBytes, held, 'no memory is taken while solving');
  t.end();
});

t.test('bounds far beyond everything else, and very near each other', (t) => {
  const none = { rows: [], columns: [], values: [] };
  for (const far of [10, 1e3, 1e6, 1e8]) {
    // x + y in [1, 1 + width] at a cost of x^2 / 2 + steep y^2 / 2 + x - y: y = 3 / (1 + steep).
    for (const [steep, width] of [
      [1e3, 1],
      [1e3, 0.01],
      [1e6, 1e-6],
    ] as const) {
      const y = 3 / (1 + steep);
      const solution = library
        .setup({
          ...{ variables: 2, constraints: 3, q: [1, -1], l: [1, 0, 0], u: [1 + width, far, far] },
          P: { rows: [0, 1], columns: [0, 1], values: [1, steep] },
          A: { rows: [0, 0, 1, 2], columns: [0, 1, 0, 1], values: [1, 1, 1, 1] },
        })
        .solve();
      t.equal(solution.status, 'solved', `up to ${far}, steep ${steep}, width ${width}`);
      t.ok(Math.abs(solution.objective - ((1 - y) ** 2 / 2 + (steep * y ** 2) / 2 + 1 - 2 * y)) < 1e-8);
    }
    // A home at dawn: import + used = 0.87 kW, used + fed <= some milliwatts of PV, import <= far.
    for (const pvKw of [1e-2, 1e-5, 1e-7]) {
      const solution = library
        .setup({
          ...{ variables: 3, constraints: 5, P: none, q: [0.2, 0, -0.05] },
          A: { rows: [0, 1, 2, 3, 3, 4, 4], columns: [0, 1, 2, 1, 2, 0, 1], values: [1, 1, 1, 1, 1, 1, 1] },
          ...{ l: [0, 0, 0, -INF, 0.87], u: [far, INF, INF, pvKw, 0.87] },
        })
        .solve();
      t.equal(solution.status, 'solved', `up to ${far}, PV ${pvKw}`);
      t.ok(Math.abs(solution.objective - 0.2 * (0.87 - pvKw)) < 1e-8);
    }
  }
  t.end();
});

t.test('ten homes with coupled trades are one problem', (t) => {
  const { problem: home } = referenceHome();
  const homes = 10;
  const slots = 24;
  const random = uniform(5);
  const prices = Array.from({ length: homes }, () => 0.8 + 0.4 * random());
  const repeat = <T>(list: ArrayLike<T>, change: (value: T, home: number) => T): T[] =>
    prices.flatMap((_, h) => Array.from(list, (value) => change(value, h)));
  const same = (value: number): number => value;
  const sold = (home: number, slot: number): number => home * 313 + slot * 13 + 10;
  const pairs = prices.flatMap((_, h) => Array.from({ length: slots }, (_, slot) => ({ h, slot })));
  const joint: QpProblem = {
    variables: homes * home.variables,
    constraints: homes * home.constraints + slots,
    P: {
      rows: repeat(home.P.rows, (i, h) => i + h * home.variables),
      columns: repeat(home.P.columns, (j, h) => j + h * home.variables),
      values: repeat(home.P.values, same),
    },
    A: {
      rows: [
        ...repeat(home.A.rows, (i, h) => i + h * home.constraints),
        ...pairs.map(({ slot }) => homes * home.constraints + slot),
      ],
      columns: [
        ...repeat(home.A.columns, (j, h) => j + h * home.variables),
        ...pairs.map(({ h, slot }) => sold(h, slot)),
      ],
      values: [...repeat(home.A.values, same), ...pairs.map(() => 1)],
    },
    q: repeat(home.q, (value, h) => value * prices[h]!),
    l: [...repeat(home.l, same), ...new Array(slots).fill(0)],
    u: [...repeat(home.u, same), ...new Array(slots).fill(0)],
  };
  const solution = library.setup(joint).solve();
  const { violation, stationarity, complementarity } = kkt(joint, solution);
  t.equal(solution.status, 'solved');
  t.ok(violation <= 1e-8, `violation ${violation}`);
  t.ok(stationarity <= 1e-7, `stationarity ${stationarity}`);
  t.ok(complementarity <= 1e-7 * Math.abs(solution.objective), `complementarity ${complementarity}`);
  t.end();
});

t.test('a row over everything and sparse rows by the hundred', (t) => {
  const size = 1500;
  const ones = new Array<number>(size).fill(1);
  const each = ones.map((_, j) => j);
  const evenly: QpProblem = {
    variables: size,
    constraints: size + 1,
    P: { rows: each, columns: each, values: ones },
    A: { rows: [...each, ...ones.map(() => size)], columns: [...each, ...each], values: [...ones, ...ones] },
    q: ones,
    l: [...ones.map(() => 0), 3],
    u: [...ones.map(() => INF), 3],
  };
  const even = library.setup(evenly).solve();
  t.equal(even.status, 'solved');
  t.ok(
    even.x.every((value) => Math.abs(value - 3 / size) < 1e-7),
    'the sum is shared evenly',
  );

  const random = uniform(8);
  const places = new Set<number>();
  while (places.size < 1600) places.add(Math.floor(random() * 400 * 300));
  const cells = Array.from(places, (place) => ({ row: Math.floor(place / 300), column: place % 300 }));
  const sparse: QpProblem = {
    variables: 300,
    constraints: 400,
    P: {
      rows: each.slice(0, 300),
      columns: each.slice(0, 300),
      values: each.slice(0, 300).map(() => random()),
    },
    A: {
      rows: cells.map(({ row }) => row),
      columns: cells.map(({ column }) => column),
      values: cells.map(() => random() - 0.5),
    },
    q: each.slice(0, 300).map(() => random() - 0.5),
    l: each.slice(0, 400).map(() => -random()),
    u: each.slice(0, 400).map(() => random()),
  };
  const solution = library.setup(sparse).solve();
  const { violation, stationarity, complementarity } = kkt(sparse, solution);
  t.equal(solution.status, 'solved');
  t.ok(violation <= 1e-8, `violation ${violation}`);
  t.ok(stationarity <= 1e-8, `stationarity ${stationarity}`);
  t.ok(complementarity <= 1e-7, `complementarity ${complementarity}`);
  t.end();
});

t.test('problems with known optima', (t) => {
  const box = (size: number): number[][] =>
    Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
  const same = (size: number, value: number): number[] => new Array<number>(size).fill(value);
  // f = (x1-x2)^2 + (x2+x3-2)^2 + (x4-1)^2 + (x5-1)^2 less its constant 6, of HS51 and HS53.
  const fifty = {
    P: [
      [2, -2, 0, 0, 0],
      [-2, 4, 2, 0, 0],
      [0, 2, 2, 0, 0],
      [0, 0, 0, 2, 0],
      [0, 0, 0, 0, 2],
    ],
    q: [0, -4, -4, -2, -2],
  };
  const fiftyRows = [
    [1, 3, 0, 0, 0],
    [0, 0, 1, 1, -2],
    [0, 1, 0, 0, -1],
  ];
  const known: [name: string, problem: QpProblem, optimum: number, x?: number[]][] = [
    [
      'HS21',
      dense({
        P: [
          [0.02, 0],
          [0, 2],
        ],
        q: [0, 0],
        A: [[10, -1], ...box(2)],
        l: [10, 2, -50],
        u: [INF, 50, 50],
      }),
      0.04,
      [2, 0],
    ],
    [
      'HS35',
      dense({
        P: [
          [4, 2, 2],
          [2, 4, 0],
          [2, 0, 2],
        ],
        q: [-8, -6, -4],
        A: [[1, 1, 2], ...box(3)],
        l: [-INF, 0, 0, 0],
        u: [3, INF, INF, INF],
      }),
      1 / 9 - 9,
      [4 / 3, 7 / 9, 4 / 9],
    ],
    ['HS51', dense({ ...fifty, A: fiftyRows, l: [4, 0, 0], u: [4, 0, 0] }), -6, [1, 1, 1, 1, 1]],
    [
      'HS53',
      dense({
        ...fifty,
        A: [...fiftyRows, ...box(5)],
        l: [0, 0, 0, ...same(5, -10)],
        u: [0, 0, 0, ...same(5, 10)],
      }),
      176 / 43 - 6,
    ],
    [
      'HS76',
      dense({
        P: [
          [2, 0, -1, 0],
          [0, 1, 0, 0],
          [-1, 0, 2, 1],
          [0, 0, 1, 1],
        ],
        q: [-1, -3, 1, -1],
        A: [[1, 2, 1, 1], [3, 1, 2, -1], [0, 1, 4, 0], ...box(4)],
        l: [-INF, -INF, 1.5, 0, 0, 0, 0],
        u: [5, 4, INF, INF, INF, INF, INF],
      }),
      -103 / 22,
    ],
    ['HS118', hs118(), 664.82045],
    [
      'no rows',
      dense({
        P: [
          [2, 0],
          [0, 4],
        ],
        q: [-2, 8],
      }),
      -9,
      [1, -2],
    ],
    ['no rows, no cost', dense({ q: [0, 0, 0] }), 0],
    [
      'a linear program',
      dense({
        q: [-3, -5],
        A: [[1, 0], [0, 2], [3, 2], ...box(2)],
        l: [-INF, -INF, -INF, 0, 0],
        u: [4, 12, 18, INF, INF],
      }),
      -36,
      [2, 6],
    ],
    [
      'a linear program with free variables and a redundant equality',
      dense({
        q: [1, 1, 0],
        A: [
          [1, -1, 0],
          [2, -2, 0],
          [1, 1, -1],
          [0, 0, 1],
        ],
        l: [1, 2, 0, 3],
        u: [1, 2, 0, INF],
      }),
      3,
      [2, 1, 3],
    ],
    [
      'everything fixed',
      dense({ P: box(2), q: [1, 1], A: [...box(2), [1, 1]], l: [1, 2, -INF], u: [1, 2, 4] }),
      5.5,
      [1, 2],
    ],
    [
      'rows without bounds, an empty row, a row all of fixed variables',
      dense({
        P: box(2),
        q: [0, -1],
        A: [
          [1, 1],
          [0, 0],
          [0, 1],
          [1, 0],
          [2, 1],
        ],
        l: [-INF, -1, -INF, 3, -INF],
        u: [INF, 1, INF, 3, 7],
      }),
      4,
      [3, 1],
    ],
    [
      'numbers of very different size',
      dense({
        P: [
          [1e6, 0],
          [0, 1e-6],
        ],
        q: [-1e6, -1e-2],
        A: [
          [1e-3, 1e-3],
          [0, 1],
        ],
        l: [-INF, 0],
        u: [5, 1e9],
      }),
      -5e5 - 1e-2 * 4999 + 0.5e-6 * 4999 ** 2,
      [1, 4999],
    ],
  ];
  for (const [name, problem, optimum, x] of known) {
    const solution = library.setup(problem).solve();
    const { violation, stationarity, complementarity, costSize } = kkt(problem, solution);
    t.equal(solution.status, 'solved', name);
    const off = Math.abs(solution.objective - optimum);
    t.ok(off <= 1e-8 * Math.max(1, Math.abs(optimum)), `${name}: ${solution.objective} is ${optimum}`);
    t.ok(violation <= 1e-8, `${name}: violation ${violation}`);
    t.ok(stationarity <= 1e-8 * (1 + costSize), `${name}: stationarity ${stationarity}`);
    t.ok(complementarity <= 1e-7 * (1 + Math.abs(optimum)), `${name}: complementarity ${complementarity}`);
    x?.forEach((value, j) => {
      t.ok(Math.abs(solution.x[j]! - value) <= 1e-4 * (1 + Math.abs(value)), `${name}: x[${j}]`);
    });
  }
  t.end();
});

/** Hock & Schittkowski 118: three products over five periods. */
function hs118(): QpProblem {
  const q: number[] = [];
  const P: number[][] = [];
  const A: number[][] = [];
  const l: number[] = [];
  const u: number[] = [];
  const zeros = (): number[] => new Array<number>(15).fill(0);
  const row = (entries: readonly [number, number][], low: number, high: number): void => {
    const line = zeros();
    for (const [place, value] of entries) line[place] = value;
    A.push(line);
    l.push(low);
    u.push(high);
  };
  const least = [60, 50, 70, 85, 100];
  const first = [
    [8, 21],
    [43, 57],
    [3, 16],
  ] as const;
  for (let k = 0; k < 5; k++) {
    for (let product = 0; product < 3; product++) {
      const place = 3 * k + product;
      q.push([2.3, 1.7, 2.2][product]!);
      const line = zeros();
      line[place] = [0.0002, 0.0002, 0.0003][product]!;
      P.push(line);
      if (k === 0) row([[place, 1]], first[product]![0], first[product]![1]);
      else {
        row([[place, 1]], 0, [90, 120, 60][product]!);
        row(
          [
            [place, 1],
            [place - 3, -1],
          ],
          -7,
          [6, 7, 6][product]!,
        );
      }
    }
    row(
      [
        [3 * k, 1],
        [3 * k + 1, 1],
        [3 * k + 2, 1],
      ],
      least[k]!,
      INF,
    );
  }
  return dense({ P, q, A, l, u });
}

t.test('every given row has its multiplier, bounds of single variables too', (t) => {
  const y = (problem: QpProblem): number[] => Array.from(library.setup(problem).solve().y);
  const close = (actual: number[], expected: number[], message: string): void => {
    t.ok(
      actual.length === expected.length && actual.every((v, i) => Math.abs(v - expected[i]!) < 1e-6),
      `${message}: ${actual}`,
    );
  };
  close(y(dense({ q: [-3], A: [[2]], l: [-INF], u: [4] })), [1.5], 'an upper bound, scaled');
  close(y(dense({ q: [-3], A: [[-2]], l: [-4], u: [INF] })), [-1.5], 'the same turned round');
  close(
    y(dense({ q: [5], A: [[1], [1], [1]], l: [0, 2, 1], u: [INF, INF, 9] })),
    [0, -5, 0],
    'only the tightest row presses',
  );
  close(
    y(dense({ q: [5], A: [[1], [4]], l: [-INF, 8], u: [2, INF] })),
    [0, -1.25],
    'two rows that fix: the lower one presses',
  );
  close(y(dense({ q: [-5], A: [[1], [4]], l: [-INF, 8], u: [2, INF] })), [5, 0], 'or the upper one');
  close(y(dense({ P: [[1]], q: [1], A: [[2]], l: [6], u: [6] })), [-2], 'an equality');
  close(
    y(
      dense({
        q: [1, 1],
        A: [
          [1, 1],
          [1, 0],
          [0, 1],
        ],
        l: [2, 0, 3],
        u: [INF, 8, 3],
      }),
    ),
    [0, -1, -1],
    'a fixed one',
  );
  close(
    y(
      dense({
        P: [
          [1, 0],
          [0, 1],
        ],
        q: [0, 0],
        A: [[1, 1]],
        l: [2],
        u: [INF],
      }),
    ),
    [-1],
    'a row of two',
  );
  t.end();
});

t.test('a solver that was updated answers as one set up anew, to the last bit', (t) => {
  const start = dense({
    P: [
      [1, 0, 0],
      [0, 2, 1],
      [0, 1, 2],
    ],
    q: [1, -1, -2],
    A: [
      [1, 1, 1],
      [1, 0, 0],
      [0, 1, 0],
      [0, -1, 0],
      [0, 1, -1],
    ],
    l: [1, 0, -INF, -2, -INF],
    u: [1, INF, INF, INF, INF],
  });
  const solver = library.setup(start);
  const changes: Partial<Pick<QpProblem, 'q' | 'l' | 'u'>>[] = [
    {},
    { q: [-3, 0, 1] },
    { l: [-INF, 0, -INF, -2, -INF] },
    { l: [1, 2, 1, -1, 0], u: [9, 2, 1, -1, 0] },
    { l: [-INF, -INF, -INF, -INF, -INF], u: [INF, INF, INF, INF, INF] },
    { l: [5, -INF, -INF, -INF, -INF], u: [INF, 1, 1, INF, -3] },
    { l: [5, 0, -INF, -INF, -INF], u: [5, 0, 1, INF, INF] },
    { l: [-INF, 0, 0.5, -1, -INF] },
    { l: [1, 0, -INF, -2, -INF], u: [1, INF, INF, INF, INF], q: [1, -1, -2] },
  ];
  let now = start;
  for (const change of changes) {
    now = { ...now, ...change };
    solver.update(change);
    const updated = solver.solve();
    t.same(bits(updated), bits(library.setup(now).solve()), `${JSON.stringify(change)}: ${updated.status}`);
  }
  t.throws(() => solver.update({ q: [0, 0, 0], l: [2, 0, 0, 0, 0], u: [1, 0, 0, 0, 0] }), {
    code: 'OPTIMIZER_CROSSED_BOUNDS',
  });
  t.same(bits(solver.solve()), bits(library.setup(start).solve()), 'a refused update changes nothing');
  t.end();
});

t.test('so it does after any changes of random problems', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
      const random = uniform(seed);
      let problem = randomProblem(seed, 'any');
      const solver = library.setup(problem);
      for (let change = 0; change < 4; change++) {
        const q = Array.from(problem.q, (value) => (random() < 0.2 ? 0 : value + random() - 0.5));
        const l = Array.from(problem.l, (low) => (random() < 0.3 ? -INF : low === -INF ? -1 : low));
        const u = Array.from(problem.u, (high, i) => {
          if (random() < 0.3) return INF;
          return random() < 0.3 && l[i]! > -INF ? l[i]! : Math.max(high, l[i]!);
        });
        const P = random() < 0.5 ? problem.P.values : Array.from(problem.P.values, (value) => 1.5 * value);
        const A = Array.from(problem.A.values, (value) => {
          return random() < 0.7 ? value : random() < 0.2 ? 0 : value + random() - 0.5;
        });
        problem = { ...problem, q, l, u, P: { ...problem.P, values: P }, A: { ...problem.A, values: A } };
        solver.update({ q, l, u, P, A });
        const [updated, fresh] = [solver.solve(), library.setup(problem).solve()];
        if (JSON.stringify(bits(updated)) !== JSON.stringify(bits(fresh))) {
          throw new Error(
            `change ${change}: ${updated.status} ${updated.objective}, anew ${fresh.objective}`,
          );
        }
      }
    }),
    { numRuns: 150, seed: 4 },
  );
  t.end();
});

t.test('solvers do not know of each other, and answer the same again', (t) => {
  const { problem } = referenceHome();
  const other = { ...problem, q: Array.from(problem.q, (value) => 0.9 * value) };
  const alone = [problem, other].map((each) => bits(library.setup(each).solve()));
  const [one, two] = [library.setup(problem), library.setup(other)];
  t.same(
    [one, two, one, two].map((solver) => bits(solver.solve())),
    [...alone, ...alone],
  );
  t.end();
});

t.test('the count of steps is kept', (t) => {
  const { problem } = referenceHome();
  const short = library.setup(problem, { maxIterations: 4 }).solve();
  t.match(short, { status: 'maxIterations', iterations: 4 });
  t.ok(short.x.every(Number.isFinite) && short.primalResidual > 1e-9);
  const loose = library.setup(problem, { epsAbsolute: 1e-3, epsRelative: 1e-3 }).solve();
  t.equal(loose.status, 'solved');
  t.ok(loose.iterations < library.setup(problem).solve().iterations);
  t.end();
});

t.test('a start from a near solution saves steps', (t) => {
  const { problem } = referenceHome();
  const solver = library.setup(problem);
  const cold = solver.solve();
  solver.update({ q: Array.from(problem.q, (value) => 1.01 * value) });
  const coldAgain = solver.solve();
  solver.warmStart(cold);
  const warm = solver.solve();
  t.equal(warm.status, 'solved');
  t.ok(warm.iterations < coldAgain.iterations, `${warm.iterations} against ${coldAgain.iterations}`);
  t.ok(Math.abs(warm.objective - coldAgain.objective) <= 1e-8 * Math.abs(warm.objective));
  t.same(bits(solver.solve()), bits(coldAgain), 'it serves one solve only');
  t.end();
});

t.test('random problems with a solution are solved, from wherever they start', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
      const problem = randomProblem(seed, 'solvable');
      const solver = library.setup(problem);
      const cold = solver.solve();
      const random = uniform(seed + 1);
      const anything = (size: number): number[] =>
        Array.from({ length: size }, () => 1e3 * (random() - 0.5) ** 3);
      solver.warmStart({ x: anything(problem.variables), y: anything(problem.constraints) });
      const warm = solver.solve();
      for (const solution of [cold, warm]) {
        const { violation, stationarity, complementarity, rowSize, costSize } = kkt(problem, solution);
        const scale = 1 + Math.abs(solution.objective);
        if (solution.status !== 'solved') throw new Error(`${solution.status} after ${solution.iterations}`);
        if (violation > 2e-9 * (1 + rowSize)) throw new Error(`violation ${violation}`);
        if (stationarity > 2e-9 * (1 + costSize)) throw new Error(`stationarity ${stationarity}`);
        if (!(complementarity <= 1e-7 * scale)) throw new Error(`complementarity ${complementarity}`);
      }
      const apart = Math.abs(cold.objective - warm.objective);
      if (apart > 1e-7 * (1 + Math.abs(cold.objective))) throw new Error(`objectives ${apart} apart`);
    }),
    { numRuns: 400, seed: 20, examples: [[1], [2]] },
  );
  t.end();
});

t.test('random problems of any kind get an answer that checks', (t) => {
  const seen: Record<string, number> = {};
  for (let seed = 0; seed < 800; seed++) {
    const problem = randomProblem(seed, 'any');
    const solution = library.setup(problem).solve();
    seen[solution.status] = (seen[solution.status] ?? 0) + 1;
    if (solution.status === 'solved') {
      const { violation, stationarity, complementarity, rowSize, costSize } = kkt(problem, solution);
      const holds =
        violation <= 2e-9 * (1 + rowSize) &&
        stationarity <= 2e-9 * (1 + costSize) &&
        complementarity <= 1e-7 * (1 + Math.abs(solution.objective));
      if (!holds) t.fail(`seed ${seed}`, { violation, stationarity, complementarity });
    } else if (!certifies(problem, solution)) t.fail(`seed ${seed}: ${solution.status}`);
  }
  t.ok(seen.solved! > 100 && seen.primalInfeasible! > 100 && seen.dualInfeasible! > 50, JSON.stringify(seen));
  t.end();
});
