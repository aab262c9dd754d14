import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  assembleBlock,
  blockDigest,
  type Contract,
  encodeBlock,
  encodeTransaction,
  type Genesis,
  signTransaction,
} from '../../consensus/chain/index.ts';
import { addressOf, generateKey, publicKeyOf, sign } from '../../consensus/crypto/index.ts';
import { decode, encode } from '../../consensus/encoding/index.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import {
  CHANNELS,
  type Channel,
  decodeEnvelope,
  encodeEnvelope,
  signedDigest,
} from '../../consensus/network/index.ts';
import { createEntry, type EntryStage } from '../../consensus/node/entry.ts';
import type { Shared } from '../../consensus/node/shared.ts';
import { createTimers } from '../../consensus/node/timers.ts';
import { type LedgerNode, startNode } from '../../consensus/node.ts';
import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';
import { type LedgerStore, openLedgerStore, openVoteLog, type VoteLog } from '../../consensus/store/index.ts';
import { openVoteBook } from '../soak/vote-book.ts';
import { createMemoryNetwork, type MemoryNetwork, type MemoryTransport } from './network-in-memory.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const TIMING = {
  baseTimeoutMs: 400,
  maxTimeoutMs: 3_000,
  blockIntervalMs: 0,
  allowedSkewMs: 2_000,
  heartbeatMs: 0,
};

/** Writes words down; refuses some, so that nodes have something to refuse. */
const notebook: Contract = {
  genesisEntries: ({ accounts, validators }) => [
    ...accounts.map(({ address, publicKey }) => [`account/${address}`, publicKey] as const),
    ['validators', encode(validators.map(({ address }) => address))],
  ],
  publicKeyOf: (state, address) => state.get(`account/${address}`),
  nomineesOf: () => [],
  seatedAt: () => 0,
  validatorsOf: (state) =>
    (decode(state.get('validators')!) as string[]).map((address) => ({
      address,
      publicKey: state.get(`account/${address}`)!,
    })),
  applyCall(state, { sender, method, args }, { timeMs }) {
    if (method === 'notes.later' && timeMs < NOW_MS + 1_500)
      return { ok: false, code: 'CONTRACT_TOO_EARLY', reason: 'not yet' };
    if (method === 'accounts.skip') return { ok: true, events: [] };
    if (method === 'notes.once' && state.get(`once/${args[0]}`) !== undefined)
      return { ok: false, code: 'CONTRACT_ALREADY_EXISTS', reason: 'said before' };
    if (!['notes.once', 'notes.say', 'notes.later'].includes(method))
      return { ok: false, code: 'CONTRACT_UNKNOWN_METHOD', reason: method };
    const prefix = method === 'notes.once' ? 'once' : `said/${sender}`;
    const before = state.get(`count/${sender}/${args[0]}`)?.length ?? 0;
    state.set(`${prefix}/${args[0]}`, encode(args[0] ?? null));
    state.set(`count/${sender}/${args[0]}`, new Uint8Array(before + 1));
    return { ok: true, events: [{ name: 'notes.said', fields: { word: String(args[0]) } }] };
  },
};

type Member = {
  readonly name: string;
  readonly key: Uint8Array;
  node: LedgerNode;
  store: LedgerStore;
  voteLog: VoteLog;
  transport: MemoryTransport;
  failures: unknown[];
  events: string[];
};

type Village = {
  readonly members: readonly Member[];
  readonly network: MemoryNetwork;
  readonly directory: string;
  readonly clock: { nowMs: number };
  readonly open: (member: Member) => Promise<void>;
  readonly close: (member: Member) => Promise<void>;
};

