import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  buildHomeQp,
  createOptimizerLibrary,
  type HomeProblem,
  indoorCAtEnd,
  type OptimizerLibrary,
  planHome,
  type Schedule,
} from '../../optimizer/index.ts';
import { finalIndoorLimitC } from '../../optimizer/prosumer/house.ts';
import { anyHome, withWishedEnd } from './any-home.ts';
import { fullHome, withOtherForecasts, withOtherPrices, withOtherTerms } from './full-home.ts';
import { library, plainHome } from './homes.ts';

/** As if the fast solver never came to an end. */
const withoutStages: OptimizerLibrary = {
  ...library,
  stages: { ...library.stages, solve: () => undefined },
};

/** Money of a plan, the trade's term included. */
function moneyOf({ trade, slotHours }: HomeProblem, plan: { soldKw: Float64Array; total: number }): number {
  if (trade.kind !== 'priced') return plan.total;
  return plan.soldKw.reduce((sum, kw, slot) => {
    const offKw = kw - trade.targetSoldKw[slot]!;
    const cost = -trade.pricePerKwh[slot]! * kw + (trade.penaltyPerKwhPerKw / 2) * offKw ** 2;
    return sum + slotHours * cost;
  }, plan.total);
}

/** A kW at the highest price for a slot: below that, relative errors of a cost that happens to be near 0 mean nothing. */
function leastMoney({ importPricePerKwh, slotHours }: HomeProblem): number {
  return slotHours * Math.max(...Array.from(importPricePerKwh, Math.abs));
}

/** What the general solver leaves, in money whatever the currency. */
const GENERAL_WITHIN = 2e-9;

/** Of this method with these figures: a change of either changes them, another machine must not. */
const FROZEN = [
  '585c3b3608fb584b',
  '5f47a90b8cdac4d7',
  '04b792dfcd6a957f',
  '0d8de15c7d7ffed8',
  'd8460579af6eb932',
];

type Comparison = 'same plan' | 'both without' | 'left to the general solver';

/** As near to the optimum as rounding lets the general solver come: at its usual tolerance trades are off by more. */
const TIGHT = { epsAbsolute: 1e-13, epsRelative: 1e-13 };

/** @throws where the two solvers contradict each other, in cost, in a trade that has but one answer, or by a limit missed. */
function compare(problem: HomeProblem, optIn: boolean): Comparison {
  const plan = library.stages.solve(problem, { optIn });
  const home = buildHomeQp(problem, { optIn });
  const tight = library.setup(home.qp, TIGHT).solve();
  const isTight = tight.status === 'solved';
  const general = isTight ? tight : library.setup(home.qp).solve();
  if (general.status !== 'solved') {
    if (plan) throw new Error(`a plan where there is none (${general.status})`);
    return 'both without';
  }
  if (!plan) return 'left to the general solver';
  const expected = general.objective + home.constant;
  const money = moneyOf(problem, { soldKw: plan.schedule.soldKw, total: plan.cost.total });
  const allowed = 1e-6 * Math.max(Math.abs(expected), leastMoney(problem)) + GENERAL_WITHIN;
  if (Math.abs(money - expected) > allowed) throw new Error(`costs ${money}, not ${expected}`);
  const miss = largestMiss(problem, plan.schedule);
  if (miss > 1e-8) throw new Error(`misses a limit by ${miss}`);
  if (isTight && problem.trade.kind === 'priced' && problem.trade.penaltyPerKwhPerKw > 0.01) {
    const off = largestDistance(
      plan.schedule.soldKw,
      Array.from(home.layout.soldKw, (index) => general.x[index]!),
    );
    if (off > 1e-4) throw new Error(`a trade is ${off} kW off`);
  }
  return 'same plan';
}

t.test('any home: the same cost as the general solver, and no plan where there is none', async (t) => {
  const counts: Record<Comparison, number> = {
    'same plan': 0,
    'both without': 0,
    'left to the general solver': 0,
  };
  for (let seed = 1; seed <= 2000; seed += 1) {
    const home = anyHome(seed, 30);
    const called = home.demandResponse?.form === 'opt-in';
    for (const optIn of called ? [true, false] : [true]) {
      try {
        counts[compare(home, optIn)] += 1;
        if (home.hvac) counts[compare(withWishedEnd(home, seed), optIn)] += 1;
      } catch (error) {
        throw new Error(`home ${seed}, opted ${optIn ? 'in' : 'out'}: ${(error as Error).message}`);
      }
    }
  }
  t.comment(JSON.stringify(counts));
  t.ok(counts['same plan'] > 10 * counts['left to the general solver'], 'few are left to the general solver');
});

