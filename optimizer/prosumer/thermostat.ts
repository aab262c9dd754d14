import { keptShare } from './house.ts';
import type { HomeProblem, Hvac } from './types.ts';

export type HouseRun = { readonly powerKw: Float64Array; readonly indoorC: Float64Array };

/**
 * The house of house.ts under a thermostat that holds the preferred temperature as well as its power allows.
 *
 * Heat that is left over is worth money, so two days compare only if both leave the house alike: given
 * `endIndoorC`, the thermostat is switched off (or full on) as late as it can be to get there. A day that can be
 * planned can always be ended like its plan.
 */
export function runThermostat(problem: HomeProblem, hvac: Hvac, endIndoorC?: number): HouseRun {
  const { slots } = problem;
  const kept = keptShare(problem, hvac);
  const powerKw = new Float64Array(slots);
  /** With the end behind the last slot. */
  const indoorC = new Float64Array(slots + 1);
  const unheatedC = (t: number): number => {
    const outdoorC = hvac.outdoorC[Math.min(t, slots - 1)]!;
    return outdoorC - (outdoorC - (t === 0 ? hvac.indoorCInitial : indoorC[t - 1]!)) * kept;
  };
  const within = (kw: number): number => Math.min(hvac.powerKwMax, Math.max(0, kw));

  indoorC[0] = unheatedC(0) + hvac.gainKPerKw * hvac.powerKwInitial;
  for (let t = 0; t < slots; t += 1) {
    const lackingK = hvac.preferredC - unheatedC(t + 1);
    powerKw[t] = hvac.gainKPerKw === 0 ? 0 : within(lackingK / hvac.gainKPerKw);
    indoorC[t + 1] = unheatedC(t + 1) + hvac.gainKPerKw * powerKw[t]!;
  }
  if (endIndoorC === undefined) return { powerKw, indoorC: indoorC.slice(0, slots) };

  let lackingK = endIndoorC - indoorC[slots]!;
  // What one kW in slot t still adds at the end shrinks with every slot between.
  let gainAtEnd = hvac.gainKPerKw;
  for (let t = slots - 1; t >= 0 && Math.abs(lackingK) > ALIKE_K && gainAtEnd !== 0; t -= 1) {
    const changedKw = within(powerKw[t]! + lackingK / gainAtEnd);
    lackingK -= gainAtEnd * (changedKw - powerKw[t]!);
    powerKw[t] = changedKw;
    gainAtEnd *= kept;
  }
  for (let t = 1; t < slots; t += 1) indoorC[t] = unheatedC(t) + hvac.gainKPerKw * powerKw[t - 1]!;
  return { powerKw, indoorC: indoorC.slice(0, slots) };
}

/** Temperatures nearer than this are the same. */
const ALIKE_K = 1e-9;
