import t from 'tap';
import {
  assembleBlock,
  blockDigest,
  encodeBlock,
  encodeTransaction,
  signTransaction,
} from '../../consensus/chain/index.ts';
import { addressOf, generateKey, publicKeyOf, sign } from '../../consensus/crypto/index.ts';
import {
  CHANNELS,
  type Channel,
  decodeEnvelope,
  encodeEnvelope,
  signedDigest,
} from '../../consensus/network/index.ts';
import { createIntake } from '../../consensus/node/intake.ts';
import { createShared, type Given } from '../../consensus/node/shared.ts';
import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';
import { until } from '../peers/processes.ts';
import type { MemoryTransport } from './network-in-memory.ts';
import { NOTES_START_MS, notebook } from './notebook.ts';
import { call, say, village } from './notes-village.ts';
import { agree, type Member, type Village } from './village.ts';

/** Closes all members but one and speaks in their place, with their keys. */
async function playOthers(village: Village, member: Member) {
  await until('it may vote', () => !member.node.status().votesInDoubt);
  const voices = new Map<string, MemoryTransport>();
  const heard: { channel: Channel; payload: Uint8Array }[] = [];
  for (const other of village.members.filter((candidate) => candidate !== member)) {
    await village.close(other);
    const voice = village.network.join(other.name);
    voice.onMessage(({ channel, payload }) => heard.push({ channel, payload }));
    voices.set(other.name, voice);
  }
  const { head } = member.node;
  const signed = (message: OwnMessage): Message => {
    const { key } = village.members.find(({ name }) => name === message.author)!;
    return { ...message, signature: sign(signedDigest(head.genesis, message), key.privateKey) } as Message;
  };
  const send = (channel: Channel, author: string, payload: Uint8Array) =>
    voices.get(author)!.publish({ channel, to: member.name, payload });
  /** An empty block of the next height. */
  const block = (author: string, timeMs: number) => {
    const { block: made } = assembleBlock(head, [], { proposer: author, timeMs }, notebook);
    return { digest: blockDigest(made.header), bytes: encodeBlock(made) };
  };
  return { heard, signed, send, block };
}

