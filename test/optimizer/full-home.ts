import type { HomeProblem } from '../../optimizer/index.ts';
import { uniform } from './homes.ts';

/**
 * A home with everything: battery, vehicle that can feed back, heat pump, two shiftable loads, PV, feed-in,
 * demand charge, called demand response, limits at the meter and a priced trade. It can keep all its limits by
 * itself. 24, 96 and 288 slots make one day, 672 a week of quarter hours.
 */
export function fullHome(seed: number, slots: number): HomeProblem {
  const random = uniform(7919 * seed + slots);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const noise = (): number => random() + random() + random() + random() - 2;
  const slotHours = slots <= 288 ? 24 / slots : 0.25;
  const hours = Array.from({ length: slots }, (_, t) => (t * slotHours) % 24);
  const bump = (hour: number, at: number, width: number): number =>
    Math.exp(-0.5 * ((hour - at) / width) ** 2);
  const inside = (hour: number, from: number, to: number): boolean => hour >= from - 1e-9 && hour < to - 1e-9;

  const winter = random() < 0.5;
  const preferredC = winter ? between(20, 21.5) : between(23, 24.5);
  const indoorCInitial = preferredC + between(-0.5, 0.5);
  const outdoorC = hours.map((hour) => {
    const wave = Math.sin((2 * Math.PI * (hour - 9)) / 24);
    return (winter ? 4 + 4 * wave : 29 + 5 * wave) + 0.3 * noise();
  });
  const resistance = between(2, 4);
  const capacitance = between(4, 8);
  const coefficient = between(2.5, 3.5) * (winter ? 1 : -1);
  const powerKwMax = between(3.5, 5);
  const holding = (indoorCInitial - outdoorC[0]!) / (coefficient * resistance);

  const size = between(0.6, 1.4);
  const load = hours.map((hour) =>
    Math.max(0.1, size * (0.3 + 0.6 * bump(hour, 7.5, 1.2) + 1.1 * bump(hour, 19.5, 2) + 0.08 * noise())),
  );
  const pvKwp = between(2, 7);
  let clearness = 1;
  const pvKw = hours.map((hour) => {
    clearness = Math.min(1, Math.max(0.25, clearness + 0.12 * Math.sqrt(4 * slotHours) * noise()));
    return inside(hour, 6.75, 18.5) ? pvKwp * clearness * Math.sin((Math.PI * (hour - 6.5)) / 12) : 0;
  });

  const batteryKwh = between(5, 13.5);
  const batteryKw = between(2.5, 5);
  const vehicleKwh = between(40, 60);
  const departs = between(7, 8.5);
  const arrives = between(17, 18.5);
  const tripKwh = between(7, 13);
  const present = hours.map((hour) => (inside(hour, departs, arrives) ? 0 : 1));
  const starts = (t: number): boolean => t > 0 && present[t] === 1 && present[t - 1] === 0;
  const leaves = (t: number): boolean => present[t] === 1 && present[t + 1] === 0;

  const washes = between(17, 19.5);
  const washing = between(1, 2);
  const price = hours.map((hour) => (hour < 7 ? 0.12 : inside(hour, 17, 21) ? 0.36 : 0.22));
  const days = Math.max(1, Math.round((slots * slotHours) / 24));

  return {
    slots,
    slotHours,
    importPricePerKwh: price,
    feedInPricePerKwh: price.map(() => 0.06),
    importKwMax: 12,
    demandCharge: { pricePerKw: between(0.2, 0.45) * days, meteredPeakKw: between(0, 2) },
    baseLoadKw: load,
    pvKw,
    battery: {
      capacityKwh: 0.95 * batteryKwh,
      energyKwhMin: 0.1 * batteryKwh,
      chargeKwMax: batteryKw,
      dischargeKwMax: batteryKw,
      chargeEfficiency: 0.95,
      dischargeEfficiency: 0.95,
      initialKwh: 0.4 * batteryKwh,
      wearPerKwh: between(0.008, 0.02),
    },
    ev: {
      capacityKwh: vehicleKwh,
      chargeKwMax: between(3.7, 7.2),
      dischargeKwMax: between(2, 4),
      chargeEfficiency: 0.92,
      dischargeEfficiency: 0.92,
      initialKwh: 0.75 * vehicleKwh - 0.9 * tripKwh,
      present,
      energyKwhMin: present.map((_, t) => {
        if (t === slots - 1) return 0.75 * vehicleKwh - 0.9 * tripKwh;
        return (leaves(t) ? 0.75 : 0.05) * vehicleKwh;
      }),
      drivenKwh: present.map((_, t) => (starts(t) ? tripKwh : 0)),
      wearPerKwh: between(0.005, 0.02),
    },
    hvac: {
      powerKwMax,
      resistanceKPerKw: resistance,
      capacitanceKwhPerK: capacitance,
      gainKPerKw: coefficient * resistance * (1 - Math.exp(-slotHours / (resistance * capacitance))),
      outdoorC,
      preferredC,
      indoorCMin: preferredC - 2,
      indoorCMax: preferredC + 2,
      indoorCInitial,
      powerKwInitial: Math.min(powerKwMax, Math.max(0, holding)),
      discomfortPerK2h: between(0.005, 0.02),
    },
    shiftableLoads: [
      {
        fromSlot: Math.ceil(8 / slotHours),
        toSlot: slots - Math.floor(2 / slotHours),
        powerKwMax: 2.5,
        preferredKw: hours.map((hour) => (inside(hour, washes, washes + 2) ? washing : 0)),
        discomfortPerKw2h: between(0.02, 0.08),
      },
      {
        fromSlot: 0,
        toSlot: slots - Math.floor(12 / slotHours),
        powerKwMax: 1.5,
        preferredKw: hours.map((hour) => (inside(hour, 9, 11) ? 0.8 : 0)),
        discomfortPerKw2h: between(0.02, 0.08),
      },
    ],
    demandResponse: {
      form: 'as-published',
      rewardPerKwh: hours.map((hour) => (inside(hour, 18, 20) ? 0.3 : 0)),
      baselineKw: hours.map(() => 0),
    },
    netImportKwMin: hours.map(() => -10),
    netImportKwMax: hours.map((hour) => (inside(hour, 17, 21) ? 9 : 11)),
    trade: {
      kind: 'priced',
      pricePerKwh: price.map((value) => value * between(0.5, 0.9)),
      penaltyPerKwhPerKw: 0.1,
      targetSoldKw: hours.map(() => between(-0.7, 0.7)),
    },
  };
}

