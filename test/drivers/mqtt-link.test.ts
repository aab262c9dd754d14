import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { startBroker } from '../../drivers/index.ts';
import { createBackoff } from '../../drivers/mqtt/backoff.ts';
import { packetLengthGuard } from '../../drivers/mqtt/bounded-packets.ts';
import { defaultOutboxLimits } from '../../drivers/mqtt/outbox.ts';
import { createPace } from '../../drivers/mqtt/pace.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { freePort, until } from '../peers/processes.ts';
import { bytes, isUp, joining, text } from './mqtt-joining.ts';

t.setTimeout(120_000);

t.test('a frozen broker is noticed by its missing answers', async (t) => {
  const mosquitto = await startMosquitto();
  t.teardown(() => mosquitto.stop());
  const { transport, events } = joining(t, mosquitto.url, 4, { keepaliveSeconds: 1 });
  await until('it is up', isUp(transport));
  process.kill(mosquitto.pid(), 'SIGSTOP');
  transport.publish({ channel: 'transaction', payload: bytes('into the ice') });
  await until('it is noticed', () => !transport.connected, 10_000);
  t.match(
    events.find(({ event }) => event === 'mqtt-lost'),
    { reason: /keepalive/i },
  );
  t.equal(transport.pending, 1);
  process.kill(mosquitto.pid(), 'SIGCONT');
  await until('it is up again and has said it', () => transport.connected && transport.pending === 0);
});

t.test('a goodbye to a frozen broker leaves nothing open', async (t) => {
  const mosquitto = await startMosquitto();
  t.teardown(() => mosquitto.stop());
  let open = 0;
  let frozen = false;
  // Between the two: it lets nothing of the broker's through once that is frozen.
  const between = createServer((socket) => {
    open += 1;
    const broker = connect(Number(new URL(mosquitto.url).port), '127.0.0.1');
    broker.on('data', (chunk) => frozen || socket.write(chunk));
    socket.on('data', (chunk) => broker.write(chunk));
    for (const end of [socket, broker]) end.on('error', () => undefined);
    socket.on('close', () => {
      open -= 1;
      broker.destroy();
    });
  });
  await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
  t.teardown(() => between.close());
  const address = between.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { transport } = joining(t, `mqtt://127.0.0.1:${port}`, 4);
  await until('it is up', isUp(transport));
  frozen = true;
  transport.publish({ channel: 'transaction', payload: bytes('into the ice') });
  await until('it is sent', () => transport.brokers[0]?.pending === 1);
  await transport.stop({ timeoutMs: 50 });
  await until('the connection is gone', () => open === 0);
  t.equal(open, 0, 'a process that has nothing else to do can end');
});

t.test('the broker may come later; meanwhile the outbox is bounded', async (t) => {
  const port = await freePort();
  const limit = { messagesMax: 3, bytesMax: 10_000, ttlMs: 60_000 };
  let nowMs = 0;
  const { transport, events } = joining(t, `mqtt://127.0.0.1:${port}`, 4, {
    monotonicMs: () => nowMs,
    outbox: {
      vote: { ...limit, whenFull: 'drop-oldest' },
      transaction: { ...limit, whenFull: 'refuse' },
      proposal: { ...limit, ttlMs: 1_000, whenFull: 'drop-oldest' },
    },
    payloadBytesMax: 9_000,
  });
  const offer = (channel: 'vote' | 'transaction' | 'proposal', what: string) =>
    transport.publish({ channel, payload: bytes(what) });
  const answers = (channel: 'vote' | 'transaction') =>
    [1, 2, 3, 4, 5].map((i) => offer(channel, `${channel} ${i}`));
  t.strictSame(answers('vote'), [true, true, true, true, true], 'the newest votes win');
  t.strictSame(answers('transaction'), [true, true, true, false, false], 'a transaction too many is refused');
  t.notOk(offer('vote', 'x'.repeat(9_001)), 'a payload too long is refused');
  t.ok(offer('vote', 'x'.repeat(9_000)), 'one vote more pushes one out');
  t.ok(offer('vote', 'y'.repeat(9_000)), 'another long one pushes out all, by its bytes');
  t.ok(offer('proposal', 'stale'));
  nowMs = 1_000;
  t.equal(transport.counters.dropped, 2 + 2 + 1 + 4, 'and all that was dropped is counted');
  await until(
    'it has tried more than once',
    () => events.filter(({ event }) => event === 'mqtt-unreachable').length > 1,
  );
  t.match(events[0], { host: '127.0.0.1', port, reason: /ECONNREFUSED/ });

  const broker = await startBroker({ port });
  t.teardown(() => broker.stop());
  await until('it has come up and said what it kept', () => transport.connected && transport.pending === 0);
  t.equal(transport.counters.expired, 1, 'what came too late is not sent');
  t.match(transport.counters, { accepted: 11, acknowledged: 11 - 1 - 2 - 4 });
  await t.rejects(startBroker({ port }), { code: 'DRIVERS_PORT_IN_USE' });
  t.throws(() => joining(t, 'http://x', 4), { code: 'DRIVERS_BAD_REQUEST' });
  t.throws(() => joining(t, broker.url, 4, { nodeId: 'home/1' }), { code: 'DRIVERS_BAD_TOPIC' });
  t.throws(() => transport.publish({ channel: 'vote', to: '+', payload: bytes('x') }), {
    code: 'DRIVERS_BAD_TOPIC',
  });
});

