import fc from 'fast-check';
import t from 'tap';
import { goOn as contractGoesOn } from '../../consensus/contract/acceleration.ts';
import { clearSlot, payments as contractPayments } from '../../consensus/contract/clearing.ts';
import {
  type OfferedMw,
  readSession,
  readTrades,
  readTurn,
  type Turn,
} from '../../consensus/contract/index.ts';
import { pairTargets as contractLaysPairs, moveTargets } from '../../consensus/contract/rounds.ts';
import { penaltyOf, goOn as referenceGoesOn } from '../../optimizer/admm/acceleration.ts';
import {
  clearPairwise,
  closePairwiseRound,
  closePoolRound,
  createHomePlanner,
  defaultSessionParameters,
  eliminate,
  type HomePlanner,
  openPairwise,
  openPool,
  pairTargets,
  payments,
  poolTerms,
  type RoundTerms,
  runRounds,
  toOfferMw,
} from '../../optimizer/index.ts';
import { SLOT_MS, World } from '../consensus/contract-world.ts';
import { library, randomHome } from './homes.ts';

/*
 * The rules of the rounds are written twice, by different hands: bigint here as the reference, safe integers
 * in the contract. On any offers both must agree to the last unit.
 */

const slotMs = 300_000;
const power = fc.oneof(
  fc.integer({ min: -20_000_000, max: 20_000_000 }),
  fc.integer({ min: -3000, max: 3000 }),
);
const session = fc.record({
  n: fc.integer({ min: 2, max: 6 }),
  rounds: fc.array(fc.array(power, { minLength: 60, maxLength: 60 }), { minLength: 1, maxLength: 5 }),
  penalty: fc.bigInt(1n, 2_000_000n),
  relaxation: fc.integer({ min: 100, max: 1900 }),
  prices: fc.array(fc.bigInt(-500_000n, 500_000n), { minLength: 2, maxLength: 2 }),
});

const rulesOf = (penalty: bigint, relaxation: number) => ({
  penaltyMicro: penalty,
  relaxationPermille: relaxation,
  priceLimitMicro: 10n ** 15n,
});

const openingOf = (n: number, penalty: bigint, relaxation: number, prices: readonly bigint[]) => ({
  homes: names(n),
  startPriceMicroPerKwh: prices,
  penaltyMicroPerKwhPerKw: penalty,
  penaltyMicroPerKwhPerKwMax: penalty,
  penaltyGrowthPermille: 1000n,
  memoryRounds: 0,
  priceLimitMicroPerKwh: 10n ** 15n,
  relaxationPermille: BigInt(relaxation),
  tolerancePrimalMw: 0n,
  toleranceDualMw: 0n,
  maxRounds: 100,
});

for (const form of ['pool', 'pairwise'] as const) {
  t.test(`${form}: targets, prices, residuals, clearing and payments`, async (t) => {
    fc.assert(
      fc.property(session, ({ n, rounds, penalty, relaxation, prices }) => {
        const opening = openingOf(n, penalty, relaxation, prices);
        let reference = form === 'pool' ? openPool(opening) : openPairwise(opening);
        let standing: Pick<ReturnType<typeof moveTargets>, 'targets' | 'prices'> = {
          targets: names(n).map(() => [0, 0]),
          prices,
        };
        let totals: number[][] = [];
        for (const powers of rounds) {
          let next = 0;
          const said = names(n).map(() =>
            Array.from({ length: form === 'pool' ? 1 : n - 1 }, () => [
              powers[next++ % 60]!,
              powers[next++ % 60]!,
            ]),
          );
          totals = said.map((rows) => [0, 1].map((slot) => rows.reduce((sum, row) => sum + row[slot]!, 0)));
          const closed = close(reference, said);
          reference = closed.state;
          const { imbalanceMw, dualMw, ...moved } = moveTargets(
            { offers: totals, ...standing, penaltyParts: form === 'pool' ? 1 : n - 1 },
            rulesOf(penalty, relaxation),
          );
          standing = moved;
          equal([...reference.targetMw.values()], standing.targets);
          equal(reference.priceMicroPerKwh, standing.prices);
          equal([closed.report.imbalanceMw, closed.report.dualMw], [imbalanceMw, dualMw]);
          for (const [own, home] of names(n).entries())
            equal([...pairTargets(reference, home).values()], contractLaysPairs(standing.targets, own));
        }
        const bySlot = [0, 1].map((slot) => clearSlot(totals.map((total) => total[slot]!)));
        const soldW = names(n).map((_, i) => bySlot.map((watts) => watts[i]!));
        const cleared = clearPairwise(reference);
        equal([...cleared.soldW.values()], soldW);
        equal(
          [...payments(cleared, BigInt(slotMs)).values()],
          contractPayments(soldW, { pricesMicro: standing.prices, slotMs }),
        );
      }),
    );
    t.end();
  });
}

