import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  blockDigest,
  checkpointOf,
  cutState,
  decodeManifest,
  decodeMilestone,
  encodeManifest,
  encodeMilestone,
  encodePart,
  followMilestone,
  isEmptyPart,
  manifestRoot,
  openPart,
  partOf,
  type SnapshotPart,
  StateTree,
  validatorsHash,
} from '../../consensus/chain/index.ts';
import { ConsensusError, toHex } from '../../consensus/index.ts';
import { type LedgerStore, openLedgerStore } from '../../consensus/store/index.ts';
import { openSnapshots } from '../../consensus/store/snapshots.ts';
import { notebook, noted, noteKeys, notesChain, notesGenesis, writtenBlock } from './notebook.ts';

const EPOCH = 4;
const LENGTH = 14;
const genesis = notesGenesis(EPOCH);
/** Seats change within an epoch, at the end of one, and again; never so few that the old committee could still seal. */
const committees = { 3: [0, 4, 5, 6, 7], 8: [1, 2, 3, 4], 10: [3, 4, 5, 6] };
const { start, blocks } = notesChain({ genesis, length: LENGTH, committees });
const root = t.testdir();
let opened = 0;

function newDirectory(): string {
  opened += 1;
  return join(root, `store-${opened}`);
}

const openIn = (directory: string) => openLedgerStore({ directory, genesis, contract: notebook });
const never = new AbortController().signal;

/** What a node does: blocks, and a snapshot after each epoch. */
async function extend(store: LedgerStore, upTo: number): Promise<void> {
  for (const { final, executed } of blocks.slice(store.head.height, upTo)) {
    await store.append(final, executed);
    const { height } = store.head;
    if (height % EPOCH === 0)
      await store.snapshots.write((await store.readMilestone(height))!, store.head.state, never);
  }
}

const stateOf = (entries: Iterable<readonly [string, Uint8Array]>) =>
  StateTree.EMPTY.update(new Map(entries));

t.test('any state, cut anywhere, is what its parts make together', async (t) => {
  const entries = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 12 }), fc.uint8Array({ maxLength: 60 })), {
    selector: ([key]) => key,
    maxLength: 200,
  });
  fc.assert(
    fc.property(entries, fc.integer({ min: 20, max: 4_000 }), (all, bytesMax) => {
      const wellFormed = all.filter(([key]) => !/[\p{Surrogate}\ufeff]/u.test(key));
      const state = stateOf(wellFormed);
      const cut = [...state.cut(bytesMax)];
      const manifest = cut.map(partOf);
      t.equal(manifestRoot(manifest), state.root);
      t.strictSame(decodeManifest(encodeManifest(manifest)), manifest);
      let rebuilt = StateTree.EMPTY;
      for (const [index, { tree, bytes }] of cut.entries()) {
        const encoded = encodePart(tree.entries());
        t.ok(encoded.length <= bytes + 9, 'its size was known before');
        const opened = openPart(encoded, manifest[index]!);
        t.not(opened, null);
        t.ok(bytes <= bytesMax || opened?.length === 1);
        rebuilt = rebuilt.update(new Map(opened));
      }
      t.equal(rebuilt.root, state.root);
    }),
    { numRuns: 60 },
  );
  const empty = [...cutState(StateTree.EMPTY)].map(partOf);
  t.equal(manifestRoot(empty), StateTree.EMPTY.root);
  t.ok(empty.every(isEmptyPart));
});

