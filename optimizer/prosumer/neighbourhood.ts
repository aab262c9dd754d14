import { OptimizerError } from '../errors.ts';
import type { OptimizerLibrary } from '../library.ts';
import type { QpProblem } from '../qp/types.ts';
import { buildHomeQp, type HomeQp } from './home-qp.ts';
import { choosesToOptIn, HOME_QP_SETTINGS, unsolvedReason } from './plan-home.ts';
import { costOf, readSchedule } from './read-plan.ts';
import type { CostParts, HomeProblem, Schedule } from './types.ts';

export type NeighbourhoodPlan =
  | {
      readonly status: 'solved';
      /** Over all homes; trade pays nothing on the whole. */
      readonly totalCost: number;
      /** By home, in the order given; trade left out. */
      readonly costs: readonly CostParts[];
      readonly schedules: readonly Schedule[];
      /** By home and slot; every slot sums to zero. */
      readonly soldKw: readonly Float64Array[];
      /** Multiplier of the clearing by slot: what one kWh sold to a neighbour is worth. */
      readonly pricePerKwh: Float64Array;
      readonly iterations: number;
    }
  | { readonly status: 'infeasible' | 'unsolved'; readonly reason: string };

/**
 * The neighbourhood's cheapest plan were one planner to know every home: all homes in one program, joined
 * by the clearing of trade, sum over homes of sold = 0 in every slot. The yardstick for decentralised
 * rounds. `trade` of the problems is ignored; opt-in demand response is chosen home by home beforehand.
 *
 * @throws OptimizerError when a problem makes no sense, or the homes differ in slots.
 */
export function planNeighbourhood(
  library: OptimizerLibrary,
  problems: readonly HomeProblem[],
): NeighbourhoodPlan {
  const { slots, slotHours } = agreeOnSlots(problems);
  const zeros = new Float64Array(slots);
  const tradable = problems.map(
    (problem): HomeProblem => ({
      ...problem,
      trade: { kind: 'priced', pricePerKwh: zeros, penaltyPerKwhPerKw: 0, targetSoldKw: zeros },
    }),
  );
  const choices = tradable.map((problem) => choosesToOptIn(library, problem));
  const solveJoint = (soft: 'nothing' | 'wishes') => {
    const homes = tradable.map((problem, i) => buildHomeQp(problem, { optIn: choices[i]!, soft }));
    const joint = joinHomes(homes, slots);
    return { homes, joint, solution: library.setup(joint.qp, HOME_QP_SETTINGS).solve() };
  };
  let { homes, joint, solution } = solveJoint('nothing');
  if (
    solution.status === 'primalInfeasible' &&
    problems.some(({ hvac }) => hvac?.finalIndoorC !== undefined)
  ) {
    ({ homes, joint, solution } = solveJoint('wishes'));
  }
  if (solution.status !== 'solved') {
    const status = solution.status === 'primalInfeasible' ? 'infeasible' : 'unsolved';
    return { status, reason: unsolvedReason(solution.status) };
  }
  const schedules = homes.map(({ layout, qp }, i) => {
    const first = joint.firstColumn[i]!;
    return readSchedule(tradable[i]!, layout, solution.x.subarray(first, first + qp.variables));
  });
  const costs = schedules.map((schedule, i) => costOf(tradable[i]!, schedule));
  return {
    status: 'solved',
    totalCost: costs.reduce((sum, { total }) => sum + total, 0),
    costs,
    schedules,
    soldKw: schedules.map(({ soldKw }) => soldKw),
    pricePerKwh: Float64Array.from(
      { length: slots },
      (_, t) => -solution.y[joint.firstClearingRow + t]! / slotHours,
    ),
    iterations: solution.iterations,
  };
}

function agreeOnSlots(problems: readonly HomeProblem[]): { slots: number; slotHours: number } {
  const first = problems[0];
  if (!first) throw new OptimizerError('OPTIMIZER_BAD_LENGTH', 'no homes', { field: 'problems' });
  problems.forEach(({ slots, slotHours }, home) => {
    if (slots !== first.slots || slotHours !== first.slotHours) {
      throw new OptimizerError('OPTIMIZER_BAD_LENGTH', `home ${home} plans other slots than home 0`, {
        field: 'slots',
        home,
      });
    }
  });
  return first;
}

/** Home programs side by side, and one clearing row a slot below them. */
function joinHomes(
  homes: readonly HomeQp[],
  slots: number,
): { qp: QpProblem; firstColumn: number[]; firstClearingRow: number } {
  const firstColumn: number[] = [];
  const P = { rows: [] as number[], columns: [] as number[], values: [] as number[] };
  const A = { rows: [] as number[], columns: [] as number[], values: [] as number[] };
  const q: number[] = [];
  const l: number[] = [];
  const u: number[] = [];
  for (const { qp } of homes) {
    const column = q.length;
    const row = l.length;
    firstColumn.push(column);
    for (let k = 0; k < qp.P.values.length; k += 1) {
      P.rows.push(column + qp.P.rows[k]!);
      P.columns.push(column + qp.P.columns[k]!);
      P.values.push(qp.P.values[k]!);
    }
    for (let k = 0; k < qp.A.values.length; k += 1) {
      A.rows.push(row + qp.A.rows[k]!);
      A.columns.push(column + qp.A.columns[k]!);
      A.values.push(qp.A.values[k]!);
    }
    for (let j = 0; j < qp.variables; j += 1) q.push(qp.q[j]!);
    for (let i = 0; i < qp.constraints; i += 1) {
      l.push(qp.l[i]!);
      u.push(qp.u[i]!);
    }
  }
  const firstClearingRow = l.length;
  for (let t = 0; t < slots; t += 1) {
    homes.forEach(({ layout }, i) => {
      A.rows.push(firstClearingRow + t);
      A.columns.push(firstColumn[i]! + layout.soldKw[t]!);
      A.values.push(1);
    });
    l.push(0);
    u.push(0);
  }
  return { qp: { variables: q.length, constraints: l.length, P, A, q, l, u }, firstColumn, firstClearingRow };
}
