import fc from 'fast-check';
import t from 'tap';
import {
  type Cleared,
  clearPairwise,
  clearPool,
  closePairwiseRound,
  closePoolRound,
  costTogether,
  defaultSessionParameters,
  eliminate,
  type HomeProblem,
  openPairwise,
  openPool,
  type PairwiseOffer,
  pairTargets,
  payments,
  planHome,
  planNeighbourhood,
  poolTerms,
  type RoundTerms,
  runRounds,
  type SessionParameters,
  toOfferMw,
} from '../../optimizer/index.ts';
import { library, randomHome } from './homes.ts';
import { minus, over, plus, type Rational, rational, same, sum, times } from './rational.ts';

const parameters: SessionParameters = {
  penaltyMicroPerKwhPerKw: 80_000n,
  penaltyMicroPerKwhPerKwMax: 80_000n,
  penaltyGrowthPermille: 1000n,
  memoryRounds: 0,
  priceLimitMicroPerKwh: 10_000_000n,
  relaxationPermille: 1000n,
  tolerancePrimalMw: 1_000n,
  toleranceDualMw: 1_000n,
  maxRounds: 50,
};

const fraction = fc.tuple(fc.bigInt(-5000n, 5000n), fc.bigInt(1n, 60n)).map(([n, d]) => rational(n, d));
const positive = fc.tuple(fc.bigInt(1n, 5000n), fc.bigInt(1n, 60n)).map(([n, d]) => rational(n, d));
const power = fc.bigInt(-20_000_000n, 20_000_000n);

t.test('the published pairwise update, over exact fractions', async (t) => {
  /** Eqs. 16 and 17 for the direction i to j. */
  const published = (r: Rational, p: Rational, back: Rational, a: Rational, aBack: Rational) => {
    const target = over(minus(times(r, minus(p, back)), minus(a, aBack)), times(rational(2n), r));
    return { target, price: plus(a, times(r, minus(target, p))) };
  };

  await t.test(
    'after one round both directions have one price, and targets that are each other turned',
    async () => {
      fc.assert(
        fc.property(positive, fraction, fraction, fraction, fraction, (r, p, back, a, aBack) => {
          const there = published(r, p, back, a, aBack);
          const here = published(r, back, p, aBack, a);
          return same(there.price, here.price) && same(plus(there.target, here.target), rational(0n));
        }),
      );
    },
  );

  await t.test(
    'a home need not keep its trades apart: the total decides, and splits by one formula',
    async () => {
      fc.assert(
        fc.property(
          positive,
          fc.array(fc.tuple(fraction, fraction, fraction), { minLength: 1, maxLength: 6 }),
          fraction,
          (r, trades, total) => {
            const count = rational(BigInt(trades.length));
            const centres = trades.map(([target, price]) => plus(target, over(price, r)));
            const spread = over(minus(total, sum(centres)), count);
            const best = centres.map((centre) => plus(centre, spread));
            const half = over(r, rational(2n));
            const square = (x: Rational): Rational => times(x, x);
            const cost = (split: readonly Rational[]): Rational =>
              sum(
                split.map((p, j) => {
                  const [target, price] = trades[j]!;
                  return minus(times(half, square(minus(p, target))), times(price, p));
                }),
              );
            // The split is the total's; its cost is the pooled penalty, up to a constant of the round.
            const pooled = times(over(half, count), square(minus(total, sum(centres))));
            const constant = sum(
              trades.map(([target, price]) =>
                minus(rational(0n), plus(times(price, target), over(square(price), times(rational(2n), r)))),
              ),
            );
            // Any other split of the same total costs more by r/2 of its squared distance: best is best.
            const shift = trades.map(([, , by]) => by);
            const mean = over(sum(shift), count);
            const other = best.map((p, j) => plus(p, minus(shift[j]!, mean)));
            const extra = times(half, sum(shift.map((by) => square(minus(by, mean)))));
            return (
              same(sum(best), total) &&
              same(cost(best), plus(pooled, constant)) &&
              same(minus(cost(other), cost(best)), extra)
            );
          },
        ),
      );
    },
  );

  await t.test(
    'of two homes, the integer rule without relaxation is the published one, to one unit',
    async () => {
      fc.assert(
        fc.property(power, power, power, fc.bigInt(-1_000_000n, 1_000_000n), (sold, back, target, price) => {
          const opened = openPairwise({ ...parameters, homes: ['a', 'b'], startPriceMicroPerKwh: [price] });
          const state = {
            ...opened,
            targetMw: new Map([
              ['a', [target]],
              ['b', [-target]],
            ]),
          };
          const offers = new Map([
            ['a', new Map([['b', [sold]]])],
            ['b', new Map([['a', [back]]])],
          ]);
          const closed = closePairwiseRound(state, offers).state;
          // r in micro per kWh per mW.
          const r = rational(parameters.penaltyMicroPerKwhPerKw, 1_000_000n);
          const exact = published(r, rational(sold), rational(back), rational(price), rational(price));
          return (
            near(pairTargets(closed, 'a').get('b')![0]!, exact.target) &&
            near(closed.priceMicroPerKwh[0]!, exact.price)
          );
        }),
      );
    },
  );
});

