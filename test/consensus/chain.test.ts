import fc from 'fast-check';
import t from 'tap';
import {
  assembleBlock,
  type BlockFault,
  blockDigest,
  type Contract,
  checkCertificate,
  checkTransaction,
  decodeBlock,
  decodeFinalBlock,
  decodeTransaction,
  encodeBlock,
  encodeFinalBlock,
  encodeTransaction,
  executeBlock,
  formatGenesis,
  genesisHash,
  nextNonce,
  openFinalBlock,
  parseGenesis,
  type SignedTransaction,
  signTransaction,
  transactionId,
  transactionsRoot,
  verifyFinalBlock,
} from '../../consensus/chain/index.ts';
import { readAccount } from '../../consensus/contract/index.ts';
import { ConsensusError } from '../../consensus/index.ts';
import {
  alice,
  bob,
  chainOf,
  contract,
  finalBlock,
  genesis,
  START_MS,
  sealed,
  start,
  transfer,
  validatorKeys,
} from './chain-fixture.ts';

const proposer = validatorKeys[0]!.address;
const timeMs = START_MS + 1000;

function assemble(candidates: readonly SignedTransaction[], options = {}) {
  return assembleBlock(start, candidates, { proposer, timeMs, ...options }, contract);
}

/** Every decoder must refuse with a code, or return what encodes to the same bytes. */
function feedGarbage<Value>(
  good: Uint8Array,
  { decode, encode }: { decode: (bytes: Uint8Array) => Value; encode: (value: Value) => Uint8Array },
) {
  const check = (bytes: Uint8Array) => {
    let value: Value;
    try {
      value = decode(bytes);
    } catch (error) {
      if (error instanceof ConsensusError) return;
      throw error;
    }
    if (Buffer.compare(encode(value), bytes) !== 0) throw new Error('two encodings of one value');
  };
  for (let length = 0; length < good.length; length += 7) check(good.subarray(0, length));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 200 });
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (place, flip) => {
      check(Uint8Array.from(good, (byte, index) => (index === place ? byte ^ flip : byte)));
    }),
    { numRuns: 300 },
  );
}

t.test('a transaction proves its sender, and nothing of it can be changed', async (t) => {
  const transaction = transfer(alice, 0);
  const by = (publicKey: Uint8Array | undefined) => ({ genesis: start.genesis, publicKey });
  t.equal(checkTransaction(transaction, by(alice.publicKey)), null);
  t.equal(
    checkTransaction(transaction, by(bob.publicKey)),
    'CHAIN_BAD_SIGNATURE',
    'known good, by another key',
  );
  t.equal(checkTransaction(transaction, by(undefined)), 'CHAIN_UNKNOWN_SENDER');
  t.strictSame(decodeTransaction(encodeTransaction(transaction)), transaction);
  t.equal(transaction.sender, alice.address);
  const changed: [Partial<SignedTransaction>, string][] = [
    [{ genesis: '00'.repeat(32) }, 'CHAIN_WRONG_CHAIN'],
    [{ sender: bob.address }, 'CHAIN_BAD_SIGNATURE'],
    [{ nonce: 1 }, 'CHAIN_BAD_SIGNATURE'],
    [{ method: 'accounts.transfers' }, 'CHAIN_BAD_SIGNATURE'],
    [{ args: [] }, 'CHAIN_BAD_SIGNATURE'],
    [{ expiresMs: transaction.expiresMs + 1 }, 'CHAIN_BAD_SIGNATURE'],
    [{ signature: new Uint8Array(64) }, 'CHAIN_BAD_SIGNATURE'],
    [{ args: [new Uint8Array(70_000)] }, 'CHAIN_TOO_LARGE'],
  ];
  for (const [change, code] of changed) {
    t.equal(checkTransaction({ ...transaction, ...change }, by(alice.publicKey)), code);
  }
  t.equal(
    transactionId({ ...transaction, signature: new Uint8Array(64) } as SignedTransaction),
    transactionId(transaction),
  );
  t.not(transactionId(transfer(alice, 1)), transactionId(transaction));
  t.throws(
    () =>
      signTransaction(
        {
          genesis: start.genesis,
          sender: alice.address,
          nonce: 0,
          method: 'x.y',
          args: [new Uint8Array(65_536)],
          expiresMs: 0,
        },
        alice.privateKey,
      ),
    { code: 'CONSENSUS_TOO_LARGE' },
  );
});

