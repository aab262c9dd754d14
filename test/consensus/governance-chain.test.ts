import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  assembleBlock,
  executeBlock,
  genesisHead,
  type Head,
  Pool,
  type SignedTransaction,
  signTransaction,
  transactionsRoot,
  validatorsHash,
  verifyFinalBlock,
} from '../../consensus/chain/index.ts';
import {
  type ArgumentsOf,
  buildCall,
  contract,
  type MethodName,
  type Motion,
  rotationTo,
} from '../../consensus/contract/index.ts';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import { type NodeKey, nodeKeyOf, openLedgerStore } from '../../consensus/store/index.ts';
import {
  alice,
  bob,
  finalBlock,
  genesis,
  START_MS,
  sealed,
  start,
  transfer,
  validatorKeys,
} from './chain-fixture.ts';

const [ann, ben, cleo, dan] = validatorKeys as [NodeKey, NodeKey, NodeKey, NodeKey];
/** Nobody's at the beginning. */
const eve = nodeKeyOf(fromHex('1000'.padStart(64, '0')));

function call<M extends MethodName>(
  sender: NodeKey,
  nonce: number,
  method: M,
  args: ArgumentsOf<M>,
  key: NodeKey = sender,
): SignedTransaction {
  const expiresMs = START_MS + 3_600_000;
  const content = {
    genesis: start.genesis,
    sender: sender.address,
    nonce,
    expiresMs,
    ...buildCall(method, args),
  };
  return signTransaction(content, key.privateKey);
}
const ballot = (
  sender: NodeKey,
  nonce: number,
  motion: Motion,
  target: NodeKey,
  key: NodeKey | null = null,
) =>
  call(sender, nonce, 'governance.vote', {
    motion,
    target: target.address,
    publicKey: key === null ? null : toHex(key.publicKey),
  });

t.test(
  'a header names who decides on the next height, and the block before decides by its own',
  async (t) => {
    let head: Head = start;
    for (const signer of [ann, ben]) head = finalBlock(head, [ballot(signer, 0, 'drop', dan)]).next;
    t.equal(head.validators.length, 4);
    const changing = finalBlock(head, [ballot(cleo, 0, 'drop', dan)]);
    t.match(verifyFinalBlock(head, changing.final), { ok: true }, 'sealed by the four');
    const { next } = changing;
    t.equal(next.validators.length, 3);
    t.equal(next.header.validatorsHash, validatorsHash(next.validators));
    const { header } = changing.final.block;
    const lie = {
      ...changing.final.block,
      header: { ...header, validatorsHash: validatorsHash(head.validators) },
    };
    t.match(executeBlock(head, lie, contract), { ok: false, code: 'CHAIN_WRONG_ROOT' });
    const after = finalBlock(next, [transfer(alice, 0)]);
    const threeOfFour = sealed(head, after.final.block, { signers: [ann, ben, cleo] });
    t.equal(threeOfFour.seals.length, 3);
    t.match(verifyFinalBlock(next, after.final), { ok: true });
    const withDan = {
      block: after.final.block,
      certificate: sealed({ ...next, validators: head.validators }, after.final.block, {
        signers: [ann, dan],
      }),
    };
    t.match(verifyFinalBlock(next, withDan), { ok: false }, 'a dropped one seals nothing');
  },
);

