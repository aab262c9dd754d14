import fc from 'fast-check';
import t from 'tap';
import {
  type HomeProblem,
  indoorCAtEnd,
  type MissedLimit,
  type PlanValue,
  planHome,
  type Saving,
  savingOf,
  valueOfPlan,
  type Way,
} from '../../optimizer/index.ts';
import { missedLimits } from '../../optimizer/prosumer/missed-limits.ts';
import { runUnplanned } from '../../optimizer/prosumer/unplanned.ts';
import { withWishedEnd } from './any-home.ts';
import { library, plainHome, randomHome, uniform } from './homes.ts';

function valued(problem: HomeProblem, received?: number): PlanValue {
  const value = valueOfPlan(library, problem, received === undefined ? {} : { received });
  if (value.status !== 'solved') throw new Error(`${value.status}: ${value.reason}`);
  return value;
}

const near = (actual: number, expected: number, within = 1e-5): boolean =>
  Math.abs(actual - expected) <= within;

/** The ways of a value by name, those it has. */
const waysOf = ({ noPlan, selfConsumption, alone, together }: PlanValue): [string, Way][] =>
  Object.entries({ noPlan, selfConsumption, alone, together }).filter(
    (entry): entry is [string, Way] => entry[1] !== undefined,
  );

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

/** As randomHome, and sometimes with tight limits at the meter, another final energy, another length of slots. */
function anyHome(seed: number): HomeProblem {
  const home = randomHome(seed, [6, 24, 48][seed % 3]!);
  const random = uniform(seed ^ 0x5eed);
  const { battery } = home;
  return {
    ...withWishedEnd(home, seed),
    ...(random() < 0.3 && { importKwMax: 3 + 9 * random() }),
    ...(random() < 0.2 && {
      demandResponse: {
        form: 'opt-in' as const,
        rewardPerKwh: limits(home, 0).map(() => (random() < 0.2 ? 0.4 : 0)),
        baselineKw: limits(home, 2),
      },
    }),
    ...(random() < 0.2 && { netImportKwMin: limits(home, -3 * random()) }),
    ...(random() < 0.2 && { netImportKwMax: limits(home, 4 + 4 * random()) }),
    ...(battery && random() < 0.5 && { battery: { ...battery, finalKwhMin: 6 * random() } }),
  };
}

const limits = ({ slots }: HomeProblem, kw: number): number[] => new Array<number>(slots).fill(kw);

t.test('no way that keeps the limits is cheaper than the plan', async (t) => {
  let compared = 0;
  fc.assert(
    fc.property(seeds, (seed) => {
      const value = valueOfPlan(library, anyHome(seed));
      if (value.status !== 'solved') return;
      for (const [name, way] of waysOf(value)) {
        if (way.missed.length > 0) continue;
        compared += 1;
        const cheaper = value.alone.total - way.total;
        if (cheaper > 1e-5) throw new Error(`${name} is cheaper than the plan by ${cheaper}`);
      }
    }),
    { numRuns: 400 },
  );
  t.ok(compared > 600, `${compared} ways kept the limits`);
});

t.test('energy is neither made nor lost, in every way', async (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const problem = anyHome(seed);
      const value = valueOfPlan(library, { ...problem, trade: someTrade(problem, seed) }, { received: 0.1 });
      if (value.status !== 'solved') return;
      for (const [name, way] of waysOf(value)) requireBalance(problem, way, name);
    }),
    { numRuns: 200 },
  );
  t.pass();
});

/** Bought and sold a little; together it may need a limit at the meter to be missed, which is refused. */
function someTrade({ slots }: HomeProblem, seed: number): HomeProblem['trade'] {
  const random = uniform(seed ^ 0x7ade);
  return { kind: 'fixed', soldKw: Array.from({ length: slots }, () => random() - 0.5) };
}

