import fc from 'fast-check';
import t from 'tap';
import {
  type CborValue,
  type MethodName,
  readEnergyAccount,
  readOpenSessions,
  readSession,
  readSettlement,
  readTrades,
  readTurn,
} from '../../consensus/contract/index.ts';
import { decode, encode } from '../../consensus/encoding/index.ts';
import { AGGREGATOR, address, DSO, openingTerms, SLOT_MS, START_MS, World } from './contract-world.ts';

const HOMES = 4;
const SLOTS = 2;
const ROOT = '00'.repeat(32);

/** One thing that may happen. Indices are taken modulo what there is, so that most of it makes sense. */
type Deed =
  | { readonly kind: 'pay'; readonly from: number; readonly to: number; readonly micro: bigint }
  | {
      readonly kind: 'open';
      readonly form: 'pool' | 'pairwise';
      readonly ahead: number;
      readonly rounds: number;
    }
  | { readonly kind: 'offer'; readonly from: number; readonly kw: readonly number[]; readonly late: boolean }
  | {
      readonly kind: 'advance' | 'withdraw' | 'settle' | 'nominate' | 'retire' | 'connect';
      readonly from: number;
    }
  | { readonly kind: 'record'; readonly from: number; readonly back: number; readonly netW: number }
  | { readonly kind: 'round'; readonly kw: readonly number[] }
  | { readonly kind: 'evening' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'garbage'; readonly from: number; readonly method: string; readonly args: CborValue[] };

const METHODS: readonly MethodName[] = [
  'accounts.transfer',
  'coordination.advance',
  'coordination.nominate',
  'coordination.offer',
  'coordination.open',
  'coordination.withdraw',
  'metering.record',
  'registry.qualifyDevice',
  'registry.registerDevice',
  'registry.retireDevice',
  'settlement.settle',
];

const from = fc.nat({ max: HOMES + 1 });
const garbage: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue; leaf: CborValue }>((tie) => ({
  leaf: fc.oneof(
    fc.bigInt(-(2n ** 64n), 2n ** 64n - 1n),
    fc.bigInt(-10n, 10n),
    fc.constantFrom('s0', 'pool', 'meter', '', '__proto__'),
    fc.string({ maxLength: 50 }),
    fc.uint8Array({ maxLength: 33 }),
    fc.uint8Array({ minLength: 20, maxLength: 20 }),
    fc.boolean(),
    fc.constant(null),
  ),
  value: fc.oneof(
    { withCrossShrink: true, maxDepth: 3 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
})).value;

const deed: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constant('pay' as const), from, to: from, micro: fc.bigInt(-1n, 3_000_000n) }),
  {
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      form: fc.constantFrom('pool' as const, 'pairwise' as const),
      ahead: fc.integer({ min: -1, max: 6 }),
      rounds: fc.integer({ min: 1, max: 3 }),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('offer' as const),
      from,
      kw: fc.array(fc.integer({ min: -21, max: 21 }), { minLength: SLOTS * HOMES, maxLength: SLOTS * HOMES }),
      late: fc.nat({ max: 9 }).map((roll) => roll === 0),
    }),
    weight: 12,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom('advance' as const, 'settle' as const, 'nominate' as const, 'nominate' as const),
      from,
    }),
    weight: 7,
  },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom('withdraw' as const, 'withdraw' as const, 'retire' as const, 'connect' as const),
      from,
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      from,
      back: fc.integer({ min: 0, max: 6 }),
      netW: fc.integer({ min: -12_000, max: 12_000 }),
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('round' as const),
      kw: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: HOMES, maxLength: HOMES }),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ kind: fc.constant('evening' as const) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1000, 60_000, SLOT_MS, 4 * SLOT_MS),
    }),
    weight: 5,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      from,
      method: fc.oneof(fc.constantFrom(...METHODS), fc.string()),
      args: fc.array(garbage, { maxLength: 13 }),
    }),
    weight: 3,
  },
);

/** Deeds of several calls, of which some may pass. */
const COMPOUND: readonly Deed['kind'][] = ['connect', 'round', 'evening'];

