import type { StorageLayout } from './home-devices.ts';
import type { HomeLayout } from './home-qp.ts';
import type { CostParts, HomeProblem, Multipliers, Schedule } from './types.ts';

/** The schedule in a solution of `buildHomeQp(problem)`, by name. Fresh arrays of `slots` entries. */
export function readSchedule(problem: HomeProblem, layout: HomeLayout, x: ArrayLike<number>): Schedule {
  const { slots, trade } = problem;
  const flow = (columns: Int32Array): Float64Array => read(columns, x, 0);
  const importKw = flow(layout.importKw);
  const demandReductionKw = flow(layout.reductionKw);
  const feedInKw = flow(layout.feedInKw);
  const soldKw = new Float64Array(slots);
  const tradeDeviationKw = new Float64Array(slots);
  const netImportKw = new Float64Array(slots);
  const reductionAtMeter = problem.demandResponse?.form === 'as-published' ? 1 : 0;
  for (let t = 0; t < slots; t += 1) {
    tradeDeviationKw[t] = at(layout.tradeUpKw[t]!, x) - at(layout.tradeDownKw[t]!, x);
    soldKw[t] = trade.kind === 'fixed' ? trade.soldKw[t]! + tradeDeviationKw[t]! : at(layout.soldKw[t]!, x);
    netImportKw[t] = importKw[t]! - reductionAtMeter * demandReductionKw[t]! - feedInKw[t]! - soldKw[t]!;
  }
  const zeros = (): Float64Array => new Float64Array(slots);
  const preferredC = problem.hvac?.preferredC ?? 0;
  return {
    importKw,
    feedInKw,
    pvUsedKw: flow(layout.pvUsedKw),
    batteryChargeKw: layout.battery ? flow(layout.battery.chargeKw) : zeros(),
    batteryDischargeKw: layout.battery ? flow(layout.battery.dischargeKw) : zeros(),
    batteryKwh: layout.battery ? flow(layout.battery.energyKwh) : zeros(),
    evChargeKw: layout.ev ? flow(layout.ev.chargeKw) : zeros(),
    evDischargeKw: layout.ev ? flow(layout.ev.dischargeKw) : zeros(),
    evKwh: layout.ev ? read(layout.ev.energyKwh, x) : zeros(),
    hvacKw: flow(layout.hvacKw),
    indoorC: problem.hvac ? read(layout.indoorOffsetK, x).map((offset) => preferredC + offset) : zeros(),
    shiftableKw: layout.shiftableOffsetKw.map((columns, k) =>
      zeros().map((_, t) => {
        if (columns[t]! < 0) return 0;
        return Math.max(0, problem.shiftableLoads![k]!.preferredKw[t]! + x[columns[t]!]!);
      }),
    ),
    demandReductionKw,
    soldKw,
    tradeDeviationKw,
    netImportKw,
    peakKw: layout.peakKw >= 0 ? x[layout.peakKw]! : Math.max(0, ...importKw),
  };
}

/** What a schedule costs, part by part, from the problem's prices alone. */
export function costOf(problem: HomeProblem, schedule: Schedule): CostParts {
  const { slots, slotHours, battery, ev, hvac, demandResponse } = problem;
  const sum = (term: (slot: number) => number): number => {
    let total = 0;
    for (let t = 0; t < slots; t += 1) total += term(t);
    return slotHours * total;
  };
  const importCost = sum((t) => problem.importPricePerKwh[t]! * schedule.importKw[t]!);
  const feedInRevenue = sum((t) => problem.feedInPricePerKwh[t]! * schedule.feedInKw[t]!);
  const demandCharge = (problem.demandCharge?.pricePerKw ?? 0) * schedule.peakKw;
  const batteryWear = battery?.wearPerKwh ?? 0;
  const evWear = ev?.wearPerKwh ?? 0;
  const wear = sum(
    (t) =>
      batteryWear * (schedule.batteryChargeKw[t]! + schedule.batteryDischargeKw[t]!) +
      evWear * (schedule.evChargeKw[t]! + schedule.evDischargeKw[t]!),
  );
  const thermalDiscomfort = hvac
    ? sum((t) => hvac.discomfortPerK2h * (schedule.indoorC[t]! - hvac.preferredC) ** 2)
    : 0;
  let shiftDiscomfort = 0;
  problem.shiftableLoads?.forEach((load, k) => {
    for (let t = load.fromSlot; t < load.toSlot; t += 1) {
      const awayKw = schedule.shiftableKw[k]![t]! - load.preferredKw[t]!;
      shiftDiscomfort += slotHours * load.discomfortPerKw2h * awayKw ** 2;
    }
  });
  const demandResponseReward = demandResponse
    ? sum((t) => demandResponse.rewardPerKwh[t]! * schedule.demandReductionKw[t]!)
    : 0;
  return {
    importCost,
    demandCharge,
    feedInRevenue,
    wear,
    thermalDiscomfort,
    shiftDiscomfort,
    demandResponseReward,
    total:
      importCost +
      demandCharge -
      feedInRevenue +
      wear +
      thermalDiscomfort +
      shiftDiscomfort -
      demandResponseReward,
  };
}

/**
 * Multipliers by name. With the solver's sign, Px + q + A'y = 0, the cost changes by -y for each unit
 * added to both bounds of a row; a balance row's bound is the load, a dynamics row's is energy found.
 */
export function readMultipliers(problem: HomeProblem, layout: HomeLayout, y: ArrayLike<number>): Multipliers {
  const { slots, slotHours } = problem;
  const stored = (storage: StorageLayout | undefined): Float64Array =>
    storage ? read(storage.dynamicsRow, y) : new Float64Array(slots);
  let peakPerKw = 0;
  for (const row of layout.peakRow) peakPerKw += at(row, y);
  return {
    energyPerKwh: Float64Array.from(layout.balanceRow, (row) => -y[row]! / slotHours),
    batteryStoredPerKwh: stored(layout.battery),
    evStoredPerKwh: stored(layout.ev),
    peakPerKw,
  };
}

/** Values by slot, 0 where there is no column; an interior point may end a hair below a bound of zero. */
function read(columns: Int32Array, from: ArrayLike<number>, min = -Infinity): Float64Array {
  return Float64Array.from(columns, (column) => Math.max(min, at(column, from)));
}

function at(column: number, from: ArrayLike<number>): number {
  return column < 0 ? 0 : from[column]!;
}
