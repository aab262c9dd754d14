import fc from 'fast-check';
import t from 'tap';
import { type OfferedMw, readSession, readTrades, readTurn } from '../../consensus/contract/index.ts';
import {
  AGGREGATOR,
  type Form,
  ID,
  offerAll,
  openingTerms,
  positionOf,
  SLOT_MS,
  START_MS,
  World,
} from './contract-world.ts';

// Homes that answer prices and targets as homes do: by what energy is worth to them.

/** What a toy home sells: more the further the price lies above its own value of a kWh, 8 kW at most. */
function answerMw(valueMicro: number, priceMicro: number, targetMw: number, penaltyMicro: number): number {
  const kw = (priceMicro - valueMicro + (penaltyMicro * targetMw) / 1e6) / (20_000 + penaltyMicro);
  return Math.round(Math.max(-8, Math.min(8, kw)) * 1e6);
}

const VALUES = [100_000, 150_000, 200_000, 250_000, 320_000];

/** Eliminates a toy home's pairs, as the optimizer does, and answers them all. */
function answerPairs(
  value: number,
  prices: readonly bigint[],
  targets: readonly (readonly number[])[],
  r: number,
) {
  const rows = targets.map((row) => row.map((target, slot) => target + (Number(prices[slot]) * 1e6) / r));
  for (const slot of prices.keys()) {
    const sum = rows.reduce((total, row) => total + row[slot]!, 0);
    const total = answerMw(value, 0, sum, r / rows.length);
    for (const row of rows) row[slot] = Math.round(row[slot]! + (total - sum) / rows.length);
  }
  return rows;
}

/** Every toy home's answer to the round that runs. */
function toyOffers(world: World): OfferedMw[] {
  const r = Number(readSession(world.state, ID)!.roundPenaltyMicro);
  return world.homes.map((owner, index) => {
    const turn = readTurn(world.state, ID, owner)!;
    return turn.form === 'pool'
      ? turn.pricesMicro.map((price, slot) =>
          answerMw(VALUES[index]!, Number(price), turn.targetsMw[slot]!, r),
        )
      : answerPairs(VALUES[index]!, turn.pricesMicro, turn.targetsMw, r);
  });
}

/** Toy homes to the end; rounds it took. */
function settleToys(
  form: Form,
  terms: Partial<Parameters<World['open']>[1]>,
): { world: World; rounds: number } {
  const r = form === 'pool' ? 50_000n : 100_000n;
  const world = new World(5).connect().open(ID, {
    ...{ form, penaltyMicro: r, penaltyMicroMax: 2n * r, penaltyGrowthPermille: 1200 },
    ...{ relaxationPermille: 1600, tolerancePrimalMw: 2000, toleranceDualMw: 2000, maxRounds: 200 },
    ...terms,
  });
  while (readSession(world.state, ID)!.status === 'rounds') offerAll(world, toyOffers(world));
  return { world, rounds: readSession(world.state, ID)!.round };
}

t.test('acceleration comes to the same trades in fewer rounds', (t) => {
  for (const form of ['pool', 'pairwise'] as const) {
    const plain = settleToys(form, { memoryRounds: 0 });
    const fast = settleToys(form, { memoryRounds: 5 });
    t.ok(fast.rounds < plain.rounds, `${form}: ${fast.rounds} rounds instead of ${plain.rounds}`);
    const sold = ({ world }: typeof plain) =>
      readTrades(world.state, ID)!.homes.flatMap(({ soldW }) => soldW);
    for (const [place, power] of sold(fast).entries()) {
      t.ok(Math.abs(power - sold(plain)[place]!) < 60, `${power} W, plain ${sold(plain)[place]} W`);
    }
  }
  t.end();
});