t.test('a part is itself only, and a manifest whole', async (t) => {
  const state = stateOf(
    Array.from({ length: 60 }, (_, index) => [`note ${index}`, new Uint8Array(40)] as const),
  );
  const cut = [...state.cut(600)];
  const manifest = cut.map(partOf);
  const parts = cut.map(({ tree }) => [...tree.entries()]);
  t.ok(parts.length > 4 && parts.every((entries) => entries.length > 1));
  for (const [index, entries] of parts.entries()) {
    const part = manifest[index]!;
    const bytes = encodePart(entries);
    t.equal(openPart(bytes, manifest[(index + 1) % manifest.length]!), null, 'the next one');
    t.equal(openPart(encodePart([...entries].reverse()), part), null, 'out of order');
    t.equal(openPart(encodePart(entries.slice(1)), part), null, 'one entry less');
    t.equal(openPart(encodePart([...entries, entries[0]!]), part), null, 'one entry twice');
    t.equal(openPart(encodePart([entries[0]!, ...entries]), part), null, 'one entry twice in a row');
    t.equal(
      openPart(encodePart([...entries, ...parts[(index + 1) % parts.length]!]), part),
      null,
      'two parts',
    );
    t.equal(openPart(bytes.subarray(0, -1), part), null, 'cut short');
    t.equal(openPart(bytes, { ...part, depth: part.depth + 1 }), null, 'deeper than it lies');
    const changed = Uint8Array.from(bytes);
    changed[changed.length - 1]! ^= 1;
    t.equal(openPart(changed, part), null, 'a bit changed');
  }
  const [first, ...others] = manifest;
  t.equal(manifestRoot(others), null);
  t.equal(manifestRoot(manifest.slice(0, -1)), null);
  t.equal(manifestRoot([...manifest, first!]), null);
  t.equal(manifestRoot([]), null);
  t.not(manifestRoot([...others, first!]), state.root);
  t.equal(
    manifestRoot([
      { depth: 2, hash: state.root },
      { depth: 1, hash: state.root },
    ]),
    null,
  );
  t.throws(() => decodeManifest(encodeManifest([{ depth: 257, hash: state.root }])));
  t.throws(() => decodeManifest(encodeManifest(Array.from({ length: 1025 }, () => first!))));
  // Whatever a message names, nothing is built of what does not belong together.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 256 }), (bytes, depth) => {
      t.equal(openPart(bytes, { depth, hash: first!.hash }), null);
    }),
    { numRuns: 200 },
  );
});

t.test('milestones lead from committee to committee, and no one is passed over', async (t) => {
  const store = await openIn(newDirectory());
  await extend(store, LENGTH);
  const trusted = checkpointOf(start);
  const all = await Promise.all(Array.from({ length: LENGTH }, (_, index) => store.readMilestone(index + 1)));
  t.strictSame(
    all.flatMap((milestone) => (milestone === undefined ? [] : [milestone.header.height])),
    [3, 4, 8, 10, 12],
  );
  t.strictSame(
    (await store.readCommitteeChanges(0, 9)).map(({ header }) => header.height),
    [3, 8, 10],
  );
  t.strictSame(
    (await store.readCommitteeChanges(3, 1)).map(({ header }) => header.height),
    [8],
  );
  const [at3, at4, at8, at10, at12] = all.filter((milestone) => milestone !== undefined);
  let reached = trusted;
  for (const milestone of [at3!, at8!, at10!, at12!]) {
    t.strictSame(decodeMilestone(encodeMilestone(milestone)), milestone);
    const step = followMilestone(reached, milestone);
    if (!step.ok) throw new Error(step.code);
    reached = step.checkpoint;
    t.equal(reached.digest, blocks[reached.height - 1]!.next.digest);
    t.strictSame(reached.validators, blocks[reached.height - 1]!.next.validators);
  }
  t.match(followMilestone(reached, at4!), { ok: false, code: 'CHAIN_WRONG_HEIGHT' });
  t.equal(followMilestone(trusted, at10!).ok, false, 'a committee was passed over');
  t.match(followMilestone(trusted, { ...at3!, validators: null }), { ok: false, code: 'CHAIN_WRONG_ROOT' });
  const others = [...at3!.validators!].reverse();
  t.match(followMilestone(trusted, { ...at3!, validators: others }), { ok: false, code: 'CHAIN_WRONG_ROOT' });
  const seals = at3!.certificate.seals.slice(1);
  t.match(followMilestone(trusted, { ...at3!, certificate: { round: 0, seals } }), {
    ok: false,
    code: 'CHAIN_SEALS_TOO_FEW',
  });
  await store.close();
});

