import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { clearSlot, pairUp, payments } from '../../consensus/contract/clearing.ts';
import { type OfferedMw, readSession, readTrades, readTurn } from '../../consensus/contract/index.ts';
import { ceilDiv, floorDiv, floorDivBig, roundDivBig } from '../../consensus/contract/integers.ts';
import {
  clearPairwise,
  clearPool,
  closePairwiseRound,
  closePoolRound,
  openPairwise,
  openPool,
  pairTargets,
  payments as referencePayments,
} from '../../optimizer/index.ts';
import { AGGREGATOR, openingTerms, SLOT_MS, START_MS, World } from './contract-world.ts';

const ID = '2017-05-08/pool';
/** Low enough to be met now and then. */
const PRICE_LIMIT_MICRO = 900_000n;

type Form = 'pool' | 'pairwise';
type RoundVector = { offersMw: OfferedMw[]; pricesMicro: number[]; imbalanceMw: number; dualMw: number };
type PairVector = { first: number; second: number; targetsMw: number[] };
type FormVector<Round> = {
  penaltyMicro: number;
  relaxationPermille: number;
  startPricesMicro: number[];
  rounds: (RoundVector & Round)[];
  trades: { soldW: number[][]; paymentsMicro: number[]; pairs?: unknown[] };
};
type Vector = {
  slotMs: number;
  pool: FormVector<{ targetsMw: number[][]; pricesMicro: number[] }>;
  pairwise: FormVector<{ pairs: PairVector[] }>;
};

const vector: Vector = JSON.parse(
  readFileSync(new URL('../../../test/vectors/rounds.json', import.meta.url), 'utf8'),
);

/** Opens a session on the vector's terms that no residual ends early. */
function openVector(form: Form): World {
  const { penaltyMicro, relaxationPermille, startPricesMicro, rounds } = vector[form];
  return new World(3).connect().open(ID, {
    form,
    penaltyMicro: BigInt(penaltyMicro),
    penaltyMicroMax: BigInt(penaltyMicro),
    relaxationPermille,
    slotMs: vector.slotMs,
    startPrices: startPricesMicro.map(BigInt),
    tolerancePrimalMw: 0,
    toleranceDualMw: 0,
    maxRounds: rounds.length,
  });
}

function offerAll(world: World, offers: readonly OfferedMw[], homes = world.homes): void {
  const { round } = readSession(world.state, ID)!;
  for (const [index, owner] of homes.entries()) {
    world.must(owner, 'coordination.offer', { id: ID, round, soldMw: offers[index]! });
  }
}

t.test('the frozen rounds, pool form', (t) => {
  const world = openVector('pool');
  for (const [index, round] of vector.pool.rounds.entries()) {
    offerAll(world, round.offersMw);
    const session = readSession(world.state, ID)!;
    t.strictSame(session.pricesMicro, round.pricesMicro.map(BigInt));
    const { imbalanceMw, dualMw } = round;
    t.strictSame(session.residuals.at(-1), { round: index + 1, imbalanceMw, dualMw });
    if (session.status === 'final') continue;
    const turns = world.homes.map((owner) => readTurn(world.state, ID, owner)!);
    t.strictSame(
      turns.map(({ targetsMw }) => targetsMw),
      round.targetsMw,
    );
  }
  const trades = readTrades(world.state, ID)!.homes;
  t.strictSame(
    trades.map(({ soldW }) => soldW),
    vector.pool.trades.soldW,
  );
  t.strictSame(
    trades.map(({ paymentMicro }) => paymentMicro),
    vector.pool.trades.paymentsMicro.map(BigInt),
  );
  t.end();
});

