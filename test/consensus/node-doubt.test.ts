import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { SignedTransaction } from '../../consensus/chain/index.ts';
import { decodeEnvelope } from '../../consensus/network/index.ts';
import { createEntry, type EntryStage } from '../../consensus/node/entry.ts';
import type { OwnCall } from '../../consensus/node/outbox.ts';
import type { Shared } from '../../consensus/node/shared.ts';
import { createSignOfLife } from '../../consensus/node/sign-of-life.ts';
import { createTimers } from '../../consensus/node/timers.ts';
import { until } from '../peers/processes.ts';
import { openVoteBook } from '../soak/vote-book.ts';
import { createMemoryNetwork } from './network-in-memory.ts';
import { call, say, village } from './notes-village.ts';
import { agree, type Member, TIMING, type Village } from './village.ts';

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
    let isCutOff = true;
    network.filter = ({ channel, from }) => {
      if (from !== doubtful.name) return true;
      if (channel === 'vote' || channel === 'proposal') spoken += 1;
      return channel !== 'transaction' || !isCutOff;
    };
    await open(doubtful);
    t.ok(doubtful.node.status().votesInDoubt);
    for (const word of ['a', 'b', 'c']) await say(members[0]!, word);
    await agree(members);
    clock.nowMs += 10 * TIMING.allowedSkewMs;
    await say(members[0]!, 'much later');
    await until('it gives a sign of life', () => doubtful.node.status().ownPending === 1);
    await say(members[0]!, 'without it');
    await agree(members);
    t.ok(
      doubtful.node.status().votesInDoubt,
      'no time that has passed, and no block, is enough without its sign',
    );
    t.equal(spoken, 0);
    isCutOff = false;
    await until('trust', () => !doubtful.node.status().votesInDoubt);
    t.equal(doubtful.node.status().ownPending, 0);
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
    let isCutOff = true;
    await close(wiped);
    await rm(join(directory, wiped.name), { recursive: true });
    network.filter = ({ channel, from }) => {
      if (from !== wiped.name) return true;
      if (channel === 'vote' || channel === 'proposal') spoken += 1;
      return channel !== 'transaction' || !isCutOff;
    };
    const listen = network.filter;
    // It comes back with a clock that has run behind: to it, all blocks look young.
    clock.nowMs -= 10 * TIMING.allowedSkewMs;
    // A first start that ends before it has heard anything leaves nothing behind that could be trusted.
    network.filter = () => false;
    await open(wiped);
    t.ok(wiped.node.status().votesInDoubt);
    await close(wiped);
    network.filter = listen;
    await open(wiped);
    clock.nowMs += 10 * TIMING.allowedSkewMs;
    t.ok(wiped.node.status().votesInDoubt);
    await agree(members);
    for (const word of ['three', 'four', 'five', 'six']) await say(members[0]!, word);
    await agree(members);
    t.ok(wiped.node.status().votesInDoubt);
    t.equal(spoken, 0);
    isCutOff = false;
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
    const { members, open, close, directory } = scene;
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
  /** What is open, the own height, who tells of which height, and whether that lets it in. */
  const cases: readonly (readonly [EntryStage, number, string, boolean])[] = [
    ['again', 5, 'b5 c5 d5', false],
    ['again', 5, 'b5 c5 d5 e5', true],
    ['again', 5, 'b5 c5 d5 stranger5', false],
    ['again', 5, 'b5 b5 b5 b5', false],
    ['again', 5, 'b1000000000 c1000000000 d5 e3', true],
    ['again', 5, 'b7 c7 d7 e5', false],
    ['again', 7, 'b7 c7 d7 e5', true],
    ['first', 0, 'b0 c0 d0 e0', true],
    ['first', 0, 'b0 c0 d0 e1', false],
    ['first', 1, 'b0 c0 d0 e0', false],
    ['none', 5, 'b5 c5 d5 e5', false],
  ];
  for (const [stage, own, told, enters] of cases) {
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
    for (const [, from, height] of told.matchAll(/([a-z]+)(\d+)/g)) await entry.heard(from!, Number(height));
    await entry.advanced();
    t.equal(entered, enters ? 1 : 0, `${stage} at ${own}: ${told}`);
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

t.test('a sign of life is given once, and that of an earlier life is not taken for it', async (t) => {
  const submitted: OwnCall[] = [];
  const mine = (expiresMs: number, sender = 'a') => ({ sender, method: 'accounts.skip', expiresMs });
  let waiting = [mine(86_400_000 + 1_000 + 7)];
  const shared = { self: 'a', clock: { utcMs: () => 1_000 }, head: () => ({ header: { timeMs: 900 } }) };
  const sign = createSignOfLife(shared as unknown as Shared, {
    submit: async (own) => submitted.push(own),
    waiting: () => waiting as unknown as SignedTransaction[],
    draw: () => 8,
  });
  const isIn = (transaction: object) => sign.isIn({ transactions: [transaction as SignedTransaction] });
  await sign.give();
  t.match(submitted, [{ method: 'accounts.skip', args: [], expiresMs: 86_401_008 }]);
  t.notOk(isIn(waiting[0]!), 'given by the same clock, before');
  t.notOk(isIn(mine(86_401_008, 'b')));
  t.ok(isIn(mine(86_401_008)));
  waiting = [mine(86_401_008)];
  await sign.give();
  t.equal(submitted.length, 1, 'it is on its way');
  waiting = [];
  await sign.give();
  t.equal(submitted.length, 2, 'a snapshot has passed over it');
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