/** Carries a deed out, on the newest session where it speaks of one; returns the outcome's code. */
function carryOut(world: World, what: Deed, opened: string[]): string {
  const everybody = [...world.homes, AGGREGATOR, DSO];
  const who = 'from' in what ? everybody[what.from % everybody.length]! : AGGREGATOR;
  const id = opened.at(-1) ?? 'none';
  const round = readSession(world.state, id)?.round ?? 1;
  switch (what.kind) {
    case 'wait':
      world.timeMs += what.ms;
      return 'ok';
    case 'pay': {
      const to = everybody[what.to % everybody.length]!;
      return world.call(who, 'accounts.transfer', { to, amountMicro: what.micro, memo: '' });
    }
    case 'open': {
      const startMs = (Math.floor(world.timeMs / SLOT_MS) + what.ahead) * SLOT_MS;
      const name = `s${opened.length}`;
      const terms = { ...openingTerms(SLOTS), id: name, startMs, form: what.form, maxRounds: what.rounds };
      const code = world.call(AGGREGATOR, 'coordination.open', terms);
      if (code === 'ok') opened.push(name);
      return code;
    }
    case 'offer': {
      const session = readSession(world.state, id);
      const others = session?.homes.filter((owner) => owner !== who && !session.left.includes(owner)) ?? [];
      const row = (place: number) =>
        what.kw.slice(place * SLOTS, (place + 1) * SLOTS).map((kw) => kw * 1_000_003);
      const soldMw = session?.form === 'pairwise' ? others.map((_, place) => row(place)) : row(0);
      return world.call(who, 'coordination.offer', {
        id,
        round: what.late ? Math.max(1, round - 1) : round,
        soldMw,
      });
    }
    case 'round': {
      const codes = world.homes.map((owner, index) => {
        const turn = readTurn(world.state, id, owner);
        if (turn === undefined) return 'CONTRACT_NOT_FOUND';
        const kw = what.kw[index]! * 1_000_003;
        const row = [kw, -kw];
        const soldMw = turn.form === 'pool' ? row : turn.others.map(() => row);
        return world.call(owner, 'coordination.offer', { id, round: turn.round, soldMw });
      });
      return codes.includes('ok') ? 'ok' : codes[0]!;
    }
    case 'evening': {
      // Two hours on, every session of the day can be settled.
      world.timeMs += 8 * SLOT_MS;
      for (let call = 0; call < 2; call += 1) world.call(who, 'coordination.advance', { id, round });
      return world.call(who, 'settlement.settle', { sessionId: id });
    }
    case 'advance':
      return world.call(who, 'coordination.advance', { id, round });
    case 'withdraw':
      return world.call(who, 'coordination.withdraw', { id });
    case 'settle':
      return world.call(who, 'settlement.settle', { sessionId: opened[what.from] ?? id });
    case 'nominate':
      return world.call(who, 'coordination.nominate', { id, netImportW: [what.from * 2000 - 4000, 0] });
    case 'retire':
      return world.call(who, 'registry.retireDevice', { deviceId: who.padEnd(64, '0') });
    case 'connect': {
      const meter = { deviceId: who.padEnd(64, '0'), kind: 'meter' as const, energyWh: 0 };
      world.call(who, 'registry.registerDevice', { ...meter, importWMax: 9000, exportWMax: 9000 });
      return world.call(DSO, 'registry.qualifyDevice', { owner: who, deviceId: meter.deviceId });
    }
    case 'record': {
      const slotStartMs = (Math.floor(world.timeMs / SLOT_MS) - what.back) * SLOT_MS;
      const netWs = BigInt(what.netW * 900);
      const importWs = netWs > 0n ? netWs : 0n;
      return world.call(who, 'metering.record', {
        slotStartMs,
        importWs,
        exportWs: importWs - netWs,
        leavesRoot: ROOT,
      });
    }
    case 'garbage': {
      const outcome = world.apply(who, what.method, what.args);
      return outcome.ok ? 'ok' : outcome.code;
    }
    default:
      return what satisfies never;
  }
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** Money, energy and every settlement add up; throws otherwise, so that the sequence shrinks. */
function checkSums(world: World, moneyAtStart: bigint, opened: readonly string[]): void {
  if (world.money() !== moneyAtStart) throw new Error(`money: ${world.money()} for ${moneyAtStart}`);
  const energy = world.homes.map((owner) => readEnergyAccount(world.state, owner));
  if (sum(energy.map(({ soldWs, boughtWs }) => soldWs - boughtWs)) !== 0n) throw new Error('energy');
  for (const id of opened) {
    const trades = readTrades(world.state, id);
    if (trades === undefined) continue;
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const balance = trades.homes.reduce((total, { soldW }) => total + soldW[slot]!, 0);
      if (balance !== 0) throw new Error(`${id} slot ${slot} is off by ${balance} W`);
    }
    if (sum(trades.homes.map(({ paymentMicro }) => paymentMicro)) !== 0n) throw new Error(`${id} payments`);
    const settled = readSettlement(world.state, id)?.homes ?? [];
    const fines = sum(
      settled.map(({ penaltyPaidMicro, penaltyReceivedMicro }) => penaltyPaidMicro - penaltyReceivedMicro),
    );
    if (fines !== 0n) throw new Error(`${id} penalties`);
  }
}

