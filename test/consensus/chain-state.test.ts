import fc from 'fast-check';
import t from 'tap';
import {
  decodeProof,
  encodeProof,
  type Head,
  Pool,
  type SignedTransaction,
  StateTree,
  verifyProof,
} from '../../consensus/chain/index.ts';
import { stateValueHash } from '../../consensus/chain/state-hash.ts';
import { pathOf } from '../../consensus/chain/state-path.ts';
import { ConsensusError } from '../../consensus/index.ts';
import {
  alice,
  bob,
  chainOf,
  contract,
  finalBlock,
  memberKeys,
  START_MS,
  start,
  transfer,
} from './chain-fixture.ts';

const NO_ENTRIES = '00'.repeat(32);
const bytesOf = (value: number) => Uint8Array.of(value & 255, value >> 8);
const treeOf = (entries: Iterable<readonly [string, Uint8Array]>) => StateTree.EMPTY.update(new Map(entries));

const keyNames = fc.integer({ min: 0, max: 40 }).map((number) => `key/${number}`);
const batches = fc.array(
  fc.array(fc.tuple(keyNames, fc.option(fc.uint8Array({ maxLength: 4 }))), { maxLength: 12 }),
  { maxLength: 8 },
);

t.test('the tree is a map whose root depends on its entries alone', async (t) => {
  fc.assert(
    fc.property(batches, (all) => {
      const model = new Map<string, Uint8Array>();
      let tree = StateTree.EMPTY;
      for (const batch of all) {
        const before = { tree, root: tree.root };
        tree = tree.update(new Map(batch));
        for (const [key, value] of new Map(batch)) {
          if (value === null) model.delete(key);
          else model.set(key, value);
        }
        if (before.tree.root !== before.root) throw new Error('an update changed the tree it came from');
      }
      for (let number = 0; number <= 40; number++)
        t.strictSame(tree.get(`key/${number}`), model.get(`key/${number}`));
      t.strictSame(new Map(tree.entries()), model);
      t.equal(tree.root, treeOf([...model].reverse()).root, 'any order, one batch or many');
      let single = StateTree.EMPTY;
      for (const [key, value] of model) single = single.update(new Map([[key, value]]));
      t.equal(tree.root, single.root);
      const gathering = StateTree.gather();
      for (const [key, value] of [...model].reverse()) {
        gathering.add(key, bytesOf(4_711));
        gathering.add(key, value);
      }
      t.equal(gathering.tree().root, tree.root, 'gathered one by one, the last of each key');
    }),
    { numRuns: 60 },
  );
  t.equal(StateTree.EMPTY.root, NO_ENTRIES);
  t.equal(treeOf([['a', bytesOf(1)]]).update(new Map([['a', null]])).root, NO_ENTRIES);
});

t.test('keys and values of any size and script come back as they were', async (t) => {
  // A letter of 16 bits beside the values; lengths about the 4,096 letters that are packed at once.
  const keys = fc.string({ unit: 'binary', maxLength: 60 });
  const lengths = fc.oneof(fc.nat(300), fc.integer({ min: 3_980, max: 4_120 }), fc.constant(9_000));
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, lengths), { maxLength: 6 }), (sizes) => {
      const entries = new Map(
        sizes.map(([key, length], seed) => [key, new Uint8Array(length).map((_, at) => at * 7 + seed)]),
      );
      const tree = StateTree.EMPTY.update(entries);
      const found = [...tree.entries()];
      t.equal(found.length, entries.size);
      t.ok(found.every(([key, value]) => Buffer.compare(value, entries.get(key)!) === 0));
      for (const [key, value] of entries)
        t.ok(verifyProof(tree.root, { key, value, proof: tree.prove(key) }));
    }),
    { numRuns: 30 },
  );
  const lone = treeOf([['a', bytesOf(0x6362)]]);
  t.strictSame(lone.get('a'), bytesOf(0x6362));
  t.equal(lone.get('abc'), undefined, 'a key that goes on into the value is another');
  t.equal(lone.get(''), undefined);
  lone.get('a')!.fill(0);
  t.strictSame(lone.get('a'), bytesOf(0x6362), 'what is handed out is a copy');
});

