import fc from 'fast-check';
import t, { type Test } from 'tap';
import { planBlocks } from '../../drivers/modbus/blocks.ts';
import { openLink } from '../../drivers/modbus/link.ts';
import {
  decodeRegisters,
  encodeRegisters,
  type RegisterType,
  registersOf,
} from '../../drivers/modbus/registers.ts';
import { discover, findModel, readModel, writePoints } from '../../drivers/sunspec/map.ts';
import { endOf, modelOf } from '../../drivers/sunspec/models.ts';
import { encodeAt, flagsAt, numberAt, symbolAt, textAt } from '../../drivers/sunspec/points.ts';
import {
  exceptionPdu,
  rightReply,
  send,
  serveRegisters,
  startMisbehavingServer,
} from './misbehaving-server.ts';

t.test('frozen patterns of the registers', (t) => {
  const rows: [RegisterType, number[], unknown][] = [
    ['int16', [0xffff], -1],
    ['int16', [0x8000], undefined],
    ['uint16', [0xffff], undefined],
    ['uint16', [0x8000], 32768],
    ['acc16', [0], 0],
    ['enum16', [4], 4],
    ['enum16', [0xffff], undefined],
    ['bitfield16', [0xffff], undefined],
    ['count', [0xffff], 65535],
    ['sunssf', [0xfffe], -2],
    ['sunssf', [0x8000], undefined],
    ['int32', [0xffff, 0xfffe], -2],
    ['int32', [0x8000, 0], undefined],
    ['uint32', [0xffff, 0xfffe], 4294967294],
    ['uint32', [0xffff, 0xffff], undefined],
    ['acc32', [1, 2], 65538],
    ['ipaddr', [0, 0], undefined],
    ['float32', [0x42f6, 0xe979], 123.45600128173828],
    ['float32', [0x7fc0, 0], undefined],
    ['int64', [0xffff, 0xffff, 0xffff, 0xfffd], -3n],
    ['int64', [0x8000, 0, 0, 0], undefined],
    ['uint64', [0, 1, 0, 0], 4294967296n],
    ['acc64', [0, 0, 0, 9], 9n],
    ['float64', [0x3ff8, 0, 0, 0], 1.5],
    ['eui48', [0, 0x1122, 0x3344, 0x5566], '0000112233445566'],
    ['eui48', [0, 0xffff, 0xffff, 0xffff], undefined],
    ['string', [0x4142, 0x4300, 0x5858], 'ABC'],
    ['string', [0x2020, 0x4142, 0x2020], 'AB'],
    ['string', [0, 0], undefined],
  ];
  for (const [type, registers, value] of rows) {
    t.strictSame(decodeRegisters(registers, type), value, `${type} ${registers.map((r) => r.toString(16))}`);
  }
  t.equal(decodeRegisters([2, 1], 'uint32', 'little'), 65538);
  t.same(encodeRegisters(65538, 'uint32', { order: 'little' }), { ok: true, registers: [2, 1] });
  t.throws(() => decodeRegisters([1], 'uint32'), { code: 'DRIVERS_BAD_REPLY' });
  t.end();
});

t.test('what would not read back the same is not encoded', (t) => {
  const refused: [RegisterType, number | bigint | string][] = [
    ['uint16', -1],
    ['uint16', 65535],
    ['uint16', 65536],
    ['uint16', 0.5],
    ['uint16', Number.NaN],
    ['int16', -32768],
    ['int16', 32768],
    ['uint32', -1],
    ['uint32', 2 ** 32],
    ['int32', -(2 ** 31)],
    ['uint64', -1n],
    ['float32', 1e39],
    ['float64', Number.POSITIVE_INFINITY],
    ['uint16', '1'],
    ['string', 'too long'],
    ['string', 'é'],
    ['string', 7],
    ['eui48', 1],
  ];
  for (const [type, value] of refused) {
    t.match(encodeRegisters(value, type, { size: 2 }), { ok: false, reason: String }, `${type} ${value}`);
  }
  t.end();
});

