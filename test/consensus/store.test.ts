import { chmod, cp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { encodeFinalBlock } from '../../consensus/chain/index.ts';
import { toHex } from '../../consensus/crypto/index.ts';
import { ConsensusError } from '../../consensus/index.ts';
import { storeFailure } from '../../consensus/store/failure.ts';
import {
  drawKey,
  inspectKeyFile,
  type LedgerStore,
  nodeKeyOf,
  openLedgerStore,
  readKeyFile,
  replaceKeyFile,
  writeKeyFile,
} from '../../consensus/store/index.ts';
import { alice, chainOf, contract, genesis, start, transfer } from './chain-fixture.ts';

const LENGTH = 12;
const chain = chainOf(LENGTH);
const root = t.testdir();
let opened = 0;

function newDirectory(): string {
  opened++;
  return join(root, `store-${opened}`);
}

function openIn(directory: string): Promise<LedgerStore> {
  return openLedgerStore({ directory, genesis, contract });
}

async function extend(store: LedgerStore, upTo = LENGTH): Promise<void> {
  for (const { final, executed } of chain.slice(store.head.height, upTo)) await store.append(final, executed);
}

const filled = newDirectory();

t.before(async () => {
  const store = await openIn(filled);
  await extend(store, 6);
  await store.close();
  const again = await openIn(filled);
  await extend(again);
  await again.keepPending(transfer(alice, LENGTH));
  await again.close();
});

t.test('a store begins at the genesis and goes on where it was', async (t) => {
  const directory = newDirectory();
  const store = await openIn(directory);
  t.equal(store.isNew, true);
  t.equal(store.head.digest, start.digest);
  await extend(store, 3);
  await t.rejects(store.append(chain[7]!.final, chain[7]!.executed), { code: 'CONSENSUS_STORE_FAILED' });
  await t.rejects(openIn(directory), {
    code: 'CONSENSUS_STORE_LOCKED',
    message: `opening the store: another agent runs on ${directory}. End it first, or give this one a directory of its own`,
  });
  await store.close();
  const again = await openIn(directory);
  t.equal(again.isNew, false);
  t.equal(again.recovery, null);
  t.equal(again.head.digest, chain[2]!.next.digest);
  t.equal(again.head.state.root, chain[2]!.next.header.stateRoot);
  t.strictSame(await again.readBlock(2), { ok: true, found: chain[1]!.final });
  const encoded = await again.readEncodedBlock(3);
  t.equal(encoded.ok && toHex(encoded.found), toHex(encodeFinalBlock(chain[2]!.final)));
  t.strictSame(await again.readBlock(4), { ok: false, code: 'STORE_BLOCK_UNKNOWN', firstHeight: 1 });
  await again.close();
});

t.test('own transactions outlast a restart until a block holds them', async (t) => {
  const directory = newDirectory();
  const store = await openIn(directory);
  const own = [transfer(alice, 0), transfer(alice, 1), transfer(alice, 2)];
  for (const transaction of own) await store.keepPending(transaction);
  await store.forgetPending(own[2]!);
  await store.close();
  const again = await openIn(directory);
  t.strictSame(await again.readPending(), own.slice(0, 2));
  await extend(again, 1);
  t.strictSame(await again.readPending(), own.slice(1, 2), 'nonce 0 is in block 1');
  await again.close();
});

t.test('a store of another genesis is left alone', async (t) => {
  const directory = newDirectory();
  await (await openIn(directory)).close();
  const other = { ...genesis, network: 'another-street' };
  await t.rejects(openLedgerStore({ directory, genesis: other, contract }), {
    code: 'CONSENSUS_WRONG_CHAIN',
  });
  const store = await openIn(directory);
  t.equal(store.recovery, null);
  await store.close();
});

/** Opens what is left; the chain must be the true one as far as it goes, and must go on. */
async function checkRemains(t: Test, directory: string, name: string): Promise<LedgerStore | null> {
  let store: LedgerStore;
  try {
    store = await openIn(directory);
  } catch (error) {
    t.ok(
      error instanceof ConsensusError && /^CONSENSUS_(STORE|WRONG)_/.test(error.code),
      `${name}: ${error}`,
    );
    return null;
  }
  const { head } = store;
  // Written last: no damage to a table takes it, nor one that only shortens the log before it.
  if (name.includes('.ldb')) t.equal((await store.readPending()).length, 1, 'what was signed is there');
  const digest = head.height === 0 ? start.digest : chain[head.height - 1]?.next.digest;
  t.equal(head.digest, digest, `${name}: height ${head.height}`);
  t.equal(head.state.root, head.header.stateRoot);
  await extend(store);
  t.equal(store.head.digest, chain[LENGTH - 1]?.next.digest);
  await store.close();
  const again = await openIn(directory);
  t.equal(again.head.height, LENGTH);
  t.equal(again.recovery, null, 'mended for good');
  await again.close();
  return store;
}

t.test('a store whose files are cut or flipped anywhere starts or says why not', async (t) => {
  const files = (await readdir(join(filled, 'ledger'))).filter(
    (name) => name !== 'LOCK' && !name.startsWith('LOG'),
  );
  t.ok(files.length >= 4, files.join(' '));
  let recovered = 0;
  let shortened = 0;
  for (const file of files) {
    const bytes = await readFile(join(filled, 'ledger', file));
    for (let sample = 0; sample <= 4; sample++) {
      const place = Math.min(bytes.length - 1, Math.floor((bytes.length * sample) / 4));
      const flipped = Buffer.from(bytes);
      flipped[place]! ^= 1 << (sample % 8);
      for (const [kind, damaged] of [
        ['cut', bytes.subarray(0, place)],
        ['flip', flipped],
      ] as const) {
        const directory = newDirectory();
        await cp(filled, directory, { recursive: true });
        await writeFile(join(directory, 'ledger', file), damaged);
        const store = await checkRemains(t, directory, `${file} ${kind} at ${place} of ${bytes.length}`);
        if (store?.recovery) recovered++;
        if (store?.isNew) shortened++;
        await rm(directory, { recursive: true });
      }
    }
  }
  t.ok(recovered > 0, `${recovered} were rebuilt, ${shortened} began anew`);
});

t.test('a damaged state is rebuilt from intact blocks, pending transactions included', async (t) => {
  const { Level } = await import('level');
  const damages: [
    string,
    (database: InstanceType<typeof Level<string, Uint8Array>>) => Promise<void>,
    number,
  ][] = [
    ['an entry changed', (db) => db.put(`state/chain/nonce/${alice.address}`, Uint8Array.of(0)), LENGTH],
    ['an entry too many', (db) => db.put('state/extra', Uint8Array.of(0)), LENGTH],
    ['an entry gone', (db) => db.del(`state/chain/nonce/${alice.address}`), LENGTH],
    ['no head', (db) => db.del('head'), LENGTH],
    ['a head of garbage', (db) => db.put('head', Uint8Array.of(0xff)), LENGTH],
    ['no format', (db) => db.del('meta/format'), LENGTH],
    ['the newest block gone', (db) => db.del(blockKey(LENGTH)), LENGTH - 1],
    ['a block of garbage', (db) => db.put(blockKey(5), Uint8Array.of(1, 2)), 4],
    ['blocks swapped', async (db) => db.put(blockKey(5), (await db.get(blockKey(6)))!), 4],
    [
      'a certificate too short',
      async (db) => {
        const { block, certificate } = chain[LENGTH - 1]!.final;
        const seals = certificate.seals.slice(1);
        await db.put(blockKey(LENGTH), encodeFinalBlock({ block, certificate: { ...certificate, seals } }));
      },
      LENGTH - 1,
    ],
  ];
  for (const [name, damage, height] of damages) {
    const directory = newDirectory();
    await cp(filled, directory, { recursive: true });
    const database = new Level<string, Uint8Array>(join(directory, 'ledger'), { valueEncoding: 'view' });
    await damage(database);
    await database.close();
    const store = await openIn(directory);
    t.equal(
      store.recovery?.height,
      height,
      `${name}: ${store.recovery?.reason}; ${store.recovery?.endedBecause}`,
    );
    t.equal(store.head.digest, chain[height - 1]!.next.digest);
    t.strictSame(await store.readPending(), [transfer(alice, LENGTH)], 'nothing signed is lost');
    await store.close();
    await checkRemains(t, directory, name);
  }
});

t.test('a crash while a store is rebuilt loses nothing', async (t) => {
  const cutEarly = newDirectory();
  await cp(filled, cutEarly, { recursive: true });
  await cp(join(filled, 'ledger'), join(cutEarly, 'ledger.rebuilt'), { recursive: true });
  await rm(join(cutEarly, 'ledger.rebuilt', 'CURRENT'));
  const early = await openIn(cutEarly);
  t.equal(early.head.height, LENGTH, 'an unfinished replacement is not looked at');
  await early.close();
  const cutLate = newDirectory();
  await cp(join(filled, 'ledger'), join(cutLate, 'ledger.rebuilt'), { recursive: true });
  await cp(join(filled, 'ledger'), join(cutLate, 'ledger.damaged'), { recursive: true });
  const late = await openIn(cutLate);
  t.equal(late.head.height, LENGTH, 'a finished one takes the place');
  t.strictSame(await readdir(cutLate), ['ledger']);
  await late.close();
});

t.test('failures of the disk have codes', async (t) => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  const io = Object.assign(new Error('IO error: x: No space left on device'), { code: 'LEVEL_IO_ERROR' });
  t.equal(storeFailure(full, 'x').code, 'CONSENSUS_STORE_FULL');
  t.equal(storeFailure(new Error('not open', { cause: io }), 'x').code, 'CONSENSUS_STORE_FULL');
  t.equal(storeFailure('?', 'x').code, 'CONSENSUS_STORE_FAILED');
  const occupied = newDirectory();
  await writeFile(occupied, 'a file');
  await t.rejects(openIn(occupied), { code: 'CONSENSUS_STORE_FAILED' });
});