t.test('decoders of transactions and blocks take no garbage', async () => {
  const { final } = finalBlock(start, [transfer(alice, 0), transfer(bob, 0)]);
  feedGarbage(encodeTransaction(transfer(alice, 0)), {
    decode: decodeTransaction,
    encode: encodeTransaction,
  });
  feedGarbage(encodeBlock(final.block), { decode: decodeBlock, encode: encodeBlock });
  feedGarbage(encodeFinalBlock(final), { decode: decodeFinalBlock, encode: encodeFinalBlock });
});

t.test('an assembled block executes to what its author saw, on a decoded copy too', async (t) => {
  const { block, next, dropped, events } = assemble([
    transfer(alice, 0),
    transfer(alice, 1),
    transfer(bob, 0),
  ]);
  t.equal(dropped.length, 0);
  t.equal(events.length, 3);
  t.equal(events[0]?.[0]?.name, 'accounts.transferred');
  const executed = executeBlock(start, decodeBlock(encodeBlock(block)), contract);
  if (!executed.ok) throw new Error(executed.reason);
  t.equal(executed.next.digest, next.digest);
  t.equal(executed.next.state.root, block.header.stateRoot);
  t.equal(executed.next.height, 1);
  t.equal(executed.next.proposer, proposer);
  t.equal(readAccount(executed.next.state, alice.address)?.balanceMicro, 999_990n);
  t.equal(nextNonce(executed.next.state, alice.address), 2);
  t.equal(nextNonce(start.state, alice.address), 0, 'the old head is as it was');
  t.equal(start.state.update(executed.changes).root, block.header.stateRoot);
});

t.test('only what succeeds gets in; what fails is named with its code', async (t) => {
  const stranger = transfer(alice, 0, { genesis: '11'.repeat(32) });
  const { block, dropped } = assemble([
    transfer(alice, 0),
    transfer(alice, 0, { memo: 'again' }),
    transfer(alice, 2),
    transfer(bob, 0, { expiresMs: timeMs - 1 }),
    transfer(bob, 0, { to: '99'.repeat(20) }),
    stranger,
    { ...transfer(bob, 0), signature: new Uint8Array(64) },
    transfer(bob, 0),
  ]);
  t.strictSame(
    dropped.map(({ code }) => code),
    [
      'CHAIN_NONCE_USED',
      'CHAIN_NONCE_AHEAD',
      'CHAIN_EXPIRED',
      'CONTRACT_UNKNOWN_ACCOUNT',
      'CHAIN_WRONG_CHAIN',
      'CHAIN_BAD_SIGNATURE',
    ],
  );
  t.equal(block.transactions.length, 2);
  t.equal(executeBlock(start, block, contract).ok, true);
});

t.test('a contract that writes before it rejects leaves nothing behind', async (t) => {
  const rude: Contract = {
    ...contract,
    applyCall(state, call, context) {
      state.set('rude', Uint8Array.of(1));
      state.delete(`accounts/${call.sender}`);
      return call.sender === bob.address
        ? { ok: false, code: 'CONTRACT_WRONG_PHASE', reason: 'no' }
        : contract.applyCall(state, call, context);
    },
  };
  const { next, dropped } = assembleBlock(start, [transfer(bob, 0)], { proposer, timeMs }, rude);
  t.equal(dropped[0]?.code, 'CONTRACT_WRONG_PHASE');
  t.equal(next.state.root, start.state.root);
});

t.test('room is bounded, and no room is no failure', async (t) => {
  const many = Array.from({ length: 6 }, (_, nonce) => transfer(alice, nonce));
  t.equal(assemble(many, { maxTransactions: 4 }).block.transactions.length, 4);
  const narrow = assemble(many, { maxBytes: 1200 });
  t.ok(encodeBlock(narrow.block).length <= 1200);
  t.ok(narrow.block.transactions.length > 0 && narrow.block.transactions.length < 6);
  t.equal(narrow.dropped.length, 0);
  t.equal(assemble([], { timeMs: 5 }).block.header.timeMs, START_MS + 1, 'time goes on by itself');
});

