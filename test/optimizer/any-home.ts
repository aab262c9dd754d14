import type { HomeProblem, ShiftableLoad, Trade } from '../../optimizer/index.ts';
import { uniform } from './homes.ts';

/**
 * A home with any choice of devices, tariffs, limits and trade, edge cases more often than life has them: stores
 * without a choice, limits that leave no width, negative and equal prices, one slot only. Some have no plan.
 */
export function anyHome(seed: number, slotsMax = 60): HomeProblem {
  const random = uniform(seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const chance = (odds: number): boolean => random() < odds;
  const oneOf = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const slots = chance(0.1) ? 1 + Math.floor(random() * 3) : 1 + Math.floor(random() * slotsMax);
  const slotHours = oneOf(0.25, 0.5, 1, 1 / 12);
  const series = (value: (slot: number) => number): number[] =>
    Array.from({ length: slots }, (_, t) => value(t));
  const sometimes = (odds: number, value: () => number, otherwise: number): number[] =>
    series(() => (chance(odds) ? value() : otherwise));

  const currency = oneOf(1, 1, 1, 0.01, 150);
  const lowestPrice = chance(0.15) ? -0.1 : 0.1;
  const flat = chance(0.2);
  const importPricePerKwh = series(() => currency * (flat ? 0.3 : between(lowestPrice, 0.5)));
  const feedIn = oneOf(0.06, 0.06, 0, -0.05);
  const importKwMax = oneOf(20, 20, 8, 0);
  const energy = (capacityKwh: number): number => oneOf(0, 1, 0.5, 0.5, random()) * capacityKwh;
  const efficiency = (): number => oneOf(1, 0.95, 0.9, 0.6);
  const batteryKwh = oneOf(6.4, 13.5, 0.5);
  const vehicleKwh = oneOf(40, 60);
  const vehicleFirst = energy(vehicleKwh);
  const present = sometimes(0.7, () => 1, 0);
  const arrives = present.findIndex((here, t) => t > 0 && here === 1 && present[t - 1] === 0);
  const preferredC = 21;
  const resistance = between(2, 6);
  const capacitance = between(3, 8);
  const decay = Math.exp(-slotHours / (resistance * capacitance));

  return {
    slots,
    slotHours,
    importPricePerKwh,
    feedInPricePerKwh: series(() => currency * feedIn * (flat ? 1 : between(0.5, 1))),
    importKwMax,
    baseLoadKw: series(() => (importKwMax > 0 ? between(0, 2) : 0)),
    ...(chance(0.7) && { pvKw: sometimes(0.6, () => between(0, 6), 0) }),
    ...(chance(0.5) && {
      demandCharge: {
        pricePerKw: currency * oneOf(0, 0.4, 2),
        meteredPeakKw: oneOf(0, between(0, 3), 20, 25),
      },
    }),
    ...(chance(0.7) && {
      battery: {
        capacityKwh: batteryKwh,
        energyKwhMin: oneOf(0, 0.1, 1) * batteryKwh * (chance(0.1) ? 1 : 0.5),
        chargeKwMax: oneOf(0, 3, 5),
        dischargeKwMax: oneOf(0, 3, 5),
        chargeEfficiency: efficiency(),
        dischargeEfficiency: efficiency(),
        initialKwh: energy(batteryKwh),
        ...(chance(0.4) && { finalKwhMin: energy(batteryKwh) }),
        wearPerKwh: currency * oneOf(0, 0.01),
      },
    }),
    ...(chance(0.5) && {
      ev: {
        capacityKwh: vehicleKwh,
        chargeKwMax: oneOf(0, 7.4, 11),
        dischargeKwMax: oneOf(0, 0, 5),
        chargeEfficiency: efficiency(),
        dischargeEfficiency: efficiency(),
        initialKwh: vehicleFirst,
        present,
        energyKwhMin: series((t) =>
          present[t] === 1 && present[t + 1] === 0 && chance(0.3)
            ? Math.min(vehicleKwh, vehicleFirst + between(0, 3))
            : 0,
        ),
        drivenKwh: series((t) => (t === arrives ? between(0, vehicleFirst / 2) : 0)),
        wearPerKwh: currency * oneOf(0, 0.01),
      },
    }),
    ...(chance(0.5) && {
      hvac: {
        powerKwMax: oneOf(0, 3, 5),
        resistanceKPerKw: resistance,
        capacitanceKwhPerK: capacitance,
        gainKPerKw: (chance(0.02) ? 0 : oneOf(3, 3, -3)) * resistance * (1 - decay),
        outdoorC: series(() => between(12, 30)),
        preferredC,
        indoorCMin: preferredC - oneOf(0, 2, 4, 20),
        indoorCMax: preferredC + oneOf(0, 2, 4, 20),
        indoorCInitial: between(20, 22),
        powerKwInitial: 0,
        discomfortPerK2h: currency * oneOf(0, 0.01, 0.1),
      },
    }),
    ...(chance(0.6) && {
      shiftableLoads: Array.from({ length: 1 + Math.floor(random() * 4) }, (): ShiftableLoad => {
        const fromSlot = Math.floor(random() * (slots + 1));
        const toSlot = fromSlot + Math.floor(random() * (slots + 1 - fromSlot));
        const powerKwMax = oneOf(0, 2, 3);
        return {
          fromSlot,
          toSlot,
          powerKwMax,
          preferredKw: sometimes(0.3, () => powerKwMax * oneOf(0.5, 1, 1), oneOf(0, 0, powerKwMax)),
          discomfortPerKw2h: currency * oneOf(0, 0.03, 0.3),
        };
      }),
    }),
    ...(chance(0.4) && {
      demandResponse: {
        form: oneOf('opt-in' as const, 'as-published' as const),
        rewardPerKwh: sometimes(0.3, () => currency * oneOf(0.1, 0.4, 0.3), 0),
        baselineKw: series(() => oneOf(between(0, 4), 30)),
      },
    }),
    ...(chance(0.3) && { netImportKwMin: sometimes(0.6, () => between(-6, -1), -Infinity) }),
    ...(chance(0.3) && { netImportKwMax: sometimes(0.6, () => oneOf(between(2, 12), 30, 1), Infinity) }),
    trade: anyTrade(),
  };

  function anyTrade(): Trade {
    if (chance(0.25)) return { kind: 'none' };
    if (chance(0.3)) return { kind: 'fixed', soldKw: series(() => between(-0.3, 0.3)) };
    return {
      kind: 'priced',
      pricePerKwh: series((t) => importPricePerKwh[t]! * between(0.3, 1)),
      penaltyPerKwhPerKw: currency * oneOf(0, 0.05, 0.3),
      targetSoldKw: series(() => between(-1, 1)),
    };
  }
}

/** The same home with a wish for the house at the end: nearly always one that its power can reach. */
export function withWishedEnd(home: HomeProblem, seed: number): HomeProblem {
  if (!home.hvac) return home;
  const random = uniform(seed ^ 0xe2d);
  const awayK = [0, 0, 0.7, -1.5, 12][Math.floor(5 * random())]!;
  return { ...home, hvac: { ...home.hvac, finalIndoorC: home.hvac.preferredC + awayK } };
}
