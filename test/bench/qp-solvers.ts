import { buildHomeQp, type HomePlan, type HomeProblem } from '../../optimizer/index.ts';
import { prepareHighs } from '../optimizer/highs.ts';
import { library } from '../optimizer/homes.ts';

/** A home, and the same home at other prices: a warm start goes from the one to the other. */
export type Pair = { readonly home: HomeProblem; readonly repriced: HomeProblem };

export type Outcome = {
  readonly status: string | undefined;
  /** In money, the trade's term and constants included. */
  readonly objective: number;
  readonly iterations?: number;
  /** WebAssembly memory held. */
  readonly bytes?: number;
};

/**
 * One column of the benchmark. `prepare` does all that need be done once for a structure; what it returns is
 * what gets timed, and must answer `answers`, the same each time.
 */
export type Solver = {
  readonly name: string;
  readonly answers: keyof Pair;
  /** Timed solves of one problem of so many slots, on so many seeds; none where it would take too long. */
  effort(slots: number): { readonly seeds: number; readonly repeats: number } | undefined;
  prepare(pair: Pair): { solve(): Outcome; dispose?(): void };
};

const fully = () => ({ seeds: 12, repeats: 30 });

/** The first is what the others are held against. */
export const solvers: readonly Solver[] = [
  {
    name: 'general, cold',
    answers: 'home',
    effort: fully,
    prepare({ home }) {
      const { qp, constant } = buildHomeQp(home);
      const solver = library.setup(qp);
      return {
        solve() {
          const { status, objective, iterations } = solver.solve();
          return { status, objective: objective + constant, iterations, bytes: solver.memoryBytes };
        },
      };
    },
  },
  {
    name: 'general, warm',
    answers: 'repriced',
    effort: fully,
    prepare({ home, repriced }) {
      const solver = library.setup(buildHomeQp(home).qp);
      const before = solver.solve();
      const { qp, constant } = buildHomeQp(repriced);
      solver.update({ q: qp.q });
      return {
        solve() {
          solver.warmStart(before);
          const { status, objective, iterations } = solver.solve();
          return { status, objective: objective + constant, iterations, bytes: solver.memoryBytes };
        },
      };
    },
  },
  {
    name: 'stages, the solve',
    answers: 'home',
    effort: fully,
    prepare({ home }) {
      const solver = library.stages.open();
      const outcome = outcomeOf(home, solver.solve(home), solver.memoryBytes);
      return { solve: () => ({ ...outcome, iterations: solver.repeat() }) };
    },
  },
  {
    name: 'stages, all of it',
    answers: 'home',
    effort: fully,
    prepare({ home }) {
      const solver = library.stages.open();
      return { solve: () => outcomeOf(home, solver.solve(home), solver.memoryBytes) };
    },
  },
  {
    // There and back again: each solve begins from the point that the other home's left.
    name: 'stages, warm',
    answers: 'repriced',
    effort: fully,
    prepare({ home, repriced }) {
      const solver = library.stages.open();
      solver.solve(home, { resume: true });
      let outcome: Outcome = { status: undefined, objective: Number.NaN };
      let turn = 0;
      return {
        solve() {
          turn += 1;
          if (turn % 2 === 0) solver.solve(home, { resume: true });
          else outcome = outcomeOf(repriced, solver.solve(repriced, { resume: true }), solver.memoryBytes);
          return outcome;
        },
      };
    },
  },
  {
    name: 'HiGHS WASM, cold',
    answers: 'home',
    effort(slots) {
      if (slots <= 24) return { seeds: 5, repeats: 5 };
      if (slots <= 96) return { seeds: 3, repeats: 1 };
      return slots <= 288 ? { seeds: 1, repeats: 1 } : undefined;
    },
    prepare({ home }) {
      const { qp, constant } = buildHomeQp(home);
      const { solve, dispose } = prepareHighs(qp);
      return {
        solve() {
          const { status, objective } = solve();
          return { status, objective: objective + constant };
        },
        dispose,
      };
    },
  },
];

function outcomeOf(home: HomeProblem, plan: HomePlan | undefined, bytes: number): Outcome {
  if (plan?.status !== 'solved') return { status: plan?.status, objective: Number.NaN };
  const { trade, slotHours } = home;
  let objective = plan.cost.total;
  if (trade.kind === 'priced') {
    plan.schedule.soldKw.forEach((kw, t) => {
      const offKw = kw - trade.targetSoldKw[t]!;
      objective += slotHours * ((trade.penaltyPerKwhPerKw / 2) * offKw ** 2 - trade.pricePerKwh[t]! * kw);
    });
  }
  return { status: plan.status, objective, iterations: plan.iterations, bytes };
}