t.test('a pool round by hand', async (t) => {
  const opened = openPool({
    ...parameters,
    relaxationPermille: 1500n,
    homes: ['c', 'a', 'b'],
    startPriceMicroPerKwh: [100_000n],
  });
  t.same(opened.homes, ['a', 'b', 'c']);
  const { state, report } = closePoolRound(
    opened,
    new Map([
      ['a', [2_000_001n]],
      ['b', [-500_001n]],
      ['c', [0n]],
    ]),
  );
  // Relaxed: 3000001 (floor of 3000001.5), -750002 (floor of -750001.5), 0; sum 2249999 = 3 * 749999 + 2.
  t.same(state.targetMw.get('a'), [2_250_001n]);
  t.same(state.targetMw.get('b'), [-1_500_002n]);
  t.same(state.targetMw.get('c'), [-749_999n]);
  // 80000 * 2249999 / 3000000 = 59999.97
  t.same(state.priceMicroPerKwh, [40_000n]);
  t.equal(report.imbalanceMw, 500_000n);
  // (2250001 + 1500002 + 749999) / 3, rounded up.
  t.equal(report.dualMw, 1_500_001n);
  t.equal(report.ended, undefined);
});

t.test('whatever is offered, targets of the pool sum to zero and prices follow the sum', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }),
      fc.constantFrom(1000n, 1700n, 1999n),
      fc.array(fc.array(power, { minLength: 18, maxLength: 18 }), { minLength: 1, maxLength: 6 }),
      (n, relaxationPermille, rounds) => {
        const homes = Array.from({ length: n }, (_, i) => `h${i}`);
        let state = openPool({
          ...parameters,
          relaxationPermille,
          tolerancePrimalMw: -1n,
          homes,
          startPriceMicroPerKwh: [200_000n, -5n],
        });
        for (const powers of rounds) {
          const before = state;
          const offers = new Map(homes.map((home, i) => [home, [powers[2 * i]!, powers[2 * i + 1]!]]));
          state = closePoolRound(state, offers).state;
          for (const slot of [0, 1]) {
            if (total(state.targetMw, slot) !== 0n) return false;
            const offered = total(offers, slot);
            const fell = before.priceMicroPerKwh[slot]! - state.priceMicroPerKwh[slot]!;
            if (offered > 1_000_000n && fell <= 0n) return false;
            if (offered < -1_000_000n && fell >= 0n) return false;
          }
        }
        return true;
      },
    ),
  );
});

