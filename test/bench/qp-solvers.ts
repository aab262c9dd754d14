import { buildHomeQp, type HomePlan, type HomeProblem } from '../../optimizer/index.ts';
import { withOtherForecasts, withOtherPrices, withOtherTerms } from '../optimizer/full-home.ts';
import { library } from '../optimizer/homes.ts';

/** What differs from one solve of a home to the next, each by up to 5 %: the terms of trade (a round), prices, forecasts. */
export type Change = 'terms' | 'prices' | 'forecasts';

export function change(home: HomeProblem, what: Change, seed: number): HomeProblem {
  switch (what) {
    case 'terms':
      return withOtherTerms(home, seed, 0.05);
    case 'prices':
      return withOtherPrices(home, seed, 0.05);
    case 'forecasts':
      return withOtherForecasts(home, seed, 0.05);
    default:
      return what satisfies never;
  }
}

export type Outcome = {
  readonly status: string | undefined;
  /** In money, the trade's term and constants included. */
  readonly objective: number;
  readonly soldKw?: ArrayLike<number>;
  readonly iterations?: number;
  /** WebAssembly memory held. */
  readonly bytes?: number;
};

/**
 * One line of the benchmark. `prepare` does all that need be done once for a structure; what it returns is what gets
 * timed, and must answer `now` each time; `before` is another problem of the same home.
 */
export type Solver = {
  readonly name: string;
  /** A warm start: from the home before to the same with such a change. */
  readonly warm?: Change;
  prepare(now: HomeProblem, before: HomeProblem): { solve(): Outcome };
};

type StageOptions = NonNullable<Parameters<typeof library.stages.solve>[1]>;

/** What the goals for speed and warm starts name; trades are not waited for. */
const TO_1E6: StageOptions = { costWithin: 1e-7, tradeWithinKw: Infinity };

export const solvers: readonly Solver[] = [
  {
    name: 'general, cold',
    prepare(now) {
      const home = buildHomeQp(now);
      const solver = library.setup(home.qp);
      return { solve: () => generalOutcome(home, solver.solve(), solver.memoryBytes) };
    },
  },
  {
    name: 'general, warm: prices',
    warm: 'prices',
    prepare(now, before) {
      const solver = library.setup(buildHomeQp(before).qp);
      const from = solver.solve();
      const home = buildHomeQp(now);
      solver.update({ q: home.qp.q });
      return {
        solve() {
          solver.warmStart(from);
          return generalOutcome(home, solver.solve(), solver.memoryBytes);
        },
      };
    },
  },
  onlySolving('stages, the solve', {}),
  onlySolving('stages, the solve to 1e-6', TO_1E6),
  {
    name: 'stages, all of it',
    prepare(now) {
      const solver = library.stages.open();
      return { solve: () => outcomeOf(now, solver.solve(now), solver.memoryBytes) };
    },
  },
  ...(['terms', 'prices', 'forecasts'] as const).flatMap((what) => [
    fromBefore(`stages, warm: ${what}`, what, {}),
    fromBefore(`stages, warm: ${what} 1e-6`, what, TO_1E6),
  ]),
];

/** With its data in place, its plan left there. */
function onlySolving(name: string, options: StageOptions): Solver {
  return {
    name,
    prepare(now) {
      const solver = library.stages.open();
      const outcome = outcomeOf(now, solver.solve(now, options), solver.memoryBytes);
      return { solve: () => ({ ...outcome, iterations: solver.repeat(options) }) };
    },
  };
}

/** There and back again: each solve begins from the point that the other one's left. */
function fromBefore(name: string, warm: Change, options: StageOptions): Solver {
  return {
    name,
    warm,
    prepare(now, before) {
      const solver = library.stages.open();
      const solve = (home: HomeProblem) => solver.solve(home, { ...options, resume: true });
      solve(before);
      let outcome: Outcome = { status: undefined, objective: Number.NaN };
      let turn = 0;
      return {
        solve() {
          turn += 1;
          if (turn % 2 === 0) solve(before);
          else outcome = outcomeOf(now, solve(now), solver.memoryBytes);
          return outcome;
        },
      };
    },
  };
}

/** The optimum as nearly as rounding lets the general solver come. */
export function referenceFor(problem: HomeProblem): Outcome {
  const home = buildHomeQp(problem);
  const tight = library.setup(home.qp, { epsAbsolute: 1e-13, epsRelative: 1e-13 });
  return generalOutcome(home, tight.solve(), tight.memoryBytes);
}

type GeneralSolution = ReturnType<ReturnType<typeof library.setup>['solve']>;

function generalOutcome(
  { layout, constant }: ReturnType<typeof buildHomeQp>,
  { status, objective, iterations, x }: GeneralSolution,
  bytes: number,
): Outcome {
  const soldKw = Array.from(layout.soldKw, (index) => x[index]!);
  return { status, objective: objective + constant, soldKw, iterations, bytes };
}

function outcomeOf(home: HomeProblem, plan: HomePlan | undefined, bytes: number): Outcome {
  if (plan?.status !== 'solved') return { status: plan?.status, objective: Number.NaN };
  const { trade, slotHours } = home;
  const { soldKw } = plan.schedule;
  let objective = plan.cost.total;
  if (trade.kind === 'priced') {
    soldKw.forEach((kw, t) => {
      const offKw = kw - trade.targetSoldKw[t]!;
      objective += slotHours * ((trade.penaltyPerKwhPerKw / 2) * offKw ** 2 - trade.pricePerKwh[t]! * kw);
    });
  }
  return { status: plan.status, objective, soldKw, iterations: plan.iterations, bytes };
}