t.test('the second vote of a block waits for the next; own ones come first', async (t) => {
  const pool = new Pool((address, { state }) => contract.publicKeyOf(state, address));
  for (const signer of [ann, ben, cleo]) t.ok(pool.add(ballot(signer, 0, 'drop', dan), start, START_MS).ok);
  const limits = { maxCount: 100, maxBytes: 1_000_000 };
  const assemble = (head: Head, author: NodeKey) =>
    assembleBlock(
      head,
      pool.take(head, { ...limits, first: author.address }),
      { proposer: author.address, timeMs: 0 },
      contract,
    );
  const one = assemble(start, ben);
  t.strictSame(
    one.block.transactions.map(({ sender }) => sender),
    [ben.address],
  );
  t.strictSame(
    one.dropped.map(({ code, waits }) => [code, waits]),
    [
      ['CONTRACT_NEXT_BLOCK', true],
      ['CONTRACT_NEXT_BLOCK', true],
    ],
  );
  pool.advance(one.next, START_MS);
  const two = assemble(one.next, cleo);
  t.strictSame(
    two.block.transactions.map(({ sender }) => sender),
    [cleo.address],
  );
  pool.advance(two.next, START_MS);
  const three = assemble(two.next, ben);
  t.equal(three.next.validators.length, 3);
  const greedy = assemble(start, ann).block;
  const { header } = finalBlock(start, [transfer(alice, 0)]).final.block;
  const transactions = [ballot(ann, 0, 'drop', dan), ballot(ben, 0, 'drop', dan)];
  const both = { header: { ...header, transactionsRoot: transactionsRoot(transactions) }, transactions };
  t.match(executeBlock(start, both, contract), { ok: false, code: 'CONTRACT_NEXT_BLOCK' });
  t.equal(greedy.transactions.length, 1);
});

t.test(
  'a rotated key signs from the next transaction on, and the pool takes what is signed again',
  async (t) => {
    const { genesis: chain } = start;
    const rotation = call(
      alice,
      0,
      'accounts.rotateKey',
      rotationTo(eve.privateKey, { genesis: chain, account: alice.address }),
    );
    const pay = { to: bob.address, amountMicro: 5n, memo: '' };
    const byOld = call(alice, 1, 'accounts.transfer', pay);
    const byNew = call(alice, 1, 'accounts.transfer', pay, eve);
    const options = { proposer: ann.address, timeMs: 0 };
    t.strictSame(
      assembleBlock(start, [byNew], options, contract).dropped.map(({ code }) => code),
      ['CHAIN_BAD_SIGNATURE'],
    );
    const { block, dropped, next } = assembleBlock(start, [rotation, byOld, byNew], options, contract);
    t.strictSame(
      dropped.map(({ code }) => code),
      ['CHAIN_BAD_SIGNATURE'],
      'the old key is over at once',
    );
    t.equal(block.transactions.length, 2);
    t.equal(executeBlock(start, block, contract).ok, true);
    const pool = new Pool((address, { state }) => contract.publicKeyOf(state, address));
    t.match(pool.add(byOld, start, START_MS), { ok: true, fresh: true });
    const rotated = assembleBlock(start, [rotation], options, contract).next;
    t.match(pool.add(byNew, rotated, START_MS), { ok: true, fresh: true }, 'it takes the place of the old');
    t.strictSame(pool.take(rotated, { maxCount: 9, maxBytes: 9_000 }), [byNew]);
    t.match(pool.add(byNew, rotated, START_MS), { ok: true, fresh: false });
    t.match(pool.add(byOld, rotated, START_MS), { ok: true, fresh: false }, 'and the old does not come back');
    t.strictSame(pool.take(rotated, { maxCount: 9, maxBytes: 9_000 }), [byNew]);
    t.equal(next.height, 1);
  },
);

t.test('a store comes back with the committee of its state, also right after a change', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'gridquorum-governance-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const options = { directory, genesis, contract };
  let store = await openLedgerStore(options);
  let signers = 0;
  for (const transactions of [
    [ballot(ann, 0, 'drop', dan)],
    [ballot(ben, 0, 'drop', dan)],
    [ballot(cleo, 0, 'drop', dan)],
    [transfer(alice, 0)],
  ]) {
    const { final, executed } = finalBlock(store.head, transactions);
    await store.append(final, executed);
    const before = store.head;
    await store.close();
    store = await openLedgerStore(options);
    t.equal(store.recovery, null);
    t.equal(store.head.digest, before.digest);
    t.strictSame(store.head.validators, before.validators);
    signers = store.head.validators.length;
  }
  t.equal(signers, 3);
  t.equal(genesisHead(genesis, contract).validators.length, 4);
  await store.close();
});
