import type { HomeProblem, Schedule } from './types.ts';

/**
 * The schedule without charging and discharging at once. At negative prices such cycling can pay in the
 * plan, since losses are then worth money; no converter can do it. What the stores do at the home's side,
 * charge less discharge, is kept, so that the meter sees what was planned; less is lost, so that more is
 * stored than planned. Where that would overfill a store, charging is cut and import with it.
 *
 * @returns a new schedule; the same one when nothing cycles.
 */
export function netOutCycling(problem: HomeProblem, schedule: Schedule): Schedule {
  const battery = problem.battery
    ? netStorage(problem.slotHours, problem.battery, {
        chargeKw: schedule.batteryChargeKw,
        dischargeKw: schedule.batteryDischargeKw,
        energyKwh: schedule.batteryKwh,
      })
    : undefined;
  const ev = problem.ev
    ? netStorage(problem.slotHours, problem.ev, {
        chargeKw: schedule.evChargeKw,
        dischargeKw: schedule.evDischargeKw,
        energyKwh: schedule.evKwh,
      })
    : undefined;
  if (!battery && !ev) return schedule;
  const cutKw = (t: number): number => (battery?.cutKw[t] ?? 0) + (ev?.cutKw[t] ?? 0);
  return {
    ...schedule,
    ...(battery && {
      batteryChargeKw: battery.chargeKw,
      batteryDischargeKw: battery.dischargeKw,
      batteryKwh: battery.energyKwh,
    }),
    ...(ev && { evChargeKw: ev.chargeKw, evDischargeKw: ev.dischargeKw, evKwh: ev.energyKwh }),
    importKw: schedule.importKw.map((kw, t) => Math.max(0, kw - cutKw(t))),
    netImportKw: schedule.netImportKw.map((kw, t) => kw - cutKw(t)),
  };
}

type Flows = {
  readonly chargeKw: Float64Array;
  readonly dischargeKw: Float64Array;
  readonly energyKwh: Float64Array;
};

type Store = {
  readonly capacityKwh: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
};

/** Both flows at once below this are an interior point's dust, and netted without anyone noticing. */
const CYCLING_KW_MIN = 1e-6;

function netStorage(
  slotHours: number,
  store: Store,
  planned: Flows,
): (Flows & { cutKw: Float64Array }) | undefined {
  const slots = planned.chargeKw.length;
  const cycles = planned.chargeKw.some((kw, t) => Math.min(kw, planned.dischargeKw[t]!) > CYCLING_KW_MIN);
  if (!cycles) return undefined;
  const chargeKw = new Float64Array(slots);
  const dischargeKw = new Float64Array(slots);
  const energyKwh = new Float64Array(slots);
  const cutKw = new Float64Array(slots);
  const gain = (charge: number, discharge: number): number =>
    slotHours * (store.chargeEfficiency * charge - discharge / store.dischargeEfficiency);
  let surplusKwh = 0;
  for (let t = 0; t < slots; t += 1) {
    const charge = planned.chargeKw[t]!;
    const discharge = planned.dischargeKw[t]!;
    chargeKw[t] = Math.max(0, charge - discharge);
    dischargeKw[t] = Math.max(0, discharge - charge);
    surplusKwh += gain(chargeKw[t]!, dischargeKw[t]!) - gain(charge, discharge);
    const excessKwh = planned.energyKwh[t]! + surplusKwh - store.capacityKwh;
    if (excessKwh > 0) {
      cutKw[t] = Math.min(chargeKw[t]!, excessKwh / (slotHours * store.chargeEfficiency));
      chargeKw[t] = chargeKw[t]! - cutKw[t]!;
      surplusKwh -= slotHours * store.chargeEfficiency * cutKw[t]!;
    }
    energyKwh[t] = planned.energyKwh[t]! + surplusKwh;
  }
  return { chargeKw, dischargeKw, energyKwh, cutKw };
}