t.test('a key file is for its owner alone', async (t) => {
  const key = drawKey();
  const path = join(root, 'node.key');
  await writeKeyFile(path, key);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.strictSame(await readKeyFile(path), key);
  await t.rejects(writeKeyFile(path, drawKey()), { code: 'CONSENSUS_STORE_FAILED' }, 'never written over');
  for (const mode of [0o640, 0o604, 0o660, 0o610]) {
    await chmod(path, mode);
    await t.rejects(readKeyFile(path), {
      code: 'CONSENSUS_KEY_EXPOSED',
      details: { mode: mode.toString(8) },
    });
  }
  const link = join(root, 'link.key');
  await symlink(path, link);
  await t.rejects(readKeyFile(link), { code: 'CONSENSUS_KEY_EXPOSED' });
  await t.rejects(readKeyFile(join(root, 'none.key')), { code: 'CONSENSUS_BAD_KEY' });
});

t.test('a key takes the place of another, whole or not at all', async (t) => {
  const [key, { privateKey }] = [drawKey(), drawKey()];
  const path = join(root, 'replaced.key');
  await writeKeyFile(path, key);
  const next = nodeKeyOf(privateKey, key.address);
  // What a crash has left of an earlier attempt is in nobody's way.
  await writeFile(`${path}.draft`, 'half of', { mode: 0o644 });
  await replaceKeyFile(path, next, { passphrase: 'Zähler im Keller' });
  t.strictSame(await readKeyFile(path, { passphrase: 'Zähler im Keller' }), next);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.equal(next.address, key.address, 'it signs for the account of the first');
  await t.rejects(replaceKeyFile(join(root, 'none', 'key'), next), { code: 'CONSENSUS_STORE_FAILED' });
});

