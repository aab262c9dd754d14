import t, { type Test } from 'tap';
import {
  type ArgumentsOf,
  buildCall,
  type ContractGenesis,
  genesisEntries,
  type MethodName,
  readAccount,
  readDelivery,
  readDevice,
  readDevices,
  readEnergyAccount,
  readMembers,
  readNomination,
  readOpenSessions,
  readRecord,
  readSession,
  readSettlement,
  readTrades,
  readTurn,
} from '../../consensus/contract/index.ts';
import { encode } from '../../consensus/encoding/index.ts';
import { ConsensusError } from '../../consensus/index.ts';
import {
  AGGREGATOR,
  address,
  DSO,
  home,
  ID,
  meterOf,
  openingTerms,
  SLOT_MS,
  START_MS,
  World,
} from './contract-world.ts';

const ROOT = 'ab'.repeat(32);
const NOBODY = address('e', 9);
const [A, B, C] = [home(0), home(1), home(2)];

type Step = {
  [M in MethodName]: readonly [sender: string, method: M, args: ArgumentsOf<M>, code: string];
}[MethodName];

/** Each step is rejected with its code, and the state stays as it was to the byte. */
function refuses(t: Test, world: World, steps: readonly Step[]): void {
  for (const [sender, method, args, code] of steps) {
    const before = world.snapshot();
    const outcome = world.apply(sender, method, buildCall(method, args as never).args);
    t.equal(outcome.ok ? 'ok' : outcome.code, code, `${method}: ${code}`);
    t.ok(outcome.ok || outcome.reason.length > 0);
    t.ok(world.unchangedSince(before), 'nothing changed');
  }
}

/** Nobody signs here: any bytes do for a key. */
function keyed(name: string) {
  return { address: name, publicKey: Uint8Array.from(Buffer.from(name.padStart(66, '0'), 'hex')) };
}

t.test('genesis', (t) => {
  const genesis: ContractGenesis = {
    slotMs: SLOT_MS,
    validators: [keyed(A), keyed(B)],
    accounts: [{ ...keyed(A), roles: ['prosumer'], balanceMicro: -5 }],
    parameters: {},
  };
  const entries = genesisEntries(genesis);
  t.strictSame(
    entries.map(([key]) => key),
    [...entries.map(([key]) => key)].sort(),
  );
  const state = new Map(entries);
  t.strictSame(readAccount(state, A), {
    roles: ['validator', 'prosumer'],
    balanceMicro: -5n,
    publicKey: keyed(A).publicKey,
  });
  t.strictSame(readAccount(state, B), {
    roles: ['validator'],
    balanceMicro: 0n,
    publicKey: keyed(B).publicKey,
  });
  t.equal(readAccount(state, C), undefined);
  const bad: readonly Partial<ContractGenesis>[] = [
    { slotMs: 0 },
    { slotMs: 1500 },
    { slotMs: 7000 },
    { slotMs: 1e12 },
    { accounts: [...genesis.accounts, ...genesis.accounts] },
    { accounts: [{ ...keyed(A), address: 'A0', roles: [], balanceMicro: 0n }] },
    { accounts: [{ ...keyed(A), roles: ['king'], balanceMicro: 0n }] },
    { accounts: [{ ...keyed(A), roles: [], balanceMicro: 0.5 }] },
    { accounts: [{ ...keyed(A), roles: [], balanceMicro: 10n ** 15n }] },
    { validators: [{ ...keyed(A), address: '' }] },
    { validators: [] },
    { validators: Array.from({ length: 32 }, (_, index) => keyed(address('e', index))) },
    { validators: [{ address: A, publicKey: new Uint8Array(32) }], accounts: [] },
    { parameters: { creditLimitMicro: -1n } },
    { parameters: { creditLimitMicro: '1' } },
    { parameters: { toString: 1n } },
    { parameters: { recordWindowMs: 1n } },
    { parameters: { recordWindowMs: 86_400_000n, recordGraceMs: 86_400_001n } },
    { slotMs: 1000, parameters: { recordWindowMs: 86_400_000n } },
  ];
  for (const part of bad) {
    t.throws(
      () => genesisEntries({ ...genesis, ...part }),
      { code: 'CONSENSUS_BAD_GENESIS' },
      JSON.stringify(part, text),
    );
  }
  t.end();
});