const types: RegisterType[] = [
  'int16',
  'uint16',
  'acc16',
  'enum16',
  'bitfield16',
  'count',
  'raw16',
  'sunssf',
  'int32',
  'uint32',
  'acc32',
  'enum32',
  'bitfield32',
  'float32',
  'int64',
  'uint64',
  'acc64',
  'bitfield64',
  'float64',
];

t.test('round trips', (t) => {
  const someType = fc.constantFrom(...types);
  const order = fc.constantFrom('big' as const, 'little' as const);
  const number = fc.oneof(
    fc.integer(),
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.double(),
    fc.maxSafeInteger(),
  );
  fc.assert(
    fc.property(someType, order, number, (type, order, value) => {
      const encoded = encodeRegisters(value, type, { order });
      if (!encoded.ok) return true;
      const back = Number(decodeRegisters(encoded.registers, type, order));
      return type === 'float32' ? back === Math.fround(value) : back === value;
    }),
    { numRuns: 2000 },
  );
  const registers = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(someType, order, registers, (type, order, noise) => {
      const taken = noise.slice(0, registersOf(type));
      const value = decodeRegisters(taken, type, order);
      if (value === undefined || value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
        return true;
      const encoded = encodeRegisters(value, type, { order });
      return encoded.ok && encoded.registers.every((register, i) => register === taken[i]);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 32 }), (text) => {
      const encoded = encodeRegisters(text, 'string', { size: 16 });
      return !encoded.ok || (decodeRegisters(encoded.registers, 'string') ?? '') === text.trim();
    }),
  );
  t.end();
});

t.test('the tables are whole: lengths hold every point, scale factors exist', (t) => {
  for (const id of [
    1, 101, 102, 103, 111, 112, 113, 120, 121, 122, 123, 124, 201, 202, 203, 204, 211, 212, 213, 214, 802,
  ]) {
    const model = modelOf(id)!;
    const ends = [...model.points.values()].map(endOf);
    t.ok(Math.max(...ends) <= 2 + model.length, `model ${id}`);
    let last = 2;
    for (const point of model.points.values()) {
      if (
        point.offset < last ||
        !(point.type in Object.fromEntries([...types, 'string'].map((type) => [type, 1])))
      ) {
        t.fail(`${id}.${point.name} overlaps or has an unknown type`);
      }
      last = endOf(point);
      if (typeof point.sf === 'string')
        t.equal(model.points.get(point.sf)?.type, 'sunssf', `${id}.${point.sf}`);
    }
  }
  t.equal(modelOf(9999), undefined);
  t.end();
});

t.test('scale factors, on reading and on writing', (t) => {
  const inverter = modelOf(103)!;
  const image = new Array<number>(52).fill(0xffff);
  const put = (name: string, value: number) => {
    image[inverter.points.get(name)!.offset] = value & 0xffff;
  };
  put('W', 2304);
  put('W_SF', -1);
  t.equal(numberAt(inverter, image, 'W'), 230.4);
  put('W_SF', 2);
  t.equal(numberAt(inverter, image, 'W'), 230400);
  put('W_SF', 0x8000);
  t.equal(numberAt(inverter, image, 'W'), undefined, 'without a usable scale factor there is no value');
  put('W_SF', 11);
  t.equal(numberAt(inverter, image, 'W'), undefined, 'nor with an impossible one');
  put('St', 4);
  t.equal(symbolAt(inverter, image, 'St'), 'MPPT');
  put('St', 77);
  t.equal(symbolAt(inverter, image, 'St'), undefined);
  const evt = inverter.points.get('Evt1')!.offset;
  image[evt] = 0;
  image[evt + 1] = 0b11;
  t.same(flagsAt(inverter, image, 'Evt1'), ['GROUND_FAULT', 'DC_OVER_VOLT']);
  t.equal(numberAt(inverter, image.slice(0, 20), 'W'), undefined, 'a model shorter than its table');

  const controls = modelOf(123)!;
  const limits = new Array<number>(26).fill(0);
  limits[controls.points.get('WMaxLimPct_SF')!.offset] = 0xfffe;
  t.same(encodeAt(controls, limits, 'WMaxLimPct', 60.126), { ok: true, registers: [6013] });
  t.match(
    encodeAt(controls, limits, 'WMaxLimPct', -1),
    { ok: false },
    'a negative limit never wraps to a high one',
  );
  t.match(encodeAt(controls, limits, 'WMaxLimPct', 1000), { ok: false });
  t.match(encodeAt(controls, limits, 'WMaxLimPct_SF', 0), { ok: false }, 'read only');
  t.match(encodeAt(controls, limits, 'Nothing', 0), { ok: false });
  const battery = modelOf(124)!;
  const rates = new Array<number>(26).fill(0);
  rates[battery.points.get('InOutWRte_SF')!.offset] = 0x8000;
  t.match(encodeAt(battery, rates, 'OutWRte', -40), { ok: false }, 'no writing without a scale factor');
  rates[battery.points.get('InOutWRte_SF')!.offset] = 0;
  t.same(encodeAt(battery, rates, 'OutWRte', -40), { ok: true, registers: [0xffd8] });
  t.end();
});

