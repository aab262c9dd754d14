import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Genesis } from '../../consensus/chain/index.ts';
import {
  type ArgumentsOf,
  buildCall,
  contract,
  type MethodName,
  type Motion,
  readAccount,
  rotationTo,
} from '../../consensus/contract/index.ts';
import { fromHex, sign, toHex } from '../../consensus/crypto/index.ts';
import {
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  signedDigest,
} from '../../consensus/network/index.ts';
import type { OwnMessage } from '../../consensus/protocol/index.ts';
import { type NodeKey, nodeKeyOf } from '../../consensus/store/index.ts';
import { until } from '../peers/processes.ts';
import { agree, type Member, settle, type Village, WAIT_MS } from './village.ts';

// Whole nodes under the contract that is shipped, while the committee and its keys change.

const START_MS = Date.UTC(2026, 0, 1);

/** `votes`: authors of every vote and proposal that was on the wire, by height. */
type Street = Village & { readonly votes: Map<number, Set<string>> };

/** The first `validators` have seats; the last `strangers` have not even an account. */
async function street(
  t: Test,
  { validators = 4, homes = 1, strangers = 0, present = 99, heartbeatMs = 0 } = {},
): Promise<Street> {
  const keys = Array.from({ length: validators + homes + strangers }, (_, index) => keyOf(index + 1));
  const accounts = keys.slice(0, validators + homes);
  const byAddress = (left: NodeKey, right: NodeKey) => (left.address < right.address ? -1 : 1);
  const genesis: Genesis = {
    network: 'test',
    currency: 'EUR',
    timeMs: START_MS,
    slotMs: 300_000,
    validators: accounts.slice(0, validators).sort(byAddress),
    accounts: [...accounts]
      .sort(byAddress)
      .map((key) => ({ ...key, roles: ['prosumer'], balanceMicro: 1_000n })),
    parameters: {},
  };
  const timing = { heartbeatMs, allowedSkewMs: 1_000 };
  const scene = await settle(t, { genesis, contract, keys, present, timing });
  const votes: Street['votes'] = new Map();
  scene.network.filter = ({ channel, payload }) => {
    const decoded = channel === 'vote' || channel === 'proposal' ? decodeEnvelope(channel, payload) : null;
    if (decoded?.ok && 'message' in decoded.envelope) {
      const { height, author } = decoded.envelope.message;
      votes.set(height, (votes.get(height) ?? new Set()).add(author));
    }
    return true;
  };
  return { ...scene, votes };
}

function keyOf(number: number): NodeKey {
  return nodeKeyOf(fromHex(number.toString(16).padStart(64, '0')));
}

async function submit<M extends MethodName>({ node }: Member, method: M, args: ArgumentsOf<M>) {
  return node.submit({ ...buildCall(method, args), expiresMs: START_MS + 86_400_000 });
}

