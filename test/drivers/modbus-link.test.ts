import { connect as connectSocket, createServer } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { afterFailure } from '../../drivers/modbus/backoff.ts';
import { type LinkOptions, type ModbusLink, openLink } from '../../drivers/modbus/link.ts';
import {
  exceptionPdu,
  type MisbehavingServer,
  type Request,
  registerAt,
  rightReply,
  send,
  startMisbehavingServer,
} from './misbehaving-server.ts';

type Rig = { server: MisbehavingServer; link: ModbusLink };
const quickBackoff = { firstMs: 1, maxMs: 1 };

async function rig(t: Test, options: Partial<LinkOptions> = {}): Promise<Rig> {
  const server = await startMisbehavingServer();
  const link = openLink({
    host: '127.0.0.1',
    port: server.port,
    timeoutMs: 300,
    backoff: quickBackoff,
    ...options,
  });
  t.teardown(async () => {
    await link.close();
    await server.stop();
  });
  return { server, link };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads until it succeeds, checking that every value that does come is the asked one's. */
async function readOrCode(link: ModbusLink, address: number, unitId = 1, count = 1): Promise<string> {
  try {
    const registers = await link.read({ unitId, table: 'holding', address, count });
    const right = registers.every((value, i) => value === registerAt(address + i, unitId));
    return right && registers.length === count ? 'right' : `WRONG ${registers}`;
  } catch (error) {
    return (error as { code?: string }).code ?? `untyped ${error}`;
  }
}

async function recovers(t: Test, { link, server }: Rig): Promise<void> {
  server.behave = (request) => send(request, rightReply(request));
  await pause(5);
  t.equal(await readOrCode(link, 321), 'right', 'the next request is answered rightly');
  t.ok(server.open <= 1, 'no socket is left behind');
}

t.test('a well-behaved server', async (t) => {
  const { server, link } = await rig(t);
  t.equal(await readOrCode(link, 40000, 7, 125), 'right');
  t.same(await link.read({ unitId: 1, table: 'input', address: 3, count: 1 }), [registerAt(3)]);
  await link.write({ unitId: 1, address: 10, values: [1, 65535] });
  await link.write({ unitId: 1, address: 10, values: [5], functionCode: 6 });
  t.same(
    server.requests.map((request) => request.functionCode),
    [3, 4, 16, 6],
  );
  t.same(server.requests[2]!.values, [1, 65535]);
  const many = await Promise.all(Array.from({ length: 60 }, (_, i) => readOrCode(link, i)));
  t.ok(many.every((outcome) => outcome === 'right'));
  t.equal(server.mostInFlight, 1, 'one request in flight');
  t.equal(server.connections, 1, 'one connection for all');
});

t.test('spans a request cannot have are refused before the wire', async (t) => {
  const { server, link } = await rig(t);
  const read = (address: number, count: number, unitId = 1) =>
    link.read({ unitId, table: 'holding', address, count });
  const bad = { code: 'DRIVERS_BAD_REQUEST' };
  await t.rejects(read(0, 126), bad);
  await t.rejects(read(0, 0), bad);
  await t.rejects(read(65535, 2), bad);
  await t.rejects(read(1.5, 1), bad);
  await t.rejects(read(0, 1, 256), bad);
  await t.rejects(link.write({ unitId: 1, address: 0, values: Array(124).fill(0) }), bad);
  await t.rejects(link.write({ unitId: 1, address: 0, values: [] }), bad);
  await t.rejects(link.write({ unitId: 1, address: 0, values: [1, 2], functionCode: 6 }), bad);
  for (const value of [-1, 65536, 0.5, Number.NaN]) {
    await t.rejects(link.write({ unitId: 1, address: 0, values: [value] }), bad, `value ${value}`);
  }
  t.equal(server.requests.length, 0);
});

type Misbehaviour = { name: string; code: string | RegExp; behave: (request: Request) => void };
const misbehaviours: Misbehaviour[] = [
  { name: 'silence', code: 'DRIVERS_TIMEOUT', behave: () => undefined },
  {
    name: 'wrong unit id',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { unitId: request.unitId + 1 })),
  },
  {
    name: 'exception from a wrong unit',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { unitId: 9, pdu: exceptionPdu(request, 2) })),
  },
  {
    name: 'a transaction id never used',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { transactionId: request.transactionId + 1 })),
  },
  {
    name: 'another protocol id',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { protocolId: 1 })),
  },
  {
    name: 'another function code',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { pdu: [4, 2, 0, 0] })),
  },
  {
    name: 'too many registers',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { pdu: [3, 4, 0, 1, 0, 2] })),
  },
  {
    name: 'too few registers',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { pdu: [3, 0] })),
  },
  {
    name: 'byte count that says less than the frame holds',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { pdu: [3, 0, 0, 1] })),
  },
  {
    name: 'byte count that says more than the frame holds',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, rightReply(request, { pdu: [3, 200, 0, 1] })),
  },
  {
    name: 'a partial frame, then silence',
    code: /DRIVERS_TIMEOUT/,
    behave: (request) => send(request, rightReply(request).subarray(0, 6)),
  },
  {
    name: 'noise',
    code: /DRIVERS_(BAD_REPLY|TIMEOUT)/,
    behave: (request) => send(request, Buffer.from([0xde, 0xad, 0xbe])),
  },
  {
    name: 'much noise',
    code: 'DRIVERS_BAD_REPLY',
    behave: (request) => send(request, Buffer.alloc(300, 0xa5)),
  },
  {
    name: 'reset',
    code: 'DRIVERS_CONNECTION_LOST',
    behave: (request) => request.socket.resetAndDestroy(),
  },
  {
    name: 'closed in the middle of a reply',
    code: 'DRIVERS_CONNECTION_LOST',
    behave: (request) => request.socket.end(rightReply(request).subarray(0, 9)),
  },
];