t.test('a connection that is called unlimited is no excuse for a wrong plan', async () => {
  for (let seed = 116; seed <= 150; seed += 1) {
    try {
      compare({ ...anyHome(seed, 16), importKwMax: 1e6 }, true);
    } catch (error) {
      throw new Error(`home ${seed}: ${(error as Error).message}`);
    }
  }
});

t.test('a home with everything, at any length', async (t) => {
  for (const slots of [24, 25, 96, 288]) {
    for (let seed = 1; seed <= 4; seed += 1) {
      t.equal(compare(fullHome(seed, slots), true), 'same plan', `${slots} slots, home ${seed}`);
    }
  }
});

t.test('five loads beside each other', async (t) => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const home = fullHome(seed, 24);
    const [washing, heating] = home.shiftableLoads!;
    const shiftableLoads = [0, 1, 2].map((k) => ({ ...washing!, toSlot: 22 - k, powerKwMax: 2 + 0.1 * k }));
    const full = { ...home, shiftableLoads: [heating!, washing!, ...shiftableLoads] };
    t.equal(compare(full, true), 'same plan', `home ${seed}`);
  }
});

t.test('no plan where limits contradict each other, by a little or by much', async (t) => {
  for (let seed = 1; seed <= 12; seed += 1) {
    for (const kw of [1e-3, 1, 30]) {
      const home = fullHome(seed, 24);
      const feeding = { ...home, trade: { kind: 'none' }, netImportKwMax: Array(24).fill(-10 - kw) } as const;
      t.equal(
        library.stages.solve({ ...feeding, netImportKwMin: Array(24).fill(-50) }),
        undefined,
        `home ${seed}`,
      );
      const baseLoadKw = Array.from(home.baseLoadKw, (load) => load + 20 + kw);
      const alone = { ...home, baseLoadKw, trade: { kind: 'none' } } as const;
      t.equal(library.stages.solve(alone), undefined, `home ${seed}, ${kw} kW beyond its import`);
    }
  }
});

t.test('energy is worth what it is to the general solver, where the trade leaves no choice', async () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const problem = fullHome(seed, 24);
      const plan = library.stages.solve(problem);
      const general = planHome(withoutStages, problem);
      if (!plan || general.status !== 'solved') throw new Error('unsolved');
      for (let slot = 0; slot < 24; slot += 1) {
        const here = plan.multipliers.energyPerKwh[slot]!;
        const there = general.multipliers.energyPerKwh[slot]!;
        if (Math.abs(here - there) > 1e-4) throw new Error(`slot ${slot}: ${here}, not ${there}`);
      }
    }),
    { numRuns: 60 },
  );
});

t.test('a plan keeps every limit and equation to 1e-8 kW, kWh or K', async (t) => {
  let worst = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    const drawn = seed % 3 === 0 ? fullHome(seed, 48) : anyHome(seed, 40);
    const home = seed % 2 === 0 ? drawn : withWishedEnd(drawn, seed);
    const plan = library.stages.solve(home);
    if (plan) worst = Math.max(worst, largestMiss(home, plan.schedule));
  }
  t.ok(worst <= 1e-8, `the largest miss is ${worst}`);
});

t.test(
  'with a priced trade and everything else, thousands of homes plan as the general solver does',
  async () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(8, 12, 16, 24, 25), (seed, slots) => {
        return compare(fullHome(seed, slots), true) !== 'left to the general solver';
      }),
      { numRuns: 600 },
    );
  },
);

t.test('an accuracy can be asked for', async (t) => {
  let [rough, usual] = [0, 0];
  for (let seed = 1; seed <= 20; seed += 1) {
    const home = fullHome(seed, 24);
    const near = library.stages.solve(home, { costWithin: 1e-6, tradeWithinKw: Infinity });
    const plan = library.stages.solve(home);
    const best = library.stages.solve(home, { costWithin: 1e-11 });
    if (!near || !plan || !best) throw new Error(`home ${seed} has no plan`);
    const money = (of: typeof best): number =>
      moneyOf(home, { soldKw: of.schedule.soldKw, total: of.cost.total });
    t.ok(money(near) - money(best) <= 48e-6 * leastMoney(home), `home ${seed}, roughly`);
    t.ok(money(plan) - money(best) <= 48e-9 * leastMoney(home), `home ${seed}, as usual`);
    const off = largestDistance(plan.schedule.soldKw, best.schedule.soldKw);
    t.ok(off <= 3e-5, `home ${seed}: a trade is ${off} kW off`);
    rough += near.iterations;
    usual += plan.iterations;
  }
  t.ok(rough < 0.9 * usual, `${rough} steps for 1e-6, ${usual} as usual`);
});