async function done<M extends MethodName>(member: Member, method: M, args: ArgumentsOf<M>) {
  const submitted = await submit(member, method, args);
  if (!submitted.ok) throw new Error(`${submitted.code}: ${submitted.reason}`);
  const outcome = await member.node.whenFinal(submitted.id, { timeoutMs: WAIT_MS });
  if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.reason}`);
  return outcome;
}

/** All vote in the same instant: what finds no room in a block waits for the next. */
async function elect(voters: readonly Member[], motion: Motion, target: NodeKey, key: NodeKey | null = null) {
  const publicKey = key === null ? null : toHex(key.publicKey);
  return Promise.all(
    voters.map((voter) => done(voter, 'governance.vote', { motion, target: target.address, publicKey })),
  );
}

const pay = (from: Member, to: Member, amountMicro = 1n) =>
  done(from, 'accounts.transfer', { to: to.key.address, amountMicro, memo: '' });

t.test('a newcomer is voted in and signs, one of the old is voted out and follows', async (t) => {
  const scene = await street(t, { validators: 4, homes: 1, strangers: 1 });
  const { members, clock, votes } = scene;
  const [ann, ben, cleo, dan, home, newcomer] = members as [Member, Member, Member, Member, Member, Member];
  t.match(await submit(newcomer, 'accounts.skip', {}), { ok: false, code: 'CHAIN_UNKNOWN_SENDER' });
  await pay(home, ann);
  clock.nowMs += 60_000;
  const heights = (await elect([ann, ben, cleo], 'add', newcomer.key, newcomer.key)).map(
    ({ height }) => height,
  );
  t.equal(new Set(heights).size, 3, 'a block each');
  const admitted = Math.max(...heights);
  await until('it knows', () => newcomer.node.status().isValidator);
  await until('it may vote', () => !newcomer.node.status().votesInDoubt);
  t.match(newcomer.node.status(), { validators: 5, liarsTolerated: 1, height: admitted });
  for (let block = 0; block < 5; block++) await pay(home, ann);
  await agree(members);
  t.ok(votes.get(admitted + 1)?.has(newcomer.key.address), 'it signs from the next height on');
  t.notOk(votes.get(admitted)?.has(newcomer.key.address), 'and not before');
  const dropped = Math.max(
    ...(await elect([ann, ben, newcomer], 'drop', dan.key)).map(({ height }) => height),
  );
  for (let block = 0; block < 4; block++) await pay(home, ann);
  await agree(members);
  t.equal(dan.node.status().isValidator, false);
  for (const [height, authors] of votes) {
    if (height > dropped && authors.has(dan.key.address)) t.fail(`it signed at ${height}`);
  }
  t.ok(dan.node.head.height > dropped, 'it goes on following');
  clock.nowMs += 60_000;
  const back = Math.max(
    ...(await elect([ann, ben, cleo], 'add', dan.key, dan.key)).map(({ height }) => height),
  );
  for (let block = 0; block < 4; block++) await pay(home, ann);
  await agree(members);
  t.ok(
    [...votes].some(([height, authors]) => height > back && authors.has(dan.key.address)),
    'and comes back',
  );
  for (const { node, failures } of members) {
    t.equal(node.status().counters.garbage, 0, 'nobody took anybody for a liar');
    t.strictSame(failures, []);
  }
});

t.test('a newcomer that has lost all it had does not take its old seat for a new one', async (t) => {
  const scene = await street(t, { validators: 4, homes: 1, strangers: 1 });
  const { members, clock, network, directory, open, close } = scene;
  const [ann, ben, cleo, , home, newcomer] = members as [Member, Member, Member, Member, Member, Member];
  await pay(home, ann);
  clock.nowMs += 60_000;
  await elect([ann, ben, cleo], 'add', newcomer.key, newcomer.key);
  await until(
    'it may vote',
    () => newcomer.node.status().isValidator && !newcomer.node.status().votesInDoubt,
  );
  for (const who of [ann, ben, cleo]) await pay(home, who);
  await agree(members);
  await close(newcomer);
  await rm(join(directory, newcomer.key.address), { recursive: true });
  const listen = network.filter;
  network.filter = (message) =>
    listen(message) && !(message.channel === 'transaction' && message.from === newcomer.key.address);
  // By a clock that was put back behind the block that gave it the seat.
  clock.nowMs -= 55_000;
  await open(newcomer);
  clock.nowMs += 55_000;
  await pay(home, ann);
  await agree(members);
  await until('it gives a sign of life', () => newcomer.node.status().ownPending === 1);
  t.ok(newcomer.node.status().votesInDoubt);
});

t.test('a key is changed while the node runs, and a restart with the new one alone goes on', async (t) => {
  const scene = await street(t);
  const { members, votes } = scene;
  const [ann, ben, , , home] = members as [Member, Member, Member, Member, Member];
  const next = keyOf(500);
  await pay(home, ann);
  const { genesis } = ann.node.head;
  const rotation = rotationTo(next.privateKey, { genesis, account: ann.key.address });
  ann.node.holdKey(next.privateKey);
  // What is submitted in one go with the change is signed by the old key, and again by the new one.
  const outcomes = await Promise.all([
    done(ann, 'accounts.rotateKey', rotation),
    pay(ann, ben, 2n),
    pay(ann, ben, 3n),
  ]);
  const rotated = outcomes[0]!.height;
  t.ok(outcomes[1]!.height > rotated);
  for (let block = 0; block < 5; block++) await pay(home, ann);
  await agree(members);
  t.strictSame(
    ben.node.head.validators.find(({ address }) => address === ann.key.address)?.publicKey,
    next.publicKey,
  );
  t.ok([...votes].some(([height, authors]) => height > rotated && authors.has(ann.key.address)));
  t.equal(readAccount(ben.node.head.state, ben.key.address)?.balanceMicro, 1_005n);

  await scene.close(ann);
  ann.keys = { privateKey: next.privateKey, address: ann.key.address };
  await scene.open(ann);
  t.equal(ann.node.status().keyIsKnown, true);
  await pay(ann, ben, 4n);

  // The old key alone is worth nothing any more.
  await scene.close(ann);
  ann.keys = { privateKey: ann.key.privateKey };
  await scene.open(ann);
  const from = ann.node.head.height;
  t.match(ann.node.status(), { keyIsKnown: false, isValidator: true });
  t.ok(ann.events.includes('seat-without-key'));
  t.match(await submit(ann, 'accounts.skip', {}), { ok: false, code: 'NODE_KEY_UNKNOWN' });
  for (let block = 0; block < 5; block++) await pay(home, ben);
  await agree(members);
  t.notOk(
    [...votes].some(([height, authors]) => height > from + 1 && authors.has(ann.key.address)),
    'it is silent',
  );
  for (const { failures } of members) t.strictSame(failures, []);
});

t.test('a lost meter is revoked, and the one in its place has its address and balance', async (t) => {
  const scene = await street(t);
  const { members } = scene;
  const [ann, ben, cleo, , home] = members as [Member, Member, Member, Member, Member];
  await elect([ann, ben, cleo], 'revoke', home.key);
  await agree(members);
  t.match(await submit(home, 'accounts.skip', {}), { ok: false, code: 'CHAIN_UNKNOWN_SENDER' });
  const replacement = keyOf(600);
  await elect([ann, ben, cleo], 'rekey', home.key, replacement);
  await scene.close(home);
  home.keys = { privateKey: replacement.privateKey, address: home.key.address };
  await scene.open(home);
  await until('it has heard of it', () => home.node.status().keyIsKnown);
  await pay(home, ann, 1_000n);
  t.equal(readAccount(home.node.head.state, home.key.address)?.balanceMicro, 0n);
});

t.test(
  'a second validator may start after it was voted in, though nothing is final without it',
  async (t) => {
    const scene = await street(t, { validators: 1, homes: 1, strangers: 0, present: 1 });
    const { members, open } = scene;
    const [ann, second] = members as [Member, Member];
    t.ok(ann.events.includes('no-liar-tolerated'), 'said loudly');
    await elect([ann], 'add', second.key, second.key);
    const waiting = submit(ann, 'accounts.transfer', { to: second.key.address, amountMicro: 5n, memo: '' });
    await open(second);
    const submitted = await waiting;
    t.ok(submitted.ok);
    await until('a block of two', () => second.node.head.height >= 2 && ann.node.head.height >= 2);
    await agree(members);
    t.equal(second.node.status().votesInDoubt, false);
    t.equal(readAccount(second.node.head.state, second.key.address)?.balanceMicro, 1_005n);
  },
);

t.test('two that have both lost what they said stand still', async (t) => {
  const scene = await street(t, { validators: 2, homes: 1 });
  const { members, network, directory, open, close } = scene;
  const [ann, ben, home] = members as [Member, Member, Member];
  const both = [ann, ben];
  const placeOf = ({ key }: Member) => join(directory, key.address);
  await pay(home, ann);
  await agree(members);
  for (const member of both) {
    await close(member);
    await cp(placeOf(member), `${placeOf(member)}.backup`, { recursive: true });
    await open(member);
  }
  await pay(home, ann);
  await agree(members);
  // Both are put back from a backup, without their votes; what they have sealed meanwhile comes from others.
  for (const member of both) {
    await close(member);
    await rm(placeOf(member), { recursive: true });
    await cp(`${placeOf(member)}.backup`, placeOf(member), { recursive: true });
    for (const copy of ['a', 'b']) await rm(join(placeOf(member), `votes-${copy}.log`));
  }
  for (const member of both) await open(member);
  const read = await home.store.readEncodedBlock(2);
  if (!read.ok) throw new Error(read.code);
  const payload = encodeEnvelope({ channel: 'block', height: 2, finalBlock: read.found });
  for (const { key } of both)
    network.say({ channel: 'block', from: home.key.address, to: key.address, payload });
  await until('they have it', () => both.every(({ node }) => node.head.height === 2));
  const answers = () => both.map(({ transport }) => transport.received.get('sync-response') ?? 0);
  const answersBefore = answers();
  for (const { transport } of both) {
    transport.setUp(false);
    transport.setUp(true);
  }
  await until('they have heard each other', () =>
    answers().every((count, who) => count > answersBefore[who]!),
  );
  await submit(home, 'accounts.transfer', { to: ann.key.address, amountMicro: 1n, memo: '' });
  await until('it is sent again', () => (ann.transport.received.get('transaction') ?? 0) > 1);
  for (const { node } of both) t.match(node.status(), { votesInDoubt: true, height: 2 });
});

/** Speaks for `author` to `to`, as anybody can who has a key. */
function whisper({ network }: Street, to: Member, message: OwnMessage, privateKey: Uint8Array) {
  const { genesis } = to.node.head;
  const signature = sign(signedDigest(genesis, message), privateKey);
  const envelope = { channel: 'vote', message: { ...message, signature }, block: null } as Envelope;
  const payload = encodeEnvelope(envelope);
  network.say({ channel: 'vote', from: message.author, to: to.key.address, payload });
}

t.test('what is said before its height, or after, is judged by those who decide there', async (t) => {
  const scene = await street(t, { homes: 2 });
  const { members, network, clock } = scene;
  const [ann, ben, cleo, dan, home, newcomer] = members as [Member, Member, Member, Member, Member, Member];
  await pay(home, ann);
  await agree(members);
  clock.nowMs += 60_000;
  const inVain = () => {
    const { garbage, unproven } = ben.node.status().counters;
    return { garbage, unproven };
  };
  const heard = () => ben.transport.received.get('vote') ?? 0;
  const tell = async (author: NodeKey, height: number, kind: 'prepare' | 'round-change' = 'prepare') => {
    const place = { height, round: kind === 'prepare' ? 0 : 1, author: author.address };
    const vote = { kind: 'prepare', ...place, digest: 'ab'.repeat(32) } as const;
    const change = { kind: 'round-change', ...place, prepared: null, prepares: [] } as const;
    const before = heard();
    whisper(scene, ben, kind === 'prepare' ? vote : change, author.privateKey);
    await until('it is heard', () => heard() > before && ben.node.status().queueLength === 0);
  };
  const next = () => ben.node.head.height + 2;

  await tell(newcomer.key, next());
  t.same(inVain(), { garbage: 0, unproven: 1 }, 'one whom nobody wants');
  await elect([ann, ben], 'add', newcomer.key, newcomer.key);
  await agree(members);
  await tell(newcomer.key, next());
  t.same(inVain(), { garbage: 0, unproven: 1 }, 'one whom one vote more would seat');
  await elect([cleo], 'add', newcomer.key, newcomer.key);
  await agree(members);
  t.same(inVain(), { garbage: 0, unproven: 1 }, 'and his word still holds when his height begins');

  // A key that somebody else may know by now says something for the height after its change.
  const fresh = keyOf(700);
  await tell(ann.key, next());
  ann.node.holdKey(fresh.privateKey);
  const { genesis } = ann.node.head;
  await done(ann, 'accounts.rotateKey', rotationTo(fresh.privateKey, { genesis, account: ann.key.address }));
  await agree(members);
  t.same(inVain(), { garbage: 1, unproven: 1 }, 'it was good when it came, and is not when it would count');

  // Two blocks later nobody remembers by which key she spoke then.
  const changedAt = ann.node.head.height;
  await tell(ann.key, changedAt, 'round-change');
  t.same(inVain(), { garbage: 1, unproven: 1 }, 'who is late may not know of the change');
  for (let block = 0; block < 2; block += 1) await pay(home, ben);
  await agree([ann, ben, cleo, dan]);
  await tell(ann.key, changedAt, 'round-change');
  await tell(ann.key, ben.node.head.height + 50);
  t.same(inVain(), { garbage: 1, unproven: 3 }, 'what was said long ago, or far ahead, is no lie');
  await tell(ann.key, ben.node.head.height + 1);
  t.same(inVain(), { garbage: 2, unproven: 3 }, 'by now she cannot sign so');

  // Dan misses the block that drops him, and gives up rounds of a height that is final.
  dan.transport.setUp(false);
  const stuckAt = dan.node.head.height + 1;
  await elect([ann, ben, cleo], 'drop', dan.key);
  await agree([ann, ben, cleo]);
  let answered = 0;
  network.filter = ({ channel, from, to }) => {
    if (channel === 'sync-response' && from === ben.key.address && to === dan.key.address) answered += 1;
    return true;
  };
  await tell(dan.key, stuckAt, 'round-change');
  await until('he is given the blocks', () => answered > 0);
  t.same(inVain(), { garbage: 2, unproven: 3 }, 'and nobody takes him for a liar');
});

t.test(
  'where nobody has anything to say, the chain still shows that it lives, also past a silent proposer',
  async (t) => {
    const scene = await street(t, { heartbeatMs: 200 });
    const { members, close } = scene;
    const [ann, , , dan, home] = members as [Member, Member, Member, Member, Member];
    await until('three blocks of nothing', () => home.node.head.height >= 3);
    t.equal(home.node.status().poolSize, 0);
    await close(dan);
    const from = ann.node.head.height;
    await until('a turn of each', () => home.node.head.height >= from + 4);
    const { proposer, timeMs } = home.node.head.header;
    t.not(proposer, dan.key.address);
    t.ok(timeMs > START_MS);
    await agree(members.filter((member) => member !== dan));
  },
);

t.test('whatever the votes change, all nodes come to one state', async (t) => {
  const scene = await street(t, { validators: 4, homes: 2 });
  const { members, clock } = scene;
  const home = members[5]!;
  await pay(home, members[0]!);
  clock.nowMs += 60_000;
  let random = 7;
  const draw = (below: number) => {
    random = (random * 48_271) % 2_147_483_647;
    return random % below;
  };
  const sizes = new Set<number>();
  for (let turn = 0; turn < 12; turn++) {
    const seats = members.filter(({ node }) => node.status().isValidator);
    const target = members[draw(5)]!;
    const isIn = seats.includes(target);
    if (isIn && seats.length <= 3) continue;
    const voters = seats.slice(0, Math.floor(seats.length / 2) + 1);
    await elect(voters, isIn ? 'drop' : 'add', target.key, isIn ? null : target.key);
    await pay(home, members[0]!);
    await agree(members);
    clock.nowMs += 60_000;
    sizes.add(members[0]!.node.head.validators.length);
  }
  t.ok(sizes.size >= 2, `committees of ${[...sizes]}`);
  for (const { failures } of members) t.strictSame(failures, []);
});
