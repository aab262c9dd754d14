import type { OptimizerLibrary } from '../library.ts';
import type { QpSettings, QpSolution, QpStatus } from '../qp/types.ts';
import { explainInfeasible } from './explain-infeasible.ts';
import { buildHomeQp, type HomeQp, type HomeQpOptions, isCalled } from './home-qp.ts';
import { tradeTerm } from './home-trade.ts';
import { costOf, readMultipliers, readSchedule } from './read-plan.ts';
import type { HomePlan, HomeProblem } from './types.ts';
import { validateProblem } from './validate-problem.ts';

/**
 * The home's cheapest plan. Where an opt-in demand response calls a slot, the problem is solved opted in
 * and opted out and the cheaper plan is kept. A fixed trade is kept exactly where that is possible; where
 * it is not (a little more was bought than can be used, a forecast has changed), the plan departs from it
 * as little as it can and says so in `schedule.tradeDeviationKw`. The wish for the house at the end is kept in
 * the same way, and given up before the trade.
 *
 * @throws OptimizerError when the problem makes no sense.
 */
export function planHome(library: OptimizerLibrary, problem: HomeProblem): HomePlan {
  validateProblem(problem);
  const { plan, status } = better(problem, (optIn) => solveChoice(library, problem, optIn));
  if (status !== 'primalInfeasible') return plan;
  if (problem.trade.kind === 'fixed' || problem.hvac?.finalIndoorC !== undefined) {
    const departing = better(problem, (optIn) => solveOnce(library, problem, { soft: 'wishes', optIn }));
    if (departing.status === 'solved') return departing.plan;
  }
  return explainInfeasible(library, problem);
}

/**
 * Whether the home does better by taking part in the demand response it is offered. Decided once, without
 * trade, for a sequence of trading rounds: a choice that flips between rounds would keep them from settling.
 */
export function choosesToOptIn(library: OptimizerLibrary, problem: HomeProblem): boolean {
  if (!isCalled(problem)) return false;
  const alone: HomeProblem = { ...problem, trade: { kind: 'none' } };
  const { plan } = better(alone, (optIn) => solveChoice(library, alone, optIn));
  return plan.status === 'solved' && plan.optedIn;
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
    solver: 'general',
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

/** One solver's answer. `objective` is in money, the trade's term and constants included. */
type Answer = { readonly status: QpStatus; readonly plan: HomePlan; readonly objective: number };

/** Both answers to an opt-in demand response, and the better of them. */
function better(problem: HomeProblem, solve: (optIn: boolean) => Answer): Answer {
  const optedIn = solve(true);
  if (!isCalled(problem)) return optedIn;
  const optedOut = solve(false);
  if (optedIn.status !== 'solved') return optedOut;
  if (optedOut.status !== 'solved') return optedIn;
  return optedIn.objective <= optedOut.objective ? optedIn : optedOut;
}

/** By stages, which is many times faster; where that ends without a plan, by the solver that can prove there is none. */
function solveChoice(library: OptimizerLibrary, problem: HomeProblem, optIn: boolean): Answer {
  const plan = library.stages.solve(problem, { optIn });
  if (!plan) return solveOnce(library, problem, { optIn });
  const objective = plan.cost.total + tradeTerm(problem, plan.schedule.soldKw);
  return { status: 'solved', plan, objective };
}

function solveOnce(library: OptimizerLibrary, problem: HomeProblem, options: HomeQpOptions): Answer {
  const home = buildHomeQp(problem, options);
  const solution = library.setup(home.qp, HOME_QP_SETTINGS).solve();
  const { status, objective } = solution;
  return { status, plan: readPlan(problem, { home, solution }), objective: objective + home.constant };
}