for (const { name, code, behave } of misbehaviours) {
  t.test(`${name}: a typed failure, and the next request is right`, async (t) => {
    for (const warm of [false, true]) {
      const { server, link } = await rig(t);
      if (warm) t.equal(await readOrCode(link, 5), 'right');
      server.behave = behave;
      t.match(await readOrCode(link, 17), code, warm ? 'on a kept connection' : 'on a new connection');
      await recovers(t, { server, link });
      t.ok(server.connections >= 2, 'on a new connection');
    }
  });
}

t.test('late, duplicate and stale replies never become values', async (t) => {
  t.test('a late reply', async (t) => {
    const { server, link } = await rig(t);
    t.equal(await readOrCode(link, 1), 'right');
    server.behave = (request) => void setTimeout(() => send(request, rightReply(request)), 400);
    t.equal(await readOrCode(link, 2), 'DRIVERS_TIMEOUT');
    await recovers(t, { server, link });
    await pause(200);
    for (let address = 3; address < 20; address += 1) t.equal(await readOrCode(link, address), 'right');
  });

  t.test('every reply twice', async (t) => {
    const { server, link } = await rig(t);
    server.behave = (request) => {
      send(request, rightReply(request));
      send(request, rightReply(request));
    };
    for (let address = 0; address < 300; address += 1) {
      const outcome = await readOrCode(link, address);
      if (outcome !== 'right') t.fail(`${address}: ${outcome}`);
    }
    t.ok(link.counters.discardedFrames >= 250, 'the second ones are counted');
    t.equal(server.connections, 1);
  });

  t.test('one reply comes again 256 requests later, just before the right one', async (t) => {
    const { server, link } = await rig(t);
    let old: Buffer | undefined;
    server.behave = (request) => {
      if (request.number === 1) old = rightReply(request);
      if (request.number === 257) {
        // The 8-bit ids of the library meet again here; ids of 16 bits do not.
        t.equal((request.transactionId - 1) % 256, 0);
        send(request, old!);
      }
      send(request, rightReply(request));
    };
    for (let address = 0; address < 600; address += 1) {
      const outcome = await readOrCode(link, address);
      if (outcome !== 'right') t.fail(`${address}: ${outcome}`);
    }
    t.equal(link.counters.discardedFrames, 1);
  });

  t.test('a reply that nobody asked for, between two requests', async (t) => {
    const { server, link } = await rig(t);
    t.equal(await readOrCode(link, 1), 'right');
    const [first] = server.requests;
    send(first!, rightReply(first!, { transactionId: 2 }));
    await pause(10);
    t.equal(await readOrCode(link, 9), 'right');
    t.equal(server.connections, 2, 'that connection is not used again');
  });

  t.test('pieces of one byte each are put together', async (t) => {
    const { server, link } = await rig(t, { timeoutMs: 1000 });
    server.behave = async (request) => {
      for (const byte of rightReply(request)) {
        send(request, Uint8Array.of(byte));
        await pause(0);
      }
    };
    t.equal(await readOrCode(link, 77, 1, 4), 'right');
  });
});

t.test('the first request after a connect is swallowed', async (t) => {
  const { server, link } = await rig(t);
  server.behave = (request) => {
    if (request.numberOnConnection > 1) send(request, rightReply(request));
  };
  t.equal(await readOrCode(link, 5), 'right');
  t.equal(await readOrCode(link, 6), 'right');
  t.equal(server.connections, 1, 'asked again on the same connection');
});

t.test('after part of a frame nothing more is asked on that connection', async (t) => {
  const { server, link } = await rig(t);
  server.behave = (request) => send(request, rightReply(request).subarray(0, 5));
  t.equal(await readOrCode(link, 5), 'DRIVERS_TIMEOUT');
  t.equal(server.requests.length, 1);
});