t.test('a session goes on from one that is over', (t) => {
  for (const form of ['pool', 'pairwise'] as const) {
    const { world, rounds } = settleToys(form, { memoryRounds: 5 });
    const before = readTrades(world.state, ID)!;
    const next = (terms: Partial<Parameters<World['open']>[1]>) => ({
      ...{ ...openingTerms(2), id: 'next', form, startMs: START_MS + 2 * SLOT_MS, startFrom: ID },
      ...{
        penaltyMicro: 100_000n,
        penaltyMicroMax: 100_000n,
        tolerancePrimalMw: 5000,
        toleranceDualMw: 50_000,
      },
      ...terms,
    });
    const refused: [Partial<Parameters<World['open']>[1]>, string][] = [
      [{ startFrom: 'other' }, 'CONTRACT_NOT_FOUND'],
      [{ startFrom: 'no good' }, 'CONTRACT_BAD_ARGUMENTS'],
      [{ form: form === 'pool' ? 'pairwise' : 'pool' }, 'CONTRACT_BAD_ARGUMENTS'],
      [{ slots: 1, startPrices: [1n] }, 'CONTRACT_BAD_ARGUMENTS'],
      [{ slotMs: 2 * SLOT_MS }, 'CONTRACT_BAD_ARGUMENTS'],
      [{ id: 'self', startFrom: 'self' }, 'CONTRACT_WRONG_PHASE'],
    ];
    for (const [terms, code] of refused) {
      t.equal(
        world.call(AGGREGATOR, 'coordination.open', next(terms)),
        code,
        JSON.stringify(Object.keys({ ...terms })),
      );
    }
    world.must(AGGREGATOR, 'coordination.open', next({}));
    for (const [index, owner] of world.homes.entries()) {
      const turn = readTurn(world.state, 'next', owner)!;
      const targets = turn.form === 'pool' ? [turn.targetsMw] : turn.targetsMw;
      for (const slot of [0, 1]) {
        const target = targets.reduce((sum, row) => sum + row[slot]!, 0);
        const traded = before.homes[index]!.soldW[slot]! * 1000;
        // Laid on pairs, each rounds by itself.
        t.ok(Math.abs(target - traded) < targets.length, 'yesterday’s trades are the targets');
      }
      const answers =
        turn.form === 'pool'
          ? turn.pricesMicro.map((price, slot) =>
              answerMw(VALUES[index]!, Number(price), turn.targetsMw[slot]!, 100_000),
            )
          : answerPairs(VALUES[index]!, turn.pricesMicro, turn.targetsMw, 100_000);
      world.must(owner, 'coordination.offer', { id: 'next', round: 1, soldMw: answers });
    }
    t.equal(readSession(world.state, 'next')!.status, 'final', `at once; ${rounds} rounds before`);
    t.equal(
      world.call(
        AGGREGATOR,
        'coordination.open',
        next({ id: 'third', startFrom: 'next', startMs: START_MS }),
      ),
      'CONTRACT_ALREADY_EXISTS',
    );
  }

  const world = new World(3).connect().open(ID, {
    ...{ tolerancePrimalMw: 0, toleranceDualMw: 0, startPrices: [300_000n, 300_000n] },
  });
  const later = { ...openingTerms(2), id: 'next', startMs: START_MS + 2 * SLOT_MS, startFrom: ID };
  t.equal(world.call(AGGREGATOR, 'coordination.open', later), 'CONTRACT_WRONG_PHASE');
  for (const owner of world.homes.slice(1)) world.must(owner, 'coordination.withdraw', { id: ID });
  world.must(world.homes[0]!, 'coordination.offer', { id: ID, round: 1, soldMw: [0, 0] });
  world.must(AGGREGATOR, 'coordination.open', later);
  t.strictSame(
    readSession(world.state, 'next')!.pricesMicro,
    [200_000n, 200_000n],
    'other homes: start prices',
  );
  t.end();
});

