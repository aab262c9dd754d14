import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  type BrokerAccess,
  clockTopicOf,
  connectMqtt,
  type MqttOptions,
  type MqttTransport,
  startBroker,
} from '../../drivers/index.ts';
import { packetLengthGuard } from '../../drivers/mqtt/bounded-packets.ts';
import { startMosquitto } from '../peers/mosquitto.ts';
import { startNatsCluster } from '../peers/nats.ts';
import { end, freePort, run, until } from '../peers/processes.ts';

type Event = { readonly event: string } & Readonly<Record<string, string | number | boolean>>;
type Setting = {
  readonly name: string;
  readonly protocolVersion: 4 | 5;
  /** How often a message comes: once from every broker. */
  readonly times?: number;
  readonly start: () => Promise<Place>;
};
/** Where nodes connect, each at its own way into a cluster; and for programs that know one address only, the first. */
type Place = { readonly url: string; readonly urls?: readonly string[]; stop(): Promise<void> };

const settings: readonly Setting[] = [
  { name: 'aedes', protocolVersion: 4, start: () => startBroker({ port: 0 }) },
  { name: 'mosquitto, MQTT 3.1.1', protocolVersion: 4, start: () => startMosquitto() },
  { name: 'mosquitto, MQTT 5', protocolVersion: 5, start: () => startMosquitto() },
  { name: 'a cluster of three NATS servers', protocolVersion: 4, start: () => startNatsCluster() },
];

function joining(
  t: Test,
  urls: string | readonly string[],
  protocolVersion: 4 | 5,
  more: Partial<MqttOptions> = {},
  access: Partial<BrokerAccess> = {},
) {
  const events: Event[] = [];
  const nodeId = more.nodeId ?? 'home-1';
  const transport = connectMqtt({
    brokers: [urls].flat().map((url) => ({
      ...{ url, protocolVersion, reconnectMsMin: 20, reconnectMsMax: 100, ...access },
    })),
    nodeId,
    clientId: nodeId,
    network: 'elm-street',
    log: (event) => events.push(event),
    ...more,
  });
  t.teardown(() => transport.stop({ timeoutMs: 200 }));
  return { transport, events };
}

t.setTimeout(120_000);

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
const isUp = (transport: MqttTransport) => () => transport.connected;

for (const { name, protocolVersion, start } of settings) {
  t.test(`a transport over ${name}`, async (t) => {
    const place = await start();
    t.teardown(() => place.stop());
    const nodes = ['home-1', 'home-2', 'home-3'].map(
      (nodeId) => joining(t, place.url, protocolVersion, { nodeId }).transport,
    );
    const [one, two, three] = nodes as [MqttTransport, MqttTransport, MqttTransport];
    const heard = nodes.map((node) => {
      const got: string[] = [];
      node.onMessage(({ channel, from, payload }) => got.push(`${from} ${channel} ${text(payload)}`));
      return got;
    });
    await until('all are connected', () => nodes.every((node) => node.connected));

    t.test('brings a message to everybody else, and a directed one to its receiver only', async (t) => {
      t.ok(one.publish({ channel: 'vote', payload: bytes('yes') }));
      t.ok(one.publish({ channel: 'sync-response', to: 'home-3', payload: bytes('blocks') }));
      t.ok(three.publish({ channel: 'transaction', payload: bytes('pay') }));
      await until(
        'all has come',
        () => heard[1]?.length === 2 && heard[2]?.length === 2 && heard[0]?.length === 1,
      );
      t.strictSame([...(heard[1] ?? [])].sort(), ['home-1 vote yes', 'home-3 transaction pay']);
      t.strictSame([...(heard[2] ?? [])].sort(), ['home-1 sync-response blocks', 'home-1 vote yes']);
      t.strictSame(heard[0], ['home-3 transaction pay'], 'nobody hears himself');
      await until('all is acknowledged', () => one.pending === 0 && three.pending === 0);
      t.match(one.counters, { accepted: 2, acknowledged: 2, dropped: 0, badTopics: 0, badPayloads: 0 });
    });

    t.test('keeps the order within a class and carries any bytes', async (t) => {
      const got: Uint8Array[] = [];
      t.teardown(
        two.onMessage(
          ({ from, channel, payload }) => channel === 'block' && from === 'home-1' && got.push(payload),
        ),
      );
      const payloads = Array.from({ length: 60 }, (_, i) =>
        Uint8Array.from({ length: i * 401 + 1 }, (_, j) => (i + j) & 255),
      );
      for (const payload of payloads) t.ok(one.publish({ channel: 'block', payload }));
      const first = payloads[0] as Uint8Array;
      first.fill(99);
      await until('all blocks have come', () => got.length === 60);
      t.equal(got[0]?.[0], 0, 'the payload was copied when it was accepted');
      for (const [i, payload] of payloads.entries())
        if (i > 0) t.same(Buffer.from(got[i] as Uint8Array), Buffer.from(payload));
    });

    t.test('tells the retained clock to those who come later', async (t) => {
      const topic = clockTopicOf('elm-street');
      const told: string[] = [];
      one.publishRetained(topic, bytes('1000'));
      one.publishRetained(topic, bytes('2000'));
      await until('the clock is told', () => one.pending === 0);
      const leave = two.onTopic(topic, (payload) => told.push(text(payload)));
      await until('the clock is heard', () => told.includes('2000'));
      const late = joining(t, place.url, protocolVersion, { nodeId: 'home-4' }).transport;
      const lateTold: string[] = [];
      late.onTopic(topic, (payload) => lateTold.push(text(payload)));
      await until('the latecomer hears it', () => lateTold.includes('2000'));
      leave();
      t.equal(two.counters.badTopics, 0);
      t.throws(() => two.onTopic('g/#', () => undefined), { code: 'DRIVERS_BAD_TOPIC' });
      t.throws(() => two.publishRetained('$SYS/broker', bytes('x')), { code: 'DRIVERS_BAD_TOPIC' });
    });

    t.test('counts what is none of ours and stays up', async (t) => {
      const before = two.counters;
      const publish = (topic: string, ...args: string[]) =>
        run('mosquitto_pub', [
          '-h',
          '127.0.0.1',
          '-p',
          String(new URL(place.url).port),
          '-q',
          '1',
          '-t',
          topic,
          ...args,
        ]);
      await publish('g/elm-street/1/vote/Not-An-Id', '-m', 'x');
      await publish('g/elm-street/1/vote/home-2/home_9', '-m', 'x');
      await publish('g/elm-street/1/vote/home-9', '-n');
      await publish('g/elm-street/1/vote/home-9/home-8', '-m', 'for somebody else');
      await publish('g/elm-street/1/vote/home-9', '-m', 'an honest stranger');
      await until('the last one came', () => two.counters.received > before.received);
      t.equal(two.counters.badTopics - before.badTopics, 2);
      t.equal(two.counters.badPayloads - before.badPayloads, 1);
      t.equal(two.counters.received - before.received, 1);
      t.ok(two.connected);
    });

    t.test('an independent subscriber sees the topics as documented', async (t) => {
      const port = String(new URL(place.url).port);
      const subscriber = spawn('/usr/bin/mosquitto_sub', [
        '-h',
        '127.0.0.1',
        '-p',
        port,
        '-q',
        '1',
        '-v',
        '-t',
        'g/elm-street/#',
        '-C',
        '3',
      ]);
      t.teardown(() => end(subscriber));
      let said = '';
      subscriber.stdout.on('data', (chunk) => {
        said += chunk;
      });
      // What is retained shows that it listens.
      await until('it listens', () => said.includes('clock 2000'));
      one.publish({ channel: 'proposal', payload: bytes('p') });
      one.publish({ channel: 'sync-request', to: 'home-2', payload: bytes('s') });
      await until('it has seen both', () => said.trim().split('\n').length === 3);
      t.match(said, 'g/elm-street/1/proposal/home-1 p\n');
      t.match(said, 'g/elm-street/1/sync-request/home-2/home-1 s\n');
    });

    t.test('stops in bounded time, after what it had to say', async (t) => {
      const { transport, events } = joining(t, place.url, protocolVersion, { nodeId: 'home-5' });
      const changes: boolean[] = [];
      transport.onConnection((up) => changes.push(up));
      await until('it is up', isUp(transport));
      const votes = 100;
      const before = two.counters.received;
      for (let i = 0; i < votes; i += 1) transport.publish({ channel: 'vote', payload: bytes(`last ${i}`) });
      await transport.stop();
      await until('its last words came', () => two.counters.received - before === votes);
      t.equal(transport.pending, 0);
      t.strictSame(changes, [true, false]);
      t.notOk(
        transport.publish({ channel: 'vote', payload: bytes('late') }),
        'nothing is accepted afterwards',
      );
      t.strictSame(
        events.map(({ event }) => event),
        ['mqtt-up'],
      );
      await transport.stop();
    });
  });
}