t.test('blocks cover every span once, whole, within the limit', (t) => {
  const span = fc
    .tuple(fc.nat(400), fc.integer({ min: 1, max: 8 }))
    .map(([offset, size]) => ({ offset, end: offset + size }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 40 }), fc.integer({ min: 8, max: 125 }), (spans, countMax) => {
      const blocks = planBlocks(spans, countMax);
      return (
        blocks.every(({ count }) => count >= 1 && count <= countMax) &&
        spans.every(({ offset, end }) =>
          blocks.some((block) => block.offset <= offset && end <= block.offset + block.count),
        )
      );
    }),
  );
  const whole = [...modelOf(103)!.points.values()].map((point) => ({
    offset: point.offset,
    end: endOf(point),
  }));
  t.equal(planBlocks([{ offset: 0, end: 2 }, ...whole], 125).length, 1);
  t.end();
});

/** Lays models one after another from `base`; `tail` is what follows the last one. */
function layOut(base: number, models: [id: number, length: number][], tail: number[]): Map<number, number> {
  const words = [0x5375, 0x6e53];
  for (const [id, length] of models) {
    words.push(id, length);
    for (let i = 0; i < length; i += 1) words.push(0x2000 + (id % 97));
  }
  return new Map([...words, ...tail].map((word, i) => [base + i, word]));
}

async function rig(t: Test, holding: Map<number, number>) {
  const server = await startMisbehavingServer();
  serveRegisters(server, { holding, input: new Map() });
  const link = openLink({
    host: '127.0.0.1',
    port: server.port,
    timeoutMs: 100,
    backoff: { firstMs: 0, maxMs: 0 },
  });
  t.teardown(async () => {
    await link.close();
    await server.stop();
  });
  return { server, link, holding };
}

t.test('discovery on maps as devices have them', async (t) => {
  const cases: [name: string, base: number, models: [number, number][], tail: number[], ids: number[]][] = [
    [
      'common of 66, at 40000',
      40000,
      [
        [1, 66],
        [103, 50],
      ],
      [0xffff, 0],
      [1, 103],
    ],
    [
      'common of 65, at 50000',
      50000,
      [
        [1, 65],
        [103, 50],
        [123, 24],
      ],
      [0xffff, 0],
      [1, 103, 123],
    ],
    [
      'at 0, the end without a length',
      0,
      [
        [1, 66],
        [203, 105],
      ],
      [0xffff],
      [1, 203],
    ],
    [
      'no end at all',
      40000,
      [
        [1, 66],
        [203, 105],
      ],
      [],
      [1, 203],
    ],
    [
      'an unknown model between',
      40000,
      [
        [1, 66],
        [64001, 7],
        [802, 62],
      ],
      [0xffff, 0],
      [1, 64001, 802],
    ],
    [
      'one model twice',
      40000,
      [
        [1, 65],
        [103, 50],
        [1, 65],
        [203, 105],
      ],
      [0xffff, 0],
      [1, 103, 1, 203],
    ],
    [
      'a model of length 0',
      40000,
      [
        [1, 66],
        [103, 50],
      ],
      [123, 0, 124, 24],
      [1, 103],
    ],
  ];
  for (const [name, base, models, tail, ids] of cases) {
    const { link } = await rig(t, layOut(base, models, tail));
    const map = await discover(link, 1);
    t.equal(map.base, base, name);
    t.same(
      map.places.map(({ id }) => id),
      ids,
      name,
    );
    for (const place of map.places) {
      const model = modelOf(place.id);
      if (model) t.equal((await readModel(link, 1, { model, place }))[0], place.id);
    }
  }
});

