import fc from 'fast-check';
import t from 'tap';
import {
  buildHomeQp,
  createHomePlanner,
  type HomePlan,
  type HomeProblem,
  netOutCycling,
  OptimizerError,
  type OptimizerLibrary,
  planHome,
  planNeighbourhood,
  type Schedule,
} from '../../optimizer/index.ts';
import { library, plainHome, randomHome, uniform } from './homes.ts';

type Solved = Extract<HomePlan, { status: 'solved' }>;

function solved(problem: HomeProblem): Solved {
  const plan = planHome(library, problem);
  if (plan.status !== 'solved') throw new Error(`${plan.status}: ${plan.reason}`);
  return plan;
}

function requireJoint(homes: readonly HomeProblem[]) {
  const joint = planNeighbourhood(library, homes);
  if (joint.status !== 'solved') throw new Error(joint.reason);
  return joint;
}

function close(
  t: { ok(holds: boolean, message: string): unknown },
  actual: number,
  expected: number,
  message: string,
  within = 1e-5,
): void {
  t.ok(Math.abs(actual - expected) <= within, `${message}: ${actual} is ${expected}`);
}

t.test('homes whose best plan is known by hand', async (t) => {
  await t.test('a load is imported at its price, by the length of the slot', async (t) => {
    const { schedule, cost, multipliers } = solved(plainHome([2, 1], { slotHours: 0.5 }));
    close(t, schedule.importKw[0]!, 2, 'import');
    close(t, schedule.netImportKw[1]!, 1, 'net import');
    close(t, cost.importCost, 0.5 * 0.3 * 3, 'cost');
    close(t, multipliers.energyPerKwh[0]!, 0.3, 'one more kWh costs the import price');
  });

  await t.test('PV is used first, the rest is fed in, and at a negative price thrown away', async (t) => {
    const problem = plainHome([1, 1], { pvKw: [3, 3], feedInPricePerKwh: [0.05, -0.02] });
    const { schedule, cost } = solved(problem);
    close(t, schedule.pvUsedKw[0]!, 1, 'used');
    close(t, schedule.feedInKw[0]!, 2, 'fed in');
    close(t, schedule.feedInKw[1]!, 0, 'curtailed');
    close(t, cost.total, -0.1, 'revenue');
  });

  await t.test('a battery carries a cheap hour to a dear one, and pays its losses and wear', async (t) => {
    const battery = {
      capacityKwh: 10,
      energyKwhMin: 0,
      chargeKwMax: 2,
      dischargeKwMax: 5,
      chargeEfficiency: 0.9,
      dischargeEfficiency: 0.8,
      initialKwh: 1,
      wearPerKwh: 0.01,
    };
    const problem = plainHome([0, 3], { importPricePerKwh: [0.1, 0.5], battery });
    const { schedule, cost, multipliers } = solved(problem);
    close(t, schedule.batteryChargeKw[0]!, 2, 'charges at its limit');
    close(t, schedule.batteryKwh[0]!, 2.8, 'stores less than it takes');
    close(t, schedule.batteryDischargeKw[1]!, 1.44, 'gives less than it held');
    close(t, schedule.batteryKwh[1]!, 1, 'ends as it began');
    close(t, cost.wear, 0.0344, 'wear of both ways');
    close(t, multipliers.batteryStoredPerKwh[0]!, (0.5 - 0.01) * 0.8, 'a stored kWh is worth its discharge');
  });

  await t.test('a demand charge flattens the import down to the peak already metered', async (t) => {
    const battery = {
      capacityKwh: 10,
      energyKwhMin: 0,
      chargeKwMax: 9,
      dischargeKwMax: 9,
      chargeEfficiency: 1,
      dischargeEfficiency: 1,
      initialKwh: 5,
      wearPerKwh: 0,
    };
    const flat = solved(plainHome([0, 4, 2], { battery, demandCharge: { pricePerKw: 1, meteredPeakKw: 0 } }));
    close(t, flat.schedule.peakKw, 2, 'peak');
    close(t, flat.cost.demandCharge, 2, 'charge');
    close(t, flat.multipliers.peakPerKw, 1, 'a kW of peak is worth its price');
    const paid = solved(plainHome([0, 4, 2], { battery, demandCharge: { pricePerKw: 1, meteredPeakKw: 5 } }));
    close(t, paid.schedule.peakKw, 5, 'the metered peak stays');
    close(t, paid.multipliers.peakPerKw, 0, 'more of it is worth nothing');
  });

  await t.test('indoor temperature follows the corrected thermal model', async (t) => {
    const hvac = {
      powerKwMax: 8,
      resistanceKPerKw: 2,
      capacitanceKwhPerK: 5,
      gainKPerKw: 0.6,
      outdoorC: [0, 5, 10],
      preferredC: 20,
      indoorCMin: 15,
      indoorCMax: 25,
      indoorCInitial: 19,
      powerKwInitial: 1.5,
      discomfortPerK2h: 10,
    };
    const { schedule, cost } = solved(plainHome([0, 0, 0], { hvac }));
    const decay = Math.exp(-1 / 10);
    let indoorC = hvac.indoorCInitial;
    let powerKw = hvac.powerKwInitial;
    let discomfort = 0;
    for (let slot = 0; slot < 3; slot += 1) {
      const outdoorC = hvac.outdoorC[slot]!;
      indoorC = outdoorC - (outdoorC - indoorC) * decay + hvac.gainKPerKw * powerKw;
      powerKw = schedule.hvacKw[slot]!;
      discomfort += 10 * (indoorC - 20) ** 2;
      close(t, schedule.indoorC[slot]!, indoorC, `slot ${slot}`);
    }
    close(t, cost.thermalDiscomfort, discomfort, 'discomfort');
    t.ok(Math.abs(schedule.indoorC[1]! - 20) < 0.5, 'dear discomfort keeps the house warm');
  });

  await t.test('a shiftable load keeps its sum and leaves the dear hour', async (t) => {
    const load = {
      fromSlot: 1,
      toSlot: 4,
      powerKwMax: 2,
      preferredKw: [9, 0, 0, 2, 9],
      discomfortPerKw2h: 0.05,
    };
    const importPricePerKwh = [0.1, 0.1, 0.1, 0.6, 0.1];
    const { schedule, cost } = solved(
      plainHome([0, 0, 0, 0, 0], { importPricePerKwh, shiftableLoads: [load] }),
    );
    const run = schedule.shiftableKw[0]!;
    close(t, run[0]! + run[4]!, 0, 'nothing outside the window');
    close(t, run[1]! + run[2]! + run[3]!, 2, 'its sum');
    // Equal marginal cost: 0.1 + 0.1 x in the cheap hours, 0.6 + 0.1 (y - 2) in the dear one: y = 0.
    close(t, run[3]!, 0, 'leaves the dear hour');
    close(t, cost.shiftDiscomfort, 0.05 * (1 + 1 + 4), 'discomfort');
  });

  await t.test(
    'a vehicle charges only while present, reaches its target and loses what it drives',
    async (t) => {
      const ev = {
        capacityKwh: 40,
        chargeKwMax: 7,
        dischargeKwMax: 5,
        chargeEfficiency: 0.9,
        dischargeEfficiency: 0.9,
        initialKwh: 10,
        present: [1, 0, 1],
        energyKwhMin: [15, 0, 12],
        drivenKwh: [0, 0, 6],
        wearPerKwh: 0,
      };
      const { schedule } = solved(plainHome([1, 1, 1], { importPricePerKwh: [0.3, 0.1, 0.2], ev }));
      close(t, schedule.evKwh[0]!, 15, 'target');
      close(t, schedule.evChargeKw[1]!, 0, 'away');
      close(t, schedule.evKwh[2]!, 12, 'drove 6, charged the rest');
      close(t, schedule.evChargeKw[2]!, 3 / 0.9, 'charges through its losses');
      const v2g = solved(
        plainHome([1, 1, 1], {
          importPricePerKwh: [0.1, 0.1, 0.9],
          ev: { ...ev, energyKwhMin: [15, 0, 0], wearPerKwh: 0.01 },
        }),
      );
      close(t, v2g.schedule.evDischargeKw[2]!, 1, 'feeds the home at the dear hour');
    },
  );

  await t.test('the operator bounds what the meter sees', async (t) => {
    const problem = plainHome([1, 1], { pvKw: [4, 4], netImportKwMin: [-1, -Infinity] });
    const { schedule } = solved(problem);
    close(t, schedule.netImportKw[0]!, -1, 'export held');
    close(t, schedule.netImportKw[1]!, -3, 'free in the other slot');
  });
});