function requireBalance(problem: HomeProblem, { schedule }: Way, name: string): void {
  const { slotHours, battery, ev, hvac } = problem;
  const require = (holds: boolean, what: string, slot: number): void => {
    if (!holds) throw new Error(`${name}, slot ${slot}: ${what}`);
  };
  for (let slot = 0; slot < problem.slots; slot += 1) {
    const at = (series: ArrayLike<number>): number => series[slot]!;
    const before = (series: ArrayLike<number>, initial: number): number =>
      slot === 0 ? initial : series[slot - 1]!;
    const supply =
      at(schedule.pvUsedKw) +
      at(schedule.importKw) +
      at(schedule.batteryDischargeKw) +
      at(schedule.evDischargeKw);
    const use =
      at(problem.baseLoadKw) +
      at(schedule.hvacKw) +
      at(schedule.batteryChargeKw) +
      at(schedule.evChargeKw) +
      at(schedule.soldKw) +
      schedule.shiftableKw.reduce((sum, load) => sum + at(load), 0);
    require(near(supply, use), `supply ${supply} kW, use ${use} kW`, slot);
    const pv = at(schedule.pvUsedKw) + at(schedule.feedInKw);
    require(pv <= (problem.pvKw ? at(problem.pvKw) : 0) + 1e-6, 'more PV than there is', slot);
    const net = at(schedule.importKw) - at(schedule.feedInKw) - at(schedule.soldKw);
    require(near(net, at(schedule.netImportKw)), 'the meter sees something else', slot);
    if (battery) {
      const stored =
        before(schedule.batteryKwh, battery.initialKwh) +
        slotHours *
          (battery.chargeEfficiency * at(schedule.batteryChargeKw) -
            at(schedule.batteryDischargeKw) / battery.dischargeEfficiency);
      require(near(stored, at(schedule.batteryKwh)), 'battery energy', slot);
      require(stored > battery.energyKwhMin - 1e-6, 'battery below its minimum', slot);
      require(stored < battery.capacityKwh + 1e-6, 'battery above its capacity', slot);
      require(at(schedule.batteryChargeKw) <= battery.chargeKwMax + 1e-6, 'charges too fast', slot);
      require(at(schedule.batteryDischargeKw) <= battery.dischargeKwMax + 1e-6, 'discharges too fast', slot);
    }
    if (ev) {
      const stored =
        before(schedule.evKwh, ev.initialKwh) -
        at(ev.drivenKwh) +
        slotHours *
          (ev.chargeEfficiency * at(schedule.evChargeKw) -
            at(schedule.evDischargeKw) / ev.dischargeEfficiency);
      require(near(stored, at(schedule.evKwh)), 'vehicle energy', slot);
      require(at(ev.present) > 0 || at(schedule.evChargeKw) === 0, 'charges while away', slot);
      require(at(schedule.evChargeKw) <= ev.chargeKwMax + 1e-6, 'vehicle charges too fast', slot);
    }
    if (hvac) {
      const decay = Math.exp(-slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
      const indoor =
        at(hvac.outdoorC) -
        (at(hvac.outdoorC) - before(schedule.indoorC, hvac.indoorCInitial)) * decay +
        hvac.gainKPerKw * before(schedule.hvacKw, hvac.powerKwInitial);
      require(near(indoor, at(schedule.indoorC), 1e-4), 'indoor temperature', slot);
      require(at(schedule.hvacKw) <= hvac.powerKwMax + 1e-6, 'heat pump too strong', slot);
    }
  }
}

t.test('every way ends alike, and a difference has its price', async (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const problem = withWishedEnd(randomHome(seed), seed);
      const { noPlan, selfConsumption, alone } = valued(problem);
      const last = problem.slots - 1;
      for (const way of [noPlan, selfConsumption]) {
        if (way === undefined) continue;
        const endC = ({ schedule }: Way): number => indoorCAtEnd(problem, schedule) ?? 0;
        if (!near(endC(way), endC(alone), 1e-4)) return false;
        const leftKwh = way.schedule.batteryKwh[last]! - alone.schedule.batteryKwh[last]!;
        // What ends with less owes for it, what ends with more is owed.
        if (leftKwh < -0.1 && way.endEnergy < 0) return false;
        if (leftKwh > 0.1 && way.endEnergy > 1e-6) return false;
        if (!near(way.total, way.cost.total + way.endEnergy)) return false;
      }
      return true;
    }),
    { numRuns: 200 },
  );
  t.pass();
});

