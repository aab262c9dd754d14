import { missedLimits } from './missed-limits.ts';
import { runThermostat } from './thermostat.ts';
import type { Battery, ElectricVehicle, HomeProblem, MissedLimit, Schedule } from './types.ts';

/** A day that nobody planned. */
export type UnplannedDay = {
  readonly schedule: Schedule;
  /** Limits that the devices' own rules do not keep. The battery's final energy is no limit here. */
  readonly missed: readonly MissedLimit[];
};

export type UnplannedRules = {
  /**
   * 'idle': it stands still. 'self-consumption': what inverters do by default, charge from surplus PV and
   * discharge into the home so that the meter sees nothing, as far as power and energy reach.
   */
  readonly battery: 'idle' | 'self-consumption';
  /** As the plan that this day is compared with leaves the house; the thermostat's own end without it. */
  readonly endIndoorC?: number | undefined;
};

/**
 * The home's day by the rules of its devices alone, under the physics of the problem. No rule knows a price:
 *
 * - The thermostat holds the preferred temperature as well as its power allows.
 * - The vehicle charges at full power from its arrival on, up to the most that is asked of it before it
 *   leaves again, and leaves room in the connection for everything else.
 * - A shiftable load runs as preferred.
 * - PV serves the home first; the rest is fed in as far as the operator's limit lets it.
 * - There is no trade and no demand response.
 *
 * @param problem a valid one; its trade is ignored.
 */
export function runUnplanned(problem: HomeProblem, rules: UnplannedRules): UnplannedDay {
  const { slots } = problem;
  const zeros = (): Float64Array => new Float64Array(slots);
  const house = problem.hvac && runThermostat(problem, problem.hvac, rules.endIndoorC);
  const hvacKw = house?.powerKw ?? zeros();
  const shiftableKw = (problem.shiftableLoads ?? []).map((load) =>
    zeros().map((_, t) =>
      t >= load.fromSlot && t < load.toSlot ? Math.min(load.preferredKw[t]!, load.powerKwMax) : 0,
    ),
  );
  const useKw = zeros().map(
    (_, t) => problem.baseLoadKw[t]! + hvacKw[t]! + shiftableKw.reduce((sum, load) => sum + load[t]!, 0),
  );
  const vehicle = problem.ev && chargeOnArrival(problem, problem.ev, useKw);
  if (vehicle) for (let t = 0; t < slots; t += 1) useKw[t]! += vehicle.chargeKw[t]!;
  const store =
    problem.battery &&
    (rules.battery === 'idle'
      ? standStill(problem, problem.battery)
      : followSurplus(problem, problem.battery, useKw));

  const importKw = zeros();
  const feedInKw = zeros();
  const pvUsedKw = zeros();
  for (let t = 0; t < slots; t += 1) {
    const pvKw = problem.pvKw?.[t] ?? 0;
    const neededKw = useKw[t]! + (store?.chargeKw[t] ?? 0) - (store?.dischargeKw[t] ?? 0);
    pvUsedKw[t] = Math.min(pvKw, Math.max(0, neededKw));
    importKw[t] = Math.max(0, neededKw - pvUsedKw[t]!);
    const exportKwMax = Math.max(0, -(problem.netImportKwMin?.[t] ?? -Infinity));
    feedInKw[t] = Math.min(pvKw - pvUsedKw[t]!, exportKwMax);
  }
  const schedule: Schedule = {
    importKw,
    feedInKw,
    pvUsedKw,
    batteryChargeKw: store?.chargeKw ?? zeros(),
    batteryDischargeKw: store?.dischargeKw ?? zeros(),
    batteryKwh: store?.energyKwh ?? zeros(),
    evChargeKw: vehicle?.chargeKw ?? zeros(),
    evDischargeKw: zeros(),
    evKwh: vehicle?.energyKwh ?? zeros(),
    hvacKw,
    indoorC: house?.indoorC ?? zeros(),
    shiftableKw,
    demandReductionKw: zeros(),
    soldKw: zeros(),
    tradeDeviationKw: zeros(),
    netImportKw: importKw.map((kw, t) => kw - feedInKw[t]!),
    peakKw: Math.max(problem.demandCharge?.meteredPeakKw ?? 0, ...importKw),
  };
  return { schedule, missed: missedLimits(problem, schedule) };
}