async function village(t: Test, { validators = 4, followers = 0 } = {}): Promise<Village> {
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-node-'));
  const keys = Array.from({ length: validators + followers }, (_, index) =>
    generateKey(new Uint8Array(32).fill(index + 1)),
  ).sort((a, b) => (addressOf(publicKeyOf(a)) < addressOf(publicKeyOf(b)) ? -1 : 1));
  const people = keys.map((key) => ({ address: addressOf(publicKeyOf(key)), publicKey: publicKeyOf(key) }));
  const genesis: Genesis = {
    network: 'test',
    currency: 'EUR',
    timeMs: NOW_MS,
    slotMs: 300_000,
    validators: people.slice(0, validators),
    accounts: people.map((person) => ({ ...person, roles: [], balanceMicro: 0n })),
    parameters: {},
  };
  const network = createMemoryNetwork();
  const clock = { nowMs: NOW_MS + 1_000 };
  const open = async (member: Member) => {
    const path = join(directory, member.name);
    member.store = await openLedgerStore({ directory: path, genesis, contract: notebook });
    member.voteLog = await openVoteLog(path, member.store);
    member.transport = network.join(member.name);
    member.node = await startNode({
      genesis,
      contract: notebook,
      privateKey: member.key,
      store: member.store,
      voteLog: member.voteLog,
      transport: member.transport,
      clock: { utcMs: () => clock.nowMs },
      timing: TIMING,
      log: ({ event }) => member.events.push(event),
      onFailure: (error) => member.failures.push(error),
    });
  };
  const close = async (member: Member) => {
    await member.node.stop();
    await member.voteLog.close();
    await member.store.close();
  };
  const members = keys.map(
    (key, index) => ({ name: people[index]!.address, key, failures: [], events: [] }) as unknown as Member,
  );
  for (const member of members) await open(member);
  t.teardown(async () => {
    for (const member of members) await close(member).catch(() => undefined);
    await rm(directory, { recursive: true });
  });
  return { members, network, directory, clock, open, close };
}

const call = (word: string, method = 'notes.say') => ({
  method,
  args: [word],
  expiresMs: NOW_MS + 3_600_000,
});

async function say(member: Member, word: string, method?: string) {
  const submitted = await member.node.submit(call(word, method));
  if (!submitted.ok) throw new Error(`${submitted.code}: ${submitted.reason}`);
  return member.node.whenFinal(submitted.id, { timeoutMs: 15_000 });
}