function text(_: string, value: unknown) {
  return typeof value === 'bigint' ? String(value) : value;
}

t.test('accounts', (t) => {
  const world = new World(2, { creditLimitMicro: 100n });
  const pay = (to: string, amountMicro: bigint) => ({ to, amountMicro, memo: 'for the toaster' });
  world.must(A, 'accounts.transfer', pay(B, 1_000_100n));
  t.strictSame(world.balances(), [-100n, 2_000_100n], 'down to the credit limit');
  t.strictSame(world.events.at(-1), {
    name: 'accounts.transferred',
    fields: { from: A, to: B, amountMicro: 1_000_100n, memo: 'for the toaster' },
  });
  refuses(t, world, [
    [A, 'accounts.transfer', pay(B, 1n), 'CONTRACT_INSUFFICIENT_FUNDS'],
    [B, 'accounts.transfer', pay(B, 1n), 'CONTRACT_BAD_ARGUMENTS'],
    [B, 'accounts.transfer', pay(NOBODY, 1n), 'CONTRACT_UNKNOWN_ACCOUNT'],
    [NOBODY, 'accounts.transfer', pay(B, 1n), 'CONTRACT_UNKNOWN_ACCOUNT'],
    [B, 'accounts.transfer', pay(A, 0n), 'CONTRACT_OUT_OF_RANGE'],
    [B, 'accounts.transfer', { ...pay(A, 1n), memo: 'x'.repeat(141) }, 'CONTRACT_BAD_ARGUMENTS'],
    [B, 'accounts.transfer', { ...pay(A, 1n), memo: 'two\nlines' }, 'CONTRACT_BAD_ARGUMENTS'],
  ]);
  t.end();
});

t.test('unknown methods and wrong shapes', (t) => {
  const world = new World(1);
  const before = world.snapshot();
  for (const name of ['', 'accounts', 'toString', '__proto__', 'accounts.Transfer']) {
    t.match(world.apply(A, name, []), { ok: false, code: 'CONTRACT_UNKNOWN_METHOD' });
  }
  for (const args of [
    [],
    [1n],
    [new Uint8Array(19), 1n, ''],
    [new Uint8Array(20), '1', ''],
    [null, null, null],
  ]) {
    t.match(world.apply(A, 'accounts.transfer', args), { ok: false, code: 'CONTRACT_BAD_ARGUMENTS' });
  }
  t.ok(world.unchangedSince(before));
  t.end();
});