t.test('demand response', async (t) => {
  const hvac = {
    powerKwMax: 3,
    resistanceKPerKw: 5,
    capacitanceKwhPerK: 4,
    gainKPerKw: 0.7,
    outdoorC: [5, 5, 5, 5],
    preferredC: 21,
    indoorCMin: 15,
    indoorCMax: 24,
    indoorCInitial: 21,
    powerKwInitial: 1.1,
    discomfortPerK2h: 0.5,
  };
  const offered = (baselineKw: number, rewardPerKwh = 0.4): HomeProblem =>
    plainHome([1, 1, 1, 1], {
      hvac,
      demandResponse: {
        form: 'opt-in',
        rewardPerKwh: [0, rewardPerKwh, 0, 0],
        baselineKw: [0, baselineKw, 0, 0],
      },
    });

  await t.test('a home opts in when its baseline leaves room', async (t) => {
    const plan = solved(offered(2.5));
    t.equal(plan.optedIn, true);
    t.ok(plan.schedule.importKw[1]! + plan.schedule.demandReductionKw[1]! <= 2.5 + 1e-6);
    close(
      t,
      plan.schedule.netImportKw[1]!,
      plan.schedule.importKw[1]!,
      'the meter sees the import, not the reduction',
    );
    t.ok(plan.cost.total < solved(plainHome([1, 1, 1, 1], { hvac })).cost.total);
  });

  await t.test('and stays out when that is impossible or does not pay', async (t) => {
    t.equal(solved(offered(0.5)).optedIn, false, 'it would have to go below its own load');
    const plan = solved(offered(1.01, 0.01));
    t.equal(plan.optedIn, false, 'it would have to leave the house cold for next to nothing');
    close(t, plan.cost.total, solved(plainHome([1, 1, 1, 1], { hvac })).cost.total, 'the plan without');
  });

  await t.test('as published, imports are planned only to be dropped for the reward', async (t) => {
    const demandResponse = {
      form: 'as-published' as const,
      rewardPerKwh: [0.4, 0],
      baselineKw: [],
    };
    const plan = solved(plainHome([1, 1], { importKwMax: 6, demandResponse }));
    close(t, plan.schedule.importKw[0]!, 6, 'plans all it can');
    close(t, plan.schedule.demandReductionKw[0]!, 5, 'drops all but the load');
    close(t, plan.schedule.netImportKw[0]!, 1, 'the meter sees the load');
    t.equal(plan.optedIn, false);
  });
});

