import fc from 'fast-check';
import t from 'tap';
import { addressOf, generateKey, publicKeyOf, sign, verify } from '../../consensus/crypto/index.ts';
import { encode } from '../../consensus/encoding/index.ts';
import {
  CHANNELS,
  createCopies,
  createGate,
  createQuota,
  decodeEnvelope,
  decodeVoteRecord,
  type Envelope,
  encodeEnvelope,
  encodeVoteRecord,
  isGenuine,
  signedDigest,
} from '../../consensus/network/index.ts';
import type { Message, OwnMessage, Prepare, RoundChange } from '../../consensus/protocol/index.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hexOf = (length: number) => bytes(length).map((value) => Buffer.from(value).toString('hex'));
const count = fc.nat({ max: 2 ** 31 });
const block = fc.uint8Array({ maxLength: 300 }).map((value) => Uint8Array.from(value));
const place = { height: count, round: count, author: hexOf(20), signature: bytes(64) };
const signer = fc.record({ author: hexOf(20), signature: bytes(64) });
const claim = fc.option(fc.record({ round: count, digest: hexOf(32) }));

const prepare = fc.record({ kind: fc.constant('prepare' as const), ...place, digest: hexOf(32) });
const commit = fc.record({ kind: fc.constant('commit' as const), ...place, digest: hexOf(32) });
const roundChange = fc
  .tuple(fc.record({ ...place, prepared: claim }), fc.array(signer, { maxLength: 4 }))
  .map(([fields, signers]): RoundChange => {
    const { height, prepared } = fields;
    const prepares: Prepare[] =
      prepared === null ? [] : signers.map((each) => ({ kind: 'prepare', height, ...prepared, ...each }));
    return { kind: 'round-change', ...fields, prepares };
  });
const proposal = fc
  .tuple(fc.record({ ...place, digest: hexOf(32) }), fc.option(fc.tuple(fc.array(signer), claim)))
  .map(([fields, grounds]): Message => {
    if (grounds === null) return { kind: 'proposal', ...fields, justification: null };
    const [signers, prepared] = grounds;
    const { height, round } = fields;
    const roundChanges = signers.map(
      (each): RoundChange => ({ kind: 'round-change', height, round, prepared, prepares: [], ...each }),
    );
    const prepares =
      prepared === null
        ? []
        : signers.map((each): Prepare => ({ kind: 'prepare', height, ...prepared, ...each }));
    return { kind: 'proposal', ...fields, justification: { roundChanges, prepares } };
  });

const envelope: fc.Arbitrary<Envelope> = fc.oneof(
  fc
    .tuple(proposal, block)
    .map(([message, body]) => ({ channel: 'proposal', message, block: body }) as Envelope),
  fc.oneof(prepare, commit).map((message) => ({ channel: 'vote', message, block: null }) as Envelope),
  fc
    .tuple(roundChange, block)
    .map(
      ([message, body]) =>
        ({ channel: 'vote', message, block: message.prepared === null ? null : body }) as Envelope,
    ),
  fc
    .array(block, { maxLength: 64 })
    .map((transactions) => ({ channel: 'transaction', transactions }) as Envelope),
  fc
    .tuple(count, block)
    .map(([height, finalBlock]) => ({ channel: 'block', height, finalBlock }) as Envelope),
  fc
    .tuple(count, count)
    .map(([fromHeight, maxBlocks]) => ({ channel: 'sync-request', fromHeight, maxBlocks }) as Envelope),
  fc
    .tuple(count, count, fc.array(block, { maxLength: 16 }))
    .map(
      ([headHeight, firstHeight, finalBlocks]) =>
        ({ channel: 'sync-response', headHeight, firstHeight, finalBlocks }) as Envelope,
    ),
  count.map((aboveHeight) => ({ channel: 'snapshot-request', about: 'offer', aboveHeight }) as Envelope),
  fc
    .tuple(count, count)
    .map(([height, index]) => ({ channel: 'snapshot-request', about: 'part', height, index }) as Envelope),
  fc.tuple(fc.array(block, { maxLength: 64 }), fc.option(fc.tuple(block, block))).map(([changes, pair]) => {
    const snapshot = pair && { milestone: pair[0], manifest: pair[1] };
    return { channel: 'snapshot-response', about: 'offer', offer: { changes, snapshot } } as Envelope;
  }),
  fc
    .tuple(count, count, fc.option(block))
    .map(
      ([height, index, part]) =>
        ({ channel: 'snapshot-response', about: 'part', height, index, part }) as Envelope,
    ),
);