t.test('nothing of the homes before is left in a plan, not a bit', async (t) => {
  const one = library.stages.open();
  let planned = 0;
  for (let seed = 1; seed <= 250; seed += 1) {
    const home = anyHome(seed, 20);
    const again = bitsOf(one.solve(home));
    if (again !== bitsOf(library.stages.open().solve(home))) t.fail(`home ${seed}`);
    if (again !== 'no plan') planned += 1;
  }
  t.ok(planned > 100);
});

t.test('the same bits on every machine', async (t) => {
  const digests = [fullHome(1, 24), fullHome(2, 25), fullHome(3, 96), anyHome(6), anyHome(9)].map((home) =>
    bitsOf(library.stages.open().solve(home)),
  );
  t.strictSame(digests, FROZEN);
});

t.test('from a point of the solve before', async (t) => {
  const changes = { terms: withOtherTerms, prices: withOtherPrices, forecasts: withOtherForecasts };
  for (const [what, change] of Object.entries(changes)) {
    await t.test(`the same plan in at most eight steps at other ${what}`, async (t) => {
      const accuracy = { costWithin: 1e-7, tradeWithinKw: Infinity };
      for (let seed = 1; seed <= 12; seed += 1) {
        const solver = library.stages.open();
        const before = fullHome(seed, 24);
        const now = change(before, seed, 0.05);
        solver.solve(before, { ...accuracy, resume: true });
        const plan = solver.solve(now, { ...accuracy, resume: true });
        const fresh = library.stages.solve(now);
        if (!plan || !fresh) throw new Error(`home ${seed} has no plan`);
        const allowed = 1e-6 * Math.abs(fresh.cost.total);
        const money = (of: typeof fresh): number =>
          moneyOf(now, { soldKw: of.schedule.soldKw, total: of.cost.total });
        t.ok(Math.abs(money(plan) - money(fresh)) <= allowed, `home ${seed}: the same cost`);
        t.ok(plan.iterations <= 8, `home ${seed}: ${plan.iterations} steps`);
      }
    });
  }

  await t.test('round by round, as the terms settle and their penalty grows', async (t) => {
    let [warm, cold] = [0, 0];
    for (let seed = 1; seed <= 5; seed += 1) {
      const solver = library.stages.open();
      let home = fullHome(seed, 24);
      for (let round = 0; round < 12; round += 1) {
        home = withOtherTerms(home, 100 * seed + round, 0.1 * 0.6 ** round);
        if (home.trade.kind !== 'priced') throw new Error('trade has no price');
        home = { ...home, trade: { ...home.trade, penaltyPerKwhPerKw: 0.08 * 1.1 ** round } };
        const plan = solver.solve(home, { resume: true });
        const fresh = library.stages.solve(home);
        if (!plan || !fresh) throw new Error(`home ${seed} has no plan`);
        const off = largestDistance(plan.schedule.soldKw, fresh.schedule.soldKw);
        t.ok(off <= 1e-4, `home ${seed}, round ${round}: a trade is ${off} kW off`);
        if (round === 0) continue;
        warm += plan.iterations;
        cold += fresh.iterations;
      }
    }
    t.ok(warm < 0.7 * cold, `${warm} steps, ${cold} from the beginning`);
  });

  await t.test('whatever has changed since', async (t) => {
    const solver = library.stages.open();
    for (let seed = 1; seed <= 200; seed += 1) {
      const home = withWishedEnd(
        seed % 2 === 0 ? fullHome(seed % 7, 12 + (seed % 3)) : anyHome(seed, 14),
        seed >> 4,
      );
      const plan = solver.solve(home, { resume: true });
      const fresh = library.stages.solve(home);
      if (fresh && !plan) t.fail(`home ${seed} has a plan from the beginning only`);
      if (!plan || !fresh) continue;
      const allowed = 1e-6 * Math.max(Math.abs(fresh.cost.total), leastMoney(home)) * 3;
      const money = (of: typeof fresh) => moneyOf(home, { soldKw: of.schedule.soldKw, total: of.cost.total });
      if (Math.abs(money(plan) - money(fresh)) > allowed) t.fail(`home ${seed} pays otherwise`);
    }
  });
});