t.test('homes of any neighbourhood see the same rounds by pairs as in the pool', async () => {
  const quadratic = fc.record({
    value: fc.integer({ min: 50_000, max: 400_000 }),
    curvature: fc.integer({ min: 20_000, max: 200_000 }),
  });
  fc.assert(
    fc.property(
      fc.array(quadratic, { minLength: 2, maxLength: 7 }),
      fc.constantFrom(1000n, 1700n),
      (costs, relaxationPermille) => {
        const homes = costs.map((_, i) => `h${i}`);
        const neighbours = homes.length - 1;
        const rules = { ...parameters, relaxationPermille, tolerancePrimalMw: -1n };
        const start = { homes, startPriceMicroPerKwh: [200_000n, 120_000n] };
        let pool = openPool({ ...rules, ...start });
        const byPair = 80_000n * BigInt(neighbours);
        let pairwise = openPairwise({
          ...{ ...rules, penaltyMicroPerKwhPerKw: byPair, penaltyMicroPerKwhPerKwMax: byPair },
          ...start,
        });
        for (let round = 0; round < 8; round += 1) {
          const inPool = new Map<string, bigint[]>();
          const inPairs = new Map<string, PairwiseOffer>();
          homes.forEach((home, i) => {
            inPool.set(home, toOfferMw(answer(costs[i]!, poolTerms(turnOf(pool, home)))));
            const others = homes.filter((other) => other !== home);
            const targets = pairTargets(pairwise, home);
            const { terms, split } = eliminate(
              others.map((other) => ({ ...pairwise, targetMw: targets.get(other)! })),
              byPair,
            );
            const parts = split(answer(costs[i]!, terms));
            inPairs.set(home, new Map(others.map((other, k) => [other, parts[k]!])));
          });
          pool = closePoolRound(pool, inPool).state;
          pairwise = closePairwiseRound(pairwise, inPairs).state;
          for (const slot of [0, 1]) {
            const price = pairwise.priceMicroPerKwh[slot]!;
            // Whole micro-units and mW drift apart by a few a round.
            const drift = 20n * BigInt(round + 1);
            if (differ(price, pool.priceMicroPerKwh[slot]!) > drift) return false;
            for (const home of homes) {
              const offered = [...inPairs.get(home)!.values()].reduce((all, mw) => all + mw[slot]!, 0n);
              if (differ(offered, inPool.get(home)![slot]!) > 20n * drift) return false;
            }
          }
        }
        return true;
      },
    ),
  );
});

t.test('what a home says to single neighbours beyond its total moves nobody', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 6 }),
      fc.array(fc.array(power, { minLength: 30, maxLength: 30 }), { minLength: 1, maxLength: 4 }),
      fc.array(power, { minLength: 6, maxLength: 6 }),
      (n, rounds, lies) => {
        const homes = Array.from({ length: n }, (_, i) => `h${i}`);
        const opening = { ...parameters, tolerancePrimalMw: -1n, homes, startPriceMicroPerKwh: [123_457n] };
        let honest = openPairwise(opening);
        let lied = openPairwise(opening);
        for (const powers of rounds) {
          let next = 0;
          const said = (liar: string | undefined) =>
            new Map(
              homes.map((home) => {
                const others = homes.filter((other) => other !== home);
                const parts = others.map((_, k) => powers[(homes.indexOf(home) * 5 + k) % 30]!);
                const lie = home === liar ? lies[next++ % 6]! : 0n;
                // The lie to the first neighbour is taken back from the last.
                parts[0]! += lie;
                parts[parts.length - 1]! -= lie;
                return [home, new Map(others.map((other, k) => [other, [parts[k]!]]))];
              }),
            );
          honest = closePairwiseRound(honest, said(undefined)).state;
          lied = closePairwiseRound(lied, said('h1')).state;
        }
        const seen = ({ targetMw, priceMicroPerKwh }: typeof honest) =>
          [...targetMw.values(), priceMicroPerKwh].map(([value]) => value);
        const cleared = ({ soldW }: Cleared) => [...soldW.values()].join();
        return (
          seen(honest).join() === seen(lied).join() &&
          cleared(clearPairwise(honest)) === cleared(clearPairwise(lied))
        );
      },
    ),
  );
});

/** What minimises curvature / 2 * sold^2 + value * sold under a round's terms, in kW. */
function answer(
  { value, curvature }: { readonly value: number; readonly curvature: number },
  { pricePerKwh, penaltyPerKwhPerKw, targetSoldKw }: RoundTerms,
): Float64Array {
  return Float64Array.from(
    targetSoldKw,
    (target, t) =>
      (pricePerKwh[t]! - value / 1e6 + penaltyPerKwhPerKw * target) / (penaltyPerKwhPerKw + curvature / 1e6),
  );
}