t.test('on random homes the plan balances, keeps its limits and costs what it says', async () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(24, 48), (seed, slots) => {
      const random = uniform(seed);
      const problem: HomeProblem = {
        ...randomHome(seed, slots),
        trade: {
          kind: 'priced',
          pricePerKwh: Array.from({ length: slots }, () => 0.05 + 0.3 * random()),
          penaltyPerKwhPerKw: 0.05,
          targetSoldKw: Array.from({ length: slots }, () => 2 * random() - 1),
        },
      };
      const { qp, constant } = buildHomeQp(problem);
      const raw = library.setup(qp, { epsAbsolute: 1e-8, epsRelative: 1e-8 }).solve();
      const plan = solved(problem);
      checkPhysics(problem, plan.schedule);
      const term = tradeTerm(problem, plan.schedule);
      assertClose(raw.objective + constant, plan.cost.total + term, 1e-5, 'objective');
    }),
    { numRuns: 40 },
  );
});

t.test('multipliers are the finite differences of the cost', async () => {
  const step = 1e-3;
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 23 }), (seed, slot) => {
      const home = randomHome(seed);
      const problem: HomeProblem = {
        ...home,
        // A trade term with curvature keeps the cost smooth enough to be differenced.
        trade: {
          kind: 'priced',
          pricePerKwh: home.importPricePerKwh,
          penaltyPerKwhPerKw: 0.5,
          targetSoldKw: new Array(24).fill(0),
        },
      };
      const whole = (changed: HomeProblem): number => {
        const plan = solved(changed);
        return plan.cost.total + tradeTerm(changed, plan.schedule);
      };
      const { multipliers } = solved(problem);
      const load = (by: number): HomeProblem => ({
        ...problem,
        baseLoadKw: Array.from(problem.baseLoadKw, (kw, t) => (t === slot ? kw + by : kw)),
      });
      const energy = (whole(load(step)) - whole(load(-step))) / (2 * step);
      assertClose(multipliers.energyPerKwh[slot]!, energy, 5e-3, `energy in slot ${slot}`);
      if (problem.battery) {
        const { battery } = problem;
        const stored = (by: number): HomeProblem => ({
          ...problem,
          battery: { ...battery, initialKwh: 3.2 + by, finalKwhMin: 3.2 },
        });
        const worth = -(whole(stored(step)) - whole(stored(-step))) / (2 * step);
        assertClose(multipliers.batteryStoredPerKwh[0]!, worth, 5e-3, 'stored');
      }
      if (problem.demandCharge) {
        const { demandCharge } = problem;
        const metered = (by: number): HomeProblem => ({
          ...problem,
          demandCharge: { ...demandCharge, meteredPeakKw: demandCharge.meteredPeakKw + by },
        });
        const saved = -(whole(metered(2 * step)) - whole(metered(step))) / step + demandCharge.pricePerKw;
        const peak = solved(metered(1.5 * step)).multipliers.peakPerKw;
        assertClose(peak, saved, 5e-3, 'peak');
      }
    }),
    { numRuns: 25 },
  );
});

