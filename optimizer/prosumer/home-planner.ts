import type { OptimizerLibrary } from '../library.ts';
import type { QpSolver } from '../qp/types.ts';
import { explainInfeasible } from './explain-infeasible.ts';
import { buildHomeQp, type HomeQp } from './home-qp.ts';
import { tradeCost } from './home-trade.ts';
import { choosesToOptIn, HOME_QP_SETTINGS, readPlan } from './plan-home.ts';
import type { HomePlan, HomeProblem } from './types.ts';
import { validateProblem, validateTrade } from './validate-problem.ts';

/** The terms of one trading round, as a home sees them: series by slot, p in kW sold. */
export type RoundTerms = {
  readonly pricePerKwh: ArrayLike<number>;
  readonly penaltyPerKwhPerKw: number;
  readonly targetSoldKw: ArrayLike<number>;
};

export type RoundResponse =
  | {
      readonly status: 'solved';
      /** What the home would sell (negative: buy) by slot; the offer, before rounding to mW. */
      readonly soldKw: Float64Array;
      readonly plan: Extract<HomePlan, { status: 'solved' }>;
    }
  | Exclude<HomePlan, { status: 'solved' }>;

export type HomePlanner = {
  /**
   * The home's answer to a round: min cost - price * p + penalty / 2 * (p - target)^2. Between rounds of
   * the same penalty only the linear cost changes, and each solve starts from the one before.
   */
  respond(terms: RoundTerms): RoundResponse;
};

/**
 * A home's planner for a whole sequence of trading rounds. `problem.trade` is ignored. The choice about
 * an opt-in demand response is made here, once.
 *
 * @throws OptimizerError when the problem makes no sense.
 */
export function createHomePlanner(library: OptimizerLibrary, problem: HomeProblem): HomePlanner {
  validateProblem({ ...problem, trade: { kind: 'none' } });
  const optIn = choosesToOptIn(library, problem);
  const stages = library.stages.open();
  let prepared: Prepared | undefined;

  return {
    respond(terms) {
      const priced: HomeProblem = { ...problem, trade: { kind: 'priced', ...terms } };
      validateTrade(priced);
      const quick = stages.solve(priced, { optIn, resume: true });
      if (quick) return { status: 'solved', soldKw: quick.schedule.soldKw, plan: quick };
      if (prepared?.penaltyPerKwhPerKw === terms.penaltyPerKwhPerKw) {
        prepared.solver.update({ q: roundCost(prepared.home, problem, terms) });
      } else {
        // A home that cannot end as it wishes trades all the same.
        const home = buildHomeQp(priced, { optIn, soft: 'wishes' });
        prepared = {
          home,
          solver: library.setup(home.qp, HOME_QP_SETTINGS),
          penaltyPerKwhPerKw: terms.penaltyPerKwhPerKw,
        };
      }
      const solution = prepared.solver.solve();
      if (solution.status === 'primalInfeasible') return unsuccessful(explainInfeasible(library, priced));
      const plan = readPlan(priced, { home: prepared.home, solution });
      if (plan.status !== 'solved') return plan;
      prepared.solver.warmStart(solution);
      return { status: 'solved', soldKw: plan.schedule.soldKw, plan };
    },
  };
}

type Prepared = {
  readonly home: HomeQp;
  readonly solver: QpSolver;
  readonly penaltyPerKwhPerKw: number;
};

function roundCost(home: HomeQp, { slots, slotHours }: HomeProblem, terms: RoundTerms): Float64Array {
  const q = Float64Array.from(home.qp.q);
  for (let t = 0; t < slots; t += 1) {
    q[home.layout.soldKw[t]!] = tradeCost(slotHours, {
      pricePerKwh: terms.pricePerKwh[t]!,
      penaltyPerKwhPerKw: terms.penaltyPerKwhPerKw,
      targetSoldKw: terms.targetSoldKw[t]!,
    });
  }
  return q;
}

function unsuccessful(plan: HomePlan): Exclude<HomePlan, { status: 'solved' }> {
  if (plan.status === 'solved') return { status: 'unsolved', reason: 'the solver contradicts itself' };
  return plan;
}