t.test('no map', async (t) => {
  const { link } = await rig(t, new Map(Array.from({ length: 10 }, (_, i) => [i, 7])));
  await t.rejects(discover(link, 1), { code: 'DRIVERS_NOT_SUNSPEC', details: { unitId: 1, tried: String } });
  const { link: mute, server } = await rig(t, new Map());
  server.behave = () => undefined;
  await t.rejects(discover(mute, 1), { code: 'DRIVERS_TIMEOUT' }, 'silence is not "no SunSpec"');
  const { link: ill, server: sick } = await rig(t, new Map());
  sick.behave = (request) => send(request, rightReply(request, { pdu: exceptionPdu(request, 4) }));
  await t.rejects(discover(ill, 1), { code: 'DRIVERS_MODBUS_EXCEPTION' }, 'nor is a device failure');
});

t.test('a walk through garbage ends, in a map or a typed failure', async (t) => {
  const server = await startMisbehavingServer();
  const link = openLink({
    host: '127.0.0.1',
    port: server.port,
    timeoutMs: 200,
    backoff: { firstMs: 0, maxMs: 0 },
  });
  t.teardown(async () => {
    await link.close();
    await server.stop();
  });
  const words = fc.array(
    fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 2, 103, 0xffff)),
    {
      maxLength: 60,
    },
  );
  await fc.assert(
    fc.asyncProperty(words, async (noise) => {
      const holding = new Map([0x5375, 0x6e53, 1, 3, 0, 0, 0, ...noise].map((word, i) => [40000 + i, word]));
      serveRegisters(server, { holding, input: new Map() });
      const map = await discover(link, 1);
      return map.places.length >= 1 && map.places.length <= 120;
    }),
    { numRuns: 60 },
  );
});

t.test('reading and writing a model', async (t) => {
  const holding = layOut(
    40000,
    [
      [1, 66],
      [123, 24],
      [213, 124],
    ],
    [0xffff, 0],
  );
  const { link, server } = await rig(t, holding);
  const map = await discover(link, 1);
  const controls = findModel(map, [704, 123])!;
  t.equal(controls.place.address, 40070);
  const meter = findModel(map, [203, 213])!;
  const before = server.requests.length;
  const image = await readModel(link, 1, meter);
  t.equal(image.length, 126);
  t.equal(server.requests.length, before + 2, 'a model of 126 registers takes two requests');
  t.equal(findModel(map, [802]), undefined);

  holding.set(controls.place.address + 23, 0xfffe);
  const limits = await readModel(link, 1, controls);
  await writePoints(link, 1, { ...controls, image: limits }, [
    ['WMaxLimPct', 50],
    ['WMaxLimPct_WinTms', 0],
    ['WMaxLimPct_RvrtTms', 60],
  ]);
  const write = server.requests.at(-1)!;
  t.match(write, { functionCode: 16, address: controls.place.address + 5, values: [5000, 0, 60] });
  const sent = server.requests.length;
  const bad = { code: 'DRIVERS_SETPOINT_OUT_OF_RANGE' };
  const points = { ...controls, image: limits };
  await t.rejects(writePoints(link, 1, points, [['WMaxLimPct', -0.01]]), bad);
  await t.rejects(
    writePoints(link, 1, points, [
      ['WMaxLimPct', 10],
      ['WMaxLim_Ena', 1],
    ]),
    bad,
    'no neighbours',
  );
  t.equal(server.requests.length, sent, 'nothing of it was sent');

  for (const [i, word] of [0x4163, 0x6d65, 0].entries()) holding.set(40004 + i, word);
  const text = await readModel(link, 1, findModel(map, [1])!);
  t.equal(textAt(modelOf(1)!, text, 'Mn'), 'Acme');
  holding.set(controls.place.address, 124);
  await t.rejects(readModel(link, 1, controls), { code: 'DRIVERS_BAD_REPLY', details: { moved: 1 } });
});
