import { isCalled } from './home-qp.ts';
import { finalIndoorLimitC, keptShare } from './house.ts';
import type { HomeProblem, ShiftableLoad } from './types.ts';

/** Where the stage solver takes its data from and leaves its plan: windows on the memory of one instance. */
export type StageRows = {
  readonly scalars: Float64Array;
  /** Series by slot, in the order of assembly/start.ts; behind them the plan's, in that of assembly/finish.ts. */
  readonly rows: readonly Float64Array[];
  /** Of each staged load: most power, preferred power, and behind them its plan. */
  readonly loadRows: readonly (readonly Float64Array[])[];
};

/** What the solver does not see, to read the plan back with. */
export type StagedHome = {
  /** Money per unit of the solver's cost. */
  readonly scale: number;
  readonly hasPeak: boolean;
  readonly optedIn: boolean;
  /** Loads that have a choice, by their index in the problem; the others run as `fixedKw` says. */
  readonly staged: readonly number[];
  readonly fixedKw: readonly (number | undefined)[];
  /** Kelvin from the preferred temperature at the start of slot 0. */
  readonly indoorFirstK: number;
};

/** Widths below this, in kW, kWh or K, are taken for nothing. */
const POINT = 1e-9;
export const LOADS_MAX = 16;

const BASE_LOAD = 0;
const IMPORT_MAX = 1;
const IMPORT_COST = 2;
const PV = 3;
const USED_COST = 4;
const FED_COST = 5;
const METER_MIN = 6;
const METER_MAX = 7;
const SOLD_COST = 8;
const INDOOR_DRIFT = 9;
const STORED_MIN = 10;
const EV_PRESENT = 11;
const EV_MIN = 12;
const EV_DRIVEN = 13;
const SOLD_FIXED = 14;
const LOAD_SCALARS = 32;

/** Loads whose power is not settled by their window and sum. */
export function stagedLoads({ shiftableLoads = [] }: HomeProblem): number[] {
  return shiftableLoads.flatMap((load, k) => (settledKw(load) === undefined ? [k] : []));
}

/** The power that a load without a choice runs at throughout its window. */
function settledKw(load: ShiftableLoad): number | undefined {
  const window = load.toSlot - load.fromSlot;
  const sumKw = sumOf(load);
  if (window === 0 || sumKw <= POINT) return 0;
  if (load.powerKwMax <= POINT) return sumKw / window;
  return sumKw >= window * load.powerKwMax - POINT ? load.powerKwMax : undefined;
}

function sumOf({ fromSlot, toSlot, preferredKw }: ShiftableLoad): number {
  let sumKw = 0;
  for (let t = fromSlot; t < toSlot; t += 1) sumKw += preferredKw[t]!;
  return sumKw;
}

/**
 * Writes a valid problem into the rows. What can be decided beforehand is:
 *
 * - Opt-in demand response: the reduction is all that the baseline leaves above the import, so that a called
 *   slot has a dearer import and the baseline as its limit.
 * - As published: where the reward exceeds the price, imports are planned up to the limit or the peak and what
 *   is not needed is dropped; the real import then costs the reward, and the peak earns the difference.
 * - Feed-in without a limit at the meter: what pays is fed in and not used, what does not is curtailed.
 * - Loads whose window leaves no choice are part of the base load.
 *
 * @returns undefined where a bound is crossed at sight, so that there is no plan, and for a heat pump without effect.
 */