t.test('an impossible problem says which limit is missed and by how much', async (t) => {
  const cases: [string, HomeProblem, RegExp][] = [
    ['import', plainHome([3, 5], { importKwMax: 4 }), /^import maximum is missed by 1\.00 kW in slot 1$/],
    [
      'vehicle',
      plainHome([1, 1], {
        ev: {
          capacityKwh: 40,
          chargeKwMax: 5,
          dischargeKwMax: 0,
          chargeEfficiency: 1,
          dischargeEfficiency: 1,
          initialKwh: 10,
          present: [1, 1],
          energyKwhMin: [0, 25],
          drivenKwh: [0, 0],
          wearPerKwh: 0,
        },
      }),
      /^EV energy minimum is missed by 5\.00 kWh in slot 1$/,
    ],
    [
      'temperature',
      plainHome([1], {
        hvac: {
          powerKwMax: 3,
          resistanceKPerKw: 5,
          capacitanceKwhPerK: 4,
          gainKPerKw: 0.7,
          outdoorC: [20],
          preferredC: 21,
          indoorCMin: 20.5,
          indoorCMax: 22,
          indoorCInitial: 20,
          powerKwInitial: 0,
          discomfortPerK2h: 0.01,
        },
      }),
      /^indoor temperature minimum is missed by 0\.500 K in slot 0$/,
    ],
    [
      'the operator',
      plainHome([3], { netImportKwMax: [2] }),
      /^net import maximum is missed by 1\.00 kW in slot 0$/,
    ],
    [
      'shiftable',
      plainHome([1, 1], {
        shiftableLoads: [
          { fromSlot: 0, toSlot: 2, powerKwMax: 1, preferredKw: [3, 0], discomfortPerKw2h: 0.1 },
        ],
      }),
      /^shiftable load sum is missed by 1\.00 kW in slot 1$/,
    ],
  ];
  for (const [name, problem, reason] of cases) {
    const plan = planHome(library, problem);
    t.equal(plan.status, 'infeasible', name);
    if (plan.status !== 'infeasible') continue;
    t.match(plan.reason, reason, name);
    t.ok(plan.nearest, `${name}: the nearest plan is told`);
  }
});

t.test('a fixed trade is kept where it can be, and left by as little as can be', async (t) => {
  const problem = randomHome(7);
  const even = solved({ ...problem, trade: { kind: 'fixed', soldKw: new Array(24).fill(0) } });
  close(t, even.cost.total, solved(problem).cost.total, 'a trade of nothing changes nothing', 1e-4);
  t.ok(even.schedule.tradeDeviationKw.every((kw) => kw === 0));

  const bought = solved(plainHome([1, 1], { trade: { kind: 'fixed', soldKw: [-1.004, 0] } }));
  close(t, bought.schedule.tradeDeviationKw[0]!, 0.004, 'a little more was bought than can be used');
  close(t, bought.schedule.soldKw[0]!, -1, 'what is used');
  close(t, bought.schedule.netImportKw[0]!, 1, 'the meter');

  const sold = solved(plainHome([1], { importKwMax: 3, trade: { kind: 'fixed', soldKw: [2.5] } }));
  close(t, sold.schedule.tradeDeviationKw[0]!, -0.5, 'more was sold than can be imported');

  const limited = solved(
    plainHome([1], { pvKw: [5], netImportKwMin: [-3], trade: { kind: 'fixed', soldKw: [2] } }),
  );
  close(t, limited.schedule.netImportKw[0]!, -3, 'the trade counts at the meter');
  close(t, limited.schedule.feedInKw[0]!, 1, 'what the limit leaves is fed in');

  const hopeless = planHome(
    library,
    plainHome([5], { importKwMax: 3, trade: { kind: 'fixed', soldKw: [1] } }),
  );
  t.equal(hopeless.status, 'solved', 'the trade is given up, and even turned, before a limit is missed');
  t.end();
});