t.test('registry', (t) => {
  const world = new World(3);
  const device = (letter: string, kind: ArgumentsOf<'registry.registerDevice'>['kind'], rest = {}) => ({
    deviceId: letter.repeat(64),
    kind,
    importWMax: 5000,
    exportWMax: 5000,
    energyWh: kind === 'battery' ? 10_000 : 0,
    ...rest,
  });
  world.must(A, 'registry.registerDevice', device('1', 'meter'));
  world.must(A, 'registry.registerDevice', device('2', 'battery'));
  t.equal(readDevice(world.state, '1'.repeat(64))?.status, 'registered');
  t.strictSame(readMembers(world.state), []);
  const qualify = (owner: string, letter: string) => ({ owner, deviceId: letter.repeat(64) });
  refuses(t, world, [
    [AGGREGATOR, 'registry.registerDevice', device('3', 'meter'), 'CONTRACT_WRONG_ROLE'],
    [B, 'registry.registerDevice', device('1', 'meter'), 'CONTRACT_ALREADY_EXISTS'],
    [A, 'registry.registerDevice', device('1', 'pv'), 'CONTRACT_ALREADY_EXISTS'],
    [A, 'registry.registerDevice', device('3', 'meter'), 'CONTRACT_ALREADY_EXISTS'],
    [A, 'registry.registerDevice', device('3', 'battery', { energyWh: 0 }), 'CONTRACT_IMPLAUSIBLE'],
    [A, 'registry.registerDevice', device('3', 'pv', { exportWMax: 0 }), 'CONTRACT_IMPLAUSIBLE'],
    [A, 'registry.registerDevice', device('3', 'evse', { importWMax: 0 }), 'CONTRACT_IMPLAUSIBLE'],
    [B, 'registry.registerDevice', device('3', 'meter', { energyWh: 1 }), 'CONTRACT_IMPLAUSIBLE'],
    [A, 'registry.registerDevice', device('3', 'pv', { importWMax: 2_000_001 }), 'CONTRACT_OUT_OF_RANGE'],
    [A, 'registry.registerDevice', device('3', 'toaster' as 'pv'), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'registry.qualifyDevice', qualify(A, '1'), 'CONTRACT_WRONG_ROLE'],
    [DSO, 'registry.qualifyDevice', qualify(B, '1'), 'CONTRACT_NOT_FOUND'],
    [DSO, 'registry.qualifyDevice', qualify(A, '9'), 'CONTRACT_NOT_FOUND'],
    [B, 'registry.retireDevice', { deviceId: '1'.repeat(64) }, 'CONTRACT_WRONG_ROLE'],
    [B, 'registry.retireDevice', { deviceId: '9'.repeat(64) }, 'CONTRACT_NOT_FOUND'],
  ]);
  world.must(DSO, 'registry.qualifyDevice', qualify(A, '2'));
  t.strictSame(readMembers(world.state), [], 'a battery alone trades nothing');
  world.connect([C, B]);
  world.must(DSO, 'registry.qualifyDevice', qualify(A, '1'));
  t.strictSame(readMembers(world.state), [A, B, C], 'sorted by address');
  refuses(t, world, [[DSO, 'registry.qualifyDevice', qualify(A, '1'), 'CONTRACT_WRONG_PHASE']]);
  world.must(A, 'registry.retireDevice', { deviceId: '1'.repeat(64) });
  t.strictSame(readMembers(world.state), [B, C]);
  t.strictSame(
    readDevices(world.state, A).map(({ kind }) => kind),
    ['battery'],
  );
  refuses(t, world, [
    [A, 'registry.retireDevice', { deviceId: '1'.repeat(64) }, 'CONTRACT_NOT_FOUND'],
    [DSO, 'registry.qualifyDevice', qualify(A, '1'), 'CONTRACT_NOT_FOUND'],
  ]);
  world.must(DSO, 'registry.retireDevice', { deviceId: '2'.repeat(64) });
  world.must(B, 'registry.registerDevice', device('2', 'battery'));
  t.equal(readDevice(world.state, '2'.repeat(64))?.owner, B, 'a retired device may move to another home');
  const before = world.entries.size;
  for (let index = 0; index < 20; index += 1) {
    const deviceId = index.toString(16).padStart(64, 'd');
    world.must(B, 'registry.registerDevice', { ...device('0', 'hvac'), deviceId });
    world.must(B, 'registry.retireDevice', { deviceId });
  }
  t.equal(world.entries.size, before, 'and takes no room in the state');
  for (let index = 2; index < 64; index += 1) {
    world.must(B, 'registry.registerDevice', {
      ...device('0', 'hvac'),
      deviceId: index.toString(16).padStart(64, 'c'),
    });
  }
  refuses(t, world, [[B, 'registry.registerDevice', device('e', 'hvac'), 'CONTRACT_OUT_OF_RANGE']]);
  t.end();
});