t.test('the frozen rounds, pairwise form', (t) => {
  const world = openVector('pairwise');
  for (const [index, round] of vector.pairwise.rounds.entries()) {
    offerAll(world, round.offersMw);
    const session = readSession(world.state, ID)!;
    t.strictSame(session.pricesMicro, round.pricesMicro.map(BigInt));
    const { imbalanceMw, dualMw } = round;
    t.strictSame(session.residuals.at(-1), { round: index + 1, imbalanceMw, dualMw });
    if (session.status === 'final') continue;
    for (const { first, second, targetsMw } of round.pairs) {
      const mine = readTurn(world.state, ID, world.homes[first]!)!;
      const theirs = readTurn(world.state, ID, world.homes[second]!)!;
      if (mine.form !== 'pairwise' || theirs.form !== 'pairwise') throw new Error('wrong form');
      const there = mine.others.indexOf(world.homes[second]!);
      const back = theirs.others.indexOf(world.homes[first]!);
      t.strictSame(mine.targetsMw[there], targetsMw);
      t.strictSame(
        theirs.targetsMw[back],
        targetsMw.map((target) => 0 - target),
        'one target a pair',
      );
      t.strictSame(mine.pricesMicro, session.pricesMicro);
    }
  }
  const { homes, pairs } = readTrades(world.state, ID)!;
  t.strictSame(
    homes.map(({ soldW }) => soldW),
    vector.pairwise.trades.soldW,
  );
  t.strictSame(
    homes.map(({ paymentMicro }) => paymentMicro),
    vector.pairwise.trades.paymentsMicro.map(BigInt),
  );
  t.strictSame(
    pairs.map(({ first, second, soldW }) => ({
      first: world.homes.indexOf(first),
      second: world.homes.indexOf(second),
      soldW,
    })),
    vector.pairwise.trades.pairs,
  );
  t.end();
});

type AcceleratedForm = {
  penaltyMicro: number;
  penaltyMicroMax: number;
  penaltyGrowthPermille: number;
  relaxationPermille: number;
  memoryRounds: number;
  startPricesMicro: number[];
  rounds: (RoundVector & {
    penaltyMicro: number;
    targetsMw: number[][];
    pairs: PairVector[];
  })[];
};

t.test('the frozen accelerated rounds, in the contract and in the reference', (t) => {
  const accelerated: Record<Form, AcceleratedForm> = JSON.parse(
    readFileSync(new URL('../../../test/vectors/rounds-accelerated.json', import.meta.url), 'utf8'),
  );
  for (const form of ['pool', 'pairwise'] as const) {
    const { rounds, startPricesMicro, penaltyMicro, penaltyMicroMax, ...asked } = accelerated[form];
    const terms = {
      ...{ form, slots: 2, tolerancePrimalMw: 0, toleranceDualMw: 0, maxRounds: rounds.length },
      ...{ penaltyMicro: BigInt(penaltyMicro), penaltyMicroMax: BigInt(penaltyMicroMax) },
      penaltyGrowthPermille: asked.penaltyGrowthPermille,
      relaxationPermille: asked.relaxationPermille,
      memoryRounds: asked.memoryRounds,
      startPrices: startPricesMicro.map(BigInt),
    };
    const world = new World(rounds[0]!.offersMw.length, { priceLimitMicroPerKwh: 10_000_000n })
      .connect()
      .open(ID, terms);
    const reference = referenceOf(form, world.homes, terms, 10_000_000n);
    for (const [index, round] of rounds.entries()) {
      const what = `${form}, round ${index + 1}`;
      t.equal(readSession(world.state, ID)!.roundPenaltyMicro, BigInt(round.penaltyMicro), what);
      offerAll(world, round.offersMw);
      reference.close(
        form === 'pool' ? (round.offersMw as number[][]) : spreadOut(round.offersMw as number[][][]),
      );
      const told = form === 'pool' ? round.targetsMw : round.pairs.map(({ targetsMw }) => targetsMw);
      const expected = { targets: told.flat(), prices: round.pricesMicro };
      t.strictSame(reference.position(), expected, what);
      const session = readSession(world.state, ID)!;
      const { imbalanceMw, dualMw } = session.residuals.at(-1)!;
      t.strictSame({ imbalanceMw, dualMw }, { imbalanceMw: round.imbalanceMw, dualMw: round.dualMw }, what);
      if (session.status === 'rounds') t.strictSame(positionOf(world), expected, what);
    }
    t.equal(
      [...world.entries.keys()].filter((key) => /coordination\/(memory|offer|target)/.test(key)).length,
      0,
      'nothing is left of what only rounds need',
    );
  }
  t.end();
});

/** Rows of offers with an empty one for the home itself. */
function spreadOut(offers: readonly number[][][]): number[][][] {
  return offers.map((rows, home) => [...rows.slice(0, home), [], ...rows.slice(home)]);
}