function turnOf(pool: ReturnType<typeof openPool>, home: string) {
  const { priceMicroPerKwh, parameters: rules } = pool;
  const { penaltyMicroPerKwhPerKw } = rules;
  return { priceMicroPerKwh, penaltyMicroPerKwhPerKw, targetMw: pool.targetMw.get(home)! };
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

const differ = (one: bigint, other: bigint): bigint => abs(one - other);

t.test('a silent home stands by its last offer once, then is out', async (t) => {
  const opening = { ...parameters, homes: ['a', 'b', 'c'], startPriceMicroPerKwh: [100_000n] };
  const offers = new Map([
    ['a', [1_000_000n]],
    ['b', [-1_000_000n]],
    ['c', [300_000n]],
  ]);
  const without = new Map([...offers].filter(([home]) => home !== 'c'));
  const first = closePoolRound(openPool(opening), offers);
  const second = closePoolRound(first.state, without);
  t.same(second.state.homes, ['a', 'b', 'c']);
  t.equal(second.report.imbalanceMw, 100_000n, 'the last offer of c still counts');
  const third = closePoolRound(second.state, without);
  t.same(third.report.left, ['c']);
  t.same(third.state.homes, ['a', 'b']);
  t.equal(third.report.imbalanceMw, 0n);
  t.equal(total(third.state.targetMw, 0), 0n, 'targets of those who stay sum to zero');
  t.same([...clearPool(third.state).soldW.keys()], ['a', 'b']);
  const back = closePoolRound(closePoolRound(first.state, without).state, offers);
  t.same(back.state.homes, ['a', 'b', 'c'], 'a home heard of again in time stays');
  const silence = closePoolRound(closePoolRound(openPool(opening), new Map()).state, new Map());
  t.equal(silence.report.ended, 'deserted');
  t.same([...payments(clearPool(silence.state), 3_600_000n)], []);

  const pairOffers = (homes: readonly string[]): Map<string, PairwiseOffer> =>
    new Map(
      homes.map((home) => [
        home,
        new Map(
          opening.homes.filter((other) => other !== home).map((other) => [other, [home < other ? 5n : -5n]]),
        ),
      ]),
    );
  let pairwise = closePairwiseRound(openPairwise(opening), pairOffers(['a', 'b', 'c']));
  pairwise = closePairwiseRound(pairwise.state, pairOffers(['a', 'c']));
  t.same([...pairTargets(pairwise.state, 'a').keys()], ['b', 'c']);
  pairwise = closePairwiseRound(pairwise.state, pairOffers(['a', 'c']));
  t.same(pairwise.report.left, ['b']);
  t.same([...pairTargets(pairwise.state, 'a').keys()], ['c']);
});

t.test('clearing sums to zero and asks nobody for more than he offered', async (t) => {
  fc.assert(
    fc.property(fc.array(power, { minLength: 2, maxLength: 9 }), (powers) => {
      const offers = new Map(powers.map((mw, i) => [`h${i}`, [mw]]));
      const opened = openPool({
        ...parameters,
        homes: [...offers.keys()],
        startPriceMicroPerKwh: [123_457n],
      });
      const cleared = clearPool(closePoolRound(opened, offers).state);
      return (
        total(cleared.soldW, 0) === 0n &&
        powers.every((mw, i) => isPartOf(cleared.soldW.get(`h${i}`)![0]!, mw / 1000n)) &&
        paysInFull(cleared)
      );
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.array(power, { minLength: 20, maxLength: 20 }),
      (n, powers) => {
        const homes = Array.from({ length: n }, (_, i) => `h${i}`);
        let next = 0;
        const offers = new Map(
          homes.map((home) => [
            home,
            new Map(homes.filter((other) => other !== home).map((other) => [other, [powers[next++]!]])),
          ]),
        );
        const opened = openPairwise({ ...parameters, homes, startPriceMicroPerKwh: [123_457n] });
        const closed = closePairwiseRound(opened, offers);
        const cleared = clearPairwise(closed.state);
        const inPairs = (home: string) =>
          cleared.pairs.reduce((sum, { first, second, soldW }) => {
            if (home === first) return sum + soldW[0]!;
            return home === second ? sum - soldW[0]! : sum;
          }, 0n);
        return (
          total(cleared.soldW, 0) === 0n &&
          paysInFull(cleared) &&
          homes.every((home) => {
            const offered = [...offers.get(home)!.values()].reduce((sum, [mw]) => sum + mw!, 0n);
            const soldW = cleared.soldW.get(home)![0]!;
            return isPartOf(soldW, offered / 1000n) && inPairs(home) === soldW;
          })
        );
      },
    ),
  );
  const offers = new Map([
    ['a', [3_000n]],
    ['b', [4_999n]],
    ['c', [4_000n]],
    ['d', [-7_400n]],
  ]);
  const opened = openPool({ ...parameters, homes: [...offers.keys()], startPriceMicroPerKwh: [0n] });
  // 11 W offered, 7 wanted: of 4 to give up, one each by proportion, the fourth by b: largest, first by address.
  const { soldW } = clearPool(closePoolRound(opened, offers).state);
  t.same([...soldW.values()], [[2n], [2n], [3n], [-7n]]);
});

t.test('payments are exact, and the first buyer takes what divisions leave over', async (t) => {
  const cleared: Cleared = {
    soldW: new Map([
      ['a', [1n]],
      ['b', [-3n]],
      ['c', [2n]],
    ]),
    earned: new Map([
      ['a', 1_000n],
      ['b', -3_000n],
      ['c', 2_000n],
    ]),
    pairs: [],
  };
  // 300 s: 1000 * 300000 / 3.6e9 = 0.083, -0.25, 0.167 micro: rounded down 0, -1, 0.
  t.same(
    [...payments(cleared, 300_000n)],
    [
      ['a', 0n],
      ['b', 0n],
      ['c', 0n],
    ],
  );
});

t.test('targets laid on pairs are one for both sides, and add up to the home’s own', async () => {
  fc.assert(
    fc.property(fc.array(power, { minLength: 2, maxLength: 9 }), (powers) => {
      const homes = powers.map((_, i) => `h${i}`);
      const opened = openPairwise({ ...parameters, homes, startPriceMicroPerKwh: [0n] });
      const rest = powers.slice(1).reduce((sum, mw) => sum + mw, 0n);
      const totals = [-rest, ...powers.slice(1)];
      const state = { ...opened, targetMw: new Map(homes.map((home, i) => [home, [totals[i]!]])) };
      return homes.every((home, i) => {
        const laid = [...pairTargets(state, home)];
        const turned = laid.every(([other, [mw]]) => pairTargets(state, other).get(home)![0] === -mw!);
        const inAll = laid.reduce((sum, [, [mw]]) => sum + mw!, 0n);
        return turned && differ(inAll, totals[i]!) < BigInt(homes.length);
      });
    }),
  );
});

t.test("the home's side of a round", async (t) => {
  t.same(toOfferMw([0.0000004, -1.5, 2.3456789]), [0n, -1_500_000n, 2_345_679n]);
  t.throws(() => toOfferMw([0, Number.NaN]), { code: 'OPTIMIZER_NOT_FINITE', details: { slot: 1 } });
  t.throws(() => eliminate([], 1n), { code: 'OPTIMIZER_BAD_LENGTH' });
  t.same(
    poolTerms({ priceMicroPerKwh: [150_000n], penaltyMicroPerKwhPerKw: 80_000n, targetMw: [-250_000n] }),
    {
      pricePerKwh: Float64Array.of(0.15),
      penaltyPerKwhPerKw: 0.08,
      targetSoldKw: Float64Array.of(-0.25),
    },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.bigInt(-500_000n, 500_000n), power), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: -20_000, max: 20_000 }),
      (neighbours, totalW) => {
        const { terms, split } = eliminate(
          neighbours.map(([price, target]) => ({ priceMicroPerKwh: [price], targetMw: [target] })),
          80_000n,
        );
        const parts = split([totalW / 1000]);
        const offered = parts.reduce((all, [mw]) => all + mw!, 0n);
        const away = Number(offered - BigInt(totalW) * 1000n);
        return Math.abs(away) <= neighbours.length && terms.penaltyPerKwhPerKw === 0.08 / neighbours.length;
      },
    ),
  );
});