t.test('the house is left as wished', async (t) => {
  const hvac = {
    powerKwMax: 3,
    resistanceKPerKw: 5,
    capacitanceKwhPerK: 4,
    gainKPerKw: 0.7,
    outdoorC: [5, 5, 5, 5, 5, 0],
    preferredC: 20,
    indoorCMin: 16,
    indoorCMax: 22,
    indoorCInitial: 20,
    powerKwInitial: 1,
    discomfortPerK2h: 0.01,
  };
  const load = [1, 1, 1, 1, 1, 1];
  const kept = Math.exp(-1 / 20);
  const endC = (problem: HomeProblem): number => {
    const { schedule } = solved(problem);
    const { outdoorC, gainKPerKw } = problem.hvac!;
    const last = problem.slots - 1;
    return (
      outdoorC[last]! * (1 - kept) + schedule.indoorC[last]! * kept + gainKPerKw * schedule.hvacKw[last]!
    );
  };

  await t.test('and drifts without a wish', async (t) => {
    t.ok(endC(plainHome(load, { hvac })) < 18.5);
    close(
      t,
      endC(plainHome(load, { hvac: { ...hvac, finalIndoorC: 20 } })),
      20,
      'by the last slot’s power, too',
    );
    t.ok(endC(plainHome(load, { hvac: { ...hvac, finalIndoorC: 15 } })) > 15, 'a wish is a least');
  });

  await t.test('what cools leaves it as cool', async (t) => {
    const cooler = { ...hvac, gainKPerKw: -0.7, outdoorC: [33, 33, 33, 33, 33, 38], indoorCMax: 24 };
    t.ok(endC(plainHome(load, { hvac: cooler })) > 21.5);
    close(t, endC(plainHome(load, { hvac: { ...cooler, finalIndoorC: 20 } })), 20, 'in summer');
  });

  await t.test('as far as its power reaches within the band', async (t) => {
    const plan = solved(plainHome(load, { hvac: { ...hvac, finalIndoorC: 40 } }));
    t.equal(plan.solver, 'stages', 'that much is known beforehand');
    const heatwave = { ...hvac, gainKPerKw: -0.7, outdoorC: load.map(() => 45), indoorCMax: 30 };
    const cooled = solved(plainHome(load, { hvac: { ...heatwave, finalIndoorC: 10 } }));
    t.equal(cooled.solver, 'stages', 'and so it is in summer');
    close(t, cooled.schedule.hvacKw[5]!, 3, 'when all power is needed', 0.1);
    // Held at 22 up to the last slot, then full power; a hundredth of a kelvin is left to find the plan in.
    const most = 22 * kept + 0.7 * 3;
    close(
      t,
      endC(plainHome(load, { hvac: { ...hvac, finalIndoorC: 40 } })),
      most - 0.01,
      'and no further',
      1e-4,
    );
  });

  await t.test('and as far as the connection lets it, before a trade is touched', async (t) => {
    // 1.6 kW for the house in every slot, half a kW of it sold away in the last one.
    const tight = plainHome(load, {
      importKwMax: 2.6,
      hvac: { ...hvac, outdoorC: hvac.outdoorC.map(() => -15), finalIndoorC: 20 },
      trade: { kind: 'fixed', soldKw: [0, 0, 0, 0, 0, 0.5] },
    });
    const plan = solved(tight);
    t.ok(plan.schedule.tradeDeviationKw.every((kw) => Math.abs(kw) < 1e-6));
    plan.schedule.hvacKw.forEach((kw, slot) => {
      close(t, kw, slot === 5 ? 1.1 : 1.6, `all it can get in slot ${slot}`);
    });
    t.ok(endC(tight) < 19);
    const alone: HomeProblem = { ...tight, trade: { kind: 'none' } };
    close(t, solved(alone).schedule.hvacKw[5]!, 1.6, 'so it is without a trade');
    const terms = { pricePerKwh: load, penaltyPerKwhPerKw: 0.1, targetSoldKw: load.map(() => 0) };
    const held = createHomePlanner(library, { ...tight, netImportKwMax: load.map(() => 2.6) });
    t.equal(held.respond(terms).status, 'solved', 'and it still answers its neighbours');
    const { totalCost } = requireJoint([tight, plainHome(load, { importKwMax: 1 })]);
    t.ok(totalCost > 0, 'as does one planner for all');
  });

  await t.test('at a price above every real one, whatever the length of the slots', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const home = randomHome(seed, seed % 4 === 0 ? 288 : 24);
      if (!home.hvac) continue;
      const wishing = { ...home, hvac: { ...home.hvac, finalIndoorC: home.hvac.preferredC + 1 } };
      const [kept, priced] = (['nothing', 'wishes'] as const).map(
        (soft) =>
          library.setup(buildHomeQp(wishing, { soft }).qp, { epsAbsolute: 1e-8, epsRelative: 1e-8 }).solve()
            .objective,
      );
      assertClose(priced!, kept!, 1e-5, `home ${seed}`);
    }
  });

  await t.test('where limits are missed, the wish is told among them', async (t) => {
    const plan = planHome(
      library,
      plainHome(load, { netImportKwMax: load.map(() => 0.9), hvac: { ...hvac, finalIndoorC: 20 } }),
    );
    t.match(plan, { status: 'infeasible', reason: /net import maximum is missed by 0.100 kW/ });
    const missed = plan.status === 'infeasible' ? plan.missed : [];
    t.match(
      missed.filter(({ unit }) => unit === 'K').map(({ limit, slot }) => [limit, slot]),
      [['indoor temperature at the end', 5]],
    );
  });
});

/** The state of a home some slots on, if all goes as the plan has it. */
function later(problem: HomeProblem, { schedule }: Solved, slots: number): HomeProblem {
  const { battery, ev, hvac, shiftableLoads: _, ...home } = problem;
  const rest = <Series extends ArrayLike<number>>(series: Series): number[] =>
    Array.from(series).slice(slots);
  const before = slots - 1;
  return {
    ...home,
    slots: problem.slots - slots,
    importPricePerKwh: rest(home.importPricePerKwh),
    feedInPricePerKwh: rest(home.feedInPricePerKwh),
    baseLoadKw: rest(home.baseLoadKw),
    pvKw: rest(home.pvKw!),
    ...(home.demandCharge && {
      demandCharge: {
        ...home.demandCharge,
        meteredPeakKw: Math.max(home.demandCharge.meteredPeakKw, ...schedule.importKw.slice(0, slots)),
      },
    }),
    ...(battery && {
      battery: { ...battery, initialKwh: schedule.batteryKwh[before]!, finalKwhMin: battery.initialKwh },
    }),
    ...(ev && {
      ev: {
        ...ev,
        initialKwh: schedule.evKwh[before]!,
        present: rest(ev.present),
        energyKwhMin: rest(ev.energyKwhMin),
        drivenKwh: rest(ev.drivenKwh),
      },
    }),
    ...(hvac && {
      hvac: {
        ...hvac,
        outdoorC: rest(hvac.outdoorC),
        indoorCInitial: schedule.indoorC[before]!,
        powerKwInitial: schedule.hvacKw[before]!,
      },
    }),
  };
}

