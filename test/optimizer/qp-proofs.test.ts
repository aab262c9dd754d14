import t from 'tap';
import { OptimizerError, type QpProblem, type QpSolution } from '../../optimizer/index.ts';
import { library } from './homes.ts';
import { certifies, dense } from './qp-problems.ts';

const INF = Infinity;

function refused(work: () => unknown): OptimizerError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof OptimizerError) return error;
    throw error;
  }
  return undefined;
}

t.test('infeasible and unbounded problems are proved so', (t) => {
  const eye = [
    [1, 0],
    [0, 1],
  ];
  const cases: [name: string, status: QpSolution['status'], problem: QpProblem][] = [
    [
      'crossed single rows',
      'primalInfeasible',
      dense({ q: [1], A: [[2], [3]], l: [4, -INF], u: [INF, 3], P: [[1]] }),
    ],
    [
      'crossed single rows of both signs',
      'primalInfeasible',
      dense({ q: [1], A: [[2], [-3]], l: [4, -3], u: [INF, INF] }),
    ],
    ['an empty row', 'primalInfeasible', dense({ q: [1], A: [[0]], l: [1], u: [2] })],
    [
      'a sum beyond its bounds',
      'primalInfeasible',
      dense({ q: [1, 1], A: [[1, 1], ...eye], l: [3, 0, 0], u: [INF, 1, 1] }),
    ],
    [
      'a sum beyond, barely',
      'primalInfeasible',
      dense({ q: [1, 1], A: [[1, 1], ...eye], l: [2.0001, 0, 0], u: [INF, 1, 1] }),
    ],
    [
      'contradicting equalities',
      'primalInfeasible',
      dense({
        P: eye,
        q: [1, 1],
        A: [
          [1, 1],
          [2, 2],
        ],
        l: [1, 3],
        u: [1, 3],
      }),
    ],
    [
      'a cycle of differences',
      'primalInfeasible',
      dense({
        q: [0, 0, 0],
        A: [
          [1, -1, 0],
          [0, 1, -1],
          [-1, 0, 1],
        ],
        l: [1, 1, -1],
        u: [INF, INF, INF],
      }),
    ],
    [
      'with fixed variables',
      'primalInfeasible',
      dense({ q: [0, 0], A: [[1, 1], ...eye], l: [5, 1, 0], u: [5, 1, 3] }),
    ],
    [
      'infeasible and unbounded at once',
      'primalInfeasible',
      dense({
        q: [-1, -1, -1],
        A: [
          [1, 1, 0],
          [1, 1, 0],
        ],
        l: [1, 3],
        u: [2, INF],
      }),
    ],
    ['a line downhill', 'dualInfeasible', dense({ q: [1] })],
    [
      'a half line downhill',
      'dualInfeasible',
      dense({
        q: [-1, 1],
        A: [
          [1, 0],
          [0, 1],
          [1, -1],
        ],
        l: [0, 0, 0],
        u: [INF, INF, INF],
      }),
    ],
    [
      'flat where it falls',
      'dualInfeasible',
      dense({
        P: [
          [1, -1],
          [-1, 1],
        ],
        q: [-1, -1],
      }),
    ],
    [
      'along an equality',
      'dualInfeasible',
      dense({
        P: [
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 1],
        ],
        q: [-1, -1, 0],
        A: [[1, -1, 1]],
        l: [2],
        u: [2],
      }),
    ],
  ];
  for (const [name, status, problem] of cases) {
    const solution = library.setup(problem).solve();
    t.equal(solution.status, status, name);
    t.ok(certifies(problem, solution), `${name}: the certificate holds`);
    t.equal(solution.objective, status === 'primalInfeasible' ? INF : -INF, name);
  }
  t.end();
});

t.test('costs that are not convex are told from those that only just are', (t) => {
  const bent: [string, number[][]][] = [
    [
      'a negative diagonal',
      [
        [1, 0],
        [0, -1e-3],
      ],
    ],
    [
      'nothing on the diagonal',
      [
        [0, 1],
        [1, 0],
      ],
    ],
    [
      'nothing on one end of it',
      [
        [2, 1],
        [1, 0],
      ],
    ],
    [
      'too strong a coupling',
      [
        [1, 1.001],
        [1.001, 1],
      ],
    ],
    [
      'in small units',
      [
        [1e-9, 1.1e-9],
        [1.1e-9, 1e-9],
      ],
    ],
    [
      'three by three',
      [
        [1, 0.9, 0],
        [0.9, 1, 0.9],
        [0, 0.9, 1],
      ],
    ],
  ];
  for (const [name, P] of bent) {
    const problem = dense({ P, q: P.map(() => 0), A: [P.map(() => 1)], l: [-1], u: [1] });
    const refusal = refused(() => library.setup(problem));
    t.match(refusal, { code: 'OPTIMIZER_NON_CONVEX', details: { field: 'P' } }, name);
    t.ok(Number(refusal?.details.curvature) < 0, `${name}: along some direction it bends down`);
    t.ok(
      P[Number(refusal?.details.index)]!.some((value) => value !== 0),
      `${name}: at ${refusal?.details.index}`,
    );
  }
  const flat: [string, number[][]][] = [
    [
      'singular',
      [
        [1, 1],
        [1, 1],
      ],
    ],
    [
      'singular in mixed units',
      [
        [1e8, 1e2],
        [1e2, 1e-4],
      ],
    ],
    [
      'of rank one',
      [
        [1, 2, 3],
        [2, 4, 6],
        [3, 6, 9],
      ],
    ],
    [
      'zero',
      [
        [0, 0],
        [0, 0],
      ],
    ],
  ];
  for (const [name, P] of flat) {
    const box = P.map((_, i) => P.map((_, j) => (i === j ? 1 : 0)));
    const problem = dense({ P, q: P.map(() => 1), A: box, l: P.map(() => -1), u: P.map(() => 1) });
    t.equal(library.setup(problem).solve().status, 'solved', name);
  }
  t.end();
});