/** Prices, and targets as the homes still in are told them: by home (pool) or by pair, lower address first. */
function positionOf(world: World): { targets: number[]; prices: number[] } {
  const { left, pricesMicro } = readSession(world.state, ID)!;
  const stillIn = world.homes.filter((owner) => !left.includes(owner));
  const targets: number[] = [];
  for (const owner of stillIn) {
    const turn = readTurn(world.state, ID, owner)!;
    if (turn.form === 'pool') {
      targets.push(...turn.targetsMw);
      continue;
    }
    for (const [place, other] of turn.others.entries()) {
      if (other > owner) targets.push(...turn.targetsMw[place]!);
    }
  }
  return { targets, prices: pricesMicro.map(Number) };
}

/** Rounds of offers by home; null where a home keeps silent. */
function play(form: Form, homes: number, slots: number) {
  // In all, a home offers what its connection of 10 kW each way can bear.
  const most = form === 'pool' ? 9_000_000 : Math.floor(20_000_000 / Math.max(1, homes - 1));
  const series = fc.array(fc.integer({ min: -most, max: most }), {
    minLength: slots,
    maxLength: slots,
  });
  const offer: fc.Arbitrary<number[] | number[][]> =
    form === 'pool' ? series : fc.array(series, { minLength: homes, maxLength: homes });
  const round = fc.array(fc.option(offer, { freq: 4 }), { minLength: homes, maxLength: homes });
  return fc.array(round, { minLength: 1, maxLength: 9 });
}

const plays = (form: Form) =>
  fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 3 })).chain(([homes, slots]) =>
    fc.record({
      homes: fc.constant(homes),
      slots: fc.constant(slots),
      rounds: play(form, homes, slots),
      penaltyMicro: fc.bigInt(1n, 200_000n),
      relaxationPermille: fc.integer({ min: 500, max: 1900 }),
      penaltyGrowthPermille: fc.constantFrom(1000, 1000, 1001, 1200, 3000),
      memoryRounds: fc.integer({ min: 0, max: 5 }),
      tolerance: fc.constantFrom(0, 2_000_000),
    }),
  );

/** Ends a round in which somebody kept silent: with four validators two blocks must have called. */
function callTime(world: World): void {
  const { round, deadlineMs } = readSession(world.state, ID)!;
  world.timeMs = Math.max(world.timeMs, deadlineMs);
  world.must(world.homes[0]!, 'coordination.advance', { id: ID, round });
  world.must(world.homes[0]!, 'coordination.advance', { id: ID, round });
}

for (const form of ['pool', 'pairwise'] as const) {
  t.test(`the contract and the optimizer's reference agree on any ${form} session`, (t) => {
    fc.assert(
      fc.property(plays(form), ({ homes, slots, rounds, tolerance, ...asked }) => {
        const terms = {
          form,
          ...asked,
          penaltyMicroMax: 2n * asked.penaltyMicro,
          tolerancePrimalMw: tolerance,
          toleranceDualMw: tolerance,
          maxRounds: rounds.length,
        };
        const wide = { priceLimitMicroPerKwh: PRICE_LIMIT_MICRO };
        const world = new World(homes, wide).connect().open(ID, { ...openingTerms(slots), ...terms });
        const reference = referenceOf(form, world.homes, { ...terms, slots });
        let ended = false;
        for (const round of rounds) {
          if (ended) break;
          const session = readSession(world.state, ID)!;
          const stillIn = world.homes.filter((owner) => !session.left.includes(owner));
          for (const owner of stillIn) {
            const offer = round[world.homes.indexOf(owner)]!;
            if (offer === null) continue;
            const soldMw = Array.isArray(offer[0])
              ? stillIn
                  .filter((other) => other !== owner)
                  .map((other) => offer[world.homes.indexOf(other)] as number[])
              : (offer as number[]);
            world.must(owner, 'coordination.offer', { id: ID, round: session.round, soldMw });
          }
          if (stillIn.some((owner) => round[world.homes.indexOf(owner)] === null)) callTime(world);
          ended = reference.close(round);
          if (!ended) t.strictSame(positionOf(world), reference.position());
          t.strictSame(readSession(world.state, ID)!.status, ended ? 'final' : 'rounds');
          const { imbalanceMw, dualMw } = readSession(world.state, ID)!.residuals.at(-1)!;
          if (reference.homes() > 1) t.strictSame({ imbalanceMw, dualMw }, reference.residuals());
        }
        const trades = readTrades(world.state, ID)!.homes;
        const cleared = reference.clear();
        const paid = referencePayments(cleared, BigInt(SLOT_MS));
        for (const { home, soldW, paymentMicro } of trades) {
          const expected = soldW.map((_, slot) => cleared.soldW.get(home)?.[slot] ?? 0n);
          t.strictSame(soldW.map(BigInt), expected);
          t.equal(paymentMicro, paid.get(home) ?? 0n);
        }
        for (let slot = 0; slot < slots; slot += 1) {
          t.equal(
            trades.reduce((sum, { soldW }) => sum + soldW[slot]!, 0),
            0,
          );
        }
        t.equal(
          trades.reduce((sum, { paymentMicro }) => sum + paymentMicro, 0n),
          0n,
        );
      }),
      { numRuns: 60 },
    );
    t.end();
  });
}