t.test('opening a session', (t) => {
  const world = new World(3);
  const terms = { ...openingTerms(2), id: ID };
  const opening = (part: Partial<typeof terms>, code: string): Step => [
    AGGREGATOR,
    'coordination.open',
    { ...terms, ...part },
    code,
  ];
  refuses(t, world, [opening({}, 'CONTRACT_NOT_QUALIFIED')]);
  world.connect();
  refuses(t, world, [
    [A, 'coordination.open', terms, 'CONTRACT_WRONG_ROLE'],
    opening({ id: '' }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ id: '/x' }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ id: 'x'.repeat(41) }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ slots: 3 }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ form: 'auction' as 'pool' }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ startMs: START_MS + 1 }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ slotMs: SLOT_MS + 1000 }, 'CONTRACT_BAD_ARGUMENTS'),
    opening({ startMs: START_MS - 5 * 86_400_000 }, 'CONTRACT_TOO_LATE'),
    opening({ startMs: START_MS + 40 * 86_400_000 }, 'CONTRACT_TOO_EARLY'),
    opening({ relaxationPermille: 1901 }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ penaltyMicro: 0n }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ penaltyMicroMax: 49_999n }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ penaltyGrowthPermille: 999 }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ memoryRounds: 6 }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ maxRounds: 0 }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ startPrices: [0n, 10_000_001n] }, 'CONTRACT_OUT_OF_RANGE'),
    opening({ slotMs: 86_400_000, slots: 10, startPrices: new Array(10).fill(0n) }, 'CONTRACT_OUT_OF_RANGE'),
  ]);
  world.open(ID);
  t.strictSame(readOpenSessions(world.state), [{ id: ID, startMs: START_MS, endMs: START_MS + 2 * SLOT_MS }]);
  refuses(t, world, [
    opening({}, 'CONTRACT_ALREADY_EXISTS'),
    opening({ id: 'other', startMs: START_MS + SLOT_MS }, 'CONTRACT_ALREADY_EXISTS'),
  ]);
  world.open('other', { startMs: START_MS + 2 * SLOT_MS });
  for (let index = 2; index < 64; index += 1) {
    world.open(`s${index}`, { startMs: START_MS + 2 * index * SLOT_MS });
  }
  refuses(t, world, [opening({ id: 's64', startMs: START_MS + 128 * SLOT_MS }, 'CONTRACT_OUT_OF_RANGE')]);
  const crowd = new World(33).connect();
  refuses(t, crowd, [opening({ form: 'pairwise' }, 'CONTRACT_OUT_OF_RANGE')]);
  t.end();
});

