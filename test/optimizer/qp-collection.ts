import type { QpProblem } from '../../optimizer/index.ts';
import { build, type Draft, form, type Line, range } from './qp-draft.ts';
import { cvxqp } from './qp-scalable.ts';

/**
 * Problems of the collections that QP solvers are judged by, built from their published formulas:
 *
 *   HS   W. Hock, K. Schittkowski, Test Examples for Nonlinear Programming Codes, 1981
 *   S    K. Schittkowski, More Test Examples for Nonlinear Programming Codes, 1987
 *   MM   I. Maros, C. Meszaros, A repository of convex quadratic programming problems, 1999 (its optima)
 *   CUTE I. Bongartz, A. Conn, N. Gould, P. Toint, CUTE, 1995
 */
export type Published = {
  readonly name: string;
  readonly source: string;
  readonly problem: QpProblem;
  /** Added to the objective before it is compared with the optimum. */
  readonly constant: number;
  readonly optimum: number;
};

const nonNegative = (): readonly [number, number] => [0, Infinity];
const published = (name: string, source: string, draft: Draft, optimum: number): Published => ({
  name,
  source,
  optimum,
  ...build(draft),
});

/** HS51 to HS53 differ in the first square, the first row's bounds, and in bounds of the variables. */
function fifties(first: Line, sum: number, bounds?: Draft['bounds']): Draft {
  return {
    variables: 5,
    squares: [
      { weight: 2, form: first },
      { weight: 2, form: form(0, 1, 1), shift: 2 },
      { weight: 2, form: form(0, 0, 0, 1), shift: 1 },
      { weight: 2, form: form(0, 0, 0, 0, 1), shift: 1 },
    ],
    rows: [
      { form: form(1, 3), low: sum, high: sum },
      { form: form(0, 0, 1, 1, -2), low: 0, high: 0 },
      { form: form(0, 1, 0, 0, -1), low: 0, high: 0 },
    ],
    ...(bounds && { bounds }),
  };
}

const hs35: Draft = {
  variables: 3,
  constant: 9,
  linear: form(-8, -6, -4),
  products: [
    [0, 0, 2],
    [1, 1, 2],
    [2, 2, 1],
    [0, 1, 2],
    [0, 2, 2],
  ],
  rows: [{ form: form(1, 1, 2), high: 3 }],
  bounds: nonNegative,
};

/** HS118: three products over five periods. */
function hs118(): Draft {
  const first = [
    [8, 21],
    [43, 57],
    [3, 16],
  ] as const;
  return {
    variables: 15,
    linear: range(15).map((j) => [j, [2.3, 1.7, 2.2][j % 3]!]),
    products: range(15).map((j) => [j, j, [0.0001, 0.0001, 0.00015][j % 3]!]),
    rows: [
      ...range(12).map((j) => ({
        form: [
          [j + 3, 1],
          [j, -1],
        ] as Line,
        low: -7,
        high: [6, 7, 6][j % 3]!,
      })),
      ...range(5).map((k) => ({
        form: range(3).map((product) => [3 * k + product, 1] as const),
        low: [60, 50, 70, 85, 100][k]!,
      })),
    ],
    bounds: (j) => (j < 3 ? first[j]! : [0, [90, 120, 60][j % 3]!]),
  };
}

/** HS268: of condition 2e6, with its optimum on a bound that does not press. */
function hs268(): Draft {
  const D = [
    [10197, -12454, -1013, 1948, 329],
    [-12454, 20909, -1733, -4914, -186],
    [-1013, -1733, 1755, 1089, -174],
    [1948, -4914, 1089, 1515, -22],
    [329, -186, -174, -22, 27],
  ];
  return {
    variables: 5,
    constant: 14463,
    linear: form(18340, -34198, 4542, 8672, 86),
    products: D.flatMap((line, i) =>
      line.slice(i).map((value, k) => [i, i + k, (k === 0 ? 1 : 2) * value] as const),
    ),
    rows: [
      { form: form(1, 1, 1, 1, 1), high: 5 },
      { form: form(10, 10, -3, 5, 4), low: 20 },
      { form: form(-8, 1, -2, -5, 3), low: -40 },
      { form: form(8, -1, 2, 5, -3), low: 11 },
      { form: form(-4, -2, 3, -5, 1), low: -30 },
    ],
  };
}