t.test('roots are frozen', async (t) => {
  t.equal(
    treeOf([['a', bytesOf(1)]]).root,
    '0921c8ad54777fcdf85bbeb1d56e82633c31c5a5e5d06ed20e97af2487de9c44',
  );
  t.equal(
    treeOf(Array.from({ length: 100 }, (_, number) => [`key/${number}`, bytesOf(number)] as const)).root,
    'e811fd7f3f206c071f05f145fdbf59b6ce9b2a5b45c7602d2d82e2e5d6da114a',
  );
});

t.test('a proof shows what is there and what is not, and nothing else', async (t) => {
  const tree = treeOf(
    Array.from({ length: 300 }, (_, number) => [`key/${number}`, bytesOf(number)] as const),
  );
  const { root } = tree;
  let withOther = 0;
  for (let number = 0; number < 400; number += 7) {
    const key = `key/${number}`;
    const proof = decodeProof(encodeProof(tree.prove(key)));
    const value = tree.get(key) ?? null;
    if (proof.other !== null) withOther++;
    t.ok(verifyProof(root, { key, value, proof }));
    t.notOk(verifyProof(root, { key, value: value === null ? bytesOf(1) : null, proof }), 'not the contrary');
    t.notOk(verifyProof(root, { key, value: bytesOf(number + 1), proof }), 'no other value');
    t.notOk(verifyProof(root, { key: `${key}x`, value, proof }), 'no other key');
    t.notOk(verifyProof(NO_ENTRIES, { key, value, proof }), 'no other root');
    const cut = { ...proof, siblings: proof.siblings.slice(1) };
    t.notOk(verifyProof(root, { key, value, proof: cut }));
  }
  t.ok(withOther > 0, 'absence beside another entry was among them');
  t.ok(verifyProof(NO_ENTRIES, { key: 'x', value: null, proof: StateTree.EMPTY.prove('x') }));
  const proof = tree.prove('key/1');
  const itself = { path: pathOf('key/1'), valueHash: stateValueHash(bytesOf(1)) };
  t.notOk(
    verifyProof(root, { key: 'key/1', value: null, proof: { ...proof, other: itself } }),
    'not beside itself',
  );
});