async function until(what: string, holds: () => boolean, timeoutMs = 15_000) {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

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
    return { ...message, signature: sign(signedDigest(head.genesis, message), key) } as Message;
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

const agree = (members: readonly Member[]) => {
  const height = Math.max(...members.map(({ node }) => node.head.height));
  return until('one head for all', () =>
    members.every(
      ({ node }) => node.head.height >= height && node.head.digest === members[0]!.node.head.digest,
    ),
  );
};

t.test('validators agree, followers follow, and everyone is told once', async (t) => {
  const { members } = await village(t, { followers: 1 });
  const validators = members.filter(({ node }) => node.status().isValidator);
  const follower = members.find(({ node }) => !node.status().isValidator)!;
  const heard: string[] = [];
  follower.node.onBlock((block, events, head) => {
    t.equal(head.height, block.header.height);
    t.equal(events.length, block.transactions.length);
    for (const event of events.flat()) heard.push(String(event.fields.word));
  });
  const words = Array.from({ length: 20 }, (_, index) => `word ${index}`);
  const outcomes = await Promise.all(words.map((word, index) => say(members[index % 5]!, word)));
  t.ok(outcomes.every((outcome) => outcome.ok));
  await agree(members);
  t.same(heard.sort(), words.sort());
  t.equal(new Set(members.map(({ node }) => node.head.state.root)).size, 1);
  t.ok(validators.every(({ node }) => node.status().counters.garbage === 0));
  t.ok(validators.every(({ node }) => node.status().latency.count > 0));
  t.ok(members.every(({ node }) => node.status().ownPending === 0));

  const height = follower.node.head.height;
  await new Promise((resolve) => setTimeout(resolve, 3 * TIMING.baseTimeoutMs));
  t.ok(
    members.every(({ node }) => node.head.height === height && node.status().round === 0),
    'no empty blocks',
  );
});

t.test('a call that cannot succeed is refused at once, or later without holding up the next', async (t) => {
  const { members } = await village(t);
  const [first, second] = members as [Member, Member];
  t.same(await first.node.submit(call('x', 'notes.shout')), {
    ok: false,
    code: 'CONTRACT_UNKNOWN_METHOD',
    reason: 'notes.shout',
  });
  // Both rehearse well; one of them comes too late.
  const calls = [first, second].map(async (member) => {
    const once = await member.node.submit(call('only once', 'notes.once'));
    const next = await member.node.submit(call(`after ${member.name}`));
    if (!once.ok || !next.ok) throw new Error('refused');
    return Promise.all([once, next].map(({ id }) => member.node.whenFinal(id, { timeoutMs: 15_000 })));
  });
  const outcomes = await Promise.all(calls);
  const once = outcomes.map(([outcome]) => (outcome!.ok ? 'ok' : outcome!.code));
  t.same(once.sort(), ['CONTRACT_ALREADY_EXISTS', 'ok']);
  t.ok(outcomes.every(([, next]) => next!.ok));
  await agree(members);
  for (const { name, node } of [first, second]) {
    t.equal(node.head.state.get(`count/${name}/after ${name}`)?.length, 1, 'and nothing is done twice');
    t.equal(node.status().ownPending, 0);
  }
  const ended = new AbortController();
  const waiting = first.node.whenFinal('00'.repeat(32), { timeoutMs: 60_000, signal: ended.signal });
  ended.abort();
  await t.rejects(waiting, { code: 'CONSENSUS_ABORTED' });
  await t.rejects(first.node.whenFinal('00'.repeat(32), { timeoutMs: 1 }), { code: 'CONSENSUS_TIMEOUT' });
});

t.test("two nodes with one key do not lose each other's calls", async (t) => {
  const { members, open, close } = await village(t, { followers: 1 });
  const one = members.at(-1)!;
  const other: Member = { ...one, name: 'other', failures: [], events: [] };
  await open(other);
  t.teardown(() => close(other));
  // Both sign with the same nonces; of each pair one has to be signed anew.
  const words = Array.from({ length: 6 }, (_, index) => `word ${index}`);
  const outcomes = await Promise.all(
    words.flatMap((word) => [say(one, `one ${word}`), say(other, `other ${word}`)]),
  );
  t.ok(outcomes.every((outcome) => outcome.ok));
  await agree([...members, other]);
  for (const word of words)
    for (const who of ['one', 'other'])
      t.equal(one.node.head.state.get(`count/${one.node.address}/${who} ${word}`)?.length, 1, 'once');
});

t.test('a silent proposer is passed over', async (t) => {
  const { members, network } = await village(t);
  await say(members[1]!, 'all well');
  const silent = members[2]!;
  network.filter = ({ from, to }) => from !== silent.name && to !== silent.name;
  for (const word of ['one', 'two', 'three', 'four']) t.ok((await say(members[1]!, word)).ok);
  t.ok(members.some(({ events }) => events.includes('round-change')));
  const others = members.filter((member) => member !== silent);
  await agree(others);

  network.filter = () => true;
  t.ok((await say(members[0]!, 'welcome back')).ok);
  await agree(members);
});

t.test('who was away closes the gap from the others, and takes no lie for a block', async (t) => {
  const { members, network } = await village(t, { followers: 1 });
  const away = members.at(-1)!;
  const late = members[0]!;
  away.transport.setUp(false);
  late.transport.setUp(false);
  for (let index = 0; index < 24; index += 1) await say(members[1 + (index % 3)]!, `missed ${index}`);
  // One provider answers with garbage, one with a block whose seals are not.
  const liar = members[1]!.name;
  const meddle = (payload: Uint8Array) => payload.fill(7, payload.length - 40);
  network.filter = ({ channel, from, payload }) => {
    if (channel === 'sync-response' && from === liar) meddle(payload);
    return true;
  };
  away.transport.setUp(true);
  late.transport.setUp(true);
  await agree(members);
  t.equal(away.node.head.state.root, members[1]!.node.head.state.root);
  t.ok((await say(late, 'here again')).ok);
  await agree(members);
});

t.test('a provider that hides what it has is asked once', async (t) => {
  const { members } = await village(t, { followers: 1 });
  const [liar] = members as [Member];
  const away = members.at(-1)!;
  const publish = liar.transport.publish;
  const nothing = encodeEnvelope({
    channel: 'sync-response',
    headHeight: 0,
    firstHeight: 1,
    finalBlocks: [],
  });
  liar.transport.publish = (message) =>
    publish(message.channel === 'sync-response' ? { ...message, payload: nothing } : message);
  away.transport.setUp(false);
  for (const word of ['one', 'two', 'three']) await say(members[1]!, word);
  const { digest } = members[1]!.node.head;
  for (let time = 0; time < 20 && away.node.head.digest !== digest; time += 1) {
    away.transport.setUp(false);
    away.transport.setUp(true);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  t.equal(away.node.head.digest, digest);
});

t.test('a block that cannot be read any more harms nobody but who asks for it', async (t) => {
  const { members, network } = await village(t);
  const [damaged] = members as [Member];
  for (const word of ['one', 'two', 'three']) await say(damaged, word);
  const read = damaged.store.readEncodedBlock.bind(damaged.store);
  damaged.store.readEncodedBlock = async (height) => {
    if (height > 1) throw new ConsensusError('CONSENSUS_STORE_CORRUPT', 'a table is damaged');
    return read(height);
  };
  const asker = network.join('asker');
  const answers: number[] = [];
  asker.onMessage(({ channel, payload }) => {
    const decoded = decodeEnvelope(channel, payload);
    if (decoded.ok && decoded.envelope.channel === 'sync-response')
      answers.push(decoded.envelope.finalBlocks.length);
  });
  const payload = encodeEnvelope({ channel: 'sync-request', fromHeight: 1, maxBlocks: 16 });
  asker.publish({ channel: 'sync-request', to: damaged.name, payload });
  await until('it answers', () => answers.length > 0 || damaged.failures.length > 0);
  t.same(answers, [1]);
  t.same(damaged.failures, []);
  t.ok((await say(damaged, 'four')).ok);
});

t.test('a delay of months is not taken for none', async (t) => {
  const timers = createTimers();
  let rang = 0;
  timers.set('heartbeat', 90 * 86_400_000, () => {
    rang += 1;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  timers.clearAll();
  t.equal(rang, 0);
});

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

t.test('killed at any time, a node comes back with its word and its calls', async (t) => {
  const { members, open, close, network } = await village(t);
  for (let life = 0; life < 6; life += 1) {
    const mortal = members[life % 4]!;
    const submitted = await mortal.node.submit(call(`from life ${life}`));
    t.ok(submitted.ok);
    // Stopped somewhere between its first word and its last; its votes are on disk, its messages perhaps not sent.
    await new Promise((resolve) => setTimeout(resolve, life * 7));
    await close(mortal);
    await open(mortal);
    t.equal(mortal.voteLog.doubt, null);
    await say(members[(life + 1) % 4]!, `beside life ${life}`);
    await until('its call is final', () => mortal.node.status().ownPending === 0);
    t.equal(mortal.node.head.state.get(`count/${mortal.name}/from life ${life}`)?.length, 1, 'once');
  }
  // All at once, and with everything that was said lost on the way.
  network.filter = ({ channel }) => channel !== 'vote';
  const submitted = await members[0]!.node.submit(call('before the outage'));
  t.ok(submitted.ok);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const member of members) await close(member);
  network.filter = () => true;
  for (const member of members) await open(member);
  await until('its call is final', () => members[0]!.node.status().ownPending === 0);
  await agree(members);
  t.ok(members.every(({ failures }) => failures.length === 0));
});

t.test(
  'a node whose votes are in doubt follows and signs nothing until the others are past it',
  async (t) => {
    const { members, open, close, network, directory, clock } = await village(t);
    await say(members[0]!, 'before');
    await agree(members);
    const doubtful = members[3]!;
    await close(doubtful);
    await rm(join(directory, doubtful.name, 'votes-a.log'));
    await rm(join(directory, doubtful.name, 'votes-b.log'));
    let spoken = 0;
    network.filter = ({ channel, from }) => {
      if (from === doubtful.name && (channel === 'vote' || channel === 'proposal')) spoken += 1;
      return true;
    };
    await open(doubtful);
    t.ok(doubtful.node.status().votesInDoubt);
    for (const word of ['a', 'b', 'c']) await say(members[0]!, word);
    await agree(members);
    t.equal(spoken, 0);
    clock.nowMs += 10 * TIMING.allowedSkewMs;
    await say(members[0]!, 'much later');
    await agree(members);
    await until('trust', () => !doubtful.node.status().votesInDoubt);
    for (const word of ['d', 'e']) await say(members[0]!, word);
    await agree(members);
    t.ok(spoken > 0);
  },
);

t.test(
  'a validator that has lost all it had signs nothing at heights that it may have voted on',
  async (t) => {
    const { members, open, close, network, directory, clock } = await village(t);
    for (const word of ['one', 'two']) await say(members[0]!, word);
    await agree(members);
    const wiped = members[2]!;
    let spoken = 0;
    await close(wiped);
    await rm(join(directory, wiped.name), { recursive: true });
    network.filter = ({ channel, from }) => {
      if (from === wiped.name && (channel === 'vote' || channel === 'proposal')) spoken += 1;
      return true;
    };
    const listen = network.filter;
    // A first start that ends before it has heard anything leaves nothing behind that could be trusted.
    network.filter = () => false;
    await open(wiped);
    t.ok(wiped.node.status().votesInDoubt);
    await close(wiped);
    network.filter = listen;
    await open(wiped);
    t.ok(wiped.node.status().votesInDoubt);
    await agree(members);
    for (const word of ['three', 'four', 'five', 'six']) await say(members[0]!, word);
    await agree(members);
    t.ok(wiped.node.status().votesInDoubt);
    t.equal(spoken, 0);
    clock.nowMs += 10 * TIMING.allowedSkewMs;
    await say(members[0]!, 'much later');
    await until('trust', () => !wiped.node.status().votesInDoubt);
    await close(members[0]!);
    for (const word of ['seven', 'eight'])
      t.ok((await say(members[1]!, word)).ok, 'its vote is needed again');
    t.ok(spoken > 0);
    await open(members[0]!);
  },
);

t.test(
  'a ledger that lost more blocks than a height has rounds gets them again beside its votes',
  async (t) => {
    const { members, open, close, directory } = await village(t);
    const behind = members[2]!;
    const ledger = join(directory, behind.name, 'ledger');
    await close(behind);
    await cp(ledger, `${ledger}.old`, { recursive: true });
    await open(behind);
    for (let word = 0; word < 16; word += 1) await say(members[word % 2]!, `word ${word}`);
    await agree(members);
    await close(behind);
    await rm(ledger, { recursive: true });
    await cp(`${ledger}.old`, ledger, { recursive: true });
    await open(behind);
    t.notOk(behind.node.status().votesInDoubt, 'it knows what it signed');
    t.equal(behind.node.head.height, 0);
    await until('it is where the others are', () => behind.node.head.height === members[0]!.node.head.height);
    await close(members[0]!);
    t.ok((await say(members[1]!, 'needed again')).ok);
    t.same(behind.failures, []);
    await open(members[0]!);
  },
);

/** All that a member signs from now on, as the others hear it. */
function listenTo({ network }: Village, member: Member) {
  const book = openVoteBook();
  network.filter = ({ channel, from, payload }) => {
    if (from !== member.name || (channel !== 'vote' && channel !== 'proposal')) return true;
    const decoded = decodeEnvelope(channel, payload);
    if (decoded.ok && 'message' in decoded.envelope) book.note(decoded.envelope.message);
    return true;
  };
  return book;
}

t.test(
  'who is put back from a backup as a whole finds its own word, and votes again only when it is safe',
  async (t) => {
    const scene = await village(t);
    const { members, open, close, directory, clock } = scene;
    await say(members[0]!, 'before');
    await agree(members);
    const restored = members[1]!;
    const place = join(directory, restored.name);
    await close(restored);
    await cp(place, `${place}.backup`, { recursive: true });
    const book = listenTo(scene, restored);
    await open(restored);
    for (let word = 0; word < 8; word += 1) await say(members[0]!, `word ${word}`);
    await agree(members);
    const said = book.size;
    t.ok(said >= 8, 'it has taken part');
    await close(restored);
    await rm(place, { recursive: true });
    await cp(`${place}.backup`, place, { recursive: true });
    await open(restored);
    t.equal(restored.voteLog.doubt, null, 'by itself it cannot know');
    await until('it has seen its own word', () => restored.failures.length > 0);
    t.match(restored.failures, [{ code: 'CONSENSUS_VOTES_IN_DOUBT', message: /older than that/ }]);
    t.equal(book.size, said, 'and has said nothing before');
    // Whoever watches over it starts it again.
    restored.failures = [];
    await close(restored);
    await open(restored);
    t.match(restored.voteLog.doubt, { isFirstStart: false });
    for (const word of ['a', 'b', 'c']) await say(members[0]!, word);
    await agree(members);
    t.equal(book.size, said);
    clock.nowMs += 10 * TIMING.allowedSkewMs;
    await say(members[0]!, 'much later');
    await until('trust', () => !restored.node.status().votesInDoubt);
    for (const word of ['d', 'e']) await say(members[0]!, word);
    await agree(members);
    t.ok(book.size > said, 'it votes again');
    t.strictSame(book.breaches, []);
    t.strictSame(restored.failures, []);
  },
);

t.test('whoever starts waits until it is where one honest node at least has come', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const rounds: { stage: EntryStage; own: number; told: [string, number][]; enters: boolean }[] = [
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 5],
        ['c', 5],
        ['d', 5],
      ],
      enters: false,
    },
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 5],
        ['c', 5],
        ['d', 5],
        ['e', 5],
      ],
      enters: true,
    },
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 5],
        ['c', 5],
        ['d', 5],
        ['stranger', 5],
      ],
      enters: false,
    },
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 5],
        ['b', 5],
        ['b', 5],
        ['b', 5],
      ],
      enters: false,
    },
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 1e9],
        ['c', 1e9],
        ['d', 5],
        ['e', 3],
      ],
      enters: true,
    },
    {
      stage: 'again',
      own: 5,
      told: [
        ['b', 7],
        ['c', 7],
        ['d', 7],
        ['e', 5],
      ],
      enters: false,
    },
    {
      stage: 'again',
      own: 7,
      told: [
        ['b', 7],
        ['c', 7],
        ['d', 7],
        ['e', 5],
      ],
      enters: true,
    },
    {
      stage: 'first',
      own: 0,
      told: [
        ['b', 0],
        ['c', 0],
        ['d', 0],
        ['e', 0],
      ],
      enters: true,
    },
    {
      stage: 'first',
      own: 0,
      told: [
        ['b', 0],
        ['c', 0],
        ['d', 0],
        ['e', 1],
      ],
      enters: false,
    },
    {
      stage: 'first',
      own: 1,
      told: [
        ['b', 0],
        ['c', 0],
        ['d', 0],
        ['e', 0],
      ],
      enters: false,
    },
    {
      stage: 'none',
      own: 5,
      told: [
        ['b', 5],
        ['c', 5],
        ['d', 5],
        ['e', 5],
      ],
      enters: false,
    },
  ];
  for (const [index, { stage, own, told, enters }] of rounds.entries()) {
    const transport = createMemoryNetwork().join('a');
    const validators = names.map((address) => ({ address, publicKey: new Uint8Array(33) }));
    const shared = {
      self: 'a',
      transport,
      timers: createTimers(),
      counters: {},
      head: () => ({ height: own, validators }),
    };
    let entered = 0;
    const entry = createEntry(shared as unknown as Shared, {
      stage: () => (entered > 0 ? 'none' : stage),
      enter: async () => {
        entered += 1;
      },
    });
    await entry.start();
    for (const [from, height] of told) await entry.heard(from, height);
    await entry.advanced();
    t.equal(entered, enters ? 1 : 0, `case ${index}`);
    shared.timers.clearAll();
  }
});