/** The same home when every price is `share` off at most. */
export function withOtherPrices(home: HomeProblem, seed: number, share: number): HomeProblem {
  const moved = movedBy(share, seed);
  const { trade } = home;
  return {
    ...home,
    importPricePerKwh: moved(home.importPricePerKwh),
    feedInPricePerKwh: moved(home.feedInPricePerKwh),
    trade: trade.kind === 'priced' ? { ...trade, pricePerKwh: moved(trade.pricePerKwh) } : trade,
  };
}

/** When the terms of trade change, and nothing else, as from one round to the next: prices by `share`, targets by 0.2 kW. */
export function withOtherTerms(home: HomeProblem, seed: number, share: number): HomeProblem {
  const { trade } = home;
  if (trade.kind !== 'priced') return home;
  const random = uniform(seed);
  return {
    ...home,
    trade: {
      ...trade,
      pricePerKwh: movedBy(share, seed + 1)(trade.pricePerKwh),
      targetSoldKw: Array.from(trade.targetSoldKw, (kw) => kw + 0.2 * (2 * random() - 1)),
    },
  };
}

/** When every forecast is `share` off at most: load, PV and outdoor temperature in C. */
export function withOtherForecasts(home: HomeProblem, seed: number, share: number): HomeProblem {
  const moved = movedBy(share, seed);
  const { pvKw, hvac } = home;
  return {
    ...home,
    baseLoadKw: moved(home.baseLoadKw),
    ...(pvKw && { pvKw: moved(pvKw) }),
    ...(hvac && { hvac: { ...hvac, outdoorC: moved(hvac.outdoorC) } }),
  };
}

/** Without a term of second order: no trade, and comfort within its limits at no cost. */
export function asLinear(home: HomeProblem): HomeProblem {
  const { hvac, shiftableLoads } = home;
  return {
    ...home,
    trade: { kind: 'none' },
    ...(hvac && { hvac: { ...hvac, discomfortPerK2h: 0 } }),
    ...(shiftableLoads && {
      shiftableLoads: shiftableLoads.map((load) => ({ ...load, discomfortPerKw2h: 0 })),
    }),
  };
}

function movedBy(share: number, seed: number): (values: ArrayLike<number>) => number[] {
  const random = uniform(seed);
  return (values) => Array.from(values, (value) => value * (1 + share * (2 * random() - 1)));
}