type ReferenceTerms = {
  penaltyMicro: bigint;
  penaltyMicroMax: bigint;
  penaltyGrowthPermille: number;
  memoryRounds: number;
  relaxationPermille: number;
  tolerancePrimalMw: number;
  toleranceDualMw: number;
  maxRounds: number;
  slots: number;
  startPrices?: readonly bigint[];
};

function referenceOf(
  form: Form,
  homes: readonly string[],
  terms: ReferenceTerms,
  priceLimitMicroPerKwh = PRICE_LIMIT_MICRO,
) {
  const opening = {
    homes,
    penaltyMicroPerKwhPerKw: terms.penaltyMicro,
    penaltyMicroPerKwhPerKwMax: terms.penaltyMicroMax,
    penaltyGrowthPermille: BigInt(terms.penaltyGrowthPermille),
    memoryRounds: terms.memoryRounds,
    priceLimitMicroPerKwh,
    relaxationPermille: BigInt(terms.relaxationPermille),
    tolerancePrimalMw: BigInt(terms.tolerancePrimalMw),
    toleranceDualMw: BigInt(terms.toleranceDualMw),
    maxRounds: terms.maxRounds,
    startPriceMicroPerKwh: terms.startPrices ?? new Array<bigint>(terms.slots).fill(200_000n),
  };
  let state = form === 'pool' ? openPool(opening) : openPairwise(opening);
  let report = { imbalanceMw: 0n, dualMw: 0n };
  return {
    close(round: readonly (number[] | number[][] | null)[]): boolean {
      if (form === 'pool') {
        const offers = new Map<string, bigint[]>();
        for (const owner of state.homes) {
          const offer = round[homes.indexOf(owner)];
          if (offer) offers.set(owner, (offer as number[]).map(BigInt));
        }
        const closed = closePoolRound(state, offers);
        state = closed.state;
        report = closed.report;
        return closed.report.ended !== undefined;
      }
      const offers = new Map<string, Map<string, bigint[]>>();
      for (const owner of state.homes) {
        const offer = round[homes.indexOf(owner)] as number[][] | null | undefined;
        if (!offer) continue;
        const others = state.homes.filter((other) => other !== owner);
        offers.set(owner, new Map(others.map((other) => [other, offer[homes.indexOf(other)]!.map(BigInt)])));
      }
      const closed = closePairwiseRound(state, offers);
      state = closed.state;
      report = closed.report;
      return closed.report.ended !== undefined;
    },
    homes: () => state.homes.length,
    position: () => {
      const numbers = (series: readonly (readonly bigint[])[]) =>
        series.flat().map((value) => Number(value) + 0);
      const told =
        form === 'pool'
          ? [...state.targetMw.values()]
          : state.homes.flatMap((home) =>
              [...pairTargets(state, home)].flatMap(([other, series]) => (other > home ? [series] : [])),
            );
      return { targets: numbers(told), prices: numbers([state.priceMicroPerKwh]) };
    },
    residuals: () => ({
      imbalanceMw: Number(report.imbalanceMw),
      dualMw: Number(report.dualMw),
    }),
    clear: () => (form === 'pool' ? clearPool(state) : clearPairwise(state)),
  };
}

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