t.test('what is encoded comes back, on its channel only', (t) => {
  fc.assert(
    fc.property(envelope, (original) => {
      const payload = encodeEnvelope(original);
      const decoded = decodeEnvelope(original.channel, payload);
      t.same(decoded, { ok: true, envelope: original });
      if (original.channel === 'vote') t.equal(decodeEnvelope('proposal', payload).ok, false);
      if (original.channel === 'proposal') t.equal(decodeEnvelope('vote', payload).ok, false);
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('garbage is refused with a code, whatever it is', (t) => {
  const known = (outcome: ReturnType<typeof decodeEnvelope>) =>
    outcome.ok ||
    ['CONSENSUS_BAD_ENCODING', 'CONSENSUS_TOO_LARGE', 'CONSENSUS_BAD_MESSAGE'].includes(outcome.code);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (payload) =>
      CHANNELS.every((channel) => known(decodeEnvelope(channel, payload))),
    ),
  );
  // Closer to the mark: a true payload with some bytes changed or cut off.
  fc.assert(
    fc.property(envelope, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (original, where, value, cut) => {
      const payload = encodeEnvelope(original);
      const at = where % payload.length;
      const spoilt = cut ? payload.slice(0, at) : payload.map((byte, index) => (index === at ? value : byte));
      const outcome = decodeEnvelope(original.channel, spoilt);
      if (outcome.ok) t.same(encodeEnvelope(outcome.envelope), spoilt, 'one encoding per envelope');
      return known(outcome);
    }),
    { numRuns: 500 },
  );
  const huge = decodeEnvelope('sync-request', encode([2n ** 60n, 1n]));
  t.equal(huge.ok ? '' : huge.code, 'CONSENSUS_BAD_MESSAGE', 'heights are safe integers');
  const crowd = decodeEnvelope('transaction', encode([Array.from({ length: 65 }, () => new Uint8Array(1))]));
  t.equal(crowd.ok ? '' : crowd.code, 'CONSENSUS_BAD_MESSAGE', 'lists are bounded');
  t.end();
});

t.test('own votes come back from their records', (t) => {
  fc.assert(
    fc.property(commit, fc.array(signer, { maxLength: 5 }), (vote, signers) => {
      const { signature: _, ...message } = vote;
      const { height, round, digest } = vote;
      const prepares = signers.map((each): Prepare => ({ kind: 'prepare', height, round, digest, ...each }));
      const record = { message: message as OwnMessage, prepares };
      t.same(decodeVoteRecord(encodeVoteRecord(record)), record);
    }),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (payload) => {
      t.throws(() => decodeVoteRecord(payload), { name: 'ConsensusError' });
    }),
  );
  t.end();
});

const GENESIS = 'ab'.repeat(32);
const keys = [1, 2, 3].map((seed) => generateKey(new Uint8Array(32).fill(seed)));
const addresses = keys.map((key) => addressOf(publicKeyOf(key)));
const publicKeys = new Map(addresses.map((address, index) => [address, publicKeyOf(keys[index]!)]));
const signed = <M extends OwnMessage>(message: M) => {
  const key = keys[addresses.indexOf(message.author)]!;
  return { ...message, signature: sign(signedDigest(GENESIS, message), key) };
};
const verification = () => ({
  genesis: GENESIS,
  publicKeyOf: (author: string) => publicKeys.get(author),
  verify,
});

t.test('a signature holds for one chain, kind, place and content only', (t) => {
  const [author, other] = addresses as [string, string];
  const digest = 'cd'.repeat(32);
  const vote = signed({ kind: 'prepare', height: 5, round: 1, digest, author } as const);
  t.ok(isGenuine(vote, verification()));
  const forgeries: Message[] = [
    { ...vote, kind: 'commit' },
    { ...vote, kind: 'proposal', justification: null },
    { ...vote, height: 6 },
    { ...vote, round: 2 },
    { ...vote, digest: 'ce'.repeat(32) },
    { ...vote, author: other },
    { ...vote, author: '00'.repeat(20) },
    { ...vote, signature: new Uint8Array(64) },
  ];
  // What is remembered of one message must not lend itself to another.
  const shared = verification();
  isGenuine(vote, shared);
  for (const forgery of forgeries) t.notOk(isGenuine(forgery, shared), `${forgery.kind}`);
  t.notOk(isGenuine(vote, { ...shared, genesis: 'ac'.repeat(32) }), 'of another chain');

  const prepared = { round: 0, digest };
  const claimed = signed({
    kind: 'round-change',
    height: 5,
    round: 1,
    author,
    prepared,
    prepares: [{ ...vote, round: 0 }],
  } as const);
  t.notOk(isGenuine(claimed, verification()), 'a proof with a forged vote in it');
  const proven = { ...claimed, prepares: [signed({ ...vote, round: 0 })] };
  t.ok(isGenuine(proven, verification()), 'proofs are not part of what is signed');
  t.notOk(isGenuine({ ...proven, prepared: null }, verification()));
  const justification = { roundChanges: [proven, { ...proven, author: other }], prepares: [] };
  const led = signed({ kind: 'proposal', height: 5, round: 1, digest, author, justification } as const);
  t.notOk(isGenuine(led, verification()), 'a justification with a forged round change in it');
  t.end();
});

t.test('a quota gives each name its burst and its rate, whatever the order of calls', (t) => {
  const moves = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat({ max: 700 })), { maxLength: 60 });
  fc.assert(
    fc.property(
      moves,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 20 }),
      (list, burst, perSecond) => {
        const quota = createQuota({ burst, perSecond });
        const used = new Map<string, number[]>();
        let nowMs = 0;
        for (const [name, laterMs] of list) {
          nowMs += laterMs;
          if (!quota.has(name, nowMs)) continue;
          quota.use(name, nowMs);
          const times = [...(used.get(name) ?? []), nowMs];
          used.set(name, times);
          for (const [index, sinceMs] of times.entries()) {
            const allowed = burst + ((nowMs - sinceMs) * perSecond) / 1000;
            if (times.length - index > allowed + 1e-6)
              throw new Error(`${times.length - index} of ${allowed}`);
          }
        }
        return true;
      },
    ),
  );
  const quota = createQuota({ burst: 1, perSecond: 1 });
  quota.use('first', 0);
  for (let name = 0; name < 2_000; name += 1) quota.use(`${name}`, 0);
  t.ok(quota.has('first', 0), 'the one unheard for longest is forgotten');
  t.notOk(quota.has('1999', 0));
  t.ok(quota.has('1999', 1_000));
  t.notOk(quota.has('1999', -5_000), 'a clock that goes back gives nothing');
  t.end();
});