t.test('offers', (t) => {
  const world = new World(3).connect().open(ID, { startPrices: [1n, 2n] });
  const offer = (soldMw: ArgumentsOf<'coordination.offer'>['soldMw'], part = {}) => ({
    id: ID,
    round: 1,
    soldMw,
    ...part,
  });
  refuses(t, world, [
    [A, 'coordination.offer', offer([0, 0], { id: 'none' }), 'CONTRACT_NOT_FOUND'],
    [A, 'coordination.offer', offer([0, 0], { round: 2 }), 'CONTRACT_WRONG_ROUND'],
    [A, 'coordination.advance', { id: ID, round: 2 }, 'CONTRACT_WRONG_ROUND'],
    [AGGREGATOR, 'coordination.offer', offer([0, 0]), 'CONTRACT_NOT_QUALIFIED'],
    [A, 'coordination.offer', offer([0]), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'coordination.offer', offer([0, 0, 0]), 'CONTRACT_BAD_ARGUMENTS'],
    [
      A,
      'coordination.offer',
      offer([
        [0, 0],
        [0, 0],
      ]),
      'CONTRACT_BAD_ARGUMENTS',
    ],
    [A, 'coordination.offer', offer([20_000_001, 0]), 'CONTRACT_OUT_OF_RANGE'],
    [A, 'coordination.offer', offer([0, -20_000_001]), 'CONTRACT_OUT_OF_RANGE'],
    [A, 'coordination.nominate', { id: ID, netImportW: [0, 0] }, 'CONTRACT_WRONG_PHASE'],
    [A, 'settlement.settle', { sessionId: ID }, 'CONTRACT_WRONG_PHASE'],
    [A, 'settlement.settle', { sessionId: 'none' }, 'CONTRACT_NOT_FOUND'],
    [AGGREGATOR, 'coordination.withdraw', { id: ID }, 'CONTRACT_NOT_QUALIFIED'],
  ]);
  world.must(A, 'coordination.offer', offer([20_000_000, -20_000_000]));
  refuses(t, world, [[A, 'coordination.offer', offer([0, 0]), 'CONTRACT_ALREADY_EXISTS']]);
  t.match(readSession(world.state, ID), {
    offersIn: 1,
    awaited: 3,
    round: 1,
    pricesMicro: [1n, 2n],
    finalMs: undefined,
  });
  t.equal(readTrades(world.state, ID), undefined);
  t.equal(readDelivery(world.state, ID), undefined);
  t.equal(readTurn(world.state, 'none', A), undefined);
  t.equal(readSession(world.state, 'none'), undefined);
  const outcome = world.apply(
    B,
    'coordination.advance',
    buildCall('coordination.advance', { id: ID, round: 1 }).args,
  );
  t.match(outcome, { ok: false, code: 'CONTRACT_TOO_EARLY' });

  const pairs = new World(3).connect().open(ID, { form: 'pairwise' });
  refuses(t, pairs, [
    [A, 'coordination.offer', offer([0, 0]), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'coordination.offer', offer([[0, 0]]), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'coordination.offer', offer([[0, 0], [0]]), 'CONTRACT_BAD_ARGUMENTS'],
    [
      A,
      'coordination.offer',
      offer([
        [0, 0],
        [80_000_001, 0],
      ]),
      'CONTRACT_OUT_OF_RANGE',
    ],
    [
      A,
      'coordination.offer',
      offer([
        [-10_000_001, 0],
        [-10_000_002, 0],
      ]),
      'CONTRACT_OUT_OF_RANGE',
    ],
  ]);
  pairs.must(
    A,
    'coordination.offer',
    offer([
      [80_000_000, 0],
      [-60_000_000, 0],
    ]),
  );
  t.end();
});

/** A sells to B (and C) in both slots; the trades are final in one round. */
function traded(soldMw: readonly (readonly [number, number])[], parameters = {}): World {
  const world = new World(3, {
    deliveryTolerancePermille: 100n,
    deliveryToleranceW: 10n,
    penaltyMicroPerKwh: 400_000n,
    ...parameters,
  })
    .connect()
    .open(ID, { maxRounds: 1 });
  for (const [index, offer] of soldMw.entries()) {
    world.must(world.homes[index]!, 'coordination.offer', { id: ID, round: 1, soldMw: offer });
  }
  return world;
}

const TRADE: [number, number][] = [
  [1_000_000, 2_000_000],
  [-700_000, -2_000_000],
  [-300_000, 0],
];
const SECONDS = SLOT_MS / 1000;
const at = (slot: number) => START_MS + slot * SLOT_MS;
const reading = (slot: number, netW: number) => ({
  slotStartMs: at(slot),
  importWs: BigInt(Math.max(0, netW) * SECONDS),
  exportWs: BigInt(Math.max(0, -netW) * SECONDS),
  leavesRoot: ROOT,
});