t.test('old blocks go, what proofs need stays, and the store starts without them', async (t) => {
  const directory = newDirectory();
  const store = await openIn(directory);
  await extend(store, LENGTH);
  t.strictSame(await store.snapshots.heights(), [8, 12], 'the newest two');
  t.equal(await store.prune(8, 3), 3);
  t.equal(await store.prune(8, 100), 4);
  t.equal(await store.prune(8, 100), 0);
  t.equal(store.firstHeight, 8);
  t.strictSame(await store.readBlock(7), { ok: false, code: 'STORE_BLOCK_PRUNED', firstHeight: 8 });
  t.strictSame(await store.readBlock(LENGTH + 1), { ok: false, code: 'STORE_BLOCK_UNKNOWN', firstHeight: 8 });
  t.equal((await store.readBlock(8)).ok, true);
  t.strictSame(
    (await store.readCommitteeChanges(0, 9)).map(({ header }) => header.height),
    [3, 8, 10],
  );
  await store.close();
  const again = await openIn(directory);
  t.equal(again.recovery, null);
  t.equal(again.firstHeight, 8);
  t.equal(again.head.digest, blocks[LENGTH - 1]!.next.digest);
  t.equal(await again.prune(1_000, 1_000), LENGTH - 8, 'the newest block stays whatever is asked');
  await again.close();
  const least = await openIn(directory);
  t.equal(least.recovery, null);
  t.equal(least.head.height, LENGTH);
  await least.close();
});

async function damagedStore(
  damage: (directory: string) => Promise<void>,
  { directory = newDirectory(), pruned = true } = {},
) {
  const store = await openIn(directory);
  await extend(store, LENGTH);
  if (pruned) await store.prune(8, 100);
  await store.close();
  await damage(directory);
  return openIn(directory);
}

async function damaged(t: Test, damage: (directory: string) => Promise<void>, pruned = true) {
  const directory = newDirectory();
  const mended = await damagedStore(damage, { directory, pruned });
  t.not(mended.recovery, null);
  t.equal(mended.head.state.root, mended.head.header.stateRoot);
  t.equal(validatorsHash(mended.head.validators), mended.head.header.validatorsHash);
  const { height } = mended.head;
  t.equal(mended.head.digest, height === 0 ? start.digest : blocks[height - 1]!.next.digest);
  await extend(mended, LENGTH);
  t.equal(mended.head.digest, blocks[LENGTH - 1]!.next.digest, 'it goes on');
  const { firstHeight } = mended;
  await mended.close();
  const again = await openIn(directory);
  t.equal(again.recovery, null, 'mended for good');
  const changes = (await again.readCommitteeChanges(0, 9)).map(({ header }) => header.height);
  t.strictSame(changes, [3, 8, 10], 'with all that proofs need');
  await again.close();
  return { height, firstHeight };
}

async function inDatabase(
  directory: string,
  change: (database: import('level').Level<string, Uint8Array>) => Promise<void>,
) {
  const { Level } = await import('level');
  const database = new Level<string, Uint8Array>(join(directory, 'ledger'), { valueEncoding: 'view' });
  await change(database);
  await database.close();
}
const key = (height: number) => height.toString(16).padStart(16, '0');

t.test('a damaged pruned store is rebuilt from its snapshot', async (t) => {
  const spoilState = (directory: string) =>
    inDatabase(directory, (db) => db.put('state/note/number 1', Uint8Array.of(1)));
  t.strictSame(await damaged(t, spoilState), { height: LENGTH, firstHeight: 8 });
  t.strictSame(
    await damaged(t, spoilState, false),
    { height: LENGTH, firstHeight: 1 },
    'older blocks are kept',
  );
  const spoilBlock = async (directory: string) => {
    await spoilState(directory);
    await inDatabase(directory, (db) => db.put(`block/${key(11)}`, Uint8Array.of(1)));
  };
  t.strictSame(
    await damaged(t, spoilBlock),
    { height: LENGTH, firstHeight: 12 },
    'below the newest snapshot',
  );
  const spoilPart = async (directory: string) => {
    await spoilState(directory);
    const file = join(directory, 'snapshots', key(12), '0');
    const bytes = await readFile(file);
    bytes[40]! ^= 1;
    await writeFile(file, bytes);
  };
  t.strictSame(await damaged(t, spoilPart), { height: LENGTH, firstHeight: 8 }, 'from the one before');
  const spoilBoth = async (directory: string) => {
    await spoilPart(directory);
    await rm(join(directory, 'snapshots', key(8), 'manifest'));
  };
  t.strictSame(await damaged(t, spoilBoth), { height: 0, firstHeight: 1 }, 'from the others');
  const spoilChange = async (directory: string) => {
    await spoilState(directory);
    await inDatabase(directory, (db) => db.del(`milestone/${key(3)}`));
  };
  const store = await damagedStore(spoilChange);
  t.equal(store.head.height, 0, 'no committee without the one before');
  await store.close();
});

