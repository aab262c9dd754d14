import type { Battery } from '../../optimizer/index.ts';
import { type RandomStream, randomStream, uniform } from './random.ts';
import type { EvDescription, HvacDescription } from './types.ts';

/**
 * What the data lack, by the seed and the home's name alone: a home keeps its heat pump whatever the number of
 * homes beside it. Shares are odds for every home, so a handful of homes may differ from them.
 */
const hvacShare = 0.4;
const evShare = 0.3;

/** Money per kWh charged and per kWh discharged. */
const wearPerKwh = 0.01;
const roundTripEfficiency = 0.9;

/** Paid for energy fed in: the wholesale price, never negative and never above the retail price. */
export function feedInPricePerKwh(wholesalePerKwh: number, retailPerKwh: number): number {
  return Math.max(0, Math.min(wholesalePerKwh, retailPerKwh));
}

/** Half full at midnight, a tenth kept back, the losses of a round trip shared evenly by the two ways. */
export function batteryOf(rating: {
  readonly capacityKwh: number;
  readonly powerKw: number;
  readonly roundTripEfficiency?: number;
}): Battery {
  const oneWay = Math.sqrt(rating.roundTripEfficiency ?? roundTripEfficiency);
  return {
    capacityKwh: rating.capacityKwh,
    energyKwhMin: 0.1 * rating.capacityKwh,
    chargeKwMax: rating.powerKw,
    dischargeKwMax: rating.powerKw,
    chargeEfficiency: oneWay,
    dischargeEfficiency: oneWay,
    initialKwh: 0.5 * rating.capacityKwh,
    wearPerKwh,
  };
}

/** A reversible heat pump of ordinary size in a house of ordinary insulation, for two homes in five. */
export function hvacOf(seed: number, home: string): HvacDescription | undefined {
  const random = randomStream(seed, 'hvac', home);
  if (random() >= hvacShare) return undefined;
  return {
    powerKwMax: oneOf(random, [2, 2.5, 3]),
    resistanceKPerKw: tenths(uniform(random, 4, 7)),
    capacitanceKwhPerK: tenths(uniform(random, 3, 6)),
    coefficientOfPerformance: tenths(uniform(random, 2.8, 3.6)),
    heatingPreferredC: oneOf(random, [20, 20.5, 21]),
    coolingPreferredC: oneOf(random, [23.5, 24, 25]),
    comfortK: 1.5,
    discomfortPerK2h: 0.02,
  };
}

/** A commuter's car on a single-phase or three-phase wallbox without feed-back, for three homes in ten. */
export function evOf(seed: number, home: string): EvDescription | undefined {
  const random = randomStream(seed, 'ev', home);
  if (random() >= evShare) return undefined;
  const capacityKwh = oneOf(random, [40, 52, 64]);
  const drivenKwh = tenths(uniform(random, 6, 12));
  const midnightKwh = tenths(capacityKwh * uniform(random, 0.4, 0.55));
  return {
    capacityKwh,
    chargeKwMax: oneOf(random, [3.7, 7.4]),
    chargeEfficiency: 0.92,
    departureHour: oneOf(random, [7, 8, 9]),
    returnHour: oneOf(random, [16, 17, 18, 19]),
    midnightKwh,
    targetKwh: tenths(midnightKwh + uniform(random, 4, 8)),
    drivenKwh,
    wearPerKwh,
  };
}

function oneOf<Choice>(random: RandomStream, choices: readonly [Choice, ...Choice[]]): Choice {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

/** Name-plates and settings come in tenths. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