t.test('what a battery lacks has no other price where the house cannot be left as wished', async (t) => {
  const home = randomHome(240, 6);
  const problem: HomeProblem = {
    ...home,
    importKwMax: 2.36,
    battery: { ...home.battery!, finalKwhMin: 5.21 },
    hvac: { ...home.hvac!, finalIndoorC: 33 },
  };
  const { selfConsumption, alone } = valued(problem);
  t.same(selfConsumption!.missed, []);
  const endC = indoorCAtEnd(problem, alone.schedule)!;
  t.ok(endC < 29, 'as warm as the connection lets it be');
  // With an emptier battery at the end, it could be warmer: that would be another day.
  const leftKwh = selfConsumption!.schedule.batteryKwh[problem.slots - 1]!;
  const emptier = planHome(library, {
    ...problem,
    battery: { ...problem.battery!, finalKwhMin: leftKwh - 1e-6 },
    hvac: { ...problem.hvac!, finalIndoorC: endC },
  });
  const cost = emptier.status === 'solved' ? emptier.cost.total : Number.NaN;
  t.ok(near(selfConsumption!.endEnergy, alone.total - cost));
  t.ok(selfConsumption!.total > alone.total - 1e-5);
});

t.test('savings by part sum to the difference of the totals', async (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const problem = anyHome(seed);
      const value = valueOfPlan(library, { ...problem, trade: someTrade(problem, seed) }, { received: 0.3 });
      if (value.status !== 'solved') return true;
      const ways = waysOf(value).map(([, way]) => way);
      return ways.every((from) =>
        ways.every((to) => {
          const { total, ...parts } = savingOf(from, to);
          const sum = Object.values(parts).reduce((before, part) => before + part, 0);
          return near(sum, total, 1e-9) && near(total, from.total - to.total, 1e-12);
        }),
      );
    }),
    { numRuns: 50 },
  );
  t.pass();
});

