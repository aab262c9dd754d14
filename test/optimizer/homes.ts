import { readFileSync } from 'node:fs';
import { createOptimizerLibrary, type HomeProblem } from '../../optimizer/index.ts';

const built = (path: string) => readFileSync(new URL(`../../optimizer/${path}`, import.meta.url));

export const library = createOptimizerLibrary({
  qp: built('qp/qp.wasm'),
  stages: built('prosumer/stages.wasm'),
});

/** The plainest home: a load, an import price, no devices. */
export function plainHome(load: readonly number[], change: Partial<HomeProblem> = {}): HomeProblem {
  return {
    slots: load.length,
    slotHours: 1,
    importPricePerKwh: load.map(() => 0.3),
    feedInPricePerKwh: load.map(() => 0.05),
    importKwMax: 20,
    baseLoadKw: load,
    trade: { kind: 'none' },
    ...change,
  };
}

/** A home with most devices, drawn from a seed; it can always keep its limits by itself. */
export function randomHome(seed: number, slots = 24): HomeProblem {
  const random = uniform(seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const chance = (odds: number): boolean => random() < odds;
  const hours = 24 / slots;
  const at = (t: number): number => t * hours;
  const series = (value: (hour: number) => number): number[] =>
    Array.from({ length: slots }, (_, t) => value(at(t)));
  const pvKwp = chance(0.7) ? between(2, 7) : 0;
  const size = between(0.5, 1.5);
  const resistance = between(3, 6);
  const capacitance = between(3, 6);
  const decay = Math.exp(-hours / (resistance * capacitance));
  const homeAgain = series((hour) => (hour < 8 || hour >= 17 ? 1 : 0));
  const departs = homeAgain.indexOf(0);
  const returns = homeAgain.indexOf(1, departs);
  return {
    slots,
    slotHours: hours,
    importPricePerKwh: series((hour) => (hour >= 16 && hour < 21 ? 0.5 : 0.2)),
    feedInPricePerKwh: series(() => between(0.02, 0.06)),
    importKwMax: 20,
    baseLoadKw: series(() => size * between(0.2, 1.5)),
    pvKw: series((hour) => pvKwp * Math.max(0, Math.sin((Math.PI * (hour - 6)) / 12)) * between(0.6, 1)),
    ...(chance(0.5) && { demandCharge: { pricePerKw: between(0.05, 0.4), meteredPeakKw: between(0, 2) } }),
    ...(chance(0.7) && {
      battery: {
        capacityKwh: 6.4,
        energyKwhMin: 0.64,
        chargeKwMax: 5,
        dischargeKwMax: 5,
        chargeEfficiency: 0.95,
        dischargeEfficiency: 0.93,
        initialKwh: 3.2,
        wearPerKwh: 0.01,
      },
    }),
    ...(chance(0.4) && {
      ev: {
        capacityKwh: 50,
        chargeKwMax: 7.4,
        dischargeKwMax: chance(0.5) ? 5 : 0,
        chargeEfficiency: 0.92,
        dischargeEfficiency: 0.9,
        initialKwh: 20,
        present: homeAgain,
        energyKwhMin: homeAgain.map((_, t) => (t === departs - 1 ? 30 : t === slots - 1 ? 22 : 0)),
        drivenKwh: homeAgain.map((_, t) => (t === returns ? 8 : 0)),
        wearPerKwh: 0.01,
      },
    }),
    ...(chance(0.5) && {
      hvac: {
        powerKwMax: 3,
        resistanceKPerKw: resistance,
        capacitanceKwhPerK: capacitance,
        gainKPerKw: 3 * resistance * (1 - decay),
        outdoorC: series((hour) => 6 + 5 * Math.sin((Math.PI * (hour - 9)) / 12)),
        preferredC: 21,
        indoorCMin: 17,
        indoorCMax: 25,
        indoorCInitial: 20.5,
        powerKwInitial: 1,
        discomfortPerK2h: 0.02,
      },
    }),
    ...(chance(0.5) && {
      shiftableLoads: [
        {
          fromSlot: Math.floor(slots / 3),
          toSlot: slots,
          powerKwMax: 2,
          preferredKw: series((hour) => (hour >= 18 && hour < 20 ? 1.5 : 0)),
          discomfortPerKw2h: 0.03,
        },
      ],
    }),
    trade: { kind: 'none' },
  };
}

/** Mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