t.test('who keeps silent', (t) => {
  t.test('once keeps its offer, twice leaves, and comes back in between', (t) => {
    const world = new World(3).connect().open(ID, { toleranceDualMw: 0, tolerancePrimalMw: 0 });
    const [one, two, three] = world.homes as [string, string, string];
    const offer = (owner: string, kw: number) =>
      world.call(owner, 'coordination.offer', {
        id: ID,
        round: readSession(world.state, ID)!.round,
        soldMw: [kw * 1e6, kw * 1e6],
      });
    for (const owner of world.homes) offer(owner, 1);
    t.equal(readSession(world.state, ID)!.residuals[0]!.imbalanceMw, 1_000_000);
    for (const owner of [one, two]) offer(owner, 2);
    callTime(world);
    t.equal(readSession(world.state, ID)!.residuals[1]!.imbalanceMw, 1_666_667, 'its last offer stands');
    t.equal(readSession(world.state, ID)!.awaited, 3);
    for (const owner of world.homes) offer(owner, 1);
    for (const owner of [one, two]) offer(owner, 2);
    callTime(world);
    t.equal(readSession(world.state, ID)!.awaited, 3, 'a miss is forgotten once the home is back');
    for (const owner of [one, two]) offer(owner, 2);
    callTime(world);
    const session = readSession(world.state, ID)!;
    t.strictSame(session.left, [three]);
    t.equal(session.awaited, 2);
    t.equal(session.residuals.at(-1)!.imbalanceMw, 2_000_000, 'out of the sum and of N');
    t.equal(offer(three, 1), 'CONTRACT_NOT_QUALIFIED');
    t.equal(readTurn(world.state, ID, three), undefined);
    offer(one, 3);
    offer(two, -3);
    t.equal(readSession(world.state, ID)!.round, session.round + 1, 'the two go on by themselves');
    t.end();
  });

  t.test('all but one: the session ends without trades', (t) => {
    for (const form of ['pool', 'pairwise'] as const) {
      const world = new World(3).connect().open(ID, { form });
      callTime(world);
      t.equal(readSession(world.state, ID)!.residuals[0]!.imbalanceMw, 0);
      t.equal(readSession(world.state, ID)!.status, 'final', 'nobody wants anything: agreed');
      t.ok(readTrades(world.state, ID)!.homes.every(({ paymentMicro }) => paymentMicro === 0n));
    }
    t.end();
  });

  t.test('a home that withdraws is not waited for', (t) => {
    const world = new World(3).connect().open(ID);
    const [one, two, three] = world.homes as [string, string, string];
    world.must(one, 'coordination.offer', { id: ID, round: 1, soldMw: [1_000_000, 0] });
    world.must(two, 'coordination.offer', { id: ID, round: 1, soldMw: [-1_000_000, 0] });
    world.must(three, 'coordination.withdraw', { id: ID });
    t.equal(readSession(world.state, ID)!.round, 2, 'the round closed with the offers in');
    world.must(one, 'coordination.offer', { id: ID, round: 2, soldMw: [1_000_000, 0] });
    world.must(one, 'coordination.withdraw', { id: ID });
    t.equal(readSession(world.state, ID)!.offersIn, 0, 'its offer went with it');
    world.must(two, 'coordination.offer', { id: ID, round: 2, soldMw: [-1_000_000, 0] });
    t.equal(readSession(world.state, ID)!.status, 'final', 'nobody is left to trade with');
    t.ok(readTrades(world.state, ID)!.homes.every(({ soldW }) => soldW.every((power) => power === 0)));
    t.end();
  });

  t.test('no single proposer closes a round over a late offer', (t) => {
    const world = new World(2).connect().open(ID);
    const [one, two] = world.homes as [string, string];
    const { deadlineMs } = readSession(world.state, ID)!;
    world.timeMs = deadlineMs - 1;
    t.equal(world.call(one, 'coordination.advance', { id: ID, round: 1 }), 'CONTRACT_TOO_EARLY');
    world.timeMs = deadlineMs;
    world.must(one, 'coordination.advance', { id: ID, round: 1 });
    t.equal(world.stay().call(two, 'coordination.advance', { id: ID, round: 1 }), 'CONTRACT_TOO_EARLY');
    t.equal(readSession(world.state, ID)!.round, 1);
    world.must(two, 'coordination.offer', { id: ID, round: 1, soldMw: [5_000_000, 0] });
    world.must(one, 'coordination.advance', { id: ID, round: 1 });
    t.equal(readSession(world.state, ID)!.residuals[0]!.imbalanceMw, 2_500_000, 'the late offer counted');
    t.end();
  });

  t.end();
});

