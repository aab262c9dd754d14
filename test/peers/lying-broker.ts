import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './processes.ts';

/** What a dishonest operator does with a message that passes by; `random` is uniform in [0, 1). */
export type Lie = (passing: Passing) => void;

export type Passing = {
  /** From a client to the broker, or from the broker to a client. */
  readonly way: 'up' | 'down';
  readonly topic: string;
  readonly payload: Buffer;
  readonly random: () => number;
  /** Lets it pass; what is neither passed on nor kept is acknowledged and lost. */
  pass(): void;
  /** Puts a message of one's own before the receiver, in anybody's name. */
  say(topic: string, payload: Buffer): void;
};

export type LyingBroker = {
  readonly url: string;
  /** From now on; undefined: honest again. */
  lie: Lie | undefined;
  /** Messages that were not simply passed on. */
  readonly lies: number;
  stop(): Promise<void>;
};

/**
 * Stands between clients and a real broker (MQTT 3.1.1) as its operator might: everything is acknowledged to whoever sent
 * it, so that nobody sees a fault, and then passed on, or not, or later, or more than once.
 */
export async function startLyingBroker(brokerPort: number, random: () => number): Promise<LyingBroker> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let lies = 0;
  const self: LyingBroker = {
    url: `mqtt://127.0.0.1:${port}`,
    lie: undefined,
    get lies() {
      return lies;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  const relay = (way: 'up' | 'down', from: Socket, to: Socket) => {
    const packets = packetReader();
    from.on('data', (chunk: Buffer) => {
      for (const packet of packets(chunk)) {
        const { lie } = self;
        const publish = lie === undefined ? undefined : readPublish(packet);
        if (lie === undefined || publish === undefined) {
          write(to, packet);
          continue;
        }
        const { topic, payload, acknowledgement } = publish;
        let passed = false;
        lie({
          ...{ way, topic, payload, random },
          pass: () => {
            // A second time, or later, it goes without a claim to be acknowledged.
            write(to, passed ? unacknowledged(topic, payload) : packet);
            passed = true;
          },
          say: (otherTopic, other) => {
            lies += 1;
            write(to, unacknowledged(otherTopic, other));
          },
        });
        if (passed) continue;
        lies += 1;
        passed = true;
        if (acknowledgement !== undefined) write(from, acknowledgement);
      }
    });
  };
  const server = createServer({ noDelay: true }, (client) => {
    const broker = connect({ port: brokerPort, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    relay('up', client, broker);
    relay('down', broker, client);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return self;
}

function write(socket: Socket, packet: Buffer): void {
  if (!socket.destroyed) socket.write(packet);
}

/** Cuts a stream into packets. */
function packetReader(): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const packets: Buffer[] = [];
    for (let end = packetEnd(rest); end !== undefined; end = packetEnd(rest)) {
      packets.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    return packets;
  };
}

function packetEnd(bytes: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(5, bytes.length); at += 1) {
    const byte = bytes[at]!;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if ((byte & 0x80) === 0) return bytes.length >= at + 1 + length ? at + 1 + length : undefined;
  }
  return undefined;
}

const PUBLISH = 3;
const PUBACK = 0x40;

function readPublish(packet: Buffer) {
  const head = packet[0]!;
  if (head >> 4 !== PUBLISH) return undefined;
  let at = 1;
  while ((packet[at]! & 0x80) !== 0) at += 1;
  at += 1;
  const topicEnd = at + 2 + packet.readUInt16BE(at);
  const topic = packet.toString('utf8', at + 2, topicEnd);
  const isCertain = (head & 0b110) !== 0;
  const payload = packet.subarray(topicEnd + (isCertain ? 2 : 0));
  if (!isCertain) return { topic, payload };
  return {
    topic,
    payload,
    acknowledgement: Buffer.from([PUBACK, 2, packet[topicEnd]!, packet[topicEnd + 1]!]),
  };
}

/** A PUBLISH of QoS 0. */
function unacknowledged(topic: string, payload: Buffer): Buffer {
  const name = Buffer.from(topic);
  const length: number[] = [];
  for (let left = 2 + name.length + payload.length; ; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  const head = Buffer.from([PUBLISH << 4, ...length, name.length >> 8, name.length & 0xff]);
  return Buffer.concat([head, name, payload]);
}

/** The lies that the tests tell, each by its name. */
export const lies: Readonly<Record<string, () => Lie>> = {
  /** Swallows all votes of one validator, and half of everything else. */
  drops: () => {
    let victim: string | undefined;
    return ({ topic, random, pass }) => {
      const author = topic.split('/').at(-1);
      victim ??= author;
      if (author !== victim && random() < 0.5) pass();
    };
  },
  /** Holds everything back until forty more have come. */
  delays: () => {
    const held: (() => void)[] = [];
    return ({ pass }) => {
      held.push(pass);
      if (held.length > 40) held.shift()?.();
    };
  },
  /** Repeats what it heard, long ago or just now, as often as it likes. */
  replays: () => {
    const heard: { topic: string; payload: Buffer }[] = [];
    return ({ topic, payload, random, pass, say }) => {
      pass();
      heard.push({ topic, payload: Buffer.from(payload) });
      if (heard.length > 500) heard.shift();
      for (let time = 0; time < 5; time += 1) {
        const one = heard[Math.floor(random() * heard.length)]!;
        say(one.topic, one.payload);
      }
    };
  },
  /** Passes on by eights, the last first, and votes before what they are about. */
  reorders: () => {
    const held: { topic: string; pass: () => void }[] = [];
    return ({ topic, pass }) => {
      held.push({ topic, pass });
      if (held.length < 8) return;
      const isVote = (one: { topic: string }) => Number(one.topic.includes('/vote/'));
      for (const one of held
        .splice(0)
        .reverse()
        .sort((a, b) => isVote(b) - isVote(a)))
        one.pass();
    };
  },
  /** Whoever asks where the chain is hears from everybody that it is far ahead, as often as anything is said. */
  boasts: () => {
    const authors = new Set<string>();
    return ({ way, topic, pass, say }) => {
      pass();
      const levels = topic.split('/');
      const author = levels.at(-1)!;
      authors.add(author);
      if (way === 'up') return;
      // A sync-request for block 1,000,001: its sender has a million.
      const request = Buffer.from('821a000f424101', 'hex');
      for (const name of authors) say([...levels.slice(0, 3), 'sync-request', name].join('/'), request);
    };
  },
  /** Keeps what was said, and says a flood of rubbish instead, in the name of whoever said it. */
  slanders: () => {
    return ({ way, topic, payload, random, pass, say }) => {
      if (way === 'up') return pass();
      for (let time = 0; time < 20; time += 1) {
        const rubbish = Buffer.from(payload.subarray(0, 400));
        if (rubbish.length > 0) rubbish[Math.floor(random() * rubbish.length)]! ^= 0x41;
        say(topic, rubbish);
      }
    };
  },
};