t.test('days whose value is known by hand', async (t) => {
  const battery = {
    capacityKwh: 4,
    energyKwhMin: 0,
    chargeKwMax: 2,
    dischargeKwMax: 2,
    chargeEfficiency: 1,
    dischargeEfficiency: 1,
    initialKwh: 0,
    wearPerKwh: 0.01,
  };

  await t.test('a battery between a cheap night, a sunny noon and a dear evening', async (t) => {
    // Slots: cheap, sunny, dear. PV 2 kW at noon, load 1, 0, 3 kW.
    const problem = plainHome([1, 0, 3], {
      importPricePerKwh: [0.1, 0.3, 0.5],
      feedInPricePerKwh: [0.05, 0.05, 0.05],
      pvKw: [0, 2, 0],
      battery,
    });
    const { noPlan, selfConsumption, alone, together } = valued(problem);
    t.equal(together, undefined);
    t.ok(near(noPlan.total, 0.1 - 2 * 0.05 + 3 * 0.5), 'no plan: buys 4 kWh, feeds 2 kWh in');
    t.ok(near(selfConsumption!.total, 0.1 + 0.5 + 4 * 0.01), 'stores the 2 kWh of noon for the evening');
    // At most 2 kW come out in the evening: 2 kWh of noon at 0.05 forgone beat 0.1 of the night.
    t.ok(near(alone.total, 0.1 + 0.5 + 4 * 0.01), 'prices teach nothing more here');
    const saving: Saving = savingOf(noPlan, alone);
    t.ok(near(saving.energyBought, 1) && near(saving.energyFedIn, -0.1) && near(saving.wear, -0.04));
    t.ok(near(saving.total, 0.86));
  });

  await t.test(
    'self-consumption that empties the battery owes the refill at the plan’s best price',
    async (t) => {
      const problem = plainHome([2, 0, 0], {
        importPricePerKwh: [0.2, 0.1, 0.4],
        battery: { ...battery, initialKwh: 2 },
      });
      const { noPlan, selfConsumption, alone } = valued(problem);
      t.ok(near(noPlan.total, 0.4), 'idle');
      // Emptied at 0.2; the plan does so too, and refills at 0.1.
      t.ok(near(alone.total, 0.2 + 4 * 0.01));
      t.ok(near(selfConsumption!.cost.total, 0.02), 'buys nothing');
      t.ok(near(selfConsumption!.endEnergy, alone.total - 0.02), 'ending empty would spare the plan as much');
      t.ok(near(selfConsumption!.total, alone.total), 'and so it saves nothing');
    },
  );

  await t.test('a vehicle charges on arrival, no more than it is asked for', async (t) => {
    const ev = {
      capacityKwh: 40,
      chargeKwMax: 4,
      dischargeKwMax: 0,
      chargeEfficiency: 0.5,
      dischargeEfficiency: 1,
      initialKwh: 10,
      present: [1, 1, 0, 1, 1, 1],
      energyKwhMin: [0, 13, 0, 0, 0, 12],
      drivenKwh: [0, 0, 0, 5, 0, 0],
      wearPerKwh: 0,
    };
    const { noPlan, alone } = valued(
      plainHome([0, 0, 0, 0, 0, 0], { importPricePerKwh: [0.4, 0.1, 1, 0.4, 0.3, 0.1], ev }),
    );
    t.same(Array.from(noPlan.schedule.evChargeKw), [4, 2, 0, 4, 4, 0]);
    t.ok(near(noPlan.total, 1.6 + 0.2 + 1.6 + 1.2));
    t.ok(near(alone.total, 2 * 0.4 + 4 * 0.1 + 4 * 0.1 + 4 * 0.3), 'the plan waits for the cheap slots');
    const small = { ...ev, energyKwhMin: [0, 11, 0, 0, 0, 12] };
    const eager = valued(plainHome([0, 0, 0, 0, 0, 0], { ev: small })).noPlan;
    t.same(
      Array.from(eager.schedule.evChargeKw),
      [2, 0, 0, 4, 4, 4],
      'asked for less in the morning, it has as long in the evening as it needs',
    );
    const narrow = valued(plainHome([1, 1, 1, 1, 1, 1], { importKwMax: 4, ev: small })).noPlan;
    t.same(Array.from(narrow.schedule.evChargeKw), [3, 2, 0, 3, 3, 3], 'the load comes first');
    t.equal(narrow.missed.length, 0, 'and what the evening lacks is charged in the morning');
  });

  await t.test('a thermostat holds, and lets the house go as late as the plan’s end allows', async (t) => {
    const hvac = {
      powerKwMax: 2,
      resistanceKPerKw: 5,
      capacitanceKwhPerK: 4,
      gainKPerKw: 0.75,
      outdoorC: new Array<number>(24).fill(5),
      preferredC: 20,
      indoorCMin: 18,
      indoorCMax: 22,
      indoorCInitial: 20,
      powerKwInitial: 1,
      discomfortPerK2h: 0.02,
    };
    const { noPlan, alone } = valued(plainHome(new Array<number>(24).fill(0), { hvac }));
    const held = Array.from(noPlan.schedule.indoorC);
    t.ok(
      held.slice(1, 20).every((c) => near(c, 20, 1e-9)),
      'held',
    );
    t.ok(alone.schedule.indoorC[23]! < 18.1, 'the plan ends as cold as it may');
    t.ok(near(held[23]!, alone.schedule.indoorC[23]!, 1e-6), 'and so does the day without a plan');
    t.ok(near(noPlan.schedule.hvacKw[23]!, 0, 1e-6));
    const saved = savingOf(noPlan, alone);
    t.ok(saved.total > 0 && saved.comfort < 0, 'a little comfort is given up for more money');
  });

  await t.test('trade adds what is received and what it spares', async (t) => {
    const problem = plainHome([1, 1], { trade: { kind: 'fixed', soldKw: [-1, -0.5] } });
    const { alone, together } = valued(problem, -0.2);
    t.ok(near(alone.total, 0.6) && near(together!.total, 0.15 + 0.2));
    const saving = savingOf(alone, together!);
    t.ok(near(saving.energyBought, 0.45) && near(saving.neighbours, -0.2) && near(saving.total, 0.25));
    const priced = valued(
      plainHome([1, 1], {
        trade: { kind: 'priced', pricePerKwh: [0.2, 0.2], penaltyPerKwhPerKw: 0.05, targetSoldKw: [0, 0] },
      }),
    );
    const bought = -priced.together!.schedule.soldKw[0]!;
    t.ok(near(bought, 1) && near(priced.together!.received, -0.4), 'a priced trade is paid at its prices');
    t.ok(
      near(priced.alone.total, 0.6) && near(priced.multipliers.energyPerKwh[0]!, 0.25),
      'worth what it costs there',
    );
    const halves = valued(
      plainHome([1, 1], {
        slotHours: 0.5,
        trade: { kind: 'priced', pricePerKwh: [0.2, 0.2], penaltyPerKwhPerKw: 0.05, targetSoldKw: [0, 0] },
      }),
    );
    t.ok(near(halves.together!.received, -0.2), 'for the energy of half hours');
  });

  await t.test('no plan is told to charge and discharge at once', async (t) => {
    const lossy = { ...battery, chargeEfficiency: 0.9, dischargeEfficiency: 0.9, initialKwh: 3.5 };
    const { alone } = valued(plainHome([1, 1, 1], { importPricePerKwh: [-0.5, -0.5, 0.2], battery: lossy }));
    const { batteryChargeKw, batteryDischargeKw } = alone.schedule;
    t.ok(batteryChargeKw.every((kw, slot) => Math.min(kw, batteryDischargeKw[slot]!) < 1e-6));
  });

  await t.test('self-consumption fills the battery to the brim, losses counted', async (t) => {
    const lossy = { ...battery, chargeKwMax: 10, chargeEfficiency: 0.5 };
    const { selfConsumption } = valued(plainHome([0, 0], { pvKw: [10, 10], battery: lossy }));
    t.ok(near(selfConsumption!.schedule.batteryChargeKw[0]!, 8), 'for 4 kWh');
    t.ok(near(selfConsumption!.schedule.batteryKwh[1]!, 4));
  });

  await t.test('a vehicle takes what the connection, the operator and the sun leave it', async (t) => {
    const ev = {
      capacityKwh: 40,
      chargeKwMax: 7,
      dischargeKwMax: 0,
      chargeEfficiency: 1,
      dischargeEfficiency: 1,
      initialKwh: 0,
      present: [1, 1, 1],
      energyKwhMin: [0, 0, 7.5],
      drivenKwh: [0, 0, 0],
      wearPerKwh: 0,
    };
    const { noPlan } = valued(
      plainHome([1, 1, 1], { ev, importKwMax: 4, netImportKwMax: [2, 9, 9], pvKw: [0, 1.5, 0] }),
    );
    t.same(Array.from(noPlan.schedule.evChargeKw), [1, 4.5, 2]);
  });

  await t.test('a vehicle that the plan discharges is compared at the same end', async (t) => {
    const ev = {
      capacityKwh: 10,
      chargeKwMax: 4,
      dischargeKwMax: 4,
      chargeEfficiency: 1,
      dischargeEfficiency: 1,
      initialKwh: 6,
      present: [1, 1],
      energyKwhMin: [0, 4],
      drivenKwh: [0, 0],
      wearPerKwh: 0,
    };
    const { noPlan, alone } = valued(plainHome([3, 0], { ev }));
    t.ok(near(noPlan.cost.total, 0.9) && near(alone.total, 0.3), 'the plan uses 2 kWh of it');
    t.ok(near(noPlan.endEnergy, -0.6) && near(noPlan.total, alone.total), 'which the other still has');
  });

  await t.test(
    'feeding in stops at the operator’s limit, and limits that rules break are named',
    async (t) => {
      const problem = plainHome([0, 3], {
        pvKw: [4, 0],
        netImportKwMin: [-1, -9],
        netImportKwMax: [9, 2],
        battery,
      });
      const { noPlan, selfConsumption } = valued(problem);
      t.equal(noPlan.schedule.feedInKw[0], 1);
      t.match(noPlan.missed, [{ limit: 'net import maximum', slot: 1, by: 1, unit: 'kW' }]);
      t.same(selfConsumption!.missed, []);
    },
  );
});