t.test('a changed proof proves nothing, and garbage is refused with a code', async (t) => {
  const tree = treeOf(Array.from({ length: 50 }, (_, number) => [`key/${number}`, bytesOf(number)] as const));
  const good = encodeProof(tree.prove('key/3'));
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (place, flip) => {
      const bytes = Uint8Array.from(good, (byte, index) => (index === place ? byte ^ flip : byte));
      try {
        const proof = decodeProof(bytes);
        for (const value of [bytesOf(3), null]) {
          if (verifyProof(tree.root, { key: 'key/3', value, proof }))
            throw new Error('a changed proof was taken');
        }
      } catch (error) {
        if (!(error instanceof ConsensusError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
  t.throws(() => decodeProof(new Uint8Array(20_000)), { code: 'CONSENSUS_TOO_LARGE' });
});

const keyOf = (address: string, { state }: Head) => contract.publicKeyOf(state, address);
const limits = { maxCount: 100, maxBytes: 1_000_000 };

function ids(transactions: readonly SignedTransaction[]): string[] {
  return transactions.map(({ sender, nonce }) => `${sender === alice.address ? 'alice' : 'bob'} ${nonce}`);
}

t.test('the pool gives out what may go next, one of each sender in turn', async (t) => {
  const pool = new Pool(keyOf);
  for (const nonce of [2, 0, 1, 4])
    t.match(pool.add(transfer(alice, nonce), start, START_MS), { ok: true, fresh: true });
  pool.add(transfer(bob, 0), start, START_MS);
  t.strictSame(ids(pool.take(start, limits)), ['alice 0', 'bob 0', 'alice 1', 'alice 2'], 'a gap ends it');
  t.equal(pool.take(start, { ...limits, maxCount: 2 }).length, 2);
  t.equal(pool.take(start, { ...limits, maxBytes: 500 }).length, 2);
  t.match(pool.add(transfer(bob, 0), start, START_MS), { ok: true, fresh: false }, 'known');
  const { next } = finalBlock(start, [transfer(alice, 0), transfer(bob, 0)]);
  pool.advance(next, START_MS);
  t.equal(pool.size, 3);
  t.strictSame(ids(pool.take(next, limits)), ['alice 1', 'alice 2']);
  pool.drop(transfer(alice, 1));
  t.strictSame(pool.take(next, limits), []);
  pool.advance(next, START_MS + 10_000_000);
  t.equal(pool.size, 0, 'all expired');
});

t.test('the pool turns garbage away', async (t) => {
  const { next } = chainOf(1)[0]!;
  const pool = new Pool(
    (address, head) => (address === memberKeys[0]!.address ? undefined : keyOf(address, head)),
    { maxNoncesAhead: 5 },
  );
  const refused: [SignedTransaction, string][] = [
    [transfer(alice, 1, { genesis: '11'.repeat(32) }), 'CHAIN_WRONG_CHAIN'],
    [transfer(alice, 1, { expiresMs: START_MS - 1 }), 'CHAIN_EXPIRED'],
    [transfer(alice, 0), 'CHAIN_NONCE_USED'],
    [transfer(alice, 7), 'CHAIN_NONCE_AHEAD'],
    [transfer(memberKeys[0]!, 0), 'CHAIN_UNKNOWN_SENDER'],
    [{ ...transfer(alice, 1), signature: new Uint8Array(64) }, 'CHAIN_BAD_SIGNATURE'],
    [{ ...transfer(alice, 1), sender: bob.address }, 'CHAIN_BAD_SIGNATURE'],
  ];
  for (const [transaction, code] of refused)
    t.match(pool.add(transaction, next, START_MS), { ok: false, code });
  t.equal(pool.size, 0);
});

t.test('a transaction gives way only to one that lives clearly longer', async (t) => {
  const pool = new Pool(keyOf);
  const expiresMs = START_MS + 10_000;
  const first = transfer(alice, 0, { expiresMs });
  pool.add(first, start, START_MS);
  const soon = transfer(alice, 0, { expiresMs: expiresMs + 999, memo: 'b' });
  t.match(pool.add(soon, start, START_MS), { ok: false, code: 'CHAIN_NONCE_TAKEN' });
  t.strictSame(pool.take(start, limits), [first]);
  const later = transfer(alice, 0, { expiresMs: expiresMs + 1000, memo: 'c' });
  t.match(pool.add(later, start, START_MS), { ok: true, fresh: true });
  t.strictSame(pool.take(start, limits), [later]);
  t.equal(pool.size, 1);
});

t.test('a full pool lets nobody crowd out the others', async (t) => {
  const pool = new Pool(keyOf, { maxTransactions: 6, maxPerSender: 5 });
  for (let nonce = 0; nonce < 5; nonce++) t.ok(pool.add(transfer(alice, nonce), start, START_MS).ok);
  t.match(
    pool.add(transfer(alice, 5), start, START_MS),
    { ok: false, code: 'CHAIN_POOL_FULL' },
    'her share is used up',
  );
  for (let nonce = 0; nonce < 3; nonce++) t.ok(pool.add(transfer(bob, nonce), start, START_MS).ok);
  t.equal(pool.size, 6);
  t.match(pool.add(transfer(bob, 3), start, START_MS), { ok: false, code: 'CHAIN_POOL_FULL' });
  t.strictSame(ids(pool.take(start, limits)), ['alice 0', 'bob 0', 'alice 1', 'bob 1', 'alice 2', 'bob 2']);
  const odd = new Pool(keyOf, { maxTransactions: 7 });
  for (let nonce = 0; nonce < 4; nonce++) t.ok(odd.add(transfer(alice, nonce), start, START_MS).ok);
  for (let nonce = 0; nonce < 3; nonce++) t.ok(odd.add(transfer(bob, nonce), start, START_MS).ok);
  t.notOk(
    odd.add(transfer(bob, 3), start, START_MS).ok,
    'one more than the other is no reason to change places',
  );
  const narrow = new Pool(keyOf, { maxBytes: 500 });
  t.ok(narrow.add(transfer(alice, 0), start, START_MS).ok);
  t.ok(narrow.add(transfer(alice, 1), start, START_MS).ok);
  t.match(narrow.add(transfer(alice, 2), start, START_MS), { ok: false, code: 'CHAIN_POOL_FULL' });
  t.ok(narrow.add(transfer(bob, 0), start, START_MS).ok === false || narrow.size === 2);
});

t.test('what a sender costs is bounded, and nobody else can use that up', async (t) => {
  const quotaOf = (tokens: number) => {
    const used = new Map<string, number>();
    return {
      used,
      has: (name: string) => (used.get(name) ?? 0) < tokens,
      use: (name: string) => void used.set(name, (used.get(name) ?? 0) + 1),
    };
  };
  const sent = quotaOf(3);
  const failed = quotaOf(1);
  const pool = new Pool(keyOf, { sent, failed });
  const add = (transaction: SignedTransaction) => pool.add(transaction, start, START_MS);
  for (let time = 0; time < 9; time++) {
    t.match(add({ ...transfer(alice, 0), signature: new Uint8Array(64) }), { code: 'CHAIN_BAD_SIGNATURE' });
    t.match(add({ ...transfer(bob, 0), sender: alice.address }), { code: 'CHAIN_BAD_SIGNATURE' });
  }
  t.equal(sent.used.size, 0, 'forgeries are not hers');
  t.ok(add(transfer(alice, 0)).ok);
  for (let time = 0; time < 9; time++) t.match(add(transfer(alice, 0)), { ok: true, fresh: false });
  t.equal(sent.used.get(alice.address), 1, 'what is here already costs nothing');

  pool.drop(transfer(alice, 0));
  for (let time = 0; time < 9; time++) t.match(add(transfer(alice, 0)), { code: 'CHAIN_OVER_RATE' });
  t.equal(sent.used.get(alice.address), 1, 'nor what failed, whoever sends it again');

  t.ok(add(transfer(alice, 1)).ok);
  t.ok(add(transfer(alice, 2)).ok);
  t.match(add(transfer(alice, 3)), { code: 'CHAIN_OVER_RATE' });
  t.match(
    add({ ...transfer(alice, 3), signature: new Uint8Array(64) }),
    { code: 'CHAIN_OVER_RATE' },
    'unverified',
  );
  t.ok(add(transfer(bob, 0)).ok, 'others are not touched');
});

t.test('whatever comes in, the pool stays within its bounds and in order', async () => {
  const commands = fc.array(
    fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 4 })),
    { maxLength: 40 },
  );
  const cache = new Map<string, SignedTransaction>();
  const made = (isAlice: boolean, nonce: number, life: number) => {
    const name = `${isAlice} ${nonce} ${life}`;
    const known = cache.get(name);
    if (known !== undefined) return known;
    const fresh = transfer(isAlice ? alice : bob, nonce, { expiresMs: START_MS + life * 2000 });
    cache.set(name, fresh);
    return fresh;
  };
  fc.assert(
    fc.property(commands, (list) => {
      const pool = new Pool(keyOf, { maxTransactions: 7, maxPerSender: 5, maxNoncesAhead: 8 });
      for (const [isAlice, nonce, life] of list) {
        pool.add(made(isAlice, nonce, life), start, START_MS + 3000);
        if (pool.size > 7) throw new Error('too many');
        const taken = pool.take(start, limits);
        for (const sender of [alice.address, bob.address]) {
          const nonces = taken
            .filter((transaction) => transaction.sender === sender)
            .map(({ nonce }) => nonce);
          if (nonces.some((nonce, index) => nonce !== index)) throw new Error('out of order');
          if (nonces.length > 5) throw new Error('more than a share');
        }
      }
      pool.advance(start, START_MS + 1_000_000);
      if (pool.size !== 0) throw new Error('a transaction was lost count of');
    }),
    { numRuns: 100 },
  );
});