t.test('a slow device gets its pause between two requests', async (t) => {
  const { link } = await rig(t, { pauseMs: 40 });
  const before = performance.now();
  await Promise.all([readOrCode(link, 1), readOrCode(link, 2)]);
  t.ok(performance.now() - before >= 39);
});

t.test('a kept connection that died in silence is replaced within the request', async (t) => {
  const { server, link } = await rig(t);
  t.equal(await readOrCode(link, 5), 'right');
  server.behave = (request) => {
    if (server.connections === 1) request.socket.resetAndDestroy();
    else send(request, rightReply(request));
  };
  t.equal(await readOrCode(link, 6), 'right');
  t.equal(server.connections, 2);
});

t.test('refused, then there', async (t) => {
  const server = await startMisbehavingServer();
  const { port } = server;
  await server.stop();
  const link = openLink({ host: '127.0.0.1', port, timeoutMs: 100, backoff: { firstMs: 20, maxMs: 40 } });
  t.teardown(() => link.close());
  const failure = await link.read({ unitId: 1, table: 'holding', address: 0, count: 1 }).catch((e) => e);
  t.match(failure, { name: 'DriversError', code: 'DRIVERS_CONNECTION_REFUSED' });
  t.match(failure.details, { host: '127.0.0.1', port, errno: 'ECONNREFUSED', unitId: 1, address: 0 });
  const held = await link.read({ unitId: 1, table: 'holding', address: 0, count: 1 }).catch((e) => e);
  t.equal(held.code, 'DRIVERS_CONNECTION_REFUSED', 'in the pause the failure is told at once');
  t.ok(held.details.retryInMs > 0);
  const again = await startMisbehavingServer(port);
  t.teardown(() => again.stop());
  await pause(45);
  t.equal(await readOrCode(link, 3), 'right', 'recovers alone');
});

