import type { DayGrid } from './day-grid.ts';
import type { HvacDay, HvacDescription } from './types.ts';

/**
 * The house and its heat pump on a grid, under the recursion the optimizer plans with (Yang & Wang, Eq. 2, with
 * the exponent's sign corrected): indoor[t] = out[t] - (out[t] - indoor[t-1]) exp(-dt/RC) + gain hvac[t-1].
 *
 * It heats or cools for the whole day, whichever keeps the house nearer to the preferred temperature. The day
 * begins there, with the power that holds it, and is to end there. The comfort band is widened where the machine could not hold it
 * (a cold night and a hot noon, say), so holding as well as it can is always a plan.
 */
export function hvacDay(hvac: HvacDescription, grid: DayGrid, outdoorC: readonly number[]): HvacDay {
  const slotHours = grid.slotMs / 3_600_000;
  const heating = hold(hvac, slotHours, outdoorC, 'heating');
  const cooling = hold(hvac, slotHours, outdoorC, 'cooling');
  const chosen = heating.strayK2 <= cooling.strayK2 ? heating : cooling;
  return {
    mode: chosen.mode,
    coefficientOfPerformance: hvac.coefficientOfPerformance,
    powerKwMax: hvac.powerKwMax,
    resistanceKPerKw: hvac.resistanceKPerKw,
    capacitanceKwhPerK: hvac.capacitanceKwhPerK,
    gainKPerKw: chosen.gainKPerKw,
    outdoorC: [...outdoorC],
    preferredC: chosen.preferredC,
    indoorCMin: Math.min(chosen.preferredC - hvac.comfortK, chosen.lowestC - slackK),
    indoorCMax: Math.max(chosen.preferredC + hvac.comfortK, chosen.highestC + slackK),
    finalIndoorC: chosen.preferredC,
    indoorCInitial: chosen.preferredC,
    powerKwInitial: chosen.powerKwInitial,
    discomfortPerK2h: hvac.discomfortPerK2h,
  };
}

/** Room beside the proving plan, so that forecast errors of a slot do not end it. */
const slackK = 0.5;

type Mode = 'heating' | 'cooling';

/** Runs the house through the day at the power that brings it nearest to the preferred temperature. */
function hold(hvac: HvacDescription, slotHours: number, outdoorC: readonly number[], mode: Mode) {
  const decay = Math.exp(-slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  const towards = mode === 'heating' ? 1 : -1;
  const gainKPerKw = towards * hvac.coefficientOfPerformance * hvac.resistanceKPerKw * (1 - decay);
  const preferredC = mode === 'heating' ? hvac.heatingPreferredC : hvac.coolingPreferredC;
  let indoorC = preferredC;
  let lowestC = indoorC;
  let highestC = indoorC;
  let strayK2 = 0;
  let powerKwInitial = 0;
  for (const [slot, outC] of outdoorC.entries()) {
    const withoutC = outC - (outC - indoorC) * decay;
    const powerKw = Math.min(hvac.powerKwMax, Math.max(0, (preferredC - withoutC) / gainKPerKw));
    if (slot === 0) powerKwInitial = powerKw;
    indoorC = withoutC + gainKPerKw * powerKw;
    lowestC = Math.min(lowestC, indoorC);
    highestC = Math.max(highestC, indoorC);
    strayK2 += (indoorC - preferredC) ** 2;
  }
  return { mode, gainKPerKw, preferredC, lowestC, highestC, strayK2, powerKwInitial };
}