t.test('every limit that a day by rules breaks is named with its slot and size', async (t) => {
  const battery = {
    capacityKwh: 4,
    energyKwhMin: 2,
    chargeKwMax: 1,
    dischargeKwMax: 1,
    chargeEfficiency: 1,
    dischargeEfficiency: 1,
    initialKwh: 1.5,
    wearPerKwh: 0,
  };
  const vehicle = {
    capacityKwh: 20,
    chargeKwMax: 4,
    dischargeKwMax: 0,
    chargeEfficiency: 1,
    dischargeEfficiency: 1,
    initialKwh: 1,
    present: [1, 1],
    energyKwhMin: [4, 0],
    drivenKwh: [0, 0],
    wearPerKwh: 0,
  };
  const house = {
    powerKwMax: 0.5,
    resistanceKPerKw: 5,
    capacitanceKwhPerK: 4,
    gainKPerKw: 1,
    outdoorC: [20, 0],
    preferredC: 20,
    indoorCMin: 19.8,
    indoorCMax: 21,
    indoorCInitial: 20,
    powerKwInitial: 0,
    discomfortPerK2h: 0,
  };
  const dishes = { fromSlot: 0, toSlot: 2, powerKwMax: 1, preferredKw: [1.5, 0], discomfortPerKw2h: 0 };
  const coldC = 20 * Math.exp(-1 / 20) + 0.5;
  const cases: [HomeProblem, MissedLimit[]][] = [
    [plainHome([5, 1], { importKwMax: 3 }), [{ limit: 'import maximum', slot: 0, by: 2, unit: 'kW' }]],
    [
      plainHome([1, 1], { battery }),
      [
        { limit: 'battery energy minimum', slot: 0, by: 0.5, unit: 'kWh' },
        { limit: 'battery energy minimum', slot: 1, by: 0.5, unit: 'kWh' },
      ],
    ],
    [
      plainHome([1, 1], { ev: vehicle, importKwMax: 3 }),
      [{ limit: 'EV energy minimum', slot: 0, by: 1, unit: 'kWh' }],
    ],
    [
      plainHome([0, 0], { hvac: house }),
      [{ limit: 'indoor temperature minimum', slot: 1, by: 19.8 - coldC, unit: 'K' }],
    ],
    [
      plainHome([0, 0], { hvac: { ...house, indoorCInitial: 23, outdoorC: [23, 20] } }),
      [
        { limit: 'indoor temperature maximum', slot: 0, by: 2, unit: 'K' },
        { limit: 'indoor temperature maximum', slot: 1, by: 3 * Math.exp(-1 / 20) - 1, unit: 'K' },
      ],
    ],
    [
      plainHome([0, 0], { shiftableLoads: [dishes] }),
      [{ limit: 'shiftable load sum', slot: 1, by: 0.5, unit: 'kW' }],
    ],
    [
      plainHome([0, 0], { netImportKwMin: [1, -1] }),
      [{ limit: 'net import minimum', slot: 0, by: 1, unit: 'kW' }],
    ],
  ];
  for (const [problem, expected] of cases) {
    const { missed } = runUnplanned(problem, { battery: 'idle' });
    const where = ({ limit, slot, unit }: MissedLimit): object => ({ limit, slot, unit });
    t.same(missed.map(where), expected.map(where));
    t.ok(missed.every(({ by }, i) => near(by, expected[i]!.by, 1e-9)));
  }
});

t.test('a load that runs longer than its sum misses it, too', async (t) => {
  const dishes = { fromSlot: 0, toSlot: 2, powerKwMax: 2, preferredKw: [1, 0], discomfortPerKw2h: 0 };
  const problem = plainHome([0, 0], { shiftableLoads: [dishes] });
  const { schedule } = runUnplanned(problem, { battery: 'idle' });
  t.same(missedLimits(problem, schedule), []);
  const longer = { ...schedule, shiftableKw: [Float64Array.of(1, 0.5)] };
  t.match(missedLimits(problem, longer), [{ limit: 'shiftable load sum', slot: 1, by: 0.5, unit: 'kW' }]);
});

t.test('a home without a plan says why', async (t) => {
  const value = valueOfPlan(library, plainHome([5], { importKwMax: 3 }));
  t.match(value, { status: 'infeasible', missed: [{ limit: 'import maximum', slot: 0, unit: 'kW' }] });
});
