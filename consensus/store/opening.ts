import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Checkpoint,
  type Contract,
  checkpointOf,
  epochBlocksOf,
  type Genesis,
  genesisHead,
  type Head,
} from '../chain/index.ts';
import { toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { firstBatch } from './batches.ts';
import { loadFirstHeight, loadHead } from './check.ts';
import { closingOnFailure, type Database, openDatabase, openRepaired } from './database.ts';
import { guarded, isDatabaseDamage, storeFailure } from './failure.ts';
import { corrupt, decodeFormat, FORMAT_VERSION, keys } from './layout.ts';
import { LedgerStore, type OpenedStore } from './ledger-store.ts';
import { readPending } from './pending.ts';
import { rebuild } from './rebuild.ts';
import { finishSwap } from './replacement.ts';
import { openSnapshots, type Snapshots } from './snapshots.ts';

export type StoreOptions = {
  /** Created if missing; the ledger lies in `ledger` below it. */
  readonly directory: string;
  readonly genesis: Genesis;
  readonly contract: Contract;
  /** A later height than the genesis at which the committee is believed; the genesis where absent. */
  readonly checkpoint?: Checkpoint;
};

/**
 * Opens the store, or begins it. What does not fit together is rebuilt from those of its blocks that prove themselves,
 * and `recovery` tells why; at worst the chain begins at its genesis again and is fetched from the others.
 * @throws ConsensusError CONSENSUS_STORE_LOCKED while another process has it, CONSENSUS_WRONG_CHAIN when it is of
 * another genesis, CONSENSUS_STORE_CORRUPT naming what cannot be mended, CONSENSUS_STORE_FULL, CONSENSUS_STORE_FAILED
 */
export async function openLedgerStore(options: StoreOptions): Promise<LedgerStore> {
  const directory = join(options.directory, 'ledger');
  return guarded('opening the store', async () => {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    await finishSwap(directory);
    const start = genesisHead(options.genesis, options.contract);
    const trusted = options.checkpoint ?? checkpointOf(start);
    const epochBlocks = epochBlocksOf(options.genesis);
    const snapshots = openSnapshots(join(options.directory, 'snapshots'));
    return load({ ...options, directory, start, trusted, epochBlocks, snapshots });
  });
}

type Loading = StoreOptions & {
  readonly start: Head;
  readonly trusted: Checkpoint;
  readonly epochBlocks: number;
  readonly snapshots: Snapshots;
};

type Loaded = Pick<OpenedStore, 'head' | 'firstHeight' | 'pending'>;

async function load(loading: Loading): Promise<LedgerStore> {
  const { directory, start } = loading;
  const { database, repaired } = await openDatabase(directory);
  const checked = await closingOnFailure(database, async () => {
    const isNew = repaired === null && (await isEmpty(database));
    if (isNew) await database.batch(firstBatch(start), { sync: true });
    return { isNew, ...(await check(database, loading)) };
  });
  if (checked.ok) return new LedgerStore({ ...loading, ...checked, database, recovery: null });
  const readable = checked.isDatabaseDamage ? await reopenRepaired(database, directory) : database;
  const reason = repaired === null ? checked.reason : `${repaired}; after its repair: ${checked.reason}`;
  const recovery = await closingOnFailure(readable, () => rebuild(readable, { ...loading, reason }));
  const { database: fresh } = await openDatabase(directory);
  return closingOnFailure(fresh, async () => {
    const loaded = await loadAll(fresh, loading);
    return new LedgerStore({ ...loading, ...loaded, database: fresh, recovery, isNew: false });
  });
}

async function reopenRepaired(database: Database, directory: string): Promise<Database> {
  await database.close();
  return openRepaired(directory);
}

async function isEmpty(database: Database): Promise<boolean> {
  for await (const _ of database.keys({ limit: 1 })) return false;
  return true;
}

type Checked =
  | ({ readonly ok: true } & Loaded)
  | { readonly ok: false; readonly reason: string; readonly isDatabaseDamage: boolean };

/** Corruption is an outcome here, mended by the caller; all else is thrown. */
async function check(database: Database, loading: Loading): Promise<Checked> {
  try {
    await checkMeta(database, loading.start);
    return { ok: true, ...(await loadAll(database, loading)) };
  } catch (error) {
    const failure = storeFailure(error, 'checking the store');
    if (failure.code !== 'CONSENSUS_STORE_CORRUPT') throw failure;
    return { ok: false, reason: failure.message, isDatabaseDamage: isDatabaseDamage(error) };
  }
}

async function loadAll(database: Database, loading: Loading): Promise<Loaded> {
  const head = await loadHead(database, loading);
  const firstHeight = await loadFirstHeight(database);
  return { head, firstHeight, pending: await readPending(database) };
}

async function checkMeta(database: Database, start: Head): Promise<void> {
  const format = await database.get(keys.format);
  const genesis = await database.get(keys.genesis);
  if (format === undefined || genesis === undefined) throw corrupt('meta', 'it is missing');
  const version = decodeFormat(format);
  if (version > FORMAT_VERSION) {
    throw new ConsensusError('CONSENSUS_STORE_FAILED', 'the store was written by a newer release', {
      version: Number(version),
    });
  }
  if (toHex(genesis) !== start.genesis) {
    throw new ConsensusError('CONSENSUS_WRONG_CHAIN', 'the store is of another genesis', {
      stored: toHex(genesis),
      wanted: start.genesis,
    });
  }
}