t.test('a plan that is remade in every slot stays the plan, the end included', async (t) => {
  let houses = 0;
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 23 }), (seed, slots) => {
      const drawn = randomHome(seed);
      if (!drawn.hvac) return;
      houses += 1;
      const { shiftableLoads: _, ...home } = drawn;
      const problem = { ...home, hvac: { ...drawn.hvac, finalIndoorC: drawn.hvac.preferredC } };
      const plan = solved(problem);
      const remade = solved(later(problem, plan, slots));
      remade.schedule.indoorC.forEach((indoorC, slot) => {
        // Near the end the wish may need all power there is, and then is asked for less by the spare hundredth.
        assertClose(indoorC, plan.schedule.indoorC[slots + slot]!, 0.011, `slot ${slots + slot}`);
      });
    }),
    { numRuns: 60 },
  );
  t.ok(houses > 15, `${houses} houses`);
});

t.test('cycling that negative prices pay for is netted out for dispatch', async (t) => {
  const battery = {
    capacityKwh: 5,
    energyKwhMin: 0,
    chargeKwMax: 4,
    dischargeKwMax: 4,
    chargeEfficiency: 0.9,
    dischargeEfficiency: 0.9,
    initialKwh: 4.5,
    wearPerKwh: 0,
  };
  const problem = plainHome([1, 1, 1], { importPricePerKwh: [-0.5, -0.5, 0.2], battery });
  const { schedule } = solved(problem);
  t.ok(Math.min(schedule.batteryChargeKw[0]!, schedule.batteryDischargeKw[0]!) > 0.1, 'the plan cycles');
  const netted = netOutCycling(problem, schedule);
  let energyKwh = battery.initialKwh;
  for (let slot = 0; slot < 3; slot += 1) {
    const charge = netted.batteryChargeKw[slot]!;
    const discharge = netted.batteryDischargeKw[slot]!;
    t.equal(Math.min(charge, discharge), 0, `slot ${slot} goes one way`);
    energyKwh += 0.9 * charge - discharge / 0.9;
    close(t, netted.batteryKwh[slot]!, energyKwh, `slot ${slot} adds up`);
    t.ok(energyKwh <= battery.capacityKwh + 1e-9 && energyKwh >= -1e-6, `slot ${slot} within capacity`);
    const load = 1 + charge - discharge;
    close(t, netted.netImportKw[slot]!, load, `slot ${slot} the meter sees what is left`);
  }
  const calm = solved(plainHome([1, 1], { importPricePerKwh: [0.1, 0.2] }));
  t.equal(netOutCycling(plainHome([1, 1]), calm.schedule), calm.schedule);
});

t.test('a planner answers every round as a plan made afresh would', async (t) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const problem = randomHome(seed);
      const random = uniform(seed + 1);
      const planner = createHomePlanner(library, problem);
      for (const penaltyPerKwhPerKw of [0.08, 0.08, 0.08, 0.3, 0.3]) {
        const terms = {
          penaltyPerKwhPerKw,
          pricePerKwh: Array.from({ length: 24 }, () => 0.4 * random()),
          targetSoldKw: Array.from({ length: 24 }, () => 3 * random() - 1.5),
        };
        const answer = planner.respond(terms);
        if (answer.status !== 'solved') throw new Error(answer.reason);
        const fresh = solved({ ...problem, trade: { kind: 'priced', ...terms } });
        answer.soldKw.forEach((kw, slot) => {
          assertClose(kw, fresh.schedule.soldKw[slot]!, 1e-3, `slot ${slot}`);
        });
      }
    }),
    { numRuns: 15 },
  );
  const planner = createHomePlanner(library, plainHome([1]));
  const terms = { pricePerKwh: [0.1], penaltyPerKwhPerKw: 0.1, targetSoldKw: [0] };
  t.equal(planner.respond(terms).status, 'solved');
  t.throws(() => planner.respond({ ...terms, pricePerKwh: [Number.NaN] }), { code: 'OPTIMIZER_NOT_FINITE' });
  t.throws(() => planner.respond({ ...terms, targetSoldKw: [] }), { code: 'OPTIMIZER_BAD_LENGTH' });
  const stuck = createHomePlanner(library, plainHome([9], { importKwMax: 4 }));
  t.equal(stuck.respond(terms).status, 'solved', 'what cannot be imported can be bought');
  const held = createHomePlanner(library, plainHome([9], { netImportKwMax: [4] }));
  const answer = held.respond(terms);
  t.match(
    answer,
    { status: 'infeasible', reason: /net import maximum is missed by 5/ },
    'the meter sees it all',
  );
});