/** The reference's round, each home's rows meant for the others by address, or for all. */
function close(state: ReturnType<typeof openPool>, said: readonly (readonly number[][])[]) {
  const rows = new Map(state.homes.map((home, i) => [home, said[i]!.map((row) => row.map(BigInt))]));
  if (state.form === 'pool')
    return closePoolRound(state, new Map([...rows].map(([home, [row]]) => [home, row!])));
  return closePairwiseRound(
    state,
    new Map(
      [...rows].map(([home, parts]) => {
        const others = state.homes.filter((other) => other !== home);
        return [home, new Map(others.map((other, k) => [other, parts[k]!]))];
      }),
    ),
  );
}

t.test('homes that plan get the same numbers with a ledger and without', async (t) => {
  for (const form of ['pool', 'pairwise'] as const) {
    const world = new World(4, { priceLimitMicroPerKwh: 10_000_000n }).connect();
    const homes = new Map(world.homes.map((home, index) => [home, randomHome(900 + index)]));
    const slots = homes.get(world.homes[0]!)!.slots;
    const startPriceMicroPerKwh = new Array<bigint>(slots).fill(150_000n);
    const parameters = { ...defaultSessionParameters({ homes: 4, form }), maxRounds: 20 };
    const alone = runRounds(library, { form, parameters, homes, startPriceMicroPerKwh });

    world.open('s', {
      ...{ form, slots, maxRounds: parameters.maxRounds, memoryRounds: parameters.memoryRounds },
      penaltyMicro: parameters.penaltyMicroPerKwhPerKw,
      penaltyMicroMax: parameters.penaltyMicroPerKwhPerKwMax,
      penaltyGrowthPermille: Number(parameters.penaltyGrowthPermille),
      relaxationPermille: Number(parameters.relaxationPermille),
      tolerancePrimalMw: Number(parameters.tolerancePrimalMw),
      toleranceDualMw: Number(parameters.toleranceDualMw),
      startPrices: startPriceMicroPerKwh,
    });
    const planners = new Map(
      [...homes].map(([home, problem]) => [home, createHomePlanner(library, problem)]),
    );
    for (let session = readSession(world.state, 's')!; session.status === 'rounds'; ) {
      const penalty = session.roundPenaltyMicro;
      for (const home of world.homes) {
        const soldMw = offerOf(planners.get(home)!, readTurn(world.state, 's', home)!, penalty);
        world.must(home, 'coordination.offer', { id: 's', round: session.round, soldMw });
      }
      session = readSession(world.state, 's')!;
    }
    const { residuals, round } = readSession(world.state, 's')!;
    t.equal(round, alone.reports.length, `${form}: as many rounds`);
    equal(
      alone.reports.map(({ imbalanceMw, dualMw }) => [imbalanceMw, dualMw]),
      residuals.map(({ imbalanceMw, dualMw }) => [imbalanceMw, dualMw]),
    );
    const trades = readTrades(world.state, 's')!.homes;
    equal(
      world.homes.map((home) => alone.cleared.soldW.get(home)!),
      trades.map(({ soldW }) => soldW),
    );
    const paid = payments(alone.cleared, BigInt(SLOT_MS));
    equal(
      world.homes.map((home) => paid.get(home)!),
      trades.map(({ paymentMicro }) => paymentMicro),
    );
    t.ok(
      trades.some(({ soldW }) => soldW.some((watts) => watts > 0)),
      'and there was trade',
    );
  }
});

