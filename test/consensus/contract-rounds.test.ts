import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { type OfferedMw, readSession, readTrades, readTurn } from '../../consensus/contract/index.ts';
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
import {
  type Form,
  ID,
  offerAll,
  openingTerms,
  positionOf,
  SLOT_MS,
  START_MS,
  World,
} from './contract-world.ts';

/** Low enough to be met now and then. */
const PRICE_LIMIT_MICRO = 900_000n;

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