t.test('both forms end at the optimum of one planner for all, and nobody is worse off', async (t) => {
  for (const [homes, seed] of [
    [2, 100],
    [4, 200],
    [7, 300],
  ] as const) {
    const problems = new Map(
      Array.from({ length: homes }, (_, i): [string, HomeProblem] => [`home${i}`, randomHome(seed + i)]),
    );
    const alone = new Map([...problems].map(([home, problem]) => [home, planned(problem)]));
    const scale = [...alone.values()].reduce((all, cost) => all + Math.abs(cost), 0);
    const yardstick = planNeighbourhood(library, [...problems.values()]);
    if (yardstick.status !== 'solved') throw new Error(yardstick.reason);
    const first = problems.get('home0')!;
    const startPriceMicroPerKwh = Array.from(first.importPricePerKwh, (price) =>
      BigInt(Math.round(price * 5e5)),
    );
    for (const form of ['pool', 'pairwise'] as const) {
      const what = `${homes} homes, ${form}`;
      let told = 0;
      const result = runRounds(library, {
        form,
        parameters: defaultSessionParameters({ homes, form }),
        homes: problems,
        startPriceMicroPerKwh,
        onRound: () => {
          told += 1;
        },
      });
      t.equal(told, result.reports.length, `${what}: every round is told`);
      let together = 0;
      for (const [home, problem] of problems) {
        const cost = costTogether(library, problem, {
          soldW: result.cleared.soldW.get(home)!,
          receivedMicro: result.payments.get(home)!,
        });
        const before = alone.get(home)!;
        const allowed = before + Math.max(0.001 * Math.abs(before), 0.01);
        t.ok(cost && cost.cost <= allowed, `${what}: ${home} pays ${cost?.cost}, alone ${before}`);
        t.ok(cost && cost.deviationKwMax < 0.01, `${what}: ${home} can keep its trade`);
        together += cost?.cost ?? Number.NaN;
      }
      const gap = (together - yardstick.totalCost) / scale;
      t.ok(gap < 0.005 && gap > -1e-6, `${what}: gap ${gap} after ${result.reports.length} rounds`);
      t.ok(paysInFull(result.cleared), `${what}: payments sum to zero`);
    }
  }
});