t.test('nominations', (t) => {
  const world = traded(TRADE);
  const nominate = (netImportW: number[]) => ({ id: ID, netImportW });
  refuses(t, world, [
    [A, 'coordination.nominate', nominate([0]), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'coordination.nominate', nominate([0, 10_001]), 'CONTRACT_OUT_OF_RANGE'],
    [A, 'coordination.nominate', nominate([-10_001, 0]), 'CONTRACT_OUT_OF_RANGE'],
    [AGGREGATOR, 'coordination.nominate', nominate([0, 0]), 'CONTRACT_NOT_QUALIFIED'],
    [A, 'coordination.offer', { id: ID, round: 1, soldMw: [0, 0] }, 'CONTRACT_WRONG_PHASE'],
    [A, 'coordination.withdraw', { id: ID }, 'CONTRACT_WRONG_PHASE'],
  ]);
  world.must(A, 'coordination.nominate', nominate([-500, 300]));
  t.strictSame(readNomination(world.state, ID, A)?.netImportW, [-500, 300]);
  t.equal(readNomination(world.state, ID, B), undefined);
  refuses(t, world, [[A, 'coordination.nominate', nominate([0, 0]), 'CONTRACT_ALREADY_EXISTS']]);
  world.timeMs = at(2);
  refuses(t, world, [[B, 'coordination.nominate', nominate([0, 0]), 'CONTRACT_TOO_LATE']]);
  t.end();
});

t.test('metering', (t) => {
  const world = new World(2, { recordWindowMs: 4n * BigInt(SLOT_MS), recordGraceMs: 0n }).connect([A]);
  world.timeMs = at(1);
  const record = (slot: number, part = {}) => ({ ...reading(slot, 500), ...part });
  const most = BigInt(11_000 * SECONDS);
  refuses(t, world, [
    [AGGREGATOR, 'metering.record', record(0), 'CONTRACT_WRONG_ROLE'],
    [B, 'metering.record', record(0), 'CONTRACT_NOT_QUALIFIED'],
    [A, 'metering.record', record(0, { slotStartMs: START_MS + 1 }), 'CONTRACT_BAD_ARGUMENTS'],
    [A, 'metering.record', record(1), 'CONTRACT_TOO_EARLY'],
    [A, 'metering.record', record(-4), 'CONTRACT_TOO_LATE'],
    [A, 'metering.record', record(0, { importWs: most + 1n }), 'CONTRACT_IMPLAUSIBLE'],
    [A, 'metering.record', record(0, { exportWs: most + 1n }), 'CONTRACT_IMPLAUSIBLE'],
    [A, 'metering.record', record(0, { importWs: -1n }), 'CONTRACT_OUT_OF_RANGE'],
    [A, 'metering.record', record(0, { leavesRoot: 'ab' }), 'CONTRACT_BAD_ARGUMENTS'],
  ]);
  world.must(A, 'metering.record', record(0, { importWs: most }));
  world.must(A, 'metering.record', record(-2));
  world.must(A, 'metering.record', record(-1));
  t.strictSame(readRecord(world.state, A, at(-1))?.leavesRoot, ROOT);
  refuses(t, world, [[A, 'metering.record', record(-1), 'CONTRACT_ALREADY_EXISTS']]);
  t.strictSame(readEnergyAccount(world.state, A), {
    importWs: most + BigInt(1000 * SECONDS),
    exportWs: 0n,
    soldWs: 0n,
    boughtWs: 0n,
  });
  const before = world.entries.size;
  for (let slot = 1; slot < 40; slot += 1) {
    world.timeMs = at(slot + 1);
    world.must(A, 'metering.record', record(slot));
  }
  t.equal(readRecord(world.state, A, at(0)), undefined, 'a record older than the window has made room');
  t.equal(readRecord(world.state, A, at(37))?.slotStartMs, at(37));
  t.ok(world.entries.size <= before + 3, 'the ring does not grow');
  t.end();
});

