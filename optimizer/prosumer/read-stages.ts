import { costOf } from './read-plan.ts';
import type { StagedHome, StageRows } from './stage-rows.ts';
import type { HomePlan, HomeProblem, Multipliers, Schedule } from './types.ts';

const IMPORT = 20;
const USED = 21;
const FED = 22;
const SOLD = 23;
const HEAT = 24;
const INDOOR = 25;
const CHARGE = 26;
const DISCHARGE = 27;
const STORED = 28;
const EV_CHARGE = 29;
const EV_DISCHARGE = 30;
const EV_STORED = 31;
const STORED_WORTH = 32;
const EV_WORTH = 33;
const PRICE = 34;
const LOAD_PLAN = 4;

/** Figures of a finished solve that are no series. */
export type StageFigures = {
  readonly iterations: number;
  readonly peakKw: number;
  /** What a kW more of metered peak would save, in the solver's money. */
  readonly peakWorth: number;
};

/** The plan in the rows of a finished solve, by name. Fresh arrays. */
export function readStages(
  { rows, loadRows }: StageRows,
  problem: HomeProblem,
  home: StagedHome,
  figures: StageFigures,
): Extract<HomePlan, { status: 'solved' }> {
  const { slots, demandCharge } = problem;
  const zeros = (): Float64Array => new Float64Array(slots);
  /** An interior point may end a hair below a bound of zero. */
  const flow = (row: number, isThere: boolean): Float64Array =>
    isThere ? notNegative(rows[row]!.slice(0, slots)) : zeros();
  const { battery, ev, hvac, trade, demandResponse } = problem;
  const canFeedBack = ev !== undefined && ev.dischargeKwMax > 0;

  const importKw = flow(IMPORT, true);
  const reductionKw = zeros();
  const peakKw = home.hasPeak ? figures.peakKw : Math.max(demandCharge?.meteredPeakKw ?? 0, 0);
  const { pvUsedKw, feedInKw } = readPv(rows, problem);
  const soldKw = zeros();
  if (trade.kind === 'priced') soldKw.set(rows[SOLD]!.subarray(0, slots));
  else if (trade.kind === 'fixed') for (let t = 0; t < slots; t += 1) soldKw[t] = trade.soldKw[t]!;
  const netImportKw = zeros();
  for (let t = 0; t < slots; t += 1) netImportKw[t] = importKw[t]! - feedInKw[t]! - soldKw[t]!;
  for (let t = 0; t < slots && demandResponse; t += 1) {
    const reward = demandResponse.rewardPerKwh[t]!;
    if (reward <= 0) continue;
    if (demandResponse.form === 'opt-in') {
      if (home.optedIn) reductionKw[t] = Math.max(0, demandResponse.baselineKw[t]! - importKw[t]!);
    } else if (reward > problem.importPricePerKwh[t]!) {
      const plannedKw = home.hasPeak ? Math.min(peakKw, problem.importKwMax) : problem.importKwMax;
      reductionKw[t] = Math.max(0, plannedKw - importKw[t]!);
      importKw[t] = importKw[t]! + reductionKw[t]!;
    }
  }
  const schedule: Schedule = {
    importKw,
    feedInKw,
    pvUsedKw,
    batteryChargeKw: flow(CHARGE, battery !== undefined),
    batteryDischargeKw: flow(DISCHARGE, battery !== undefined),
    batteryKwh: flow(STORED, battery !== undefined),
    evChargeKw: flow(EV_CHARGE, ev !== undefined),
    evDischargeKw: flow(EV_DISCHARGE, canFeedBack),
    evKwh: flow(EV_STORED, ev !== undefined),
    hvacKw: flow(HEAT, hvac !== undefined),
    indoorC: readIndoor(rows, problem, home),
    shiftableKw: (problem.shiftableLoads ?? []).map((load, k) => {
      const kw = home.fixedKw[k];
      if (kw !== undefined) return zeros().fill(kw, load.fromSlot, load.toSlot);
      return notNegative(loadRows[home.staged.indexOf(k)]![LOAD_PLAN]!.slice(0, slots));
    }),
    demandReductionKw: reductionKw,
    soldKw,
    tradeDeviationKw: zeros(),
    netImportKw,
    peakKw: home.hasPeak ? peakKw : Math.max(peakKw, ...importKw),
  };
  return {
    status: 'solved',
    schedule,
    cost: costOf(problem, schedule),
    multipliers: readMultipliers(rows, problem, home, figures),
    optedIn: home.optedIn,
    solver: 'stages',
    iterations: figures.iterations,
  };
}

function readIndoor(
  rows: StageRows['rows'],
  { slots, hvac }: HomeProblem,
  { indoorFirstK }: StagedHome,
): Float64Array {
  const indoorC = new Float64Array(slots);
  if (!hvac) return indoorC;
  indoorC[0] = hvac.preferredC + indoorFirstK;
  for (let t = 1; t < slots; t += 1) indoorC[t] = hvac.preferredC + rows[INDOOR]![t - 1]!;
  return indoorC;
}

function readPv(
  rows: StageRows['rows'],
  { slots, pvKw, feedInPricePerKwh, netImportKwMin, netImportKwMax }: HomeProblem,
): { pvUsedKw: Float64Array; feedInKw: Float64Array } {
  const pvUsedKw = new Float64Array(slots);
  const feedInKw = new Float64Array(slots);
  for (let t = 0; t < slots; t += 1) {
    const available = pvKw?.[t] ?? 0;
    if (available === 0) continue;
    pvUsedKw[t] = Math.max(0, rows[USED]![t]!);
    if ((netImportKwMin?.[t] ?? -Infinity) > -Infinity || (netImportKwMax?.[t] ?? Infinity) < Infinity) {
      feedInKw[t] = Math.max(0, rows[FED]![t]!);
    } else if (feedInPricePerKwh[t]! > 0) {
      feedInKw[t] = Math.max(0, available - pvUsedKw[t]!);
    }
  }
  return { pvUsedKw, feedInKw };
}

function readMultipliers(
  rows: StageRows['rows'],
  { slots, slotHours, battery, ev, demandCharge }: HomeProblem,
  { scale, hasPeak }: StagedHome,
  { peakWorth }: StageFigures,
): Multipliers {
  /** A kWh found is worth what the bounds on the energy of this slot and all later ones make of it. */
  const stored = (row: number, isThere: boolean): Float64Array => {
    const worth = new Float64Array(slots);
    if (!isThere) return worth;
    let later = 0;
    for (let t = slots - 1; t >= 0; t -= 1) {
      later += rows[row]![t]! * scale;
      worth[t] = later;
    }
    return worth;
  };
  const energyPerKwh = rows[PRICE]!.slice(0, slots);
  for (let t = 0; t < slots; t += 1) energyPerKwh[t] = (energyPerKwh[t]! * scale) / slotHours;
  return {
    energyPerKwh,
    batteryStoredPerKwh: stored(STORED_WORTH, battery !== undefined),
    evStoredPerKwh: stored(EV_WORTH, ev !== undefined),
    peakPerKw: hasPeak ? (demandCharge?.pricePerKw ?? 0) - peakWorth * scale : 0,
  };
}

function notNegative(values: Float64Array): Float64Array {
  for (let t = 0; t < values.length; t += 1) if (values[t]! < 0) values[t] = 0;
  return values;
}