t.test('who takes over a session is named by the broker, or else guessed at', async (t) => {
  const mosquitto = await startMosquitto();
  t.teardown(() => mosquitto.stop());
  for (const version of [4, 5] as const) {
    const first = joining(t, mosquitto.url, version, {}, { reconnectMsMin: 5_000, reconnectMsMax: 5_000 });
    await until('it is up', isUp(first.transport));
    const second = joining(t, mosquitto.url, version);
    await until('it is taken over', () => first.events.some(({ event }) => event === 'mqtt-lost'));
    t.match(
      first.events.find(({ event }) => event === 'mqtt-lost'),
      { reason: /another agent use this identity/ },
    );
    await Promise.all([first, second].map(({ transport }) => transport.stop({ timeoutMs: 200 })));
  }
  // One that says it: connection and two topics taken, and then the reason of MQTT 5.
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (packet) => {
      if (packet[0] === 0x10) socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
      if (packet[0] !== 0x82) return;
      socket.write(Buffer.from([0x90, 5, packet[2]!, packet[3]!, 0, 1, 1]));
      setImmediate(() => socket.end(Buffer.from([0xe0, 2, 0x8e, 0])));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const { events, transport } = joining(t, `mqtt://127.0.0.1:${port}`, 5);
  await until('it is told', () => events.some(({ event }) => event === 'mqtt-lost'));
  t.match(
    events.find(({ event }) => event === 'mqtt-lost'),
    { code: 'DRIVERS_BROKER_REFUSED', reason: /\(142\): session taken over: another agent/ },
  );
  await transport.stop({ timeoutMs: 200 });
});

t.test('a broker that is none, refuses, or announces a huge packet', async (t) => {
  const closedBroker = await startMosquitto(['allow_anonymous false']);
  t.teardown(() => closedBroker.stop());
  const refused = joining(t, closedBroker.url, 5);
  await until('the refusal is told', () => refused.events.length > 1);
  t.match(refused.events[0], { event: 'mqtt-unreachable', reason: /not authorized/i });

  const broker = await startBroker({ port: 0, packetBytesMax: 10_000, offlineMessagesMax: 5 });
  t.teardown(() => broker.stop());
  const old = joining(t, broker.url, 5);
  await until('aedes refuses MQTT 5', () => old.events.length > 0);
  t.match(old.events[0], { event: 'mqtt-unreachable' });
  await old.transport.stop();

  const speaker = joining(t, broker.url, 4, { payloadBytesMax: 20_000 }).transport;
  await until('it is up', isUp(speaker));
  const socket = connect({ port: broker.port, host: '127.0.0.1' });
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  socket.on('error', () => undefined);
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
  await until('the broker hangs up', () => closed);
  t.equal(broker.counters.clientErrors >= 1, true);
  t.ok(speaker.connected, 'others are not touched');

  // A client with a session goes away: what the broker keeps for it is bounded.
  const away = joining(t, broker.url, 4, { nodeId: 'home-2' }).transport;
  await until('it is up', isUp(away));
  await away.stop();
  for (let i = 0; i < 8; i += 1) speaker.publish({ channel: 'transaction', payload: bytes(`t${i}`) });
  await until('all is acknowledged', () => speaker.pending === 0);
  t.equal(broker.counters.droppedOffline, 3);
  const back = joining(t, broker.url, 4, { nodeId: 'home-2' }).transport;
  const got: string[] = [];
  back.onMessage(({ payload }) => got.push(text(payload)));
  await until('it has what was kept', () => got.length === 5);
  t.strictSame(got, ['t0', 't1', 't2', 't3', 't4']);
});

t.test('a broker that talks nonsense', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      async (welcomes, noise) => {
        const connack = welcomes ? [0x20, 2, 0, 0] : [];
        const server = createServer((socket) => {
          socket.on('error', () => undefined);
          socket.write(Buffer.from([...connack, ...noise]));
          setTimeout(() => socket.destroy(), 5);
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const address = server.address();
        const port = typeof address === 'object' && address ? address.port : 0;
        const soon = { reconnectMsMin: 1, reconnectMsMax: 2 };
        const { transport, events } = joining(t, `mqtt://127.0.0.1:${port}`, 4, {}, soon);
        await until('it has tried again', () => events.length >= 2);
        t.notOk(transport.connected);
        await transport.stop({ timeoutMs: 50 });
        await new Promise<void>((resolve) => server.close(() => resolve()));
      },
    ),
    { numRuns: 60 },
  );
});

