import type { QpLibrary, QpSettings, QpSolution, QpStatus } from '../qp/types.ts';
import { explainInfeasible } from './explain-infeasible.ts';
import { buildHomeQp, type HomeQp, type HomeQpOptions, isCalled } from './home-qp.ts';
import { costOf, readMultipliers, readSchedule } from './read-plan.ts';
import type { HomePlan, HomeProblem } from './types.ts';

/**
 * The home's cheapest plan. Where an opt-in demand response calls a slot, the problem is solved opted in
 * and opted out and the cheaper plan is kept. A fixed trade is kept exactly where that is possible; where
 * it is not (a little more was bought than can be used, a forecast has changed), the plan departs from it
 * as little as it can and says so in `schedule.tradeDeviationKw`.
 *
 * @throws OptimizerError when the problem makes no sense.
 */
export function planHome(library: QpLibrary, problem: HomeProblem): HomePlan {
  const chosen = solveHome(library, problem);
  if (chosen.solution.status !== 'primalInfeasible') return readPlan(problem, chosen);
  if (problem.trade.kind === 'fixed') {
    const departing = solveHome(library, problem, { soft: 'trade' });
    if (departing.solution.status === 'solved') return readPlan(problem, departing);
  }
  return explainInfeasible(library, problem);
}

/**
 * Whether the home does better by taking part in the demand response it is offered. Decided once, without
 * trade, for a sequence of trading rounds: a choice that flips between rounds would keep them from settling.
 */
export function choosesToOptIn(library: QpLibrary, problem: HomeProblem): boolean {
  if (!isCalled(problem)) return false;
  return solveHome(library, { ...problem, trade: { kind: 'none' } }).home.layout.optedIn;
}

/** Residuals far below a watt and a thousandth of a cent. */
export const HOME_QP_SETTINGS: Partial<QpSettings> = { epsAbsolute: 1e-8, epsRelative: 1e-8 };

export type SolvedHome = { readonly home: HomeQp; readonly solution: QpSolution };

/** Reads a plan back from a solution, or says in words why there is none. */
export function readPlan(problem: HomeProblem, { home, solution }: SolvedHome): HomePlan {
  if (solution.status !== 'solved') return { status: 'unsolved', reason: unsolvedReason(solution.status) };
  const schedule = readSchedule(problem, home.layout, solution.x);
  return {
    status: 'solved',
    schedule,
    cost: costOf(problem, schedule),
    multipliers: readMultipliers(problem, home.layout, solution.y),
    optedIn: home.layout.optedIn,
    iterations: solution.iterations,
  };
}

export function unsolvedReason(status: Exclude<QpStatus, 'solved'>): string {
  switch (status) {
    case 'primalInfeasible':
      return 'the limits contradict each other';
    case 'dualInfeasible':
      return 'the cost has no lower bound: some price pays for using energy without end';
    case 'maxIterations':
      return 'the solver stopped at its limit of iterations';
    default:
      return status satisfies never;
  }
}

function solveHome(
  library: QpLibrary,
  problem: HomeProblem,
  options: Pick<HomeQpOptions, 'soft'> = {},
): SolvedHome {
  const optedIn = solveOnce(library, problem, { ...options, optIn: true });
  if (!optedIn.home.layout.optedIn) return optedIn;
  const optedOut = solveOnce(library, problem, { ...options, optIn: false });
  if (optedIn.solution.status !== 'solved') return optedOut;
  if (optedOut.solution.status !== 'solved') return optedIn;
  return objective(optedIn) <= objective(optedOut) ? optedIn : optedOut;
}

function solveOnce(library: QpLibrary, problem: HomeProblem, options: HomeQpOptions): SolvedHome {
  const home = buildHomeQp(problem, options);
  return { home, solution: library.setup(home.qp, HOME_QP_SETTINGS).solve() };
}

function objective({ home, solution }: SolvedHome): number {
  return solution.objective + home.constant;
}