t.test('a home that lies about what it would trade only costs rounds', (t) => {
  for (const form of ['pool', 'pairwise'] as const) {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-1, 1), { minLength: 8, maxLength: 8 }), (signs) => {
        // As many neighbours to each home, as many times the penalty of a pair: so a home sees the same.
        const each = form === 'pool' ? 1n : 4n;
        const world = new World(5).connect().open(ID, {
          ...{ form, penaltyMicro: 50_000n * each, penaltyMicroMax: 100_000n * each },
          penaltyGrowthPermille: 1500,
          ...{ relaxationPermille: 1600, tolerancePrimalMw: 2000, toleranceDualMw: 2000 },
          ...{ maxRounds: 120, memoryRounds: 5 },
        });
        const liar = world.homes[2]!;
        for (const sign of signs) {
          const offers = toyOffers(world);
          const all = 20_000_000 / Number(each);
          const most = (row: readonly number[]) => row.map((_, slot) => (slot === 0 ? 1 : -1) * sign * all);
          const lie = offers[2]!;
          offers[2] = Array.isArray(lie[0]) ? (lie as number[][]).map(most) : most(lie as number[]);
          offerAll(world, offers);
          const { targets, prices } = positionOf(world);
          if (form === 'pool') {
            for (const slot of [0, 1]) {
              const sum = targets.reduce(
                (total, target, at) => (at % 2 === slot ? total + target : total),
                0,
              );
              if (sum !== 0) throw new Error(`targets sum to ${sum}`);
            }
          }
          if (prices.some((price) => Math.abs(price) > 10_000_000))
            throw new Error('a price beyond its limit');
          if (targets.some((target) => Math.abs(target) > 2 ** 37))
            throw new Error('a target beyond all bounds');
        }
        world.must(liar, 'coordination.withdraw', { id: ID });
        const honest = world.homes.filter((owner) => owner !== liar);
        let offers: OfferedMw[] = [];
        while (readSession(world.state, ID)!.status === 'rounds') {
          const { round } = readSession(world.state, ID)!;
          const r = Number(readSession(world.state, ID)!.roundPenaltyMicro);
          offers = honest.map((owner) => {
            const turn = readTurn(world.state, ID, owner)!;
            const value = VALUES[world.homes.indexOf(owner)]!;
            return turn.form === 'pool'
              ? turn.pricesMicro.map((price, slot) =>
                  answerMw(value, Number(price), turn.targetsMw[slot]!, r),
                )
              : answerPairs(value, turn.pricesMicro, turn.targetsMw, r);
          });
          for (const [place, owner] of honest.entries()) {
            world.must(owner, 'coordination.offer', { id: ID, round, soldMw: offers[place]! });
          }
        }
        const { round } = readSession(world.state, ID)!;
        const { homes } = readTrades(world.state, ID)!;
        for (const slot of [0, 1]) {
          if (homes.reduce((sum, { soldW }) => sum + soldW[slot]!, 0) !== 0) throw new Error('not cleared');
        }
        if (homes.reduce((sum, { paymentMicro }) => sum + paymentMicro, 0n) !== 0n)
          throw new Error('not paid');
        if (round >= 120) throw new Error('the honest never agreed');
      }),
      { numRuns: 40 },
    );
  }
  t.end();
});

for (const form of ['pool', 'pairwise'] as const) {
  t.test(`toy homes agree in ${form} form at the price that clears them`, (t) => {
    const world = new World(5).connect().open(ID, {
      form,
      penaltyMicro: form === 'pool' ? 50_000n : 100_000n,
      penaltyMicroMax: 100_000n,
      relaxationPermille: 1600,
      tolerancePrimalMw: 2000,
      toleranceDualMw: 2000,
      maxRounds: 200,
    });
    while (readSession(world.state, ID)!.status === 'rounds') {
      offerAll(
        world,
        world.homes.map((owner, index) => {
          const turn = readTurn(world.state, ID, owner)!;
          return turn.form === 'pool'
            ? turn.pricesMicro.map((price, slot) =>
                answerMw(VALUES[index]!, Number(price), turn.targetsMw[slot]!, 50_000),
              )
            : answerPairs(VALUES[index]!, turn.pricesMicro, turn.targetsMw, 100_000);
        }),
      );
    }
    const session = readSession(world.state, ID)!;
    t.ok(session.round < 200, `agreed after ${session.round} rounds`);
    const { homes } = readTrades(world.state, ID)!;
    // Unbounded answers clear at the mean of the values, 204,000 micro; each sells (mean - value) / 20 W.
    for (const [index, { soldW }] of homes.entries()) {
      for (const power of soldW) t.ok(Math.abs(power - (204_000 - VALUES[index]!) / 20) < 60, `${power} W`);
    }
    t.end();
  });
}