t.test('the guard finds a packet too long wherever the stream is cut', (t) => {
  const packetsArbitrary = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(packetsArbitrary, fc.array(fc.nat(2_000), { maxLength: 10 }), (bodies, cuts) => {
      const packets = bodies.map((length) => [
        0x30,
        ...(length < 128 ? [length] : [(length & 127) | 128, length >> 7]),
        ...new Array<number>(length).fill(0xff),
      ]);
      const stream = Uint8Array.from(packets.flat());
      const guard = packetLengthGuard(200);
      const ends = [...cuts.map((cut) => Math.min(cut, stream.length)), stream.length].sort((a, b) => a - b);
      const passed = ends.every((end, i) => guard(stream.subarray(ends[i - 1] ?? 0, end)));
      return passed === packets.every((packet) => packet.length <= 200);
    }),
  );
  t.notOk(
    packetLengthGuard(1e9)(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff, 1)),
    'a length of five bytes is none',
  );
  t.end();
});

t.test('name and password in the address are for the broker alone', async (t) => {
  const greeting = new Promise<Buffer>((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', resolve);
    });
    t.teardown(() => server.close());
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const { transport } = joining(t, `mqtt://maple%407:s%3Acret@127.0.0.1:${port}`, 4);
      t.teardown(() => transport.stop({ timeoutMs: 0 }));
    });
  });
  const connecting = (await greeting).toString('latin1');
  t.match(connecting, 'maple@7');
  t.match(connecting, 's:cret');
  for (const url of ['http://maple:s3cret@broker', 'mqtt://maple:%zz-s3cret@broker', 'maple://a:s3cret@b@c'])
    t.throws(() => joining(t, url, 4), { code: 'DRIVERS_BAD_REQUEST', message: /^(?!.*s3cret)/ });
});

t.test('hours without a broker at full rate cost bounded memory, and the newest votes win', async (t) => {
  const port = await freePort();
  let nowMs = 0;
  const { transport } = joining(t, `mqtt://127.0.0.1:${port}`, 4, { monotonicMs: () => nowMs });
  const bytesMax = Object.values(defaultOutboxLimits).reduce((sum, { bytesMax }) => sum + bytesMax, 0);
  const body = new Uint8Array(20_000);
  let last = 0;
  let most = 0;
  for (const endMs = 4 * 3_600_000; nowMs < endMs; nowMs += 100) {
    last += 1;
    transport.publish({ channel: 'vote', payload: bytes(`${last}`) });
    if (nowMs % 1_000 === 0) {
      for (const channel of ['proposal', 'block', 'sync-response'] as const)
        transport.publish({ channel, payload: body });
      transport.publish({ channel: 'transaction', payload: bytes(`payment ${last}`) });
      most = Math.max(most, transport.brokers[0]?.pendingBytes ?? 0);
    }
  }
  t.ok(most <= bytesMax && bytesMax <= 20 * 1_048_576, `${most} of at most ${bytesMax} bytes`);
  const { dropped, expired } = transport.counters;
  t.ok(dropped + expired > 150_000, 'and what was let go is counted');

  const broker = await startBroker({ port });
  t.teardown(() => broker.stop());
  const listener = joining(t, broker.url, 4, { nodeId: 'home-2' }).transport;
  const votes: number[] = [];
  listener.onMessage(({ channel, payload }) => channel === 'vote' && votes.push(Number(text(payload))));
  await until('both are up, and all is told', () => listener.connected && transport.pending === 0);
  transport.publish({ channel: 'vote', payload: bytes(`${last + 1}`) });
  await until('the newest has come', () => votes.at(-1) === last + 1);
  t.ok(votes[0]! > last - 301 || votes.length === 1, 'nothing older than half a minute is told');
});

