/**
 * A real small file system, full to the last byte. Mounting one takes root and a mount namespace of the process's own,
 * so that whatever becomes of the test, nothing stays mounted: the file starts itself again inside one.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { orderLocalApi } from '../../agent/diagnostics/local-api.ts';
import { openForecasterFile } from '../../agent/forecaster-file.ts';
import { openJournal } from '../../agent/journal.ts';
import { drawKey, openLedgerStore, openVoteLog, readKeyFile, writeKeyFile } from '../../consensus/index.ts';
import { alice, chainOf, contract, genesis, transfer } from '../consensus/chain-fixture.ts';
import { openStreet, type StreetHome, untilAll } from './street.ts';

t.setTimeout(120_000);

const INSIDE = 'GRIDQUORUM_TEST_MOUNTS';
const MOUNTS = ['unshare', '--mount', '--propagation', 'private'] as const;

/** A full disk that can be freed: nothing but one large file takes the space. */
type SmallDisk = { readonly fill: () => Promise<void>; readonly free: () => Promise<void> };

async function mountSmallDisk(t: Test, place: string, megabytes: number): Promise<SmallDisk> {
  await mkdir(place, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', place]);
  t.teardown(() => void execFileSync('umount', ['--lazy', place]));
  const ballast = join(place, 'ballast');
  return {
    async fill() {
      const file = await open(ballast, 'a');
      try {
        const { bavail, bsize } = await statfs(place);
        for (let left = bavail * bsize; left > 0; )
          left -= (await file.write(new Uint8Array(left))).bytesWritten;
        await file.write(new Uint8Array(1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
  };
}

async function everyWritePath(t: Test) {
  const root = await mkdtemp(join(tmpdir(), 'gridquorum-full-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const chain = chainOf(60);
  const options = { genesis, contract };

  await t.test('a block, and a call of its own', async (t) => {
    const place = join(root, 'ledger');
    const disk = await mountSmallDisk(t, place, 2);
    const directory = join(place, 'node');
    const store = await openLedgerStore({ ...options, directory });
    await store.append(chain[0]!.final, chain[0]!.executed);
    await disk.fill();
    let stored = 1;
    const untilFull = async () => {
      for (const { final, executed } of chain.slice(1)) {
        await store.append(final, executed);
        stored += 1;
      }
    };
    await t.rejects(untilFull(), {
      code: 'CONSENSUS_STORE_FULL',
      message: /storing a block: the disk is full/,
    });
    await t.rejects(store.keepPending(transfer(alice, 60)), { code: 'CONSENSUS_STORE_FULL' });
    t.equal(store.head.height, stored, 'what was not stored is not the head');
    await store.close();
    await t.rejects(
      openLedgerStore({ ...options, directory }),
      { code: 'CONSENSUS_STORE_FULL' },
      'still full',
    );
    await disk.free();
    const again = await openLedgerStore({ ...options, directory });
    t.equal(again.recovery, null);
    t.ok(again.head.height >= stored, `${again.head.height} of ${stored}`);
    t.equal(again.head.digest, chain[again.head.height - 1]!.executed.next.digest);
    for (const { final, executed } of chain.slice(again.head.height)) await again.append(final, executed);
    await again.keepPending(transfer(alice, 60));
    await again.close();
  });

  await t.test('the record of votes', async (t) => {
    const place = join(root, 'votes');
    const disk = await mountSmallDisk(t, place, 4);
    const store = await openLedgerStore({ ...options, directory: join(place, 'node') });
    await disk.fill();
    let log = await openVoteLog(join(place, 'node'), store);
    await t.rejects(log.endDoubt(0), { code: 'CONSENSUS_STORE_FULL' }, 'not even begun');
    await disk.free();
    log = await openVoteLog(join(place, 'node'), store);
    t.equal(log.doubt?.isFirstStart, true);
    await log.endDoubt(0);
    await disk.fill();
    const vote = (round: number) => ({
      height: 1,
      round,
      kind: 'prepare' as const,
      digest: 'ab'.repeat(32),
      payload: new Uint8Array(20_000),
    });
    let kept = 0;
    const untilFull = async () => {
      for (; kept < 100; kept += 1) await log.append([vote(kept)]);
    };
    await t.rejects(untilFull(), { code: 'CONSENSUS_STORE_FULL' });
    t.ok(kept > 5, `its space is taken beforehand: ${kept} votes fit`);
    await log.close();
    log = await openVoteLog(join(place, 'node'), store);
    t.equal(log.doubt, null, 'and to read it takes none');
    t.equal(log.votes.length, kept);
    await disk.free();
    await log.append([vote(kept)]);
    t.equal(log.votes.length, kept + 1);
    await log.close();
    await store.close();
  });

  await t.test('a key, the journal, what the forecaster has learnt', async (t) => {
    const place = join(root, 'files');
    const disk = await mountSmallDisk(t, place, 1);
    const journal = await openJournal(place);
    const day = (text: string) => ({ day: text, untold: [], realised: [] });
    await journal.write(day('before'));
    const setting = { slotMs: 3_600_000, startMs: 0, endMs: 86_400_000 };
    const forecaster = await openForecasterFile(place, setting);
    await forecaster.write(forecaster.found.forecaster);
    await disk.fill();
    const path = join(place, 'key.json');
    const key = drawKey();
    await t.rejects(writeKeyFile(path, key), { code: 'CONSENSUS_STORE_FULL' });
    const full = { code: 'AGENT_DISK_FULL', message: /json: the disk is full\. Free some space/ };
    await t.rejects(journal.write({ ...day('after'), soldKw: Array.from({ length: 9_999 }, () => 1) }), full);
    await t.rejects(forecaster.write(forecaster.found.forecaster), full);
    t.match((await openJournal(place)).found, { journal: { day: 'before' } });
    t.equal((await openForecasterFile(place, setting)).found.doubt, undefined);
    await disk.free();
    await journal.write(day('after'));
    t.match((await openJournal(place)).found, { journal: { day: 'after' } });
    await writeKeyFile(path, key);
    t.equal((await readKeyFile(path)).address, key.address, 'no half key stands in the way');
  });
}

/** The first of them that does not fit ends the node. */
const BLOCKS_TO_FAIL = 8;

async function wholeDay(t: Test) {
  const slots = 6;
  const street = await openStreet(t, { slots });
  const [, poor] = street.homes as [StreetHome, StreetHome];
  const { directory } = poor.place;
  await cp(directory, `${directory}.kept`, { recursive: true });
  const disk = await mountSmallDisk(t, directory, 8);
  await cp(`${directory}.kept`, directory, { recursive: true });
  await street.tellEvening();
  await Promise.all(street.homes.map((home) => home.start()));
  await untilAll(street.homes, 'the day is agreed upon', ({ phase }) => phase === 'delivering');
  street.tellDay();
  await street.untilSlot(1.5);
  const { height } = (await poor.status()).ledger;
  await disk.fill();
  t.equal(await poor.agent!.ended, '75', 'it ends by itself, with a status that says why');
  const said = await poor.words();
  t.match(
    said,
    /gridquorum: .*the disk is full\. Free some space and start again; nothing confirmed is lost.*\[\w+_FULL\]/,
  );
  const others = street.homes.filter((home) => home !== poor);
  await untilAll(others, 'the others go on', ({ ledger }) => ledger.height > height + 1);
  await t.rejects(poor.start(), { message: /disk is full/ }, 'while there is no space it says so again');
  await disk.free();
  await poor.start();
  const back = await poor.status();
  t.ok(back.ledger.height >= height, 'nothing confirmed is lost');
  t.notOk(back.ledger.votesInDoubt);
  await street.untilSlot(slots);
  await untilAll(
    street.homes,
    'the day is settled',
    ({ phase, ledger }) => phase === 'done' && ledger.pending === 0,
  );

  await disk.fill();
  // Nobody has anything to say any more: each change of a key is a block.
  let ended = false;
  const end = poor.agent!.ended.finally(() => {
    ended = true;
  });
  for (let blocks = 0; !ended && blocks < BLOCKS_TO_FAIL; blocks += 1)
    await orderLocalApi(others[0]!.place.directory, '/rotate-key', {}, { findOut: '' });
  t.equal(await end, '75', 'after its day, too');
  const last = (await poor.log()).slice(-2);
  t.match(last, [{ event: 'node-failed' }, { event: 'stopped', reason: 'failure' }]);
  await disk.free();
  await poor.start();
  await untilAll(street.homes, 'it has caught up', ({ ledger }) => ledger.height >= ledger.sync.targetHeight);

  for (const home of street.homes) t.equal(await home.stop(), '0');
  const all = Array.from({ length: slots }, (_, slot) => slot);
  for (const home of street.homes) t.same(await home.recordedSlots(), all, home.place.home);
}

if (process.env[INSIDE] !== undefined) {
  t.test('every write path on a full disk', everyWritePath);
  t.test('an agent whose disk fills ends, says so, and goes on once there is space', wholeDay);
} else if (spawnSync(MOUNTS[0], [...MOUNTS.slice(1), 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0) {
  t.test(
    'a full disk',
    { skip: 'may not mount here: sudo npm test -- dist/test/agent/disk-full.test.js' },
    () => undefined,
  );
} else {
  const { status } = spawnSync(
    MOUNTS[0],
    [...MOUNTS.slice(1), process.execPath, fileURLToPath(import.meta.url)],
    { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } },
  );
  process.exitCode = status ?? 1;
}