t.test('after a start nothing is signed before a quorum has said where the chain is', async (t) => {
  const scene = await village(t);
  const { members, open, close, network } = scene;
  await say(members[0]!, 'before');
  await agree(members);
  const late = members[2]!;
  await close(late);
  const book = listenTo(scene, late);
  const listen = network.filter;
  let told = new Set<string>();
  let asked = 0;
  network.filter = (message) => {
    if (message.channel === 'sync-request' && message.from === late.name) asked += 1;
    if (message.channel === 'sync-response' && message.to === late.name && !told.has(message.from))
      return false;
    return listen(message);
  };
  await open(late);
  await say(members[0]!, 'without it');
  await until('it follows', () => late.node.head.digest === members[0]!.node.head.digest);
  told = new Set([members[0]!.name]);
  const before = asked;
  await until('it has asked all of them again', () => asked >= before + 3);
  await say(members[0]!, 'still without it');
  t.equal(book.size, 0, 'one answer, and its own, are no quorum of four');
  told = new Set(members.map(({ name }) => name));
  for (let word = 0; book.size === 0 && word < 50; word += 1) {
    await say(members[0]!, `with it ${word}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.ok(book.size > 0, 'it votes');
  t.strictSame(late.failures, []);
});

t.test('a network begins once a quorum is there, and its clock may be told the time late', async (t) => {
  const { members, open, close, directory } = await village(t);
  for (const member of members) await close(member);
  for (const member of members) await rm(join(directory, member.name), { recursive: true });
  await open(members[0]!);
  await open(members[1]!);
  const early = await members[1]!.node.submit(call('said among two'));
  t.ok(early.ok);
  t.ok(
    members.slice(0, 2).every(({ node }) => node.status().votesInDoubt),
    'two of four know nothing',
  );
  await open(members[3]!);
  await until('its call is final', () => members[1]!.node.status().ownPending === 0);
  t.ok([0, 1, 3].every((index) => !members[index]!.node.status().votesInDoubt));
  await open(members[2]!);
  await agree(members);
});

t.test('a call waits for its time when the own clock lags behind after a restart', async (t) => {
  const { members, open, close, network, clock } = await village(t);
  const one = members[0]!;
  await say(one, 'before');
  network.filter = () => false;
  clock.nowMs += 1_000;
  const submitted = await one.node.submit(call('now', 'notes.later'));
  t.ok(submitted.ok);
  await close(one);
  clock.nowMs -= 1_000;
  await open(one);
  t.equal(one.node.status().ownPending, 1);
  clock.nowMs += 1_000;
  network.filter = () => true;
  await until('its call is final', () => one.node.status().ownPending === 0);
  await agree(members);
  t.equal(one.node.head.state.get(`count/${one.name}/now`)?.length, 1);
});

t.test(
  'a leader has the block that a round change binds it to, whatever its sender sends after it',
  async (t) => {
    const here = await village(t);
    const [a, leader, c, z] = here.members as [Member, Member, Member, Member];
    const { heard, signed, send, block } = await playOthers(here, leader);
    const bound = block(a.name, NOW_MS + 900);
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
    for (let more = 0; more < 20; more += 1) giveUp(z.name, block(z.name, NOW_MS + 901 + more));
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

  const forged = { ...word(members[1]!.key), signature: word(members[2]!.key).signature };
  tell(encodeTransaction(forged), encodeTransaction(word(members[3]!.key, 1)));
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

t.test('who boasts by one way does not unsay what is heard by another', async (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const head = { height: 5, validators: names.map((address) => ({ address })) };
  const timers = createTimers();
  t.teardown(() => timers.clearAll());
  for (const stage of ['first', 'again'] as const) {
    let entered = 0;
    const shared = { self: 'a', head: () => head, transport: { connected: false }, timers, counters: {} };
    const entry = createEntry(shared as unknown as Shared, {
      stage: () => stage,
      enter: async () => {
        entered += 1;
      },
    });
    for (const name of names) await entry.heard(name, 1_000_000, 1);
    await entry.heard('b', 5, 0);
    await entry.heard('b', 1_000_000, 1);
    t.equal(entered, 0, 'boasts alone, or with one more than may lie, let nobody in');
    await entry.heard('c', 5, 0);
    t.equal(entered, 1);
  }
});