t.test('half open: the connection is taken and nothing ever answered', async (t) => {
  const sockets: { destroy(): unknown }[] = [];
  const mute = createServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as { port: number };
  const link = openLink({ host: '127.0.0.1', port, timeoutMs: 30, backoff: quickBackoff });
  t.teardown(async () => {
    await link.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  for (let i = 0; i < 3; i += 1) {
    t.equal(await readOrCode(link, i), 'DRIVERS_TIMEOUT');
    await pause(3);
  }
});

t.test('exceptions', async (t) => {
  for (const exception of [1, 2, 3, 4, 10, 11]) {
    const { server, link } = await rig(t);
    server.behave = (request) =>
      send(request, rightReply(request, { pdu: exceptionPdu(request, exception) }));
    const error = await link.read({ unitId: 1, table: 'holding', address: 0, count: 1 }).catch((e) => e);
    t.match(error, { code: 'DRIVERS_MODBUS_EXCEPTION', details: { exception, unitId: 1, address: 0 } });
    t.equal(server.requests.length, 1);
    await recovers(t, { server, link });
    t.equal(server.connections, 1, `exception ${exception} keeps the connection`);
  }
  t.test('busy (6) and acknowledge (5) are asked again, and not for ever', async (t) => {
    const { server, link } = await rig(t, { timeoutMs: 500 });
    server.behave = (request) =>
      send(
        request,
        request.number < 3 ? rightReply(request, { pdu: exceptionPdu(request, 6) }) : rightReply(request),
      );
    t.equal(await readOrCode(link, 8), 'right');
    server.behave = (request) => send(request, rightReply(request, { pdu: exceptionPdu(request, 5) }));
    t.equal(await readOrCode(link, 8), 'DRIVERS_MODBUS_EXCEPTION');
    t.equal(server.requests.length, 6);
  });
});

t.test('one dead unit behind a gateway does not starve its neighbours', async (t) => {
  const { server, link } = await rig(t, { backoff: { firstMs: 10_000, maxMs: 10_000 } });
  server.behave = (request) => {
    if (request.unitId !== 3) send(request, rightReply(request));
  };
  t.equal(await readOrCode(link, 1, 3), 'DRIVERS_TIMEOUT');
  const asked = server.requests.length;
  const outcomes = await Promise.all([1, 3, 2, 3, 4, 3, 5].map((unitId) => readOrCode(link, 50, unitId)));
  t.same(
    outcomes.map((outcome) => outcome === 'right'),
    [true, false, true, false, true, false, true],
  );
  t.equal(server.requests.length, asked + 4, 'the dead one is not asked in its pause');
});

t.test(
  'writes go first, the queue is bounded, a write whose reply names other registers fails',
  async (t) => {
    const { server, link } = await rig(t, { queueMax: 4, timeoutMs: 200 });
    const requests = [0, 1, 2].map((address) => readOrCode(link, address));
    requests.push(link.write({ unitId: 1, address: 99, values: [1] }).then(() => 'right'));
    requests.push(readOrCode(link, 3), readOrCode(link, 4));
    const outcomes = await Promise.all(requests);
    t.same(outcomes, ['right', 'right', 'right', 'right', 'right', 'DRIVERS_QUEUE_FULL']);
    t.equal(server.requests[1]!.functionCode, 16, 'before the reads that came earlier');
    server.behave = (request) => send(request, rightReply(request, { pdu: [16, 0, 98, 0, 1] }));
    await t.rejects(link.write({ unitId: 1, address: 99, values: [1] }), { code: 'DRIVERS_BAD_REPLY' });
    await recovers(t, { server, link });
  },
);

t.test('giving up', async (t) => {
  const { server, link } = await rig(t, { timeoutMs: 5000 });
  t.equal(await readOrCode(link, 1), 'right');
  server.behave = () => undefined;
  const read = (signal?: AbortSignal, timeoutMs?: number) =>
    link.read(
      { unitId: 1, table: 'holding', address: 0, count: 1 },
      { ...(signal && { signal }), ...(timeoutMs && { timeoutMs }) },
    );
  const first = new AbortController();
  const second = new AbortController();
  const inFlight = read(first.signal);
  const queued = read(second.signal);
  const impatient = read(undefined, 20);
  second.abort();
  await t.rejects(queued, { code: 'DRIVERS_ABORTED' }, 'in the queue');
  await t.rejects(impatient, { code: 'DRIVERS_TIMEOUT' }, 'its own limit holds in the queue too');
  first.abort();
  await t.rejects(inFlight, { code: 'DRIVERS_ABORTED' }, 'in flight');
  await t.rejects(read(AbortSignal.abort()), { code: 'DRIVERS_ABORTED' }, 'before');
  await recovers(t, { server, link });
  server.behave = () => undefined;
  const left = [read(), read()];
  await pause(5);
  const closing = link.close();
  for (const promise of left) await t.rejects(promise, { code: 'DRIVERS_ABORTED' });
  await closing;
  await t.rejects(read(), { code: 'DRIVERS_ABORTED' }, 'after close');
});

t.test('a storm of chance faults: 0 wrong values, every failure typed', async () => {
  const faults = fc.constantFrom(...misbehaviours.filter(({ name }) => !/silence|partial|^noise/.test(name)));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(faults, { nil: undefined, freq: 3 }), { maxLength: 30 }),
      async (plan) => {
        const server = await startMisbehavingServer();
        const link = openLink({
          host: '127.0.0.1',
          port: server.port,
          timeoutMs: 500,
          backoff: { firstMs: 0, maxMs: 0 },
        });
        const seen: string[] = [];
        for (const [address, fault] of plan.entries()) {
          server.behave = fault?.behave ?? ((request) => send(request, rightReply(request)));
          seen.push(await readOrCode(link, address));
        }
        await link.close();
        await server.stop();
        return seen.every((outcome, i) => (plan[i] ? /^DRIVERS_/.test(outcome) : outcome === 'right'));
      },
    ),
    { numRuns: 40 },
  );
});

t.test('garbage on the wire: a typed failure, never a value, never a crash', async (t) => {
  const server = await startMisbehavingServer();
  const link = openLink({
    host: '127.0.0.1',
    port: server.port,
    timeoutMs: 8,
    backoff: { firstMs: 0, maxMs: 0 },
  });
  t.teardown(async () => {
    await link.close();
    await server.stop();
  });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (garbage) => {
      server.behave = (request) => send(request, garbage);
      return /^DRIVERS_(BAD_REPLY|TIMEOUT|CONNECTION_LOST)$/.test(await readOrCode(link, 1));
    }),
    { numRuns: 60 },
  );
});

t.test('pauses double without chance, up to their maximum', (t) => {
  const rule = { firstMs: 200, maxMs: 10_000 };
  const pauses: number[] = [];
  let held: Parameters<typeof afterFailure>[0];
  for (let i = 0; i < 8; i += 1) {
    held = afterFailure(held, 1000, rule);
    pauses.push(held.untilMs - 1000);
  }
  t.same(pauses, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  t.end();
});

t.test('the server of this test is itself right', async (t) => {
  const server = await startMisbehavingServer();
  t.teardown(() => server.stop());
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.write(Buffer.from('000100000006010300020001', 'hex'));
  const [reply] = await new Promise<Buffer[]>((resolve) => socket.on('data', (data) => resolve([data])));
  socket.destroy();
  t.equal(
    reply!.toString('hex'),
    `0001000000050103 02${registerAt(2).toString(16).padStart(4, '0')}`.replace(' ', ''),
  );
});
