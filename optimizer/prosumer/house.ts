import type { HomeProblem, Hvac, Schedule } from './types.ts';

type Slots = Pick<HomeProblem, 'slots' | 'slotHours'>;

/**
 * The house of the plan (Yang & Wang, Eq. 2, with the exponent's sign corrected), dated at the start of slots:
 *
 *   in[t] = out[t] - (out[t] - in[t-1]) * kept + gain * power[t-1],   kept = exp(-dt / (R C))
 *
 * So the last slot's power acts on the temperature with which the next horizon begins.
 */
export function keptShare(
  { slotHours }: Pick<HomeProblem, 'slotHours'>,
  { resistanceKPerKw, capacitanceKwhPerK }: Hvac,
): number {
  return Math.exp(-slotHours / (resistanceKPerKw * capacitanceKwhPerK));
}

/**
 * Temperature at the end of the horizon, a slot after the last one began; outdoors it is then as in the last slot.
 * @returns undefined without a heat pump.
 */
export function indoorCAtEnd(problem: HomeProblem, schedule: Schedule): number | undefined {
  const { hvac, slots } = problem;
  if (!hvac) return undefined;
  const outdoorC = hvac.outdoorC[slots - 1]!;
  const awayK = outdoorC - schedule.indoorC[slots - 1]!;
  return outdoorC - awayK * keptShare(problem, hvac) + hvac.gainKPerKw * schedule.hvacKw[slots - 1]!;
}

/** An end that can just be reached is asked for with so much to spare: a plan needs room to be found in. */
const SPARE_K = 0.01;

/**
 * How warm what heats must leave the house at least, or how cool what cools at most: as wished, or as far as full
 * power from the first slot on can bring it without leaving the band. Limits at the meter are not looked at.
 *
 * @returns undefined where there is no wish, or no power that changes anything.
 */
export function finalIndoorLimitC({ slots, slotHours }: Slots, hvac: Hvac): number | undefined {
  const { finalIndoorC, gainKPerKw, outdoorC, powerKwMax, indoorCMin, indoorCMax } = hvac;
  if (finalIndoorC === undefined || gainKPerKw === 0) return undefined;
  const kept = keptShare({ slotHours }, hvac);
  let indoorC = hvac.indoorCInitial;
  for (let t = 0; t <= slots; t += 1) {
    const outC = outdoorC[Math.min(t, slots - 1)]!;
    indoorC = outC - (outC - indoorC) * kept + gainKPerKw * (t === 0 ? hvac.powerKwInitial : powerKwMax);
    if (t < slots) indoorC = gainKPerKw > 0 ? Math.min(indoorC, indoorCMax) : Math.max(indoorC, indoorCMin);
  }
  return gainKPerKw > 0
    ? Math.min(finalIndoorC, indoorC - SPARE_K)
    : Math.max(finalIndoorC, indoorC + SPARE_K);
}