t.test('one planner for all homes', async (t) => {
  const homes = [11, 12, 13, 14].map((seed) => randomHome(seed));
  const joint = requireJoint(homes);
  const alone = homes.reduce((sum, home) => sum + solved(home).cost.total, 0);
  t.ok(joint.totalCost <= alone + 1e-6, 'together is never dearer than alone');
  for (let slot = 0; slot < 24; slot += 1) {
    const sum = joint.soldKw.reduce((total, sold) => total + sold[slot]!, 0);
    close(t, sum, 0, `slot ${slot} clears`);
  }
  homes.forEach((home, i) => {
    checkPhysics(home, joint.schedules[i]!);
    // At the clearing's price nobody would rather trade otherwise.
    const offered: HomeProblem = {
      ...home,
      trade: {
        kind: 'priced',
        pricePerKwh: joint.pricePerKwh,
        penaltyPerKwhPerKw: 0,
        targetSoldKw: new Array(24).fill(0),
      },
    };
    const best = solved(offered);
    const wish = best.cost.total + tradeTerm(offered, best.schedule);
    close(
      t,
      joint.costs[i]!.total + tradeTerm(offered, joint.schedules[i]!),
      wish,
      `home ${i} is content`,
      1e-4,
    );
  });
  t.throws(() => planNeighbourhood(library, []), { code: 'OPTIMIZER_BAD_LENGTH' });
  t.throws(() => planNeighbourhood(library, [plainHome([1]), plainHome([1, 1])]), {
    code: 'OPTIMIZER_BAD_LENGTH',
  });
  const hopeless = plainHome([1], { netImportKwMax: [-2], importKwMax: 1 });
  t.equal(planNeighbourhood(library, [hopeless, hopeless]).status, 'infeasible');
});

t.test('a problem that makes no sense is refused with the field and the slot', async (t) => {
  const home = randomHome(3);
  const [here, none] = [new Array<number>(24).fill(1), new Array<number>(24).fill(0)];
  const store = {
    energyKwhMin: 0,
    chargeKwMax: 5,
    dischargeKwMax: 5,
    chargeEfficiency: 0.9,
    dischargeEfficiency: 0.9,
    initialKwh: 0,
    wearPerKwh: 0,
  };
  const cases: [Partial<HomeProblem>, string, object][] = [
    [{ slots: 0 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'slots' }],
    [{ slots: 2.5 }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'slots' }],
    [{ slotHours: Number.NaN }, 'OPTIMIZER_NOT_FINITE', { field: 'slotHours' }],
    [{ baseLoadKw: [1] }, 'OPTIMIZER_BAD_LENGTH', { field: 'baseLoadKw', length: 1 }],
    [{ pvKw: new Array(24).fill(-1) }, 'OPTIMIZER_OUT_OF_RANGE', { field: 'pvKw', slot: 0 }],
    [
      { importPricePerKwh: Object.assign(new Array(24).fill(0), { 3: Number.POSITIVE_INFINITY }) },
      'OPTIMIZER_NOT_FINITE',
      { field: 'importPricePerKwh', slot: 3 },
    ],
    [
      { netImportKwMin: new Array(24).fill(2), netImportKwMax: new Array(24).fill(1) },
      'OPTIMIZER_CROSSED_BOUNDS',
      { field: 'netImportKwMin', slot: 0 },
    ],
    [{ netImportKwMax: new Array(24).fill(Number.NaN) }, 'OPTIMIZER_NOT_FINITE', { field: 'netImportKwMax' }],
    [
      { battery: { ...store, capacityKwh: 0 } },
      'OPTIMIZER_OUT_OF_RANGE',
      { field: 'battery.capacityKwh', value: 0 },
    ],
    [
      { ev: { ...store, capacityKwh: 1e-9, present: here, energyKwhMin: none, drivenKwh: none } },
      'OPTIMIZER_OUT_OF_RANGE',
      { field: 'ev.capacityKwh' },
    ],
    [{ trade: { kind: 'fixed', soldKw: [] } }, 'OPTIMIZER_BAD_LENGTH', { field: 'trade.soldKw' }],
  ];
  for (const [change, code, details] of cases) {
    t.throws(() => planHome(library, { ...home, ...change }), { code, details }, JSON.stringify(details));
  }

  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, -1e9),
      (seed, pick, bad) => {
        const spoilt = spoil(randomHome(seed), pick, bad);
        try {
          planHome(library, spoilt);
        } catch (error) {
          if (!(error instanceof OptimizerError)) throw error;
        }
      },
    ),
    { numRuns: 100 },
  );
});

/** One number somewhere in the problem replaced. */
function spoil(problem: HomeProblem, pick: number, bad: number): HomeProblem {
  const copy = structuredClone(problem) as unknown as Record<string, unknown>;
  const places: [Record<string, unknown>, string][] = [];
  const visit = (node: Record<string, unknown>): void => {
    for (const [key, value] of Object.entries(node)) {
      if (typeof value === 'number') places.push([node, key]);
      else if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
    }
  };
  visit(copy);
  const [node, key] = places[pick % places.length]!;
  node[key] = bad;
  return copy as unknown as HomeProblem;
}

function tradeTerm({ trade, slotHours }: HomeProblem, { soldKw }: Schedule): number {
  if (trade.kind !== 'priced') return 0;
  return soldKw.reduce(
    (sum, kw, slot) =>
      sum +
      slotHours *
        (-trade.pricePerKwh[slot]! * kw +
          (trade.penaltyPerKwhPerKw / 2) * (kw - trade.targetSoldKw[slot]!) ** 2),
    0,
  );
}

