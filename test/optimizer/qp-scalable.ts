import { build, type Draft, type Line, range } from './qp-draft.ts';

/**
 * Problems of CUTEst and of the Maros-Meszaros collection that are given by formulas, at any size, built from their
 * published definitions. Most are hard by design: differences of high order, rows that nearly depend on each other,
 * no interior.
 */
export type Scalable = {
  readonly name: string;
  readonly draft: () => Draft;
  /** As published with the definition, to six or seven digits. */
  readonly optimum?: number;
};

const choose = (k: number): number[] => {
  const row = [1];
  for (let i = 1; i <= k; i++) row.push((row[i - 1]! * (k - i + 1)) / i);
  return row;
};

/** Rows that keep the differences of order k of `points` variables from falling below zero. */
const differences = (points: number, k: number): { form: Line; low: number }[] =>
  range(points - k).map((j) => ({
    form: choose(k).map((value, i) => [j + k - i, i % 2 === 0 ? value : -value] as const),
    low: 0,
  }));

const curves: Readonly<Record<number, (t: number) => number>> = {
  1: Math.sqrt,
  2: (t) => 1 / (0.1 * (1 - t) + t),
  3: (t) => t ** 3,
  4: (t) => t ** 4,
  5: (t) => -t,
  6: (t) => Math.sin(8 * Math.PI * t),
};

/** W. Li, J. Swetits 1993: the nearest data without a falling difference of order k. */
const liswet = (curve: number, rows: number, k: number): Draft => ({
  variables: rows + k,
  squares: range(rows + k).map((i) => ({
    weight: 1,
    form: [[i, 1]],
    shift: curves[curve]!(i / (rows + k - 1)) + 0.1 * Math.sin(i + 1),
  })),
  rows: differences(rows + k, k),
});

/** A. Yao 1995: the same for a sine, whose end is held at zero. */
const yao = (rows: number): Draft => ({
  variables: rows + 2,
  squares: range(rows + 2).map((i) => ({ weight: 1, form: [[i, 1]], shift: Math.sin((i + 1) / (rows + 2)) })),
  rows: differences(rows + 2, 2),
  bounds: (i) => (i === 0 ? [0.08, Infinity] : i >= rows ? [0, 0] : [-Infinity, Infinity]),
});

/** N. Gould 1991, problem class 2: where to put knots, as evenly as their intervals allow. */
function gould(knots: number): Draft {
  const ends = [2, ...range(knots).map((i) => 1 + 1.01 ** (i + 1))];
  return {
    variables: 2 * knots - 1,
    squares: range(knots - 2).map((i) => ({
      weight: 1,
      form: [
        [knots + i + 1, 1],
        [knots + i, -1],
      ],
    })),
    rows: range(knots - 1).map((i) => ({
      form: [
        [knots + i, 1],
        [i + 1, -1],
        [i, 1],
      ],
      low: 0,
      high: 0,
    })),
    bounds(j) {
      if (j < knots) return [ends[j]!, ends[j + 1]!];
      const width = ends[j - knots + 2]! - ends[j - knots]!;
      return [0.4 * width, 0.6 * width];
    },
  };
}

