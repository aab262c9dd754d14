import type { OptimizerLibrary } from '../library.ts';
import { indoorCAtEnd } from './house.ts';
import { netOutCycling } from './net-cycling.ts';
import { planHome } from './plan-home.ts';
import { costOf } from './read-plan.ts';
import type { CostParts, HomePlan, HomeProblem, MissedLimit, Multipliers, Schedule } from './types.ts';
import { runUnplanned } from './unplanned.ts';

/** One way of living the home's day, and all it costs; money over the horizon. */
export type Way = {
  readonly schedule: Schedule;
  readonly cost: CostParts;
  /** Paid by the neighbours for the trade, negative when paid to them. */
  readonly received: number;
  /**
   * Of ending with less in battery and vehicle than asked for (negative: with more): what the plan would save if
   * it might end so, too. 0 for plans, which end as asked.
   */
  readonly endEnergy: number;
  /** cost.total + endEnergy - received. */
  readonly total: number;
  /** Limits that this way does not keep: it is then cheaper than it may be. */
  readonly missed: readonly MissedLimit[];
};

/** The same day lived in four ways: what a plan is worth, and what trading adds to it. */
export type PlanValue = {
  readonly status: 'solved';
  /** Devices by their own rules, the battery idle. */
  readonly noPlan: Way;
  /** The same, but the battery stores surplus PV for the home. Only with a battery. */
  readonly selfConsumption?: Way;
  /** The cheapest plan without neighbours. */
  readonly alone: Way;
  /** The cheapest plan with the problem's trade; only where that has one. */
  readonly together?: Way;
  /** Of the plan that is carried out: together where there is trade. */
  readonly multipliers: Multipliers;
};

/** What one way saves against another, part by part; positive is saved. Sums to `total`. */
export type Saving = {
  readonly energyBought: number;
  readonly energyFedIn: number;
  readonly neighbours: number;
  readonly demandCharge: number;
  readonly demandResponse: number;
  readonly wear: number;
  readonly comfort: number;
  readonly endEnergy: number;
  readonly total: number;
};

/**
 * What the home's plan is worth. The unplanned ways start where the plan starts and leave the house as the plan
 * leaves it; what they leave in battery and vehicle is valued by planning once more to that end. So at prices
 * that are not negative no way that keeps every limit is cheaper than the plan alone.
 *
 * @param received what the neighbours pay for a fixed trade; a priced trade is paid at its prices.
 * @throws OptimizerError when the problem makes no sense.
 */
export function valueOfPlan(
  library: OptimizerLibrary,
  problem: HomeProblem,
  { received = 0 }: { readonly received?: number } = {},
): PlanValue | Exclude<HomePlan, { status: 'solved' }> {
  const without: HomeProblem = { ...problem, trade: { kind: 'none' } };
  const plan = planHome(library, without);
  if (plan.status !== 'solved') return plan;
  const alone = planned(without, plan.schedule, 0);

  const { hvac } = problem;
  const endIndoorC = indoorCAtEnd(problem, plan.schedule);
  const leaving: HomeProblem = {
    ...without,
    ...(hvac && endIndoorC !== undefined && { hvac: { ...hvac, finalIndoorC: endIndoorC } }),
  };
  const unplanned = (battery: 'idle' | 'self-consumption'): Way => {
    const { schedule, missed } = runUnplanned(problem, { battery, endIndoorC });
    const cost = costOf(without, schedule);
    const endEnergy = plan.cost.total - costOfEndingLike(library, leaving, schedule, plan.cost.total);
    return { schedule, cost, received: 0, endEnergy, total: cost.total + endEnergy, missed };
  };
  const ways = {
    noPlan: unplanned('idle'),
    ...(problem.battery && { selfConsumption: unplanned('self-consumption') }),
    alone,
  };
  if (problem.trade.kind === 'none') return { status: 'solved', ...ways, multipliers: plan.multipliers };

  const trading = planHome(library, problem);
  if (trading.status !== 'solved') return trading;
  const { trade, slotHours } = problem;
  const paid =
    trade.kind === 'priced'
      ? trading.schedule.soldKw.reduce((sum, kw, t) => sum + slotHours * kw * trade.pricePerKwh[t]!, 0)
      : received;
  return {
    status: 'solved',
    ...ways,
    together: planned(problem, trading.schedule, paid),
    multipliers: trading.multipliers,
  };
}

/** By part, what `to` saves against `from`. */
export function savingOf(from: Way, to: Way): Saving {
  const less = (part: (way: Way) => number): number => part(from) - part(to);
  return {
    energyBought: less(({ cost }) => cost.importCost),
    energyFedIn: less(({ cost }) => -cost.feedInRevenue),
    neighbours: less((way) => -way.received),
    demandCharge: less(({ cost }) => cost.demandCharge),
    demandResponse: less(({ cost }) => -cost.demandResponseReward),
    wear: less(({ cost }) => cost.wear),
    comfort: less(({ cost }) => cost.thermalDiscomfort + cost.shiftDiscomfort),
    endEnergy: less((way) => way.endEnergy),
    total: less((way) => way.total),
  };
}

/** A plan as it would be carried out: no converter charges and discharges at once. */
function planned(problem: HomeProblem, schedule: Schedule, received: number): Way {
  const netted = netOutCycling(problem, schedule);
  const cost = costOf(problem, netted);
  return { schedule: netted, cost, received, endEnergy: 0, total: cost.total - received, missed: [] };
}

/** Stores that differ by less are the same. */
const ALIKE_KWH = 1e-4;
/** An end that just can be reached is asked for with so much to spare. */
const SPARE_KWH = 1e-6;

/**
 * The plan's cost if it were asked to end with what `schedule` leaves in battery and vehicle. Of a vehicle left
 * with less than was asked for it is not: that is a missed limit.
 *
 * @param problem with the end of the plan's house as its wish, so that this end, too, is like the others.
 */
function costOfEndingLike(
  library: OptimizerLibrary,
  problem: HomeProblem,
  schedule: Schedule,
  costAsAsked: number,
): number {
  const { battery, ev } = problem;
  const last = problem.slots - 1;
  const askedKwh = battery && Math.max(battery.energyKwhMin, battery.finalKwhMin ?? battery.initialKwh);
  const batteryDiffers = askedKwh !== undefined && differs(schedule.batteryKwh[last]!, askedKwh);
  const evKwh = schedule.evKwh[last]!;
  const evHasMore = ev !== undefined && evKwh > ev.energyKwhMin[last]! + ALIKE_KWH;
  if (!batteryDiffers && !evHasMore) return costAsAsked;
  const plan = planHome(library, {
    ...problem,
    ...(battery && {
      battery: { ...battery, finalKwhMin: Math.max(0, schedule.batteryKwh[last]! - SPARE_KWH) },
    }),
    ...(ev &&
      evHasMore && {
        ev: {
          ...ev,
          energyKwhMin: Array.from(ev.energyKwhMin, (kwh, t) => (t === last ? evKwh - SPARE_KWH : kwh)),
        },
      }),
  });
  // Only a day that misses limits can end where no plan can.
  return plan.status === 'solved' ? plan.cost.total : costAsAsked;
}

const differs = (a: number, b: number): boolean => Math.abs(a - b) > ALIKE_KWH;