t.test('a session ends at the latest when its first slot starts', (t) => {
  const world = new World(2).connect().open(ID);
  world.timeMs = START_MS;
  world.must(world.homes[0]!, 'coordination.offer', { id: ID, round: 1, soldMw: [3_000_999, -1] });
  world.must(world.homes[1]!, 'coordination.offer', { id: ID, round: 1, soldMw: [-1_000_999, 1] });
  t.equal(readSession(world.state, ID)!.status, 'final');
  t.strictSame(
    readTrades(world.state, ID)!.homes.map(({ soldW }) => soldW),
    [
      [1000, 0],
      [-1000, 0],
    ],
  );
  t.end();
});

t.test("prices are held within the network's limit", (t) => {
  const world = new World(2, { priceLimitMicroPerKwh: 250_000n })
    .connect()
    .open(ID, { penaltyMicro: 10_000_000n, penaltyMicroMax: 10_000_000n });
  for (const owner of world.homes)
    world.must(owner, 'coordination.offer', { id: ID, round: 1, soldMw: [1e7, -1e7] });
  t.strictSame(readSession(world.state, ID)!.pricesMicro, [-250_000n, 250_000n]);
  t.end();
});

t.test('a single home is done at once', (t) => {
  const world = new World(1).connect().open(ID);
  t.equal(readSession(world.state, ID)!.status, 'final');
  t.strictSame(readTrades(world.state, ID)!.homes[0]!.soldW, [0, 0]);
  t.end();
});

t.test('clearing a slot, by hand', (t) => {
  // D = 3: floor(3 * 5 / 10) = 1, floor(3 * 4 / 10) = 1, floor(3 * 1 / 10) = 0; the last W from the largest.
  t.strictSame(clearSlot([4000, 5000, 1000, -7000]), [3, 3, 1, -7]);
  // Ties by address.
  t.strictSame(clearSlot([2000, 2000, 2000, -5000]), [1, 2, 2, -5]);
  // Buyers give when they are the long side; fractions of a watt go toward zero.
  t.strictSame(clearSlot([-2999, -1999, 1999]), [0, -1, 1]);
  t.strictSame(clearSlot([5000, 1]), [0, 0]);
  t.strictSame(clearSlot([]), []);
  t.strictSame(pairUp([3, -4, 2, -1]), [
    { seller: 0, buyer: 1, watts: 3 },
    { seller: 2, buyer: 1, watts: 1 },
    { seller: 2, buyer: 3, watts: 1 },
  ]);
  t.strictSame(pairUp([-2, 2, 0]), [{ seller: 1, buyer: 0, watts: 2 }]);
  t.strictSame(pairUp([0, 0]), []);
  t.end();
});

t.test('payments, by hand', (t) => {
  const terms = { pricesMicro: [750n, 3n], slotMs: 3_600_000 };
  // 1 W for an hour at 1,500 micro per kWh is 1.5 micro: the seller gets 1, the buyers -0.5 each, rounded to -1.
  t.strictSame(
    payments(
      [
        [2, 0],
        [-1, 0],
        [-1, 0],
      ],
      terms,
    ),
    [1n, 0n, -1n],
  );
  // Who buys in any slot may take the remainder, if it sells in all.
  t.strictSame(
    payments(
      [
        [0, 0],
        [2, -1],
        [-2, 1],
      ],
      terms,
    ),
    [0n, 2n, -2n],
  );
  t.strictSame(
    payments(
      [
        [0, 0],
        [0, 0],
      ],
      terms,
    ),
    [0n, 0n],
  );
  t.end();
});

t.test('divisions round as they say', (t) => {
  const big = fc.integer({ min: 5001 - 2 ** 53, max: 2 ** 53 - 5001 });
  const divisor = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(big, divisor, (dividend, by) => {
      const floor = BigInt(floorDiv(dividend, by)) * BigInt(by);
      t.ok(floor <= BigInt(dividend) && BigInt(dividend) < floor + BigInt(by));
      t.equal(BigInt(floorDiv(dividend, by)), floorDivBig(BigInt(dividend), BigInt(by)));
      const ceil = BigInt(ceilDiv(dividend, by)) * BigInt(by);
      t.ok(ceil >= BigInt(dividend) && BigInt(dividend) > ceil - BigInt(by));
    }),
    { numRuns: 300 },
  );
  t.strictSame(
    [5n, -5n, 4n, -4n, 7n].map((value) => roundDivBig(value, 10n)),
    [1n, -1n, 0n, 0n, 1n],
  );
  t.end();
});