t.test('a block with anything wrong in it is refused', async (t) => {
  const { block } = assemble([transfer(alice, 0), transfer(bob, 0)]);
  const other = 'ab'.repeat(32);
  const headers: [Partial<typeof block.header>, BlockFault][] = [
    [{ height: 2 }, 'CHAIN_WRONG_HEIGHT'],
    [{ parent: other }, 'CHAIN_WRONG_PARENT'],
    [{ timeMs: START_MS }, 'CHAIN_WRONG_TIME'],
    [{ proposer: alice.address }, 'CHAIN_WRONG_PROPOSER'],
    [{ transactionsRoot: other }, 'CHAIN_WRONG_ROOT'],
    [{ stateRoot: other }, 'CHAIN_WRONG_ROOT'],
    [{ receiptsRoot: other }, 'CHAIN_WRONG_ROOT'],
    [{ validatorsHash: other }, 'CHAIN_WRONG_ROOT'],
  ];
  for (const [change, code] of headers) {
    const result = executeBlock(start, { ...block, header: { ...block.header, ...change } }, contract);
    t.match(result, { ok: false, code });
  }
  t.match(executeBlock(start, { ...block, transactions: block.transactions.slice(1) }, contract), {
    code: 'CHAIN_WRONG_ROOT',
  });
  const twice = [block.transactions[0]!, block.transactions[0]!];
  const replay = assemble([]).block;
  const forged = {
    header: { ...replay.header, transactionsRoot: transactionsRoot(twice) },
    transactions: twice,
  };
  t.match(executeBlock(start, forged, contract), { ok: false, code: 'CHAIN_NONCE_USED' });
  t.equal(start.state.root, start.header.stateRoot);
});

t.test('the digest binds every field of the header', async (t) => {
  const { header } = assemble([transfer(alice, 0)]).block;
  const other = { height: 9, timeMs: 9, proposer: 'cd'.repeat(20) };
  for (const field of Object.keys(header) as (keyof typeof header)[]) {
    if (field === 'version') continue;
    const changed = {
      ...header,
      [field]: field in other ? other[field as keyof typeof other] : 'cd'.repeat(32),
    };
    t.not(blockDigest(changed), blockDigest(header), field);
  }
});

t.test('a certificate needs a quorum of distinct signers of one round', async (t) => {
  const { block } = assemble([transfer(alice, 0)]);
  const digest = blockDigest(block.header);
  const { validators } = start;
  const check = (certificate: Parameters<typeof checkCertificate>[0]) =>
    checkCertificate(certificate, { genesis: start.genesis, height: 1, digest, validators });
  const good = sealed(start, block, { round: 2 });
  t.equal(check(good), null);
  t.equal(good.seals.length, 3, 'no more than needed');
  const { seals } = good;
  const [first, second, third] = seals as [
    (typeof seals)[0] & object,
    (typeof seals)[0] & object,
    (typeof seals)[0] & object,
  ];
  t.equal(check({ ...good, seals: [first, second] }), 'CHAIN_SEALS_TOO_FEW');
  t.equal(
    check({ ...good, seals: [first, second, second] }),
    'CHAIN_SEALS_UNSORTED',
    'one signer counts once',
  );
  t.equal(check({ ...good, seals: [third, second, first] }), 'CHAIN_SEALS_UNSORTED');
  t.equal(check({ ...good, seals: [first, second, { ...third, signer: 4 }] }), 'CHAIN_SEAL_UNKNOWN_SIGNER');
  t.equal(check({ ...good, seals: [first, second, { ...third, signer: 3 }] }), 'CHAIN_SEAL_BAD_SIGNATURE');
  t.equal(check({ ...good, round: 3 }), 'CHAIN_SEAL_BAD_SIGNATURE', 'the round is signed');
  const elsewhere = sealed(start, block, { round: 1 }).seals[2]!;
  t.equal(
    check({ ...good, seals: [first, second, elsewhere] }),
    'CHAIN_SEAL_BAD_SIGNATURE',
    'seals of two rounds never add up',
  );
  t.match(verifyFinalBlock(start, { block, certificate: good }), { ok: true });
  t.match(verifyFinalBlock(start, { block, certificate: { round: 2, seals: [] } }), {
    code: 'CHAIN_SEALS_TOO_FEW',
  });
  const frame = { header: block.header, certificate: good };
  const closed = { ...frame, encodedTransactions: block.transactions.map(encodeTransaction) };
  t.same(openFinalBlock(start, closed), { ok: true, final: { block, certificate: good } });
  const rubbish = [Uint8Array.of(1), Uint8Array.of(2)];
  const unsealed = { ...frame, certificate: { round: 3, seals: good.seals }, encodedTransactions: rubbish };
  t.match(openFinalBlock(start, unsealed), { code: 'CHAIN_SEAL_BAD_SIGNATURE' }, 'transactions stay closed');
  t.match(openFinalBlock(start, { ...closed, encodedTransactions: rubbish }), { code: 'CHAIN_WRONG_ROOT' });
  t.match(openFinalBlock(chainOf(1)[0]!.next, closed), { code: 'CHAIN_WRONG_HEIGHT' });
  t.match(verifyFinalBlock(chainOf(1)[0]!.next, { block, certificate: good }), {
    code: 'CHAIN_WRONG_HEIGHT',
  });
});

