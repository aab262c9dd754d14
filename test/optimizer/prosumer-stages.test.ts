import fc from 'fast-check';
import t from 'tap';
import { buildHomeQp, type HomeProblem, type OptimizerLibrary, planHome } from '../../optimizer/index.ts';
import { anyHome } from './any-home.ts';
import { fullHome } from './full-home.ts';
import { library, plainHome } from './homes.ts';

/** As if the fast solver never came to an end. */
const withoutStages: OptimizerLibrary = {
  ...library,
  stages: { ...library.stages, solve: () => undefined },
};

/** Money of a plan, the trade's term included. */
function moneyOf({ trade, slotHours }: HomeProblem, plan: { soldKw: Float64Array; total: number }): number {
  if (trade.kind !== 'priced') return plan.total;
  return plan.soldKw.reduce((sum, kw, slot) => {
    const offKw = kw - trade.targetSoldKw[slot]!;
    const cost = -trade.pricePerKwh[slot]! * kw + (trade.penaltyPerKwhPerKw / 2) * offKw ** 2;
    return sum + slotHours * cost;
  }, plan.total);
}

/** A kW at the highest price for a slot: below that, relative errors of a cost that happens to be near 0 mean nothing. */
function leastMoney({ importPricePerKwh, slotHours }: HomeProblem): number {
  return slotHours * Math.max(...Array.from(importPricePerKwh, Math.abs));
}

/** What the general solver leaves, in money whatever the currency. */
const GENERAL_WITHIN = 2e-9;

type Comparison = 'same plan' | 'both without' | 'left to the general solver';

/** @throws where the two solvers contradict each other. */
function compare(problem: HomeProblem, optIn: boolean): Comparison {
  const plan = library.stages.solve(problem, { optIn });
  const home = buildHomeQp(problem, { optIn });
  const general = library.setup(home.qp).solve();
  if (general.status !== 'solved') {
    if (plan) throw new Error(`a plan where there is none (${general.status})`);
    return 'both without';
  }
  if (!plan) return 'left to the general solver';
  const expected = general.objective + home.constant;
  const money = moneyOf(problem, { soldKw: plan.schedule.soldKw, total: plan.cost.total });
  const allowed = 1e-6 * Math.max(Math.abs(expected), leastMoney(problem)) + GENERAL_WITHIN;
  if (Math.abs(money - expected) > allowed) throw new Error(`costs ${money}, not ${expected}`);
  return 'same plan';
}

t.test('any home: the same cost as the general solver, and no plan where there is none', async (t) => {
  const counts: Record<Comparison, number> = {
    'same plan': 0,
    'both without': 0,
    'left to the general solver': 0,
  };
  for (let seed = 1; seed <= 1200; seed += 1) {
    const home = anyHome(seed, 30);
    const called = home.demandResponse?.form === 'opt-in';
    for (const optIn of called ? [true, false] : [true]) {
      try {
        counts[compare(home, optIn)] += 1;
      } catch (error) {
        throw new Error(`home ${seed}, opted ${optIn ? 'in' : 'out'}: ${(error as Error).message}`);
      }
    }
  }
  t.comment(JSON.stringify(counts));
  t.ok(counts['same plan'] > 10 * counts['left to the general solver'], 'few are left to the general solver');
});

t.test('a home with everything, at any length', async (t) => {
  for (const slots of [24, 25, 96, 288]) {
    for (let seed = 1; seed <= 4; seed += 1) {
      t.equal(compare(fullHome(seed, slots), true), 'same plan', `${slots} slots, home ${seed}`);
    }
  }
});

t.test('energy is worth what it is to the general solver, where the trade leaves no choice', async () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const problem = fullHome(seed, 24);
      const plan = library.stages.solve(problem);
      const general = planHome(withoutStages, problem);
      if (!plan || general.status !== 'solved') throw new Error('unsolved');
      for (let slot = 0; slot < 24; slot += 1) {
        const here = plan.multipliers.energyPerKwh[slot]!;
        const there = general.multipliers.energyPerKwh[slot]!;
        if (Math.abs(here - there) > 1e-4) throw new Error(`slot ${slot}: ${here}, not ${there}`);
      }
    }),
    { numRuns: 60 },
  );
});

t.test('the plan says which solver found it', async (t) => {
  const quick = planHome(library, plainHome([1, 2]));
  t.match(quick, { status: 'solved', solver: 'stages' });
  const general = planHome(withoutStages, plainHome([1, 2]));
  t.match(general, { status: 'solved', solver: 'general' });
});