function planned(problem: HomeProblem): number {
  const plan = planHome(library, problem);
  if (plan.status !== 'solved') throw new Error(plan.reason);
  return plan.cost.total;
}

function near(value: bigint, exact: Rational): boolean {
  const away = minus(rational(value), exact);
  return away.n <= away.d && away.n >= -away.d;
}

function total(series: ReadonlyMap<string, readonly bigint[]>, slot: number): bigint {
  return [...series.values()].reduce((all, values) => all + values[slot]!, 0n);
}

/** Between nothing and the whole, on the same side of zero. */
function isPartOf(part: bigint, whole: bigint): boolean {
  return whole >= 0n ? part >= 0n && part <= whole : part <= 0n && part >= whole;
}

/** Payments sum to zero, and only the first buyer is off the exact share by more than one micro-unit. */
function paysInFull(cleared: Cleared): boolean {
  const paid = payments(cleared, 300_000n);
  const bought = [...cleared.soldW.keys()].filter((home) => cleared.soldW.get(home)!.some((w) => w < 0n));
  const [buyer] = bought.sort();
  const exact = [...cleared.earned].every(([home, earned]) => {
    const share = rational(earned * 300_000n, 3_600_000_000n);
    const away = minus(share, rational(paid.get(home)!));
    return home === buyer || (away.n >= 0n && away.n < away.d);
  });
  return exact && [...paid.values()].reduce((all, micro) => all + micro, 0n) === 0n;
}
