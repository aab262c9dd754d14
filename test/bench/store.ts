/**
 * What does the ledger cost a meter's flash? One validator's store and record of votes take a day of a neighbourhood,
 * block by block, with every write that a node makes: votes in both copies, the block, its own calls, and LevelDB's
 * compaction. They lie on a file system of their own (ext4, 4 kB blocks, on a loop device), so that what reaches the
 * device can be counted, the file system's journal included. Mounting it takes root: the program starts itself again in
 * a mount namespace of its own, and nothing stays mounted. `npm run bench:store`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { blockDigest, encodeBlock, encodeFinalBlock, signTransaction } from '../../consensus/chain/index.ts';
import { contract, openLedgerStore, openVoteLog } from '../../consensus/index.ts';
import { encodeVoteRecord } from '../../consensus/network/index.ts';
import type { OwnMessage, Prepare } from '../../consensus/protocol/index.ts';
import { commandOptions } from '../command-options.ts';
import { by, foundStreet, meters, type NextBlock, record, type StreetCall } from './street-chain.ts';

const { values, whole, wholes } = commandOptions(
  'npm run bench:store -- [--homes N,N] [--rounds N] [--slots N] [--heartbeats N] [--json]',
  () =>
    parseArgs({
      options: {
        homes: { type: 'string', default: '10,200' },
        rounds: { type: 'string', default: '20' },
        slots: { type: 'string', default: '288' },
        heartbeats: { type: 'string', default: '24' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const shape = {
  rounds: whole(values.rounds, 'rounds'),
  slots: whole(values.slots, 'slots'),
  heartbeats: whole(values.heartbeats, 'heartbeats'),
};
const VALIDATORS = 4;
const SLOT_MS = 300_000;
const HOURS = 24;
const SLOTS_A_DAY = 288;
const MB = 1e6;

type Written = {
  blocks: number;
  blockBytes: number;
  /** To the device: of the store, of both copies of the record of votes, of own calls before they are sent. */
  ledgerBytes: number;
  votesBytes: number;
  ownBytes: number;
};
type Kind = 'round' | 'records' | 'heartbeat';

const INSIDE = 'GRIDQUORUM_BENCH_MOUNTS';
if (process.env[INSIDE] === undefined) {
  const command = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const { status } = spawnSync('unshare', ['--mount', '--propagation', 'private', ...command], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  if (status !== 0) process.stderr.write('It mounts a file system of its own: run it as root.\n');
  process.exit(status ?? 1);
}
const rows = [];
for (const homes of wholes(values.homes, 'homes')) rows.push(await day(homes));
if (values.json) console.log(JSON.stringify(rows));
else for (const row of rows) tell(row);

/** A small disk of its own, and what has been written to it since it was made. */
async function mountDisk(directory: string) {
  const image = join(directory, 'image');
  const place = join(directory, 'disk');
  writeFileSync(image, '');
  truncateSync(image, 2 ** 31);
  execFileSync('mkfs.ext4', [
    '-q',
    '-F',
    '-b',
    '4096',
    '-E',
    'lazy_itable_init=0,lazy_journal_init=0',
    image,
  ]);
  await mkdir(place);
  execFileSync('mount', ['-o', 'loop,noatime', image, place]);
  const device = basename(execFileSync('findmnt', ['-no', 'SOURCE', place], { encoding: 'utf8' }).trim());
  const sectors = () => Number(readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/)[6]);
  return {
    place,
    /** Writes back what the system still holds. */
    settle: () => void execFileSync('sync', ['--file-system', place]),
    writtenBytes: () => sectors() * 512,
    unmount: () => void execFileSync('umount', [place]),
  };
}

async function day(homes: number) {
  const root = await mkdtemp(join(tmpdir(), 'gridquorum-store-'));
  const disk = await mountDisk(root);
  try {
    const directory = join(disk.place, 'home');
    const street = foundStreet({ homes, validators: VALIDATORS, slotMs: SLOT_MS, blockMs: 1_000 });
    const store = await openLedgerStore({ directory, genesis: street.genesis, contract });
    const votes = await openVoteLog(directory, store);
    await votes.endDoubt(0);
    const [self] = street.validators as [(typeof street.validators)[0]];
    const fresh = (): Written => ({
      blocks: 0,
      blockBytes: 0,
      ledgerBytes: 0,
      votesBytes: 0,
      ownBytes: 0,
    });
    const written: Record<Kind, Written> = { round: fresh(), records: fresh(), heartbeat: fresh() };
    let own = 0;

    const take = async (calls: readonly StreetCall[], afterMs: number, kind?: Kind) => {
      const made = street.next(calls, afterMs);
      const sum = kind === undefined ? fresh() : written[kind];
      let before = disk.writtenBytes();
      const spent = () => {
        const now = disk.writtenBytes();
        const bytes = now - before;
        before = now;
        return bytes;
      };
      // Its own calls are on disk before they are sent.
      for (const call of calls.filter(({ from }) => from === self)) {
        const { header } = made.final.block;
        const { method, args } = call;
        const unsigned = { genesis: street.head().genesis, sender: self.address, nonce: own, method, args };
        await store.keepPending(signTransaction({ ...unsigned, expiresMs: header.timeMs }, self.privateKey));
        own += 1;
      }
      const ownSpent = spent();
      for (const step of votesOf(made, self.address)) await votes.append(step);
      const votesSpent = spent();
      await store.append(made.final, made.executed);
      const ledgerSpent = spent();
      await votes.finalised(store.head.height);
      const renewSpent = spent();
      sum.blocks += 1;
      sum.blockBytes += encodeFinalBlock(made.final).length;
      sum.ownBytes += ownSpent;
      sum.votesBytes += votesSpent + renewSpent;
      sum.ledgerBytes += ledgerSpent;
    };

    /** What the system still holds is LevelDB's: all else is synced at once. */
    const settle = (kind: Kind) => {
      const before = disk.writtenBytes();
      disk.settle();
      written[kind].ledgerBytes += disk.writtenBytes() - before;
    };

    const { register, qualify } = meters(street);
    await take(register, 1_000);
    await take(qualify, 1_000);
    const sizeBefore = await sizeOf(directory);
    const startMs = street.genesis.timeMs + 3_600_000;
    await take([by(self, 'coordination.open', terms(startMs))], 1_000);
    for (let round = 1; round <= shape.rounds; round += 1) {
      const offers = street.homes.map((home, index) => {
        const soldMw = Array.from({ length: HOURS }, (_, hour) => offered(index, round, hour));
        return by(home, 'coordination.offer', { id: 'day', round, soldMw });
      });
      await take(offers, 1_000, 'round');
    }
    settle('round');
    await take([], startMs - street.head().header.timeMs, 'heartbeat');
    for (let beat = 1; beat < shape.heartbeats; beat += 1) await take([], 1_000, 'heartbeat');
    settle('heartbeat');
    for (let slot = 0; slot < shape.slots; slot += 1) {
      const slotStartMs = startMs + slot * SLOT_MS;
      const afterMs = slotStartMs + SLOT_MS + 1_000 - street.head().header.timeMs;
      await take(
        street.homes.map((home) => record(home, slotStartMs)),
        afterMs,
        'records',
      );
    }
    settle('records');
    const sizeAfter = await sizeOf(directory);
    await votes.close();
    await store.close();
    return {
      homes,
      written,
      stateEntries: [...store.head.state.entries()].length,
      growth: sizeAfter - sizeBefore,
      sizeAfter,
    };
  } finally {
    disk.unmount();
    await rm(root, { recursive: true, force: true });
  }
}

