import {
  type Battery,
  type CostParts,
  type ElectricVehicle,
  type HomeProblem,
  type Hvac,
  type MissedLimit,
  netOutCycling,
  type OptimizerLibrary,
  planHome,
  type Schedule,
  type Trade,
} from '../../optimizer/index.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { Log } from '../log.ts';
import type { Outlook } from './forecast.ts';
import type { Snapshot } from './sense.ts';

const W_PER_KW = 1_000;

/** Where each store of energy stands when the plan begins. */
export type Measured = {
  readonly batteryKwh?: number | undefined;
  readonly evKwh?: number | undefined;
  readonly indoorC?: number | undefined;
};

/** The part of a snapshot that a plan starts from. A device that did not answer is planned without. */
export const measuredOf = (snapshot: Snapshot): Measured => ({
  ...(snapshot.battery?.storedWh !== undefined && { batteryKwh: snapshot.battery.storedWh / W_PER_KW }),
  ...(snapshot.evse?.vehicleWh !== undefined && { evKwh: snapshot.evse.vehicleWh / W_PER_KW }),
  ...(snapshot.hvac?.indoorC !== undefined && { indoorC: snapshot.hvac.indoorC }),
});

export type ProblemInputs = {
  readonly config: AgentConfig;
  readonly outlook: Outlook;
  readonly measured: Measured;
  readonly trade: Trade;
  /** Energy that the battery must hold at the end of the day, kWh. */
  readonly batteryFinalKwh?: number;
  /** Net import at most, by slot: what was nominated, in slots where energy was sold, infinite elsewhere. */
  readonly netImportKwMax?: readonly number[];
};

/** Third of the six: the home's problem from its devices, preferences and outlook. */
export function homeProblem(inputs: ProblemInputs): HomeProblem {
  const { config, outlook, measured } = inputs;
  const battery = batteryOf(inputs);
  const ev = vehicleOf(inputs);
  const hvac = hvacOf(inputs);
  const importKwMax = config.connection.importWMax / W_PER_KW;
  const exportKwMax = config.connection.exportWMax / W_PER_KW;
  const promised = inputs.netImportKwMax ?? new Array<number>(outlook.slots).fill(importKwMax);
  return {
    slots: outlook.slots,
    slotHours: outlook.slotHours,
    importPricePerKwh: outlook.importPricePerKwh,
    feedInPricePerKwh: outlook.feedInPricePerKwh,
    importKwMax,
    baseLoadKw: outlook.loadKw,
    pvKw: outlook.pvKw,
    ...(battery && { battery }),
    ...(ev && { ev }),
    ...(hvac && measured.indoorC !== undefined && { hvac }),
    // Trade is virtual, what flows at the meter is not: the connection carries no more, whoever it was sold to.
    netImportKwMin: promised.map(() => -exportKwMax),
    netImportKwMax: promised.map((kw) => Math.min(kw, importKwMax)),
    trade: inputs.trade,
  };
}

function batteryOf({ config, measured, batteryFinalKwh }: ProblemInputs): Battery | undefined {
  if (config.battery === undefined || measured.batteryKwh === undefined) return undefined;
  const { capacityKwh, energyKwhMin } = config.battery;
  // A state of charge outside its limits is told now and then; the plan starts from the nearest it can use.
  const initialKwh = Math.min(Math.max(measured.batteryKwh, energyKwhMin), capacityKwh);
  return {
    ...config.battery,
    initialKwh,
    ...(batteryFinalKwh !== undefined && { finalKwhMin: batteryFinalKwh }),
  };
}