function offerOf(planner: HomePlanner, turn: Turn, penaltyMicroPerKwhPerKw: bigint): OfferedMw {
  const answer = (terms: RoundTerms) => {
    const response = planner.respond(terms);
    if (response.status !== 'solved') throw new Error(response.reason);
    return response.soldKw;
  };
  if (turn.form === 'pool') {
    const terms = poolTerms({
      ...{ priceMicroPerKwh: turn.pricesMicro, penaltyMicroPerKwhPerKw },
      targetMw: turn.targetsMw.map(BigInt),
    });
    return toOfferMw(answer(terms)).map(Number);
  }
  const neighbours = turn.targetsMw.map((targetMw) => ({
    priceMicroPerKwh: turn.pricesMicro,
    targetMw: targetMw.map(BigInt),
  }));
  const { terms, split } = eliminate(neighbours, penaltyMicroPerKwhPerKw);
  return split(answer(terms)).map((row) => row.map(Number));
}

const size = fc.constantFrom(3, 1_000, 30_000_000, 2 ** 35);
const position = (length: number) =>
  size.chain((most) =>
    fc.record({
      prices: fc.array(fc.integer({ min: -5_000_000, max: 5_000_000 }), { minLength: 2, maxLength: 2 }),
      targets: fc.array(fc.integer({ min: -most, max: most }), { minLength: length, maxLength: length }),
    }),
  );
const walks = fc.integer({ min: 1, max: 70 }).chain((length) =>
  fc.record({
    positions: fc.array(position(length), { minLength: 2, maxLength: 9 }),
    firstRound: fc.constantFrom(1, 2, 58, 63, 64, 900),
    penalty: fc.constantFrom(1n, 79_999n, 300_000n, 100_000_000n),
    growth: fc.constantFrom(1000, 1000, 1000, 1300),
    memoryRounds: fc.integer({ min: 0, max: 5 }),
    homes: fc.integer({ min: 1, max: 1000 }),
  }),
);

t.test('acceleration goes on from the same place, wherever rounds have led', async (t) => {
  let combined = 0;
  fc.assert(
    fc.property(walks, ({ positions, firstRound, penalty, growth, memoryRounds, homes }) => {
      const parameters = {
        ...openingOf(2, penalty, 1000, [0n]),
        penaltyMicroPerKwhPerKwMax: 2n * penalty,
        penaltyGrowthPermille: BigInt(growth),
        memoryRounds,
      };
      let reference: ReturnType<typeof referenceGoesOn>['memory'] = [];
      let remembered: ReturnType<typeof contractGoesOn>['remembered'] = [];
      for (const [index, to] of positions.slice(1).entries()) {
        // Half of the walks move on a short way: steps then look alike, as they do near the end of rounds.
        const from = positions[index]!;
        const step = { from, to: memoryRounds % 2 === 0 ? to : between(from, to) };
        const round = firstRound + index;
        const own = referenceGoesOn(
          reference,
          { from: big(step.from), to: big(step.to) },
          { round, parameters, priceWeight: BigInt(homes) },
        );
        const theirs = contractGoesOn(remembered, step, {
          penaltyMicro: penaltyOf(parameters, round),
          nextPenaltyMicro: penaltyOf(parameters, round + 1),
          priceWeight: homes,
          memoryRounds,
          round,
        });
        equal(own.position, theirs.position);
        equal(own.memory, theirs.remembered);
        if (JSON.stringify(theirs.position) !== JSON.stringify(step.to)) combined += 1;
        reference = own.memory;
        remembered = theirs.remembered;
      }
    }),
    { numRuns: 400 },
  );
  t.ok(combined > 100, `${combined} steps were more than plain`);
});