t.test('a flood fills neither the memory nor the wire', async (t) => {
  const here = await village(t);
  const [a, asked] = here.members as [Member, Member];
  for (const word of ['one', 'two', 'three']) await say(a, word);
  await agree(here.members);
  const { heard, signed, send } = await playOthers(here, asked);
  const others = here.members.filter((member) => member !== asked).map(({ name }) => name);
  const answers = (channel: Channel) => heard.filter((message) => message.channel === channel).length;

  let reading = 0;
  let most = 0;
  let open = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  const read = asked.store.readEncodedBlock.bind(asked.store);
  asked.store.readEncodedBlock = async (height) => {
    reading += 1;
    most = Math.max(most, reading);
    await closed;
    reading -= 1;
    return read(height);
  };
  const question = encodeEnvelope({ channel: 'sync-request', fromHeight: 1, maxBlocks: 16 });
  for (const name of others) for (let time = 0; time < 12; time += 1) send('sync-request', name, question);
  await until('it reads', () => reading > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.ok(most <= 4, `${most} answers in the making at once`);
  open();
  await until('all are answered', () => answers('sync-response') === 36);

  // Its answer may be long, and whose words these are does not tell who repeats them.
  const giveUp = (round: number, author = a.name) => {
    const message = signed({ kind: 'round-change', height: 4, round, prepared: null, prepares: [], author });
    if (message.kind !== 'round-change') throw new Error('unreachable');
    send('vote', author, encodeEnvelope({ channel: 'vote', message, block: null }));
  };
  for (const author of others) giveUp(9, author);
  await until('it came along', () => asked.node.status().round === 9);
  const before = answers('vote');
  for (let time = 0; time < 500; time += 1) giveUp(1);
  await until('all are heard', () => asked.node.status().counters.unserved >= 440);
  t.ok(answers('vote') - before < 60, `${answers('vote') - before} answers to 500 repetitions`);
});

t.test('what waits to be looked at is bounded in bytes', async (t) => {
  const { members, network } = await village(t, { validators: 1 });
  const [member] = members as [Member];
  let open = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  let busy = false;
  const append = member.store.append.bind(member.store);
  member.store.append = async (...block) => {
    busy = true;
    await closed;
    return append(...block);
  };
  const said = say(member, 'slow');
  await until('it is busy', () => busy);
  const mallory = network.join('mallory');
  for (let time = 0; time < 48; time += 1)
    mallory.publish({ channel: 'vote', to: member.name, payload: new Uint8Array(1024 * 1024) });
  await until('they came', () => member.transport.received.get('vote') === 48);
  t.equal(member.node.status().counters.overflow, 38);
  open();
  t.ok((await said).ok);
  t.ok((await say(member, 'as before')).ok);
});

t.test(
  'a leader has the block that a round change binds it to, whatever its sender sends after it',
  async (t) => {
    const here = await village(t);
    const [a, leader, c, z] = here.members as [Member, Member, Member, Member];
    const { heard, signed, send, block } = await playOthers(here, leader);
    const bound = block(a.name, NOTES_START_MS + 900);
    const place = { height: 1, round: 0 };
    const prepares = [a, c, z].map(({ name }) =>
      signed({ kind: 'prepare', ...place, digest: bound.digest, author: name }),
    );
    const giveUp = (author: string, claim: { digest: string; bytes: Uint8Array } | null, proven = false) => {
      const message = signed({
        kind: 'round-change',
        height: 1,
        round: 1,
        prepared: claim === null ? null : { round: 0, digest: claim.digest },
        prepares: proven ? prepares.filter((vote) => vote.kind === 'prepare') : [],
        author,
      });
      if (message.kind !== 'round-change') throw new Error('unreachable');
      send('vote', author, encodeEnvelope({ channel: 'vote', message, block: claim?.bytes ?? null }));
    };
    giveUp(z.name, bound, true);
    for (let more = 0; more < 20; more += 1) giveUp(z.name, block(z.name, NOTES_START_MS + 901 + more));
    giveUp(c.name, null);
    const proposed = () =>
      heard.flatMap(({ channel, payload }) => {
        const decoded = decodeEnvelope(channel, payload);
        return decoded.ok && decoded.envelope.channel === 'proposal' ? [decoded.envelope.message.digest] : [];
      });
    await until('it leads', () => proposed().length > 0 || leader.failures.length > 0);
    t.same(leader.failures, []);
    t.equal(proposed()[0], bound.digest);
  },
);

t.test('transactions of strangers, and what comes after a forged one, are not looked at', async (t) => {
  const { members, network } = await village(t);
  const [member] = members as [Member];
  await until('it may vote', () => !member.node.status().votesInDoubt);
  const mallory = network.join('mallory');
  const { genesis } = member.node.head;
  const word = (key: Uint8Array, nonce = 0) =>
    signTransaction({ genesis, sender: addressOf(publicKeyOf(key)), nonce, ...call('word') }, key);
  const tell = (...transactions: readonly Uint8Array[]) =>
    mallory.publish({
      channel: 'transaction',
      to: member.name,
      payload: encodeEnvelope({ channel: 'transaction', transactions }),
    });
  const garbage = () => member.node.status().counters.garbage;

  // They could not succeed; those that wait for an earlier one would fill the pool without ever being tried.
  const strangers = Array.from({ length: 64 }, (_, index) =>
    generateKey(new Uint8Array(32).fill(100 + index)),
  );
  tell(...strangers.map((key) => encodeTransaction(word(key, 1))));
  await until('it is refused', () => garbage() === 1);
  t.equal(member.node.status().poolSize, 0);

  const forged = {
    ...word(members[1]!.key.privateKey),
    signature: word(members[2]!.key.privateKey).signature,
  };
  tell(encodeTransaction(forged), encodeTransaction(word(members[3]!.key.privateKey, 1)));
  await until('it is refused', () => garbage() === 2);
  t.equal(member.node.status().poolSize, 0);
});

t.test('garbage on every channel harms nobody', async (t) => {
  const { members, network } = await village(t);
  const captured: { channel: (typeof CHANNELS)[number]; payload: Uint8Array }[] = [];
  network.filter = ({ channel, payload }) => {
    captured.push({ channel, payload });
    return true;
  };
  await say(members[0]!, 'true words');
  network.filter = () => true;
  const mallory = network.join('mallory');
  let random = 1;
  const next = (limit: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return (random >>> 8) % limit;
  };
  for (let round = 0; round < 40; round += 1) {
    for (const channel of CHANNELS) {
      mallory.publish({ channel, payload: Uint8Array.from({ length: next(200) }, () => next(256)) });
      const original = captured[next(captured.length)]!;
      const spoilt = original.payload.slice(
        0,
        next(2) === 0 ? original.payload.length : next(original.payload.length),
      );
      if (spoilt.length > 0) spoilt[next(spoilt.length)] = next(256);
      mallory.publish({ channel: original.channel, payload: spoilt });
      mallory.publish({ channel, payload: original.payload });
    }
  }
  for (const word of ['still', 'here']) t.ok((await say(members[1]!, word)).ok);
  await agree(members);
  t.ok(members.every(({ node }) => node.status().counters.garbage > 0));
  t.ok(members.every(({ failures }) => failures.length === 0));
});

t.test('own timers find room, however much waits by every way', async (t) => {
  const failures: unknown[] = [];
  const shared = createShared({} as Given, (error) => failures.push(error));
  const intake = createIntake(shared, async () => undefined);
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  shared.queue.add(() => held);
  const message = { channel: 'vote', from: 'mallory', payload: new Uint8Array(1) } as const;
  for (const via of [0, 1, 2]) for (let time = 0; time < 5_000; time += 1) intake({ ...message, via });
  t.ok(shared.counters.overflow > 10_000);
  let rang = 0;
  const ring = () => {
    rang += 1;
  };
  // A node has a dozen timers, and one that is not heard is not set again.
  const taken = Array.from({ length: 64 }, () => shared.queue.add(ring));
  t.ok(taken.every((isTaken) => isTaken));
  end();
  await until('they ring', () => rang === 64);
  await shared.queue.stop();
  t.strictSame(failures, []);
});