t.test('a crash while a snapshot is written leaves the old ones or the new one whole', async (t) => {
  const directory = newDirectory();
  const snapshots = openSnapshots(join(directory, 'snapshots'));
  const store = await openIn(directory);
  await extend(store, 8);
  const before = newDirectory();
  await cp(join(directory, 'snapshots'), join(before, 'snapshots'), { recursive: true });
  await extend(store, 12);
  const milestone = (await store.readMilestone(12))!;
  const { state } = store.head;
  await store.close();
  const place = join(directory, 'snapshots', key(12));
  const files = await readdir(place);
  // All that a cut can leave: some of the files, the last of them in part.
  for (let count = 0; count <= files.length; count += 1) {
    const cut = newDirectory();
    const draft = join(cut, 'snapshots', 'draft');
    await cp(before, cut, { recursive: true });
    await mkdir(draft, { recursive: true });
    for (const name of files.slice(0, count)) await cp(join(place, name), join(draft, name));
    const last = files[count];
    if (last !== undefined)
      await writeFile(join(draft, last), (await readFile(join(place, last))).subarray(0, 9));
    const found = openSnapshots(join(cut, 'snapshots'));
    t.strictSame(await found.heights(), [4, 8]);
    for (const height of [4, 8]) {
      const snapshot = (await found.find(height))!;
      t.equal((await found.load(snapshot))?.root, snapshot.milestone.header.stateRoot);
    }
    await found.write(milestone, state, never);
    t.strictSame(await found.heights(), [8, 12]);
    t.equal((await found.load((await found.find(12))!))?.root, milestone.header.stateRoot);
  }
  const stopped = new AbortController();
  stopped.abort();
  await t.rejects(snapshots.write(milestone, state, stopped.signal), { code: 'CONSENSUS_ABORTED' });
  t.strictSame(await snapshots.heights(), [8, 12]);
  t.equal(await snapshots.find(4), undefined);
  t.equal(await snapshots.readPart(12, 99), undefined);
});

async function fetchInto(directory: string, store: LedgerStore, height: number) {
  const provider = openSnapshots(join(directory, 'snapshots'));
  const snapshot = (await provider.find(height))!;
  for (const [index, part] of snapshot.manifest.entries()) {
    if (isEmptyPart(part)) continue;
    await store.snapshots.incoming.add(part, (await provider.readPart(height, index))!);
    t.ok(await store.snapshots.incoming.has(part));
  }
  return snapshot;
}

t.test('a store goes on from a snapshot that came from others', async (t) => {
  const source = newDirectory();
  const full = await openIn(source);
  await extend(full, LENGTH);
  const changes = (await full.readCommitteeChanges(0, 99)).filter(({ header }) => header.height < 12);
  await full.close();

  const directory = newDirectory();
  const store = await openIn(directory);
  await extend(store, 2);
  await store.writeVotesIdentity(new Uint8Array(16).fill(9));
  const done = blocks[5]!.final.block.transactions[0]!;
  const ahead = noted(blocks[LENGTH - 1]!.next, 'notes.write', ['later', new Uint8Array(1)], {
    key: noteKeys[5]!,
  });
  await store.keepPending(done);
  await store.keepPending(ahead);
  const snapshot = await fetchInto(source, store, 12);
  t.equal(await store.snapshots.incoming.complete(snapshot), true);
  // Calls in the middle of it wait, and are lost to nobody.
  const late = noted(blocks[LENGTH - 1]!.next, 'notes.write', ['late', new Uint8Array(1)], {
    key: noteKeys[5]!,
    ahead: 1,
  });
  const [head] = await Promise.all([store.adopt(snapshot, changes), store.keepPending(late)]);
  t.equal(head?.digest, blocks[11]!.next.digest);
  t.equal(store.head.state.root, blocks[11]!.next.header.stateRoot);
  t.equal(store.firstHeight, 13);
  t.strictSame(await store.readPending(), [ahead, late], 'what is behind the state is pending no more');
  t.strictSame(await store.readBlock(12), { ok: false, code: 'STORE_BLOCK_PRUNED', firstHeight: 13 });
  t.strictSame(await store.snapshots.heights(), [12]);
  await store.close();

  const again = await openIn(directory);
  t.equal(again.recovery, null, 'it starts without any block');
  t.equal(again.head.digest, blocks[11]!.next.digest);
  t.equal(toHex((await again.readVotesIdentity())!), '09'.repeat(16), 'votes stay its own');
  t.strictSame(
    (await again.readCommitteeChanges(0, 99)).map(({ header }) => header.height),
    [3, 8, 10],
  );
  await extend(again, LENGTH);
  t.equal(again.head.digest, blocks[LENGTH - 1]!.next.digest);
  await again.close();
  await inDatabase(directory, (db) => db.put('state/note/number 1', Uint8Array.of(1)));
  const mended = await openIn(directory);
  t.equal(mended.recovery?.height, LENGTH, 'and is rebuilt from what it came by');
  await mended.close();
});