export function writeHome(
  into: StageRows,
  problem: HomeProblem,
  { optIn, scale = costScale(problem) }: { readonly optIn: boolean; readonly scale?: number },
): StagedHome | undefined {
  const { slots, slotHours, importKwMax, demandCharge, demandResponse, trade } = problem;
  const { rows, scalars } = into;
  const base = rows[BASE_LOAD]!;
  const importMax = rows[IMPORT_MAX]!;
  const importCost = rows[IMPORT_COST]!;
  const money = slotHours / scale;

  const fixedKw: (number | undefined)[] = [];
  for (let t = 0; t < slots; t += 1) base[t] = problem.baseLoadKw[t]!;
  for (const load of problem.shiftableLoads ?? []) {
    const kw = settledKw(load);
    fixedKw.push(kw);
    if (sumOf(load) > (load.toSlot - load.fromSlot) * load.powerKwMax + POINT) return undefined;
    if (kw) for (let t = load.fromSlot; t < load.toSlot; t += 1) base[t] = base[t]! + kw;
  }

  let peakPrice = demandCharge?.pricePerKw ?? 0;
  let limitVaries = false;
  for (let t = 0; t < slots; t += 1) {
    const price = problem.importPricePerKwh[t]!;
    const reward = demandResponse?.rewardPerKwh[t] ?? 0;
    importMax[t] = importKwMax;
    importCost[t] = price * money;
    if (reward <= 0 || demandResponse === undefined) continue;
    if (demandResponse.form === 'as-published') {
      if (reward <= price) continue;
      importCost[t] = reward * money;
      peakPrice -= slotHours * (reward - price);
    } else if (optIn) {
      const baselineKw = demandResponse.baselineKw[t]!;
      if (baselineKw < -POINT) return undefined;
      importCost[t] = (price + reward) * money;
      importMax[t] = Math.min(importKwMax, baselineKw);
      limitVaries ||= baselineKw < importKwMax;
    }
  }
  const meteredKw = demandCharge?.meteredPeakKw ?? 0;
  const hasPeak = demandCharge !== undefined && peakPrice !== 0 && meteredKw < importKwMax - POINT;

  const { pvKw, netImportKwMin, netImportKwMax } = problem;
  const hasMeter = hasLimits(problem);
  let hasPv = false;
  const pv = rows[PV]!;
  for (let t = 0; t < slots; t += 1) {
    const low = netImportKwMin?.[t] ?? -Infinity;
    const high = netImportKwMax?.[t] ?? Infinity;
    rows[METER_MIN]![t] = low;
    rows[METER_MAX]![t] = high;
    const available = pvKw?.[t] ?? 0;
    pv[t] = available;
    hasPv ||= available > 0;
    const feedIn = problem.feedInPricePerKwh[t]! * money;
    const metered = low > -Infinity || high < Infinity;
    rows[USED_COST]![t] = metered ? 0 : Math.max(feedIn, 0);
    rows[FED_COST]![t] = -feedIn;
    rows[SOLD_COST]![t] =
      trade.kind === 'priced'
        ? -money * (trade.pricePerKwh[t]! + trade.penaltyPerKwhPerKw * trade.targetSoldKw[t]!)
        : 0;
  }

  for (let t = 0; t < slots; t += 1) rows[SOLD_FIXED]![t] = trade.kind === 'fixed' ? trade.soldKw[t]! : 0;

  const { battery, ev, hvac } = problem;
  if (battery) {
    const least = rows[STORED_MIN]!;
    least.fill(battery.energyKwhMin);
    least[slots - 1] = Math.max(battery.energyKwhMin, battery.finalKwhMin ?? battery.initialKwh);
    scalars[14] = battery.chargeKwMax;
    scalars[15] = battery.dischargeKwMax;
    scalars[16] = slotHours * battery.chargeEfficiency;
    scalars[17] = slotHours / battery.dischargeEfficiency;
    scalars[18] = battery.initialKwh;
    scalars[19] = battery.capacityKwh;
    scalars[20] = money * battery.wearPerKwh;
  }
  const canFeedBack = ev !== undefined && ev.dischargeKwMax > 0;
  if (ev) {
    for (let t = 0; t < slots; t += 1) {
      rows[EV_PRESENT]![t] = ev.present[t]!;
      rows[EV_MIN]![t] = ev.energyKwhMin[t]!;
      rows[EV_DRIVEN]![t] = ev.drivenKwh[t]!;
    }
    scalars[21] = ev.chargeKwMax;
    scalars[22] = ev.dischargeKwMax;
    scalars[23] = slotHours * ev.chargeEfficiency;
    scalars[24] = slotHours / ev.dischargeEfficiency;
    scalars[25] = ev.initialKwh;
    scalars[26] = ev.capacityKwh;
    scalars[27] = money * ev.wearPerKwh;
  }
  let indoorFirstK = 0;
  const endC = hvac && finalIndoorLimitC(problem, hvac);
  if (hvac) {
    if (hvac.gainKPerKw === 0) return undefined;
    const kept = keptShare(problem, hvac);
    const driftK = (t: number): number => (1 - kept) * (hvac.outdoorC[t]! - hvac.preferredC);
    indoorFirstK =
      driftK(0) + kept * (hvac.indoorCInitial - hvac.preferredC) + hvac.gainKPerKw * hvac.powerKwInitial;
    const lowK = hvac.indoorCMin - hvac.preferredC;
    const highK = hvac.indoorCMax - hvac.preferredC;
    if (indoorFirstK < lowK - POINT || indoorFirstK > highK + POINT) return undefined;
    for (let t = 1; t < slots; t += 1) rows[INDOOR_DRIFT]![t - 1] = driftK(t);
    rows[INDOOR_DRIFT]![slots - 1] = endC === undefined ? 0 : driftK(slots - 1);
    scalars[7] = hvac.powerKwMax;
    scalars[8] = kept;
    scalars[9] = hvac.gainKPerKw;
    scalars[10] = lowK;
    scalars[11] = highK;
    scalars[12] = indoorFirstK;
    scalars[13] = 2 * money * hvac.discomfortPerK2h;
    scalars[28] = (endC ?? 0) - hvac.preferredC;
  }

  const staged: number[] = [];
  fixedKw.forEach((kw, k) => {
    if (kw === undefined) staged.push(k);
  });
  staged.forEach((k, i) => {
    const load = problem.shiftableLoads![k]!;
    const [powerMax, wish] = into.loadRows[i]!;
    powerMax!.fill(0);
    powerMax!.fill(load.powerKwMax, load.fromSlot, load.toSlot);
    for (let t = load.fromSlot; t < load.toSlot; t += 1) wish![t] = load.preferredKw[t]!;
    const sumKw = sumOf(load);
    scalars[LOAD_SCALARS + 2 * i] = 2 * money * load.discomfortPerKw2h;
    scalars[LOAD_SCALARS + 2 * i + 1] = sumKw;
    scalars[LOAD_SCALARS + 2 * staged.length + i] = sumKw / (load.toSlot - load.fromSlot);
  });

  scalars[0] =
    (!hasPeak || limitVaries ? 1 : 0) |
    (hasPeak ? 2 : 0) |
    (hasPv ? 4 : 0) |
    (hasMeter ? 8 : 0) |
    (hvac ? 16 : 0) |
    (battery ? 32 : 0) |
    (ev ? 64 : 0) |
    (canFeedBack ? 128 : 0) |
    (trade.kind === 'priced' ? 256 : 0) |
    (endC === undefined ? 0 : 512);
  scalars[1] = slotHours;
  scalars[2] = importKwMax;
  scalars[3] = peakPrice / scale;
  scalars[4] = meteredKw;
  scalars[5] = importKwMax;
  scalars[6] = trade.kind === 'priced' ? money * trade.penaltyPerKwhPerKw : 0;
  return {
    scale,
    hasPeak,
    optedIn: optIn && isCalled(problem),
    staged,
    fixedKw,
    indoorFirstK,
  };
}

function hasLimits({ slots, netImportKwMin, netImportKwMax }: HomeProblem): boolean {
  for (let t = 0; t < slots; t += 1) {
    if ((netImportKwMin?.[t] ?? -Infinity) > -Infinity || (netImportKwMax?.[t] ?? Infinity) < Infinity) {
      return true;
    }
  }
  return false;
}

/** The largest price of a kW over a slot: so much money is 1 to the solver. */
export function costScale({
  slots,
  slotHours,
  importPricePerKwh,
  feedInPricePerKwh,
  demandResponse,
}: HomeProblem): number {
  let highest = 0;
  for (let t = 0; t < slots; t += 1) {
    const reward = demandResponse?.rewardPerKwh[t] ?? 0;
    highest = Math.max(highest, Math.abs(importPricePerKwh[t]!) + reward, Math.abs(feedInPricePerKwh[t]!));
  }
  return highest > 0 ? highest * slotHours : 1;
}