function assertClose(actual: number, expected: number, within: number, what: string): void {
  if (!(Math.abs(actual - expected) <= within)) throw new Error(`${what}: ${actual}, expected ${expected}`);
}

/** Everything a schedule promises, written out once more. */
function checkPhysics(problem: HomeProblem, schedule: Schedule): void {
  const within = 1e-5;
  const { slots, slotHours, battery, ev, hvac } = problem;
  const inside = (value: number, low: number, high: number, what: string): void => {
    if (!(value >= low - within && value <= high + within)) {
      throw new Error(`${what}: ${value} is outside [${low}, ${high}]`);
    }
  };
  let batteryKwh = battery?.initialKwh ?? 0;
  let evKwh = ev?.initialKwh ?? 0;
  let indoorC = hvac?.indoorCInitial ?? 0;
  let hvacKw = hvac?.powerKwInitial ?? 0;
  for (let t = 0; t < slots; t += 1) {
    const shifted = schedule.shiftableKw.reduce((sum, run) => sum + run[t]!, 0);
    const use =
      problem.baseLoadKw[t]! +
      schedule.hvacKw[t]! +
      shifted +
      schedule.batteryChargeKw[t]! +
      schedule.evChargeKw[t]! +
      schedule.soldKw[t]!;
    const supply =
      schedule.pvUsedKw[t]! +
      schedule.importKw[t]! +
      schedule.batteryDischargeKw[t]! +
      schedule.evDischargeKw[t]!;
    assertClose(supply, use, within, `balance of slot ${t}`);
    const meter = schedule.importKw[t]! - schedule.feedInKw[t]! - schedule.soldKw[t]!;
    assertClose(schedule.netImportKw[t]!, meter, within, `meter of slot ${t}`);
    inside(schedule.importKw[t]!, 0, Math.min(problem.importKwMax, schedule.peakKw), 'import');
    inside(schedule.pvUsedKw[t]! + schedule.feedInKw[t]!, 0, problem.pvKw?.[t] ?? 0, 'PV');
    if (battery) {
      batteryKwh += slotHours * battery.chargeEfficiency * schedule.batteryChargeKw[t]!;
      batteryKwh -= (slotHours * schedule.batteryDischargeKw[t]!) / battery.dischargeEfficiency;
      assertClose(schedule.batteryKwh[t]!, batteryKwh, within, 'battery energy');
      inside(batteryKwh, battery.energyKwhMin, battery.capacityKwh, 'battery energy');
      inside(schedule.batteryChargeKw[t]!, 0, battery.chargeKwMax, 'battery charge');
      inside(schedule.batteryDischargeKw[t]!, 0, battery.dischargeKwMax, 'battery discharge');
    }
    if (ev) {
      evKwh += slotHours * ev.chargeEfficiency * schedule.evChargeKw[t]! - ev.drivenKwh[t]!;
      evKwh -= (slotHours * schedule.evDischargeKw[t]!) / ev.dischargeEfficiency;
      assertClose(schedule.evKwh[t]!, evKwh, within, 'EV energy');
      inside(evKwh, ev.energyKwhMin[t]!, ev.capacityKwh, 'EV energy');
      inside(schedule.evChargeKw[t]!, 0, ev.chargeKwMax * ev.present[t]!, 'EV charge');
    }
    if (hvac) {
      const decay = Math.exp(-slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
      indoorC = hvac.outdoorC[t]! - (hvac.outdoorC[t]! - indoorC) * decay + hvac.gainKPerKw * hvacKw;
      hvacKw = schedule.hvacKw[t]!;
      assertClose(schedule.indoorC[t]!, indoorC, within, 'temperature');
      inside(indoorC, hvac.indoorCMin, hvac.indoorCMax, 'temperature');
      inside(hvacKw, 0, hvac.powerKwMax, 'HVAC');
    }
  }
  if (battery) inside(batteryKwh, battery.initialKwh, battery.capacityKwh, 'battery at the end');
  problem.shiftableLoads?.forEach((load, k) => {
    const wish = Array.from(load.preferredKw).slice(load.fromSlot, load.toSlot);
    const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
    assertClose(sum(schedule.shiftableKw[k]!), sum(wish), within, 'shiftable sum');
  });
}

t.test('what cannot be met is told even where the solver could not decide on the least of it', async (t) => {
  const home = plainHome([1, 9, 1], { importKwMax: 5 });
  const undecided = (primalResidual: number): OptimizerLibrary => ({
    ...library,
    setup(problem, settings) {
      const solver = library.setup(problem, settings);
      return {
        ...solver,
        solve() {
          const solution = solver.solve();
          return solution.status === 'solved'
            ? { ...solution, primalResidual, status: 'maxIterations' }
            : solution;
        },
      };
    },
  });
  const missed = [{ limit: 'import maximum', slot: 1, unit: 'kW' }];
  t.match(planHome(library, home), { status: 'infeasible', missed });
  t.match(planHome(undecided(1e-7), home), { status: 'infeasible', missed, nearest: Object });
  t.match(planHome(undecided(1e-2), home), { status: 'infeasible', missed: [], nearest: undefined });
});