t.test('what is of no use any more is let go while a broker stays away', async (t) => {
  let nowMs = 0;
  const url = `mqtt://127.0.0.1:${await freePort()}`;
  const { transport } = joining(t, url, 4, { monotonicMs: () => nowMs });
  transport.publish({ channel: 'block', payload: new Uint8Array(500_000) });
  t.ok(transport.brokers[0]!.pendingBytes > 500_000);
  nowMs = 3_600_000;
  await until('it is forgotten', () => transport.brokers[0]!.pendingBytes === 0);
  t.match(transport.counters, { expired: 1, dropped: 0 });
});

t.test('waiting times double with full jitter, and begin anew after a stable while', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chances) => {
      let at = 0;
      const backoff = createBackoff({ minMs: 10, maxMs: 1_000, random: () => chances[at]! });
      for (at = 0; at < chances.length; at += 1)
        if (backoff.nextMs() !== Math.floor(chances[at]! * Math.min(1_000, 10 * 2 ** at))) return false;
      backoff.reset();
      at = 0;
      return chances.length === 0 || backoff.nextMs() < 10;
    }),
  );
  for (const [stableMs, most] of [
    [1, 20],
    [600_000, 160],
  ] as const) {
    const port = await freePort();
    const { transport, events } = joining(t, `mqtt://127.0.0.1:${port}`, 4, { stableMs, random: () => 0.99 });
    await until('it has tried thrice', () => events.length >= 3);
    const broker = await startBroker({ port });
    await until('it is up', isUp(transport));
    // Nothing tells that the time is over but the next waiting time.
    await new Promise((resolve) => setTimeout(resolve, 30));
    await broker.stop();
    await until('it is lost', () => events.some(({ event }) => event === 'mqtt-lost'));
    const waitMs = Number(events.find(({ event }) => event === 'mqtt-lost')?.waitMs);
    t.ok(stableMs === 1 ? waitMs < most : waitMs >= 79, `${waitMs} ms after ${stableMs} ms`);
    await transport.stop();
  }
});

t.test('a flood waits with the broker, and nothing of it is lost', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5_000), fc.nat(100_000)), { maxLength: 200 }), (arrivals) => {
      const pace = createPace(100);
      let nowMs = 0;
      let units = 0;
      for (const [pauseMs, payloadBytes] of arrivals) {
        nowMs += pauseMs;
        units += 1 + Math.floor(payloadBytes / 4_096);
        nowMs += pace(payloadBytes, nowMs);
      }
      return units <= 200 + (nowMs * 100) / 1_000 + 1;
    }),
  );
  const broker = await startBroker({ port: 0 });
  t.teardown(() => broker.stop());
  const slow = joining(t, broker.url, 4, { receivedPerSecondMax: 100 }).transport;
  const eager = joining(t, broker.url, 4, { nodeId: 'home-2' }).transport;
  await until('both are up', () => slow.connected && eager.connected);
  for (let i = 0; i < 400; i += 1) eager.publish({ channel: 'transaction', payload: bytes(`${i}`) });
  await until('all has come', () => slow.counters.received === 400);
  t.ok(slow.counters.paused > 0, `it paused ${slow.counters.paused} times`);
  t.equal(slow.counters.losses, 0);
});

t.test('who takes a connection and never answers is given up', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  for (const scheme of ['mqtt', 'mqtts']) {
    const url = `${scheme}://127.0.0.1:${port}`;
    const { transport, events } = joining(t, url, 4, { connectTimeoutMs: 50 });
    await until('it has tried twice', () => events.length >= 2);
    t.match(transport.brokers[0], { connected: false, problem: { code: 'DRIVERS_BROKER_UNREACHABLE' } });
    await transport.stop();
  }
});