/** Full power from arrival on, up to the highest energy asked for before the vehicle leaves again. */
function chargeOnArrival(
  problem: HomeProblem,
  ev: ElectricVehicle,
  otherKw: Float64Array,
): { chargeKw: Float64Array; energyKwh: Float64Array } {
  const { slots, slotHours } = problem;
  const storedPerKw = slotHours * ev.chargeEfficiency;
  const mostKw = otherKw.map((kw, t) => {
    if (ev.present[t]! <= 0) return 0;
    const carriesKw = Math.min(problem.importKwMax, problem.netImportKwMax?.[t] ?? Infinity);
    return Math.max(0, Math.min(ev.chargeKwMax, carriesKw + (problem.pvKw?.[t] ?? 0) - kw));
  });
  const goalKwh = chargingGoal(
    ev,
    mostKw.map((kw) => storedPerKw * kw),
  );
  const chargeKw = new Float64Array(slots);
  const energyKwh = new Float64Array(slots);
  let storedKwh = ev.initialKwh;
  for (let t = 0; t < slots; t += 1) {
    storedKwh -= ev.drivenKwh[t]!;
    chargeKw[t] = Math.max(0, Math.min(mostKw[t]!, (goalKwh[t]! - storedKwh) / storedPerKw));
    storedKwh += storedPerKw * chargeKw[t]!;
    energyKwh[t] = storedKwh;
  }
  return { chargeKw, energyKwh };
}

/**
 * By slot, the most energy needed at the end of that or a later slot of the same stay. Needed is what is asked
 * for, and what later stays could not make up for even if they stored `mostKwh` in each of their slots.
 */
function chargingGoal(ev: ElectricVehicle, mostKwh: Float64Array): Float64Array {
  const slots = mostKwh.length;
  const goalKwh = new Float64Array(slots);
  let neededNextKwh = 0;
  for (let t = slots - 1; t >= 0; t -= 1) {
    const neededKwh = Math.max(ev.energyKwhMin[t]!, neededNextKwh);
    const stays = t + 1 < slots && ev.present[t + 1]! > 0;
    goalKwh[t] = Math.min(ev.capacityKwh, Math.max(neededKwh, stays ? goalKwh[t + 1]! : 0));
    neededNextKwh = Math.max(0, neededKwh + ev.drivenKwh[t]! - mostKwh[t]!);
  }
  return goalKwh;
}

type BatteryRun = {
  readonly chargeKw: Float64Array;
  readonly dischargeKw: Float64Array;
  readonly energyKwh: Float64Array;
};

function standStill({ slots }: HomeProblem, battery: Battery): BatteryRun {
  return {
    chargeKw: new Float64Array(slots),
    dischargeKw: new Float64Array(slots),
    energyKwh: new Float64Array(slots).fill(battery.initialKwh),
  };
}

/** Keeps the meter at zero: surplus PV goes in, what the home lacks comes out. */
function followSurplus(problem: HomeProblem, battery: Battery, useKw: Float64Array): BatteryRun {
  const { slots, slotHours } = problem;
  const run = standStill(problem, battery);
  let storedKwh = battery.initialKwh;
  for (let t = 0; t < slots; t += 1) {
    const surplusKw = (problem.pvKw?.[t] ?? 0) - useKw[t]!;
    const roomKw = (battery.capacityKwh - storedKwh) / (slotHours * battery.chargeEfficiency);
    const usableKw = ((storedKwh - battery.energyKwhMin) * battery.dischargeEfficiency) / slotHours;
    run.chargeKw[t] = Math.max(0, Math.min(surplusKw, battery.chargeKwMax, roomKw));
    run.dischargeKw[t] = Math.max(0, Math.min(-surplusKw, battery.dischargeKwMax, usableKw));
    storedKwh +=
      slotHours *
      (battery.chargeEfficiency * run.chargeKw[t]! - run.dischargeKw[t]! / battery.dischargeEfficiency);
    run.energyKwh[t] = storedKwh;
  }
  return run;
}