for (const protocolVersion of [4, 5] as const) {
  const name = `mosquitto killed twice in mid-stream, MQTT ${protocolVersion}: nothing that was not acknowledged is lost`;
  t.test(name, async (t) => {
    const mosquitto = await startMosquitto();
    t.teardown(() => mosquitto.stop());
    const sender = joining(t, mosquitto.url, protocolVersion, { nodeId: 'sender' }).transport;
    const receiver = joining(t, mosquitto.url, protocolVersion, { nodeId: 'receiver' }).transport;
    const got = new Map<number, number>();
    receiver.onMessage(({ payload }) => {
      const number = Number(text(payload));
      got.set(number, (got.get(number) ?? 0) + 1);
    });
    const total = 1_500;
    let accepted = 0;
    const sendUpTo = async (count: number) => {
      while (accepted < count) {
        for (let i = 0; i < 10; i += 1)
          if (sender.publish({ channel: 'transaction', payload: bytes(String(accepted)) })) accepted += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    // What a killed broker had acknowledged and not yet written is beyond any client: it is not held against ours.
    const acknowledgedAtKill: number[] = [];
    for (const share of [1 / 3, 2 / 3]) {
      await until('both are up', () => sender.connected && receiver.connected);
      await sendUpTo(total * share);
      await mosquitto.kill();
      await until('the loss is noticed', () => !sender.connected && !receiver.connected);
      acknowledgedAtKill.push(sender.counters.acknowledged);
      await sendUpTo(total * share + 200);
      await mosquitto.start();
    }
    await sendUpTo(total);
    await until('the last one has come', () => sender.pending === 0 && got.has(total - 1));
    const [first, second] = acknowledgedAtKill as [number, number];
    const missing = Array.from({ length: total }, (_, number) => number).filter((number) => !got.has(number));
    const brokersOwn = missing.filter(
      (number) => (number < first && number >= first - 100) || (number < second && number >= second - 100),
    );
    t.strictSame(missing, brokersOwn);
    t.ok(sender.counters.losses >= 2 && receiver.counters.losses >= 2);
    t.match(sender.counters, { accepted: total, acknowledged: total, dropped: 0, expired: 0, refused: 0 });
    const twice = [...got.values()].filter((times) => times > 1).length;
    t.comment(
      `${sender.counters.republished} sent again, ${twice} came twice, ${missing.length} lost by the broker`,
    );
  });
}

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