/** What a validator says of one block, step by step as it is kept: the leader's proposal, its prepare, its commit. */
function votesOf({ final: { block, certificate } }: NextBlock, self: string) {
  const { header } = block;
  const { height } = header;
  const digest = blockDigest(header);
  const place = { height, round: 0, digest, author: self };
  const prepares = certificate.seals.map(
    ({ signature }): Prepare => ({ ...place, kind: 'prepare', signature }),
  );
  const kept = (kind: 'proposal' | 'prepare' | 'commit', extra: readonly Prepare[] = []) => {
    const message = (
      kind === 'proposal' ? { ...place, kind, justification: null } : { ...place, kind }
    ) as OwnMessage;
    return { height, round: 0, kind, digest, payload: encodeVoteRecord({ message, prepares: extra }) };
  };
  const body = { height, round: 0, kind: 'block' as const, digest, payload: encodeBlock(block) };
  const leads = header.proposer === self ? [kept('proposal')] : [];
  return [[body, ...leads, kept('prepare')], [kept('commit', prepares)]];
}

/** Never settles, so that every round is played; of the size of true offers. */
function offered(home: number, round: number, hour: number): number {
  return ((home * 7 + round * 3 + hour) % 11) * 137_001 * (home % 2 === 0 ? 1 : -1);
}

function terms(startMs: number) {
  return {
    id: 'day',
    startMs,
    slotMs: 3_600_000,
    slots: HOURS,
    form: 'pool' as const,
    penaltyMicro: 80_000n,
    penaltyMicroMax: 300_000n,
    penaltyGrowthPermille: 1_200,
    relaxationPermille: 1_000,
    tolerancePrimalMw: 0,
    toleranceDualMw: 0,
    maxRounds: 100,
    memoryRounds: 5,
    roundMs: 60_000,
    startPrices: new Array<bigint>(HOURS).fill(200_000n),
    startFrom: '',
  };
}

async function sizeOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true })) {
    const found = await stat(join(directory, name));
    if (found.isFile()) bytes += found.size;
  }
  return bytes;
}

function tell({ homes, written, stateEntries, growth, sizeAfter }: Awaited<ReturnType<typeof day>>): void {
  console.log(
    `${homes} homes: the store takes ${(sizeAfter / MB).toFixed(1)} MB after it, ${stateEntries} entries of state`,
  );
  console.log('  kind         blocks   bytes of a block   written for it: store     votes   own calls');
  let dayBytes = 0;
  let dayWritten = 0;
  for (const [kind, sum] of Object.entries(written)) {
    const each = (total: number) => Math.round(total / sum.blocks);
    const perDay = kind === 'records' ? SLOTS_A_DAY : sum.blocks;
    dayBytes += perDay * each(sum.blockBytes);
    dayWritten += perDay * each(sum.ledgerBytes + sum.votesBytes + sum.ownBytes);
    const cells = [perDay, sum.blockBytes, sum.ledgerBytes, sum.votesBytes, sum.ownBytes];
    const widths = [9, 19, 24, 10, 12];
    const text = cells.map((cell, index) => String(index === 0 ? cell : each(cell)).padStart(widths[index]!));
    console.log(`  ${kind.padEnd(10)}${text.join('')}`);
  }
  const [dayMb, growthMb, writtenMb] = [dayBytes / MB, growth / MB, dayWritten / MB].map((mb) =>
    mb.toFixed(1),
  );
  console.log(
    `  a day: ${dayMb} MB of blocks (the directory grew by ${growthMb} MB), ${writtenMb} MB written to the flash`,
  );
  const [yearGb, writtenGb] = [dayBytes, dayWritten].map((bytes) => ((bytes * 365) / 1e9).toFixed(2));
  console.log(`  a year: ${yearGb} GB of blocks if all are kept, ${writtenGb} GB written to the flash`);
}