t.test('a sealed key opens with its passphrase only', async (t) => {
  const key = drawKey();
  const path = join(root, 'sealed.key');
  await writeKeyFile(path, key, { passphrase: 'Zähler im Keller' });
  const text = await readFile(path, 'utf8');
  t.notOk(text.includes(toHex(key.privateKey)));
  t.strictSame(await readKeyFile(path, { passphrase: 'Zähler im Keller' }), key);
  await t.rejects(readKeyFile(path), { code: 'CONSENSUS_KEY_LOCKED' });
  await t.rejects(readKeyFile(path, { passphrase: 'another' }), { code: 'CONSENSUS_KEY_LOCKED' });
  t.match(await inspectKeyFile(path), { address: key.address, sealed: true });
  const document = JSON.parse(text);
  const another = (hex: string) => hex.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  for (const changed of [
    { ...document, sealed: { ...document.sealed, tag: another(document.sealed.tag) } },
    { ...document, address: another(document.address) },
    { ...document, publicKey: toHex(drawKey().publicKey) },
  ]) {
    await writeFile(path, JSON.stringify(changed));
    await t.rejects(readKeyFile(path, { passphrase: 'Zähler im Keller' }), { code: 'CONSENSUS_KEY_LOCKED' });
  }
});

t.test('garbage is no key file, and errors never quote it', async (t) => {
  const secret = toHex(drawKey().privateKey);
  const path = join(root, 'garbage.key');
  const { address, ...other } = drawKey();
  const publicKey = toHex(other.publicKey);
  const garbage = [
    '',
    secret,
    `{"privateKey":"${secret}`,
    JSON.stringify({ version: 1, address, privateKey: secret }),
    JSON.stringify({ version: 2, address, publicKey, privateKey: secret }),
    JSON.stringify({ version: 2, address, publicKey, privateKey: secret, more: 1 }),
    JSON.stringify({ version: 2, address, publicKey, privateKey: '0'.repeat(64) }),
    'x'.repeat(5000),
  ];
  for (const text of garbage) {
    await writeFile(path, text, { mode: 0o600 });
    try {
      await readKeyFile(path);
      t.fail('it was read');
    } catch (error) {
      t.match(error, { code: 'CONSENSUS_BAD_KEY' });
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        t.notOk(`${cause.message} ${cause.stack}`.includes(secret.slice(0, 12)));
      }
    }
  }
});

function blockKey(height: number): string {
  return `block/${height.toString(16).padStart(16, '0')}`;
}