t.test('garbage in a name costs that name its ease, never its voice', (t) => {
  const limits = {
    garbage: { burst: 5, perSecond: 1 },
    suspects: { burst: 2, perSecond: 2 },
    served: { burst: 2, perSecond: 1 },
  };
  const gate = createGate(limits, (name) => !name.startsWith('stranger'));
  for (let i = 0; i < 5; i += 1) {
    t.ok(gate.admits('mallory', 0));
    gate.blame('mallory', 0);
  }
  t.same(
    [1, 2, 3].map(() => gate.admits('mallory', 0)),
    [true, true, false],
    'a narrow allowance remains',
  );
  t.ok(gate.admits('alice', 0), 'others are not touched');
  t.ok(gate.admits('mallory', 2_000), 'time forgives');
  t.same(
    [1, 2, 3].map(() => gate.serves('bob', 0)),
    [true, true, false],
  );
  t.ok(gate.serves('bob', 1_000));
  for (let i = 0; i < 5_000; i += 1) gate.blame(`name ${i}`, 3_000);
  t.ok(gate.admits('mallory', 3_000), 'memory is bounded');
  for (let i = 0; i < 5; i += 1) gate.blame(`stranger ${i}`, 4_000);
  t.same(
    [1, 2, 3].map((i) => gate.admits(`stranger ${i} more`, 4_000)),
    [true, true, false],
    'a new name for every message earns no new trust',
  );
  t.same(
    [1, 2, 3].map((i) => gate.serves(`stranger ${i}`, 4_000)),
    [true, true, false],
  );
  t.ok(gate.admits('alice', 4_000));
  for (let i = 0; i < 10; i += 1) gate.blame('alice', 4_000, 1);
  t.same(
    [1, 2, 3].map(() => gate.admits('alice', 4_000, 1)),
    [true, true, false],
    'told by another way',
  );
  t.ok(gate.admits('alice', 4_000), 'and nothing by this one');
  t.same(
    [1, 2, 3].map(() => gate.serves('alice', 4_000, 1)),
    [true, true, false],
  );
  t.ok(gate.serves('alice', 4_000));
  t.end();
});