const DONE_OFTEN: readonly Deed['kind'][] = [
  'pay',
  'open',
  'offer',
  'advance',
  'withdraw',
  'evening',
  'nominate',
  'retire',
  'record',
  'round',
];

t.test('whatever happens in whatever order, money and energy add up and a rejection changes nothing', (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(deed, { minLength: 80, maxLength: 160 }), (deeds) => {
      const world = new World(HOMES, { recordGraceMs: 1_800_000n, recordWindowMs: 7_200_000n }).connect();
      world.timeMs = START_MS;
      const money = world.money();
      const opened: string[] = [];
      for (const what of deeds) {
        const before = world.snapshot();
        const code = carryOut(world, what, opened);
        seen.set(`${what.kind} ${code}`, (seen.get(`${what.kind} ${code}`) ?? 0) + 1);
        if (code !== 'ok' && !COMPOUND.includes(what.kind) && !world.unchangedSince(before)) {
          throw new Error(`a rejected ${what.kind} (${code}) changed the state`);
        }
        checkSums(world, money, opened);
      }
      for (const value of world.entries.values()) {
        if (encode(decode(value)).join() !== value.join()) throw new Error('a record is not canonical');
      }
    }),
    { numRuns: 60 },
  );
  for (const kind of DONE_OFTEN) {
    t.ok(seen.get(`${kind} ok`), `${kind} passed ${seen.get(`${kind} ok`)} times`);
  }
  t.end();
});

t.test('no argument makes a method throw', (t) => {
  const world = new World(3).connect();
  world.must(AGGREGATOR, 'coordination.open', { ...openingTerms(SLOTS), id: 's0' });
  const everybody = [...world.homes, AGGREGATOR, DSO, address('f', 1), address('0', 0), ''];
  fc.assert(
    fc.property(
      fc.constantFrom(...everybody),
      fc.constantFrom<string>(...METHODS),
      fc.array(garbage, { maxLength: 13 }),
      (sender, method, args) => {
        const before = world.snapshot();
        const outcome = world.apply(sender, method, args);
        if (!outcome.ok && (!/^CONTRACT_[A-Z_]+$/.test(outcome.code) || !world.unchangedSince(before))) {
          throw new Error(`${method}: ${outcome.code}`);
        }
      },
    ),
    { numRuns: 3000 },
  );
  t.strictSame(
    readOpenSessions(world.state).map(({ id }) => id),
    ['s0'],
  );
  t.end();
});

t.test('an offer touches the head and one record, whatever the number of homes', (t) => {
  for (const homes of [3, 40]) {
    const world = new World(homes).connect();
    world.must(AGGREGATOR, 'coordination.open', { ...openingTerms(SLOTS), id: 's0' });
    const before = new Map(world.entries);
    world.must(world.homes[1]!, 'coordination.offer', { id: 's0', round: 1, soldMw: [1, 2] });
    const touched = [...world.entries]
      .filter(([key, value]) => before.get(key) !== value)
      .map(([key]) => key);
    t.strictSame(touched.sort(), ['coordination/head/s0', 'coordination/offer/1/s0']);
  }
  t.end();
});

t.test('a closed session leaves neither offers nor targets behind', (t) => {
  const world = new World(3).connect();
  world.must(AGGREGATOR, 'coordination.open', { ...openingTerms(SLOTS), id: 's0', maxRounds: 2 });
  for (const round of [1, 2]) {
    for (const owner of world.homes)
      world.must(owner, 'coordination.offer', { id: 's0', round, soldMw: [round * 1e6, -5e6] });
  }
  t.equal(readSession(world.state, 's0')!.status, 'final');
  t.notOk([...world.entries.keys()].some((key) => /offer|target/.test(key)));
  t.end();
});