t.test('delivered in full: payments and energy move, penalties do not', (t) => {
  const world = traded(TRADE);
  world.must(A, 'coordination.nominate', { id: ID, netImportW: [-1000, -500] });
  t.match(readDelivery(world.state, ID), { obligations: 2, met: 0, short: 0, pending: 2 });
  world.timeMs = at(1);
  // 100 permille of 1000 W and 10 W more: 110 W may be missing.
  world.must(A, 'metering.record', reading(0, -890));
  t.match(readDelivery(world.state, ID), { met: 1, short: 0, pending: 1 });
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_TOO_EARLY']]);
  world.timeMs = at(2);
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_TOO_EARLY']]);
  world.must(A, 'metering.record', reading(1, -500));
  const money = world.money();
  world.must(C, 'settlement.settle', { sessionId: ID });
  // 200,000 micro per kWh moves by the surplus of the one round, which was none: 0.75 kWh are sold.
  t.strictSame(world.balances(), [1_150_000n, 865_000n, 985_000n]);
  t.equal(world.money(), money);
  t.strictSame(readEnergyAccount(world.state, A).soldWs, BigInt(3000 * SECONDS));
  t.strictSame(readEnergyAccount(world.state, B).boughtWs, BigInt(2700 * SECONDS));
  t.match(readSettlement(world.state, ID), {
    obligations: 2,
    met: 2,
    short: 0,
    penaltiesMicro: 0n,
    settledMs: at(2),
  });
  t.match(readSession(world.state, ID), { status: 'settled' });
  t.strictSame(readOpenSessions(world.state), []);
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_WRONG_PHASE']]);
  t.end();
});

t.test('shortfalls are named, paid for and shared among the buyers of the slot', (t) => {
  const world = traded(TRADE);
  world.must(A, 'coordination.nominate', { id: ID, netImportW: [-1000, -500] });
  world.timeMs = at(2);
  // 111 W short of the nomination: just beyond the tolerance, and then all of it counts. Slot 1 is never told.
  world.must(A, 'metering.record', reading(0, -889));
  world.timeMs = at(2) + 3_600_000 - 1;
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_TOO_EARLY']]);
  world.timeMs += 1;
  t.match(readDelivery(world.state, ID, world.timeMs), { met: 0, short: 2, pending: 0 });
  t.match(readDelivery(world.state, ID), { pending: 1 }, 'without a time, what is missing may still come');
  const money = world.money();
  world.must(C, 'settlement.settle', { sessionId: ID });
  t.strictSame(world.events.find(({ name }) => name === 'delivery.short')?.fields, {
    id: ID,
    home: A,
    meterId: meterOf(A),
    slotStartsMs: [at(0), at(1)],
    shortWs: 2111 * SECONDS,
  });
  // 400,000 micro per kWh: 111 W and 2000 W for a quarter of an hour are 11,100 and 200,000.
  const [a, b, c] = readSettlement(world.state, ID)!.homes;
  t.equal(a!.penaltyPaidMicro, 211_100n);
  t.equal(b!.penaltyReceivedMicro, 207_770n);
  t.equal(c!.penaltyReceivedMicro, 3330n);
  t.equal(world.money(), money);
  t.match(
    readDelivery(world.state, ID),
    { met: 0, short: 2, pending: 0 },
    'settled: nothing is pending any more',
  );
  world.must(A, 'metering.record', reading(1, -500));
  t.match(readDelivery(world.state, ID), { short: 2 }, 'a record after settlement changes nothing there');
  t.end();
});

t.test('a penalty that does not divide leaves its rest to the first buyer', (t) => {
  const world = traded([
    [998_000, 0],
    [-500_000, 0],
    [-498_000, 0],
  ]);
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_TOO_EARLY']]);
  world.timeMs = at(2);
  world.must(A, 'metering.record', reading(0, -498));
  world.must(C, 'settlement.settle', { sessionId: ID });
  // 500 W short for a quarter of an hour: 50,000 micro; 500 of 998 parts are 25,050.1, 498 are 24,949.9.
  const received = readSettlement(world.state, ID)!.homes.map((share) => share.penaltyReceivedMicro);
  t.strictSame(received, [0n, 25_051n, 24_949n]);
  t.end();
});