t.test('a library of other bytes is refused', async (t) => {
  const qp = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  t.throws(() => createOptimizerLibrary({ qp, stages: new Uint8Array([1]) }), { code: 'OPTIMIZER_BAD_WASM' });
  const empty = createOptimizerLibrary({ qp, stages: qp });
  t.throws(() => empty.stages.open(), { code: 'OPTIMIZER_BAD_WASM' });
});

t.test('the plan says which solver found it', async (t) => {
  const quick = planHome(library, plainHome([1, 2]));
  t.match(quick, { status: 'solved', solver: 'stages' });
  const general = planHome(withoutStages, plainHome([1, 2]));
  t.match(general, { status: 'solved', solver: 'general' });
});

/** SHA-256 over the schedule's numbers. */
function bitsOf(plan: ReturnType<OptimizerLibrary['stages']['solve']>): string {
  if (!plan) return 'no plan';
  const hash = createHash('sha256');
  for (const series of Object.values(plan.schedule).flat()) {
    hash.update(series instanceof Float64Array ? new Uint8Array(series.buffer) : String(series));
  }
  return hash.digest('hex').slice(0, 16);
}

function largestDistance(here: ArrayLike<number>, there: ArrayLike<number>): number {
  return Array.from(here).reduce((most, value, k) => Math.max(most, Math.abs(value - there[k]!)), 0);
}

/** By how much a schedule misses an equation or a limit of its home, written out once more; kW, kWh or K. */
function largestMiss(problem: HomeProblem, schedule: Schedule): number {
  const { slots, slotHours, battery, ev, hvac } = problem;
  let worst = 0;
  const equal = (value: number, expected: number): void => {
    worst = Math.max(worst, Math.abs(value - expected));
  };
  const inside = (value: number, low: number, high: number): void => {
    worst = Math.max(worst, low - value, value - high);
  };
  let batteryKwh = battery?.initialKwh ?? 0;
  let evKwh = ev?.initialKwh ?? 0;
  let indoorC = hvac?.indoorCInitial ?? 0;
  let hvacKw = hvac?.powerKwInitial ?? 0;
  const asPublished = problem.demandResponse?.form === 'as-published';
  for (let t = 0; t < slots; t += 1) {
    const dropped = asPublished ? schedule.demandReductionKw[t]! : 0;
    const imported = schedule.importKw[t]! - dropped;
    const shifted = schedule.shiftableKw.reduce((sum, run) => sum + run[t]!, 0);
    const stored =
      schedule.batteryChargeKw[t]! -
      schedule.batteryDischargeKw[t]! +
      schedule.evChargeKw[t]! -
      schedule.evDischargeKw[t]!;
    const use = problem.baseLoadKw[t]! + schedule.hvacKw[t]! + shifted + stored + schedule.soldKw[t]!;
    equal(imported + schedule.pvUsedKw[t]!, use);
    inside(schedule.importKw[t]!, dropped, problem.importKwMax);
    if (problem.demandCharge) inside(schedule.importKw[t]!, 0, schedule.peakKw);
    if (schedule.demandReductionKw[t]! > 0 && !asPublished) {
      inside(
        schedule.importKw[t]! + schedule.demandReductionKw[t]!,
        0,
        problem.demandResponse!.baselineKw[t]!,
      );
    }
    inside(schedule.pvUsedKw[t]! + schedule.feedInKw[t]!, 0, problem.pvKw?.[t] ?? 0);
    const net = imported - schedule.feedInKw[t]! - schedule.soldKw[t]!;
    equal(schedule.netImportKw[t]!, net);
    inside(net, problem.netImportKwMin?.[t] ?? -Infinity, problem.netImportKwMax?.[t] ?? Infinity);
    if (battery) {
      batteryKwh += slotHours * battery.chargeEfficiency * schedule.batteryChargeKw[t]!;
      batteryKwh -= (slotHours * schedule.batteryDischargeKw[t]!) / battery.dischargeEfficiency;
      equal(schedule.batteryKwh[t]!, batteryKwh);
      batteryKwh = schedule.batteryKwh[t]!;
      inside(batteryKwh, battery.energyKwhMin, battery.capacityKwh);
      inside(schedule.batteryChargeKw[t]!, 0, battery.chargeKwMax);
      inside(schedule.batteryDischargeKw[t]!, 0, battery.dischargeKwMax);
    }
    if (ev) {
      evKwh += slotHours * ev.chargeEfficiency * schedule.evChargeKw[t]! - ev.drivenKwh[t]!;
      evKwh -= (slotHours * schedule.evDischargeKw[t]!) / ev.dischargeEfficiency;
      equal(schedule.evKwh[t]!, evKwh);
      evKwh = schedule.evKwh[t]!;
      inside(evKwh, ev.energyKwhMin[t]!, ev.capacityKwh);
      inside(schedule.evChargeKw[t]!, 0, ev.chargeKwMax * ev.present[t]!);
    }
    if (hvac) {
      const decay = Math.exp(-slotHours / (hvac.resistanceKPerKw * hvac.capacitanceKwhPerK));
      indoorC = hvac.outdoorC[t]! - (hvac.outdoorC[t]! - indoorC) * decay + hvac.gainKPerKw * hvacKw;
      hvacKw = schedule.hvacKw[t]!;
      equal(schedule.indoorC[t]!, indoorC);
      indoorC = schedule.indoorC[t]!;
      inside(indoorC, hvac.indoorCMin, hvac.indoorCMax);
      inside(hvacKw, 0, hvac.powerKwMax);
    }
  }
  const limitC = hvac && finalIndoorLimitC(problem, hvac);
  if (limitC !== undefined) {
    const endC = indoorCAtEnd(problem, schedule)!;
    inside(endC, hvac!.gainKPerKw > 0 ? limitC : -Infinity, hvac!.gainKPerKw > 0 ? Infinity : limitC);
  }
  if (battery) inside(batteryKwh, battery.finalKwhMin ?? battery.initialKwh, battery.capacityKwh);
  problem.shiftableLoads?.forEach((load, k) => {
    const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
    equal(sum(schedule.shiftableKw[k]!), sum(Array.from(load.preferredKw).slice(load.fromSlot, load.toSlot)));
  });
  return worst;
}