export const collection: readonly Published[] = [
  published(
    'HS21',
    'HS, MM',
    {
      variables: 2,
      constant: -100,
      products: [
        [0, 0, 0.01],
        [1, 1, 1],
      ],
      rows: [{ form: form(10, -1), low: 10 }],
      bounds: (j) => (j === 0 ? [2, 50] : [-50, 50]),
    },
    -99.96,
  ),
  published('HS35', 'HS, MM', hs35, 1 / 9),
  published('HS35MOD', 'MM', { ...hs35, bounds: (j) => (j === 1 ? [0.5, 0.5] : [0, Infinity]) }, 0.25),
  published('HS51', 'HS, MM', fifties(form(1, -1), 4), 0),
  published('HS52', 'HS, MM', fifties(form(4, -1), 0), 1859 / 349),
  published(
    'HS53',
    'HS, MM',
    fifties(form(1, -1), 0, () => [-10, 10]),
    176 / 43,
  ),
  published(
    'HS76',
    'HS, MM',
    {
      variables: 4,
      linear: form(-1, -3, 1, -1),
      products: [
        [0, 0, 1],
        [1, 1, 0.5],
        [2, 2, 1],
        [3, 3, 0.5],
        [0, 2, -1],
        [2, 3, 1],
      ],
      rows: [
        { form: form(1, 2, 1, 1), high: 5 },
        { form: form(3, 1, 2, -1), high: 4 },
        { form: form(0, 1, 4), low: 1.5 },
      ],
      bounds: nonNegative,
    },
    -103 / 22,
  ),
  published('HS118', 'HS, MM', hs118(), 664.8204500000001),
  published('HS268', 'S, MM', hs268(), 0),
  published(
    'TAME',
    'MM',
    {
      variables: 2,
      squares: [{ weight: 2, form: form(1, -1) }],
      rows: [{ form: form(1, 1), low: 1, high: 1 }],
      bounds: nonNegative,
    },
    0,
  ),
  published(
    'QPTEST',
    'MM',
    {
      variables: 2,
      linear: form(1.5, -2),
      products: [
        [0, 0, 4],
        [0, 1, 2],
        [1, 1, 5],
      ],
      rows: [
        { form: form(2, 1), low: 2 },
        { form: form(-1, 2), high: 6 },
      ],
      bounds: (j) => [0, j === 0 ? 20 : Infinity],
    },
    4.371875,
  ),
  published(
    'ZECEVIC2',
    'CUTE, MM',
    {
      variables: 2,
      linear: form(-2, -3),
      products: [[1, 1, 2]],
      rows: [
        { form: form(1, 1), high: 2 },
        { form: form(1, 4), high: 4 },
      ],
      bounds: () => [0, 10],
    },
    -4.125,
  ),
  published(
    'GENHS28',
    'CUTE, MM',
    {
      variables: 10,
      squares: range(9).map((i) => ({
        weight: 2,
        form: [
          [i, 1],
          [i + 1, 1],
        ],
      })),
      rows: range(8).map((i) => ({
        form: [
          [i, 1],
          [i + 1, 2],
          [i + 2, 3],
        ],
        low: 1,
        high: 1,
      })),
    },
    0.927173692,
  ),
  published('CVXQP1_S', 'CUTE, MM', cvxqp(100, 50), 11590.7181),
  published('CVXQP2_S', 'CUTE, MM', cvxqp(100, 25), 8120.94048),
  published('CVXQP3_S', 'CUTE, MM', cvxqp(100, 75), 11943.4322),
];

/** Least squares under differences of the fourth order (as LISWET, MM): multipliers a million times the data. */
export function smoothFit(points: number): QpProblem {
  const differences = [1, -4, 6, -4, 1];
  return build({
    variables: points,
    squares: range(points).map((i) => ({
      weight: 1,
      form: [[i, 1]],
      shift: Math.sin((4 * Math.PI * i) / (points - 1)) + 0.1 * Math.sin(i + 1),
    })),
    rows: range(points - 4).map((i) => ({
      form: differences.map((value, k) => [i + k, value] as const),
      low: 0,
    })),
  }).problem;
}

/** The polynomial above the tangent at `points` points of least integral: 1, t, t^2, ... nearly depend on each other. */
export function tangentCover(terms: number, points: number): QpProblem {
  return build({
    variables: terms,
    linear: range(terms).map((j) => [j, 1 / (j + 1)]),
    rows: range(points).map((i) => {
      const t = i / (points - 1);
      return { form: range(terms).map((j) => [j, t ** j] as const), low: Math.tan(t) };
    }),
  }).problem;
}
