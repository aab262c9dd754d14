import type { HomeProblem, MissedLimit, Schedule } from './types.ts';

/** A limit missed by less than this, in its own unit, is met. */
const MISS_MIN = 1e-4;

/**
 * Every limit of the problem that the schedule does not keep, largest miss first. The battery's final energy is
 * left out: what a day leaves in the battery has a price, and no rule to be broken. So is the temperature at the
 * end, which is a wish.
 */
export function missedLimits(problem: HomeProblem, schedule: Schedule): MissedLimit[] {
  const missed: MissedLimit[] = [];
  const check = (limit: MissedLimit['limit'], slot: number, by: number, unit: MissedLimit['unit']): void => {
    if (by > MISS_MIN) missed.push({ limit, slot, by, unit });
  };
  const { battery, ev, hvac } = problem;
  for (let t = 0; t < problem.slots; t += 1) {
    check('import maximum', t, schedule.importKw[t]! - problem.importKwMax, 'kW');
    const netKw = schedule.netImportKw[t]!;
    check('net import minimum', t, (problem.netImportKwMin?.[t] ?? -Infinity) - netKw, 'kW');
    check('net import maximum', t, netKw - (problem.netImportKwMax?.[t] ?? Infinity), 'kW');
    if (battery) check('battery energy minimum', t, battery.energyKwhMin - schedule.batteryKwh[t]!, 'kWh');
    if (ev) check('EV energy minimum', t, ev.energyKwhMin[t]! - schedule.evKwh[t]!, 'kWh');
    if (hvac) {
      check('indoor temperature minimum', t, hvac.indoorCMin - schedule.indoorC[t]!, 'K');
      check('indoor temperature maximum', t, schedule.indoorC[t]! - hvac.indoorCMax, 'K');
    }
  }
  problem.shiftableLoads?.forEach(({ fromSlot, toSlot, preferredKw }, k) => {
    let lackingKw = 0;
    for (let t = fromSlot; t < toSlot; t += 1) lackingKw += preferredKw[t]! - schedule.shiftableKw[k]![t]!;
    check('shiftable load sum', toSlot - 1, Math.abs(lackingKw), 'kW');
  });
  return missed.sort((a, b) => b.by - a.by);
}