/** J. Morales-Perez, R. Sargent 1991: a reflected diagonal under rows of the five-point Laplacian. */
function mosarqp(variables: number, rows: number, condition: number): Draft {
  const side = Math.floor(Math.sqrt(variables + 0.1));
  const y = [
    -0.3569732, 0.9871576, 0.5619363, -0.1984624, 0.4653328, 0.7364367, -0.4560378, -0.6457813, -0.0601357,
    0.1035624,
  ];
  const places = [
    0.68971452, 0.13452678, 0.51234678, 0.76591423, 0.20857854, 0.85672348, 0.04356789, 0.44692743,
    0.30136413, 0.91367489,
  ].map((share) => Math.floor(share * variables + 1.1) - 1);
  const diagonal = range(variables).map((i) => Math.exp((i / (variables - 1)) * condition));
  const centre = range(variables).map((i) => (i % 2 === 0 && i < variables - 1 ? -1 : 1));
  const sum = (term: (k: number) => number): number => y.reduce((all, _, k) => all + term(k), 0);
  const turn = -2 / sum((k) => y[k]! ** 2);
  const stretched = y.map((value, k) => value * diagonal[places[k]!]!);
  const bent = turn * turn * sum((k) => stretched[k]! * y[k]!);
  const along = sum((k) => y[k]! * centre[places[k]!]!);
  const across = bent * along + turn * sum((k) => stretched[k]! * centre[places[k]!]!);
  const offCentre = new Set([0, side - 1]);
  const lowered = new Set<number>();
  // The published right-hand sides are those of the inner nodes, one place late.
  let at = side;
  for (let j = side; j <= rows - side; j += side) {
    at++;
    for (let i = 0; i < side - 2; i++) lowered.add(++at);
    at++;
  }
  for (let i = at + 1; i < rows; i++) lowered.add(i);
  return {
    variables,
    linear: [
      ...diagonal.map((value, i) => [i, value * centre[i]!] as const),
      ...y.map((value, k) => [places[k]!, stretched[k]! * turn * along + value * across] as const),
    ],
    products: [
      ...diagonal.map((value, i) => [i, i, value / 2] as const),
      ...y.flatMap((value, k) =>
        range(k + 1).map(
          (l) =>
            [
              places[k]!,
              places[l]!,
              (k === l ? 0.5 : 1) *
                (turn * (stretched[k]! * y[l]! + stretched[l]! * value) + bent * value * y[l]!),
            ] as const,
        ),
      ),
    ],
    rows: range(rows).map((i) => ({
      form: [
        [i, 4] as const,
        ...(i % side === 0 ? [] : [[i - 1, -1] as const]),
        ...((i + 1) % side === 0 ? [] : [[i + 1, -1] as const]),
        ...(i < side ? [] : [[i - side, -1] as const]),
        [i + side, -1] as const,
      ],
      low: offCentre.has(i) ? 0.5 : lowered.has(i) ? -0.5 : 0,
    })),
    bounds: () => [0, Infinity],
  };
}

/** N. Gould 1996: 2^p + 1 variables in overlapping sums over powers of two. */
function stcqp(p: number): Draft {
  const n = 2 ** p;
  const blocks = Math.floor(n / p);
  const powers = (count: number): number[] => range(count).map((k) => 2 ** k);
  return {
    variables: n + 1,
    squares: [
      ...range(n + 1).map((i) => ({ weight: 2, form: [[i, 1]] as Line })),
      ...range(blocks).flatMap((l) =>
        range(p).map((i) => ({ weight: 2, form: powers(i + 1).map((k) => [k + l + 1, 1] as const) })),
      ),
    ],
    rows: range(Math.ceil(blocks / 2)).flatMap((half) =>
      range(p).map((i) => ({
        form: powers(i + 1).map((k) => [k + 2 * half, 1] as const),
        low: i + 1,
        high: i + 1,
      })),
    ),
    bounds: () => [-2, 2],
  };
}

/** K. Kortanek, H. No: powers of t above a curve, on 1,001 points. */
const ksip = (curve: (t: number) => number): Draft => ({
  variables: 20,
  linear: range(20).map((j) => [j, 1 / (j + 1)]),
  products: range(20).map((j) => [j, j, 1 / (2 * (j + 1))]),
  rows: range(1001).map((i) => ({
    form: range(20)
      .map((j) => [j, (i / 1000) ** j] as const)
      .filter(([, value]) => value !== 0),
    low: curve(i / 1000),
  })),
});

/** S. Huestis 1992: density from two moments of inertia. */
const huestis = (shells: number): Draft => {
  const moment = (power: number): Line =>
    range(shells).map((i) => [i, ((i + 1) ** power - i ** power) / (power * shells ** power)]);
  return {
    variables: shells,
    squares: range(shells).map((i) => ({ weight: 2, form: [[i, 1]] })),
    rows: [
      { form: moment(3), low: 1835.2, high: 1835.2 },
      { form: moment(5), low: 909.8, high: 909.8 },
    ],
    bounds: () => [0, Infinity],
  };
};

/** M. Powell 1990: rows that have a point in common and no interior. */
const powell20 = (n: number): Draft => ({
  variables: n,
  squares: range(n).map((i) => ({ weight: 1, form: [[i, 1]] })),
  rows: range(n).map((i) =>
    i < n - 1
      ? {
          form: [
            [i + 1, 1],
            [i, -1],
          ],
          low: (i % 2 === 0 ? -1 : 1) * (i + 1) - 0.5,
        }
      : {
          form: [
            [0, 1],
            [n - 1, -1],
          ],
          low: n - 0.5,
        },
  ),
});

