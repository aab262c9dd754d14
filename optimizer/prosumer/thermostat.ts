import type { HomeProblem, Hvac } from './types.ts';

/** What a day hands on to the next: the last slot's temperature, and its power, which warms the slot after. */
export type HouseAtEnd = { readonly indoorC: number; readonly powerKw: number };

export type HouseRun = { readonly powerKw: Float64Array; readonly indoorC: Float64Array };

/**
 * The house under a thermostat that holds the preferred temperature as well as its power allows, by the thermal
 * model of the plan (Yang & Wang, Eq. 2, with the exponent's sign corrected): power acts on the next slot.
 *
 * A plan stops caring for the house when its horizon ends, and lets it drift. Heat that is left over is worth
 * money, so two days compare only if both leave the house alike: given `atEnd`, the thermostat is switched off
 * (or full on) as late as it can be to get there. A day that can be planned can always be ended like its plan.
 */
export function runThermostat(problem: HomeProblem, hvac: Hvac, atEnd?: HouseAtEnd): HouseRun {
  const { slots, slotHours } = problem;
  const decay = Math.exp(-slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
  const powerKw = new Float64Array(slots);
  const indoorC = new Float64Array(slots);
  const unheatedC = (t: number): number => {
    const outdoorC = hvac.outdoorC[Math.min(t, slots - 1)]!;
    return outdoorC - (outdoorC - (t === 0 ? hvac.indoorCInitial : indoorC[t - 1]!)) * decay;
  };
  const within = (kw: number): number => Math.min(hvac.powerKwMax, Math.max(0, kw));

  indoorC[0] = unheatedC(0) + hvac.gainKPerKw * hvac.powerKwInitial;
  for (let t = 0; t < slots; t += 1) {
    const lackingK = hvac.preferredC - unheatedC(t + 1);
    powerKw[t] = hvac.gainKPerKw === 0 ? 0 : within(lackingK / hvac.gainKPerKw);
    if (t + 1 < slots) indoorC[t + 1] = unheatedC(t + 1) + hvac.gainKPerKw * powerKw[t]!;
  }
  if (!atEnd) return { powerKw, indoorC };

  powerKw[slots - 1] = within(atEnd.powerKw);
  let lackingK = atEnd.indoorC - indoorC[slots - 1]!;
  // What one kW in slot t still adds in the last slot shrinks with every slot between.
  let gainAtEnd = hvac.gainKPerKw;
  for (let t = slots - 2; t >= 0 && Math.abs(lackingK) > ALIKE_K && gainAtEnd !== 0; t -= 1) {
    const changedKw = within(powerKw[t]! + lackingK / gainAtEnd);
    lackingK -= gainAtEnd * (changedKw - powerKw[t]!);
    powerKw[t] = changedKw;
    gainAtEnd *= decay;
  }
  for (let t = 1; t < slots; t += 1) indoorC[t] = unheatedC(t) + hvac.gainKPerKw * powerKw[t - 1]!;
  return { powerKw, indoorC };
}

/** Temperatures nearer than this are the same. */
const ALIKE_K = 1e-9;