function vehicleOf({ config, measured, outlook }: ProblemInputs): ElectricVehicle | undefined {
  if (config.ev === undefined || measured.evKwh === undefined) return undefined;
  const { fromSlot } = outlook;
  const { present, energyKwhMin, drivenKwh, ...vehicle } = config.ev;
  return {
    ...vehicle,
    dischargeKwMax: 0,
    dischargeEfficiency: 1,
    initialKwh: Math.min(measured.evKwh, vehicle.capacityKwh),
    present: present.slice(fromSlot),
    energyKwhMin: energyKwhMin.slice(fromSlot),
    // What was measured now is what is left after a return in this slot.
    drivenKwh: drivenKwh.slice(fromSlot).map((kwh, t) => (t === 0 ? 0 : kwh)),
  };
}

/**
 * The paper dates a temperature at the start of its slot, and takes the one before as given. So that slot 0 begins with
 * what was measured now, the one before is the temperature that would have come to it with the unit off.
 */
function hvacOf({ config, measured, outlook }: ProblemInputs): Hvac | undefined {
  const { hvac } = config;
  const nowC = measured.indoorC;
  if (hvac === undefined || nowC === undefined) return undefined;
  const kept = Math.exp(-outlook.slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  const outdoorC = outlook.outdoorC[0]!;
  return {
    ...hvac,
    // A house outside its band comes back into it as far as the plan finds worth it.
    indoorCMin: Math.min(hvac.indoorCMin, nowC),
    indoorCMax: Math.max(hvac.indoorCMax, nowC),
    // The day after this one is to begin as people want it, not as it is cheapest today.
    finalIndoorC: hvac.preferredC,
    outdoorC: outlook.outdoorC,
    indoorCInitial: outdoorC - (outdoorC - nowC) / kept,
    powerKwInitial: 0,
  };
}

/** What the devices are to do, by slot from `fromSlot` on. */
export type DevicePlan = {
  readonly fromSlot: number;
  readonly batteryNetChargeKw: number[];
  /** Empty where the plan was made without the vehicle, or the heat pump: it says nothing of them then. */
  readonly evChargeKw: number[];
  readonly hvacKw: number[];
  readonly pvUsedKw: number[];
  /** Generation that the plan reckoned with; empty in one of an earlier version. */
  readonly pvExpectedKw: number[];
  readonly netImportKw: number[];
};

/** Charging and discharging in one slot can pay at negative prices; no converter does both, so they are netted. */
export function devicePlan(problem: HomeProblem, schedule: Schedule, fromSlot: number): DevicePlan {
  const netted = netOutCycling(problem, schedule);
  return {
    fromSlot,
    batteryNetChargeKw: Array.from(netted.batteryChargeKw, (kw, t) => kw - netted.batteryDischargeKw[t]!),
    evChargeKw: problem.ev ? Array.from(netted.evChargeKw, (kw, t) => kw - netted.evDischargeKw[t]!) : [],
    hvacKw: problem.hvac ? Array.from(netted.hvacKw) : [],
    pvUsedKw: Array.from(netted.pvUsedKw, (kw, t) => kw + netted.feedInKw[t]!),
    pvExpectedKw: Array.from(problem.pvKw ?? netted.pvUsedKw),
    netImportKw: Array.from(netted.netImportKw),
  };
}

export type BestPlan = {
  readonly schedule: Schedule;
  readonly cost: CostParts;
  readonly missed: readonly MissedLimit[];
};

/**
 * The best plan from where the home stands; where limits cannot all be kept (a house too cold this minute, a
 * vehicle home late), the plan that misses them by as little as it can. Undefined where even that is not found.
 */
export function bestPlan(library: OptimizerLibrary, problem: HomeProblem, log: Log): BestPlan | undefined {
  const plan = planHome(library, problem);
  if (plan.status === 'solved') {
    if (plan.solver === 'general') log({ event: 'planned-by-general-solver', steps: plan.iterations });
    return { schedule: plan.schedule, cost: plan.cost, missed: [] };
  }
  log({ event: 'plan-not-feasible', level: 'warn', status: plan.status, reason: plan.reason });
  if (plan.status === 'infeasible' && plan.nearest) return { ...plan.nearest, missed: plan.missed };
  return undefined;
}