t.test('a price whose imbalance stands still goes on by ever longer steps', async (t) => {
  const pace = {
    ...{ penaltyMicro: 80_000n, nextPenaltyMicro: 80_000n },
    ...{ priceWeight: 5, memoryRounds: 5 },
  };
  const parameters = { ...openingOf(2, 80_000n, 1000, [0n]), memoryRounds: 5 };
  let remembered: ReturnType<typeof contractGoesOn>['remembered'] = [];
  let memory: ReturnType<typeof referenceGoesOn>['memory'] = [];
  const strides: number[] = [];
  let from: Place = { prices: [200_000, 100_000], targets: [0, 0] };
  for (let round = 10; round < 17; round += 1) {
    const to = { prices: [from.prices[0]! - 160, from.prices[1]!], targets: [0, 0] };
    const one = contractGoesOn(remembered, { from, to }, { ...pace, round });
    const own = referenceGoesOn(
      memory,
      { from: big(from), to: big(to) },
      { round, parameters, priceWeight: 5n },
    );
    equal(own.position, one.position);
    strides.push((to.prices[0]! - one.position.prices[0]!) / 160);
    t.equal(one.position.prices[1], 100_000, 'one that is right stays');
    from = { ...one.position, targets: [0, 0] };
    ({ remembered } = one);
    ({ memory } = own);
  }
  t.same(strides, [0, 1, 3, 7, 15, 31, 31]);
  // A sixteenth is alike, a little more is not.
  for (const second of [160, 155]) {
    const steps = [second + 10, second].map((move) => ({
      from: { prices: [0, 0], targets: [0, 0] },
      to: { prices: [move, 1_000_000], targets: [0, 0] },
    }));
    const one = contractGoesOn(steps.slice(0, 1), steps[1]!, { ...pace, round: 18 });
    const past = steps.slice(0, 1).map((step) => ({ from: big(step.from), to: big(step.to) }));
    const last = { from: big(steps[1]!.from), to: big(steps[1]!.to) };
    equal(referenceGoesOn(past, last, { round: 18, parameters, priceWeight: 5n }).position, one.position);
  }
  const over = { from, to: { prices: [from.prices[0]! + 40, 100_000], targets: [0, 0] } };
  const back = contractGoesOn(remembered, over, { ...pace, round: 17 }).position.prices[0]!;
  equal(
    referenceGoesOn(
      memory,
      { from: big(over.from), to: big(over.to) },
      { round: 17, parameters, priceWeight: 5n },
    ).position.prices[0],
    back,
  );
  t.ok(
    back > from.prices[0]! && back < from.prices[0]! + 31 * 160,
    'past the point it comes back into between',
  );
});

t.test('acceleration that would lead too far is a plain step, and looks back no more', async (t) => {
  const cases: [what: string, moves: [number, number], from: [number, number], plain: boolean][] = [
    ['63.8 times the change', [1_015_680, 1_000_000], [0, 1000], false],
    ['64.5 times the change', [1_015_500, 1_000_000], [0, 1000], true],
    ['the same in the other direction', [1_000_000, 1_015_000], [0, 1000], true],
    ['to below 2^36 mW', [4e10, 3e10], [2.7e10, 3.6e10], false],
    ['to beyond 2^36 mW', [4e10, 3e10], [3.4e10, 4.3e10], true],
  ];
  for (const [what, [first, second], from, plain] of cases) {
    const at = (target: number) => ({ prices: [200_000], targets: [target] });
    const parameters = { ...openingOf(2, 80_000n, 1000, [0n]), memoryRounds: 3 };
    const pace = {
      ...{ penaltyMicro: 80_000n, nextPenaltyMicro: 80_000n },
      ...{ priceWeight: 5, memoryRounds: 3 },
    };
    const steps = [
      { from: at(from[0]), to: at(from[0] + first) },
      { from: at(from[1]), to: at(from[1] + second) },
    ] as const;
    const one = contractGoesOn([], steps[0], { ...pace, round: 5 });
    const two = contractGoesOn(one.remembered, steps[1], { ...pace, round: 6 });
    t.equal(JSON.stringify(two.position) === JSON.stringify(steps[1].to), plain, what);
    t.equal(two.remembered.length, plain ? 1 : 2, what);
    const memory = [{ from: big(steps[0].from), to: big(steps[0].to) }];
    const step = { from: big(steps[1].from), to: big(steps[1].to) };
    const own = referenceGoesOn(memory, step, { round: 6, parameters, priceWeight: 5n });
    equal(own.position, two.position);
    equal(own.memory, two.remembered);
  }
});

const big = ({ prices, targets }: { prices: readonly number[]; targets: readonly number[] }) => ({
  prices: prices.map(BigInt),
  targets: targets.map(BigInt),
});

type Place = { readonly prices: readonly number[]; readonly targets: readonly number[] };

function between(from: Place, to: Place): Place {
  const third = (one: readonly number[], other: readonly number[]) =>
    one.map((value, at) => value + Math.trunc((other[at]! - value) / 3));
  return { prices: third(from.prices, to.prices), targets: third(from.targets, to.targets) };
}

function names(n: number): string[] {
  return Array.from({ length: n }, (_, i) => `home${i}`);
}

/** Equal as integers, whatever type holds them. */
function equal(reference: unknown, contract: unknown): void {
  const written = (value: unknown): string =>
    JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) + 0 : part));
  if (written(reference) !== written(contract)) {
    throw new Error(`reference ${written(reference)}, contract ${written(contract)}`);
  }
}