t.test('a copy by another way is dropped once it is known, and never what is said again', (t) => {
  const copies = createCopies(4);
  const message = (word: string, via?: number) => ({
    ...{ channel: 'vote' as const, from: 'alice', payload: new TextEncoder().encode(word) },
    ...(via !== undefined && { via }),
  });
  copies.look(message('hello', 0), 0)?.(0);
  t.ok(copies.look(message('hello', 0), 1), 'by one way alone all is heard');
  t.ok(copies.look(message('hello', 1), 2), 'nothing is remembered before there are two');

  t.ok(copies.look(message('forged', 1), 10), 'what was not taken');
  t.ok(copies.look(message('forged', 0), 11), 'is looked at again');
  copies.look(message('yes', 1), 20)?.(21);
  t.notOk(copies.look(message('yes', 0), 22), 'a copy');
  t.ok(copies.look(message('yes', 0), 23), 'said again');
  t.ok(copies.look(message('yes', 1), 24), 'said again by the first way');
  t.notOk(copies.look(message('yes', 2), 25), 'a third way brings its copy, too');
  t.ok(copies.look({ ...message('yes', 2), from: 'bob' }, 26), 'another sender');
  t.ok(copies.look({ ...message('yes', 2), channel: 'block' }, 26), 'another channel');
  copies.look(message('late', 1), 100)?.(100);
  t.ok(copies.look(message('late', 0), 1_101), 'a second later it has a reason');
  copies.look(message('old', 1), 2_000)?.(2_000);
  for (const word of 'abcd') copies.look(message(word, 1), 2_000)?.(2_000);
  t.ok(copies.look(message('old', 0), 2_001), 'memory is bounded');
  t.notOk(copies.look(message('b', 0), 2_001));

  // Each message that is dropped stands for one that the other way brought, and that was taken, a moment before.
  const event = fc.record({
    via: fc.nat(1),
    word: fc.constantFrom('x', 'y'),
    waitMs: fc.nat(700),
    holds: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const seen = createCopies(16);
      const takenMs = new Map<string, number[]>();
      let nowMs = 0;
      seen.look(message('', 0), 0);
      seen.look(message('', 1), 0);
      return events.every(({ via, word, waitMs, holds }) => {
        nowMs += waitMs;
        const taken = seen.look(message(word, via), nowMs);
        const others = takenMs.get(`${1 - via} ${word}`) ?? [];
        if (taken === undefined) return nowMs - (others.pop() ?? Number.NEGATIVE_INFINITY) <= 1_000;
        if (holds) {
          taken(nowMs);
          takenMs.set(`${via} ${word}`, [...(takenMs.get(`${via} ${word}`) ?? []), nowMs]);
        }
        return true;
      });
    }),
  );
  t.end();
});