t.test('money is conserved along a chain that replays to the same roots', async (t) => {
  const chain = chainOf(10);
  let head = start;
  for (const { final, next } of chain) {
    const copy = decodeFinalBlock(encodeFinalBlock(final));
    t.match(verifyFinalBlock(head, copy), { ok: true });
    const executed = executeBlock(head, copy.block, contract);
    if (!executed.ok) throw new Error(executed.reason);
    t.equal(executed.next.digest, next.digest);
    head = executed.next;
  }
  const balances = genesis.accounts.map(
    ({ address }) => readAccount(head.state, address)?.balanceMicro ?? 0n,
  );
  t.equal(
    balances.reduce((sum, balance) => sum + balance, 0n),
    6_000_000n,
  );
  t.equal(readAccount(head.state, alice.address)?.balanceMicro, 1_000_000n - 70n);
});

t.test('a genesis is read strictly, frozen, and named by its hash', async (t) => {
  const text = formatGenesis(genesis);
  const read = parseGenesis(text);
  t.strictSame(read, genesis);
  t.equal(genesisHash(read), start.genesis);
  t.ok(Object.isFrozen(read) && Object.isFrozen(read.accounts[0]));
  const reversed = JSON.parse(text);
  reversed.validators.reverse();
  reversed.accounts.reverse();
  t.equal(genesisHash(parseGenesis(JSON.stringify(reversed))), start.genesis, 'order does not matter');
  const large = { ...JSON.parse(text), parameters: { creditLimitMicro: '123456789012345678' } };
  t.equal(parseGenesis(JSON.stringify(large)).parameters.creditLimitMicro, 123_456_789_012_345_678n);
  const wrong: [string, (document: ReturnType<typeof JSON.parse>) => void][] = [
    ['an unknown key', (document) => (document.extra = 1)],
    ['no network', (document) => delete document.network],
    ['a fraction', (document) => (document.timeMs = 1.5)],
    ['a negative time', (document) => (document.timeMs = -1)],
    ['no validator', (document) => (document.validators = [])],
    ['a validator twice', (document) => document.validators.push(document.validators[0])],
    ['an account twice', (document) => document.accounts.push(document.accounts[0])],
    ['a key of another', (document) => (document.validators[0].publicKey = document.validators[1].publicKey)],
    ['no key', (document) => (document.accounts[0].publicKey = '02'.repeat(33))],
    ['upper case', (document) => (document.accounts[0].address = document.accounts[0].address.toUpperCase())],
    ['a balance of no integer', (document) => (document.accounts[0].balanceMicro = '1e3')],
    ['a parameter of no integer', (document) => (document.parameters = { creditLimitMicro: 0.5 })],
  ];
  for (const [name, change] of wrong) {
    const document = JSON.parse(text);
    change(document);
    t.throws(() => parseGenesis(JSON.stringify(document)), { code: 'CONSENSUS_BAD_GENESIS' }, name);
  }
  for (const garbage of ['', '{', 'null', '[]', '1', '"x"', text.slice(0, -2)]) {
    t.throws(() => parseGenesis(garbage), { code: 'CONSENSUS_BAD_GENESIS' });
  }
  fc.assert(
    fc.property(fc.json(), (garbage) => {
      t.throws(() => parseGenesis(garbage), { code: 'CONSENSUS_BAD_GENESIS' });
    }),
    { numRuns: 100 },
  );
});