t.test('a session without trades is settled after its last slot', (t) => {
  const world = traded([
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
  refuses(t, world, [[C, 'settlement.settle', { sessionId: ID }, 'CONTRACT_TOO_EARLY']]);
  world.timeMs = at(2);
  world.must(C, 'settlement.settle', { sessionId: ID });
  t.match(readSettlement(world.state, ID), { obligations: 0, soldWs: 0n });
  t.end();
});

t.test('a method that fails after its first write leaves nothing of it', (t) => {
  const world = new World(1);
  const meter = { deviceId: meterOf(A), kind: 'meter', importWMax: 1, exportWMax: 1, energyWh: 0 } as const;
  world.must(A, 'registry.registerDevice', meter);
  const crowd = Array.from({ length: 1000 }, () => new Uint8Array(20));
  world.entries.set('registry/members', encode([crowd]));
  refuses(t, world, [
    [DSO, 'registry.qualifyDevice', { owner: A, deviceId: meterOf(A) }, 'CONTRACT_OUT_OF_RANGE'],
  ]);
  t.end();
});

t.test('a nomination binds ahead of a slot only; without one a seller must put out what it sold', (t) => {
  const world = traded(TRADE);
  world.timeMs = at(0) + 1;
  world.must(A, 'coordination.nominate', { id: ID, netImportW: [400, 400] });
  world.timeMs = at(2);
  world.must(A, 'metering.record', reading(0, 400));
  world.must(A, 'metering.record', reading(1, 400));
  const { slots } = readDelivery(world.state, ID)!;
  t.match(slots[0], { boundNetImportW: -1000, outcome: 'short', shortWs: 1000 * SECONDS, soldW: 1000 });
  t.match(slots[1], { boundNetImportW: 400, outcome: 'met', shortWs: 0, netImportWs: 400 * SECONDS });
  t.end();
});

t.test('a trading slot of several settlement slots needs all of their records', (t) => {
  const world = new World(2, {}, 300_000).connect().open(ID, { maxRounds: 1, slots: 1, startPrices: [0n] });
  world.must(A, 'coordination.offer', { id: ID, round: 1, soldMw: [900_000] });
  world.must(B, 'coordination.offer', { id: ID, round: 1, soldMw: [-900_000] });
  world.timeMs = at(1);
  for (const part of [0, 2, 1]) {
    t.match(readDelivery(world.state, ID), { pending: 1 });
    world.must(A, 'metering.record', {
      slotStartMs: START_MS + part * 300_000,
      importWs: 0n,
      exportWs: 270_000n,
      leavesRoot: ROOT,
    });
  }
  t.match(readDelivery(world.state, ID), { met: 1, pending: 0 });
  t.end();
});

t.test('a debt beyond the credit limit is booked, and keeps the home out of the next session', (t) => {
  const world = traded(TRADE, { creditLimitMicro: 0n });
  world.must(B, 'accounts.transfer', { to: A, amountMicro: 1_000_000n, memo: '' });
  world.timeMs = at(2);
  world.must(A, 'metering.record', reading(0, -1000));
  world.must(A, 'metering.record', reading(1, -2000));
  world.must(C, 'settlement.settle', { sessionId: ID });
  t.equal(readAccount(world.state, B)!.balanceMicro, -135_000n);
  world.open('next', { startMs: at(2) });
  t.strictSame(readSession(world.state, 'next')!.homes, [A, C]);
  t.end();
});

t.test('a state that the contract did not write is an error, no rejection', (t) => {
  const world = new World(1);
  world.entries.set(`accounts/${A}`, Uint8Array.of(1));
  t.throws(() => readAccount(world.state, A), { code: 'CONSENSUS_STORE_CORRUPT' });
  t.throws(() => world.apply(A, 'accounts.transfer', []), ConsensusError);
  world.entries.delete('network');
  t.throws(() => world.apply(DSO, 'registry.retireDevice', [new Uint8Array(32)]), ConsensusError);
  t.end();
});