t.test('the peak comes down to what is needed, however much the connection would bear', async (t) => {
  for (const importKwMax of [20, 1e3, 1e6]) {
    for (const pricePerKw of [1e-6, 1e-3, 1]) {
      const home = plainHome([2, 4, 1, 3], { importKwMax, demandCharge: { pricePerKw, meteredPeakKw: 3 } });
      const plan = library.stages.solve(home);
      const dearerBy = pricePerKw * ((plan?.schedule.peakKw ?? Infinity) - 4);
      t.ok(Math.abs(dearerBy) < 1e-7, `up to ${importKwMax} kW at ${pricePerKw}: ${dearerBy} too dear`);
    }
  }
});

t.test('a load of next to no power runs as evenly as it must', async (t) => {
  const shiftable = { fromSlot: 0, toSlot: 4, preferredKw: [1e-9, 1e-9, 0, 0], discomfortPerKw2h: 1 };
  const home = plainHome([1, 2, 1, 3], {
    importPricePerKwh: [0.5, 0.4, 0.1, 0.2],
    shiftableLoads: [{ ...shiftable, powerKwMax: 1e-9 }],
  });
  const plan = library.stages.solve(home);
  t.same(plan && Array.from(plan.schedule.shiftableKw[0]!), [5e-10, 5e-10, 5e-10, 5e-10]);
});

t.test('a load that nearly must run as preferred hides nothing of the rest', async (t) => {
  for (const discomfortPerKw2h of [1, 1e4, 1e8]) {
    const home = plainHome([1, 1, 1, 1], {
      importPricePerKwh: [0.1, 0.5, 0.2, 0.3],
      battery: {
        capacityKwh: 5,
        energyKwhMin: 0,
        chargeKwMax: 2,
        dischargeKwMax: 2,
        chargeEfficiency: 0.9,
        dischargeEfficiency: 0.9,
        initialKwh: 2,
        wearPerKwh: 0.01,
      },
      shiftableLoads: [
        { fromSlot: 0, toSlot: 4, powerKwMax: 5, preferredKw: [4, 2, 4, 2], discomfortPerKw2h },
      ],
    });
    const general = planHome(withoutStages, home);
    const quick = library.stages.solve(home);
    if (general.status !== 'solved' || !quick) throw new Error('unsolved');
    t.ok(Math.abs(general.cost.total - quick.cost.total) < 1e-8, `at ${discomfortPerKw2h} per kW2h`);
  }
});