t.test('parts of snapshots that nobody offers any more do not stay', async (t) => {
  const source = newDirectory();
  const full = await openIn(source);
  await extend(full, 12);
  await full.close();
  const store = await openIn(newDirectory());
  const old = await fetchInto(source, store, 8);
  const { manifest } = await fetchInto(source, store, 12);
  const [first] = manifest.filter((part) => !isEmptyPart(part));
  await store.snapshots.incoming.keepOnly(manifest);
  const isThere = (part: SnapshotPart) => store.snapshots.incoming.has(part);
  const isNamed = ({ hash }: SnapshotPart) => manifest.some((part) => part.hash === hash);
  for (const part of old.manifest) if (!isEmptyPart(part)) t.equal(await isThere(part), isNamed(part));
  t.ok(old.manifest.some((part) => !isEmptyPart(part) && !isNamed(part)));
  t.ok(await isThere(first!));
  await store.snapshots.incoming.keepOnly([]);
  t.notOk(await isThere(first!));
  await store.close();
});

t.test('a part that the disk has changed is not taken over', async (t) => {
  const source = newDirectory();
  const full = await openIn(source);
  await extend(full, 8);
  await full.close();
  const directory = newDirectory();
  const store = await openIn(directory);
  const snapshot = await fetchInto(source, store, 8);
  const [file] = await readdir(join(directory, 'snapshots', 'incoming'));
  const place = join(directory, 'snapshots', 'incoming', file!);
  const bytes = await readFile(place);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(place, bytes);
  t.equal(await store.snapshots.incoming.complete(snapshot), false);
  t.equal(await store.adopt(snapshot, []), undefined);
  t.equal(store.head.height, 0);
  await store.snapshots.incoming.clear();
  await store.close();
});

t.test('a store that trusts a later height starts there, and knows no committee before it', async (t) => {
  const source = newDirectory();
  const full = await openIn(source);
  await extend(full, 12);
  const at10 = (await full.readMilestone(10))!;
  await full.close();
  const checkpoint = {
    genesis: start.genesis,
    height: 10,
    digest: blockDigest(at10.header),
    validators: at10.validators!,
  };
  const directory = newDirectory();
  const store = await openLedgerStore({ directory, genesis, contract: notebook, checkpoint });
  const snapshot = await fetchInto(source, store, 12);
  t.equal(await store.snapshots.incoming.complete(snapshot), true);
  t.equal((await store.adopt(snapshot, []))?.height, 12);
  await store.close();
  const again = await openLedgerStore({ directory, genesis, contract: notebook, checkpoint });
  t.equal(again.recovery, null);
  t.equal(again.head.height, 12);
  await again.close();
});

t.test('a large state is cut into parts of the right size', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, index) => {
    const value = new Uint8Array(60).fill(index);
    return [`metering/record/${index.toString(16).padStart(40, '0')}/${index % 2016}`, value] as const;
  });
  const state = stateOf(many);
  const sizes = [...cutState(state)].map(({ tree }) => encodePart(tree.entries()).length);
  t.ok(sizes.length >= 10 && sizes.every((bytes) => bytes <= 256 * 1024), sizes.join(' '));
  const written = writtenBlock(blocks[0]!.next, []);
  t.ok(written.next.height === 2);
  try {
    decodeManifest(new Uint8Array(100_000));
    t.fail('too long');
  } catch (error) {
    t.ok(error instanceof ConsensusError && error.code === 'CONSENSUS_TOO_LARGE');
  }
});
