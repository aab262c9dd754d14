import fc from 'fast-check';
import t from 'tap';
import { goOn as contractGoesOn } from '../../consensus/contract/acceleration.ts';
import {
  clearPairSlot,
  clearPoolSlot,
  payments as contractPayments,
} from '../../consensus/contract/clearing.ts';
import {
  closePairwiseRound as contractClosesPairs,
  closePoolRound as contractClosesPool,
  type Pair,
} from '../../consensus/contract/rounds.ts';
import { penaltyOf, goOn as referenceGoesOn } from '../../optimizer/admm/acceleration.ts';
import {
  clearPairwise,
  clearPool,
  closePairwiseRound,
  closePoolRound,
  openPairwise,
  openPool,
  payments,
} from '../../optimizer/index.ts';

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

t.test('pool: targets, prices, residuals, clearing and payments', async (t) => {
  fc.assert(
    fc.property(session, ({ n, rounds, penalty, relaxation, prices }) => {
      let reference = openPool(openingOf(n, penalty, relaxation, prices));
      let targets: readonly (readonly number[])[] = names(n).map(() => [0, 0]);
      let contractPrices: readonly bigint[] = prices;
      for (const powers of rounds) {
        const offers = names(n).map((_, i) => [powers[2 * i]!, powers[2 * i + 1]!]);
        const closed = closePoolRound(
          reference,
          new Map(names(n).map((home, i) => [home, offers[i]!.map(BigInt)])),
        );
        reference = closed.state;
        const contract = contractClosesPool(
          { offers, targets, prices: contractPrices },
          rulesOf(penalty, relaxation),
        );
        targets = contract.targets;
        contractPrices = contract.prices;
        equal([...reference.targetMw.values()], targets);
        equal(reference.priceMicroPerKwh, contractPrices);
        equal([closed.report.primalMw, closed.report.dualMw], [contract.primalMw, contract.dualMw]);
      }
      const cleared = clearPool(reference);
      const last = rounds.at(-1)!;
      const bySlot = [0, 1].map((slot) => clearPoolSlot(names(n).map((_, i) => last[2 * i + slot]!)));
      equal(
        [...cleared.soldW.values()],
        names(n).map((_, i) => bySlot.map((watts) => watts[i]!)),
      );
      const trades = names(n).map((_, i) =>
        bySlot.map((watts, slot) => ({ slot, soldW: watts[i]!, priceMicro: contractPrices[slot]! })),
      );
      const paid = contractPayments(trades, { slots: 2, slotMs });
      equal([...payments(cleared, BigInt(slotMs)).values()], paid);
    }),
  );
  t.end();
});

t.test('pairwise: targets, prices, residuals, clearing and payments', async (t) => {
  fc.assert(
    fc.property(session, ({ n, rounds, penalty, relaxation, prices }) => {
      let reference = openPairwise(openingOf(n, penalty, relaxation, prices));
      let pairs: readonly Pair[] = reference.pairs.map(({ first, second }) => ({
        first: names(n).indexOf(first),
        second: names(n).indexOf(second),
        targets: [0, 0],
        prices,
      }));
      let offers: (number[] | undefined)[][] = [];
      for (const powers of rounds) {
        let next = 0;
        offers = names(n).map((_, i) =>
          names(n).map((_, j) => (i === j ? undefined : [powers[next++ % 60]!, powers[next++ % 60]!])),
        );
        const received = new Map(
          names(n).map((home, i) => [
            home,
            new Map(
              names(n).flatMap((other, j): [string, bigint[]][] =>
                i === j ? [] : [[other, offers[i]![j]!.map(BigInt)]],
              ),
            ),
          ]),
        );
        const closed = closePairwiseRound(reference, received);
        reference = closed.state;
        const contract = contractClosesPairs(
          { offers, pairs, homes: n, slots: 2 },
          rulesOf(penalty, relaxation),
        );
        pairs = contract.pairs;
        equal(
          reference.pairs.map(({ targetMw }) => targetMw),
          pairs.map(({ targets }) => targets),
        );
        equal(
          reference.pairs.map(({ priceMicroPerKwh }) => priceMicroPerKwh),
          pairs.map(({ prices: micro }) => micro),
        );
        equal(
          [closed.report.primalMw, closed.report.dualMw, closed.report.imbalanceMw],
          [contract.primalMw, contract.dualMw, contract.imbalanceMw],
        );
      }
      const trades = names(n).map((_, i) =>
        pairs.flatMap(({ first, second, prices: micro }) =>
          micro.flatMap((priceMicro, slot) => {
            const soldW = clearPairSlot(offers[first]![second]![slot]!, offers[second]![first]![slot]!);
            if (i === first) return [{ slot, soldW, priceMicro }];
            return i === second ? [{ slot, soldW: -soldW, priceMicro }] : [];
          }),
        ),
      );
      const cleared = clearPairwise(reference);
      equal([...payments(cleared, BigInt(slotMs)).values()], contractPayments(trades, { slots: 2, slotMs }));
      equal(
        [...cleared.soldW.values()],
        trades.map((own) =>
          [0, 1].map((at) => own.reduce((sum, { slot, soldW }) => (slot === at ? sum + soldW : sum), 0)),
        ),
      );
    }),
  );
  t.end();
});

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
