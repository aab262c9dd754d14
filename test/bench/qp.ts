/**
 * How long does the general solver take for a home's day? Prints medians and spread in ms; setup apart,
 * every solve cold unless said otherwise. Run after a build: node dist/test/bench/qp.js
 */
import { cpus } from 'node:os';
import { buildHomeQp, type QpProblem } from '../../optimizer/index.ts';
import { library, randomHome } from '../optimizer/homes.ts';
import { referenceHome } from '../optimizer/qp-problems.ts';

const REPEATS = 200;

const priced = (slots: number, seed: number): QpProblem => {
  const none = randomHome(seed, slots);
  const series = (value: number): number[] => new Array<number>(slots).fill(value);
  const trade = {
    kind: 'priced' as const,
    pricePerKwh: series(0.2),
    penaltyPerKwhPerKw: 0.03,
    targetSoldKw: series(0),
  };
  return buildHomeQp({ ...none, trade }).qp;
};

const problems: [name: string, problem: QpProblem][] = [
  ['reference home, 24 slots', referenceHome().problem],
  ...[24, 96, 288].flatMap((slots) =>
    [1, 2, 3].map((seed): [string, QpProblem] => [
      `random home ${seed}, ${slots} slots`,
      priced(slots, seed),
    ]),
  ),
];

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${REPEATS} solves each\n`);
console.log(
  'problem                      variables  rows   setup   cold: median (10%..90%)  steps   warm  steps     kB',
);
for (const [name, problem] of problems) {
  const begun = performance.now();
  const solver = library.setup(problem);
  const setupMs = performance.now() - begun;
  const cold = solver.solve();
  const coldMs = spread(() => solver.solve());
  solver.update({ q: Array.from(problem.q, (value, j) => value * (1 + 0.02 * Math.sin(j))) });
  solver.warmStart(cold);
  const warm = solver.solve();
  const warmMs = spread(() => {
    solver.warmStart(cold);
    return solver.solve();
  });
  const cells = [
    name.padEnd(28),
    String(problem.variables).padStart(9),
    String(problem.constraints).padStart(5),
    setupMs.toFixed(1).padStart(7),
    coldMs.median.toFixed(2).padStart(8),
    `(${coldMs.low.toFixed(2)}..${coldMs.high.toFixed(2)})`.padEnd(16),
    String(cold.iterations).padStart(5),
    warmMs.median.toFixed(2).padStart(6),
    String(warm.iterations).padStart(6),
    Math.round(solver.memoryBytes / 1024)
      .toString()
      .padStart(6),
  ];
  console.log(cells.join(' '), cold.status === 'solved' ? '' : cold.status);
}

function spread(work: () => unknown): { median: number; low: number; high: number } {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const begun = performance.now();
    work();
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (REPEATS - 1))]!;
  return { median: at(0.5), low: at(0.1), high: at(0.9) };
}
