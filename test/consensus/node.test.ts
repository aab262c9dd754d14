import { join } from 'node:path';
import t from 'tap';
import { ConsensusError } from '../../consensus/errors.ts';
import { decodeEnvelope, encodeEnvelope } from '../../consensus/network/index.ts';
import { createTimers } from '../../consensus/node/timers.ts';
import type { Message } from '../../consensus/protocol/index.ts';
import { until } from '../peers/processes.ts';
import { notebook, notesGenesis, timesSaid } from './notebook.ts';
import { call, say, village } from './notes-village.ts';
import { agree, type Member, openNode, TIMING, WAIT_MS } from './village.ts';

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
    return Promise.all([once, next].map(({ id }) => member.node.whenFinal(id, { timeoutMs: WAIT_MS })));
  });
  const outcomes = await Promise.all(calls);
  const once = outcomes.map(([outcome]) => (outcome!.ok ? 'ok' : outcome!.code));
  t.same(once.sort(), ['CONTRACT_ALREADY_EXISTS', 'ok']);
  t.ok(outcomes.every(([, next]) => next!.ok));
  await agree(members);
  for (const { name, node } of [first, second]) {
    t.equal(timesSaid(node.head.state, name, `after ${name}`), 1, 'and nothing is done twice');
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
      t.equal(timesSaid(one.node.head.state, one.node.address, `${who} ${word}`), 1, 'once');
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

t.test('who refuses what the others take says so, and why', async (t) => {
  const { members, close, directory, network, clock } = await village(t);
  const [slow, ...others] = members as [Member, Member, Member, Member];
  t.same(slow.node.status().refusedProposals, { count: 0, lastReason: null });
  await close(slow);
  const transport = network.join(slow.name);
  const opened = await openNode({
    ...{
      directory: join(directory, slow.name),
      genesis: notesGenesis(1_000, 4),
      contract: notebook,
      transport,
    },
    privateKey: slow.key.privateKey,
    clock: { utcMs: () => clock.nowMs - 60_000 },
    timing: TIMING,
    log: ({ event }) => slow.events.push(event),
  });
  Object.assign(slow, opened, { transport });
  await until('it may vote', () => !slow.node.status().votesInDoubt);
  for (let index = 0; index < 8; index += 1) t.ok((await say(others[index % 3]!, `word ${index}`)).ok);
  await agree(members);
  const { count, lastReason } = slow.node.status().refusedProposals;
  t.equal(lastReason, 'from the future');
  t.equal(count, slow.events.filter((event) => event === 'proposal-refused').length);
  t.ok(others.every(({ node }) => node.status().refusedProposals.count === 0));
});

t.test('who asks for the height under way is told what brought the others to their round', async (t) => {
  const { members, network } = await village(t);
  const [teller, other, late, away] = members as [Member, Member, Member, Member];
  await say(teller, 'all well');
  await agree(members);
  for (const { transport } of [late, away]) transport.setUp(false);
  const told: Message[] = [];
  const publish = teller.transport.publish.bind(teller.transport);
  teller.transport.publish = (message) => {
    const decoded = decodeEnvelope(message.channel, message.payload);
    if (message.to === late.name && decoded.ok && decoded.envelope.channel === 'vote')
      told.push(decoded.envelope.message);
    return publish(message);
  };
  await Promise.all([teller, other].map(({ node }) => node.submit(call('nobody decides'))));
  await until('they give up a round', () => teller.node.status().round > 0);

  const ask = (from: string, fromHeight: number) =>
    network.say({
      ...{ channel: 'sync-request', from, to: teller.name },
      payload: encodeEnvelope({ channel: 'sync-request', fromHeight, maxBlocks: 1 }),
    });
  const height = teller.node.head.height + 1;
  const heard = () => teller.transport.received.get('sync-request') ?? 0;
  const before = heard();
  ask(late.name, height - 1);
  await until('it is heard', () => heard() > before && teller.node.status().queueLength === 0);
  t.same(told, [], 'who lacks blocks needs those');
  ask(late.name, height);
  await until('it is answered', () => told.length > 0);
  t.match(told[0], { kind: 'round-change', height, author: teller.name });
  t.ok(told[0]!.round > 0);
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

t.test('a node whose disk fails while it answers somebody says nothing more', async (t) => {
  const { members, network } = await village(t);
  const [failing, other] = members as [Member, Member];
  for (const word of ['one', 'two', 'three']) await say(failing, word);
  await agree(members);
  failing.store.readEncodedBlock = async () => {
    throw new ConsensusError('CONSENSUS_STORE_FAILED', 'the disk is gone');
  };
  const payload = encodeEnvelope({ channel: 'sync-request', fromHeight: 1, maxBlocks: 16 });
  network.say({ channel: 'sync-request', from: other.name, to: failing.name, payload });
  await until('it has failed', () => failing.failures.length > 0);
  let spoken = 0;
  network.filter = ({ from }) => {
    if (from === failing.name) spoken += 1;
    return true;
  };
  for (const word of ['four', 'five', 'six', 'seven']) t.ok((await say(other, word)).ok);
  failing.transport.setUp(false);
  failing.transport.setUp(true);
  await agree(members.slice(1));
  t.equal(spoken, 0);
  t.match(failing.failures, [{ code: 'CONSENSUS_STORE_FAILED' }]);
  t.match(await failing.node.submit(call('eight')), { ok: false, code: 'NODE_STOPPED' });
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
    t.equal(timesSaid(mortal.node.head.state, mortal.name, `from life ${life}`), 1, 'once');
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
  t.equal(timesSaid(one.node.head.state, one.name, `now`), 1);
});