/** A. Conn, N. Gould, P. Toint: CVXQP. */
export const cvxqp = (n: number, rows: number): Draft => {
  const at = (factor: number, i: number): number => (factor * (i + 1) - 1) % n;
  return {
    variables: n,
    squares: range(n).map((i) => ({
      weight: i + 1,
      form: [
        [i, 1],
        [at(2, i), 1],
        [at(3, i), 1],
      ],
    })),
    rows: range(rows).map((i) => ({
      form: [
        [i, 1],
        [at(4, i), 2],
        [at(5, i), 3],
      ],
      low: 6,
      high: 6,
    })),
    bounds: () => [0.1, 10],
  };
};

/** A discretised optimal control problem (DTOC3); the objective is twice the published one. */
const dtoc3 = (steps: number): Draft => {
  const x = (t: number): number => t - 1;
  const y = (t: number, i: number): number => steps - 1 + 2 * (t - 1) + i - 1;
  const s = 1 / steps;
  const times = range(steps - 1).map((t) => t + 1);
  return {
    variables: 3 * steps - 1,
    products: times.flatMap((t) => [
      [y(t + 1, 1), y(t + 1, 1), 2 * s],
      [y(t + 1, 2), y(t + 1, 2), s],
      [x(t), x(t), 6 * s],
    ]),
    rows: times.flatMap((t) => [
      {
        form: [
          [y(t, 1), 1],
          [y(t, 2), s],
          [y(t + 1, 1), -1],
        ] as Line,
        low: 0,
        high: 0,
      },
      {
        form: [
          [y(t, 2), 1],
          [y(t, 1), -s],
          [x(t), s],
          [y(t + 1, 2), -1],
        ] as Line,
        low: 0,
        high: 0,
      },
    ]),
    bounds: (j) => (j === y(1, 1) ? [15, 15] : j === y(1, 2) ? [5, 5] : [-Infinity, Infinity]),
  };
};

const named = (name: string, draft: () => Draft, optimum?: number): Scalable => ({
  name,
  draft,
  ...(optimum !== undefined && { optimum }),
});

export const scalable: readonly Scalable[] = [
  ...[1, 2, 3, 4, 5, 6].flatMap((curve) =>
    (
      [
        [100, 1],
        [100, 2],
        [100, 3],
        [100, 4],
        [100, 5],
        [100, 6],
        [400, 2],
        [400, 3],
        [2000, 2],
      ] as const
    ).map(([rows, k]) => named(`LISWET${curve} ${rows},${k}`, () => liswet(curve, rows, k))),
  ),
  named('YAO 20', () => yao(20), 2.39883),
  named('YAO 200', () => yao(200), 20.1517),
  named('YAO 2000', () => yao(2000), 197.705),
  named('GOULDQP2 350', () => gould(350), 1.84275e-4),
  ...(
    [
      [36, 10, 2, -24.13768932],
      [100, 10, 3, -154.2001028],
      [900, 30, 1, -380.0891288],
      [900, 30, 2, -711.710901],
      [900, 30, 3, -1424.280649],
      [900, 120, 2, -695.2431416],
      [900, 300, 3, -1351.831332],
      [900, 600, 1, -257.4400842],
      [900, 600, 3, -1145.403],
      [2500, 700, 1, -952.8754378],
    ] as const
  ).map(([n, m, condition, optimum]) =>
    named(`MOSARQP1 ${n},${m},${condition}`, () => mosarqp(n, m, condition), optimum),
  ),
  ...(
    [
      [2, 3.714286],
      [4, 47.86842],
      [6, 494.5209],
      [8, 4040.487],
      [10, 26179.25],
    ] as const
  ).map(([p, optimum]) => named(`STCQP1 ${p}`, () => stcqp(p), optimum)),
  named('KSIP sin', () => ksip(Math.sin), 0.5757979),
  named('KSIP exp', () => ksip(Math.exp)),
  named('KSIP tan', () => ksip(Math.tan)),
  named('HUESTIS 100', () => huestis(100)),
  named('HUESTIS 10000', () => huestis(10_000), 3.4824486e11),
  named('POWELL20 1000', () => powell20(1000)),
  named('POWELL20 10000', () => powell20(10_000), 5.20895828e10),
  named('CVXQP1_M', () => cvxqp(1000, 500), 1087511.57),
  named('CVXQP2_M', () => cvxqp(1000, 250), 820155.431),
  named('CVXQP3_M', () => cvxqp(1000, 750), 1362828.74),
  named('DTOC3 100', () => dtoc3(100)),
  named('DTOC3 5000', () => dtoc3(5000), 2 * 235.262481),
];

export const buildScalable = ({ draft }: Scalable) => build(draft());
