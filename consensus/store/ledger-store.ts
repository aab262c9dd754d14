import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Contract,
  type Executed,
  type FinalBlock,
  type Genesis,
  genesisHead,
  type Head,
  type SignedTransaction,
} from '../chain/index.ts';
import { toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { blockBatch, firstBatch, pendingEntry, votesMarkEntry } from './batches.ts';
import { loadHead } from './check.ts';
import { closingOnFailure, type Database, openDatabase, openRepaired } from './database.ts';
import { guarded, isDatabaseDamage, storeFailure } from './failure.ts';
import { corrupt, decodeFormat, decodeStoredBlock, FORMAT_VERSION, keys } from './layout.ts';
import { readPending } from './pending.ts';
import { finishSwap, type Recovery, rebuild } from './rebuild.ts';

export type StoreOptions = {
  /** Created if missing; the ledger lies in `ledger` below it. */
  readonly directory: string;
  readonly genesis: Genesis;
  readonly contract: Contract;
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
    return load({ ...options, directory, start });
  });
}

/** The chain on disk. One at a time: the caller awaits every change before the next. */
export class LedgerStore {
  readonly recovery: Recovery | null;
  /** Whether this start created it. */
  readonly isNew: boolean;
  readonly #database: Database;
  readonly #pendingKeys: Set<string>;
  #head: Head;
  #appending = false;
  #markVotes: () => Uint8Array | null = () => null;

  constructor(opened: {
    readonly database: Database;
    readonly head: Head;
    readonly recovery: Recovery | null;
    readonly isNew: boolean;
    readonly pending: readonly SignedTransaction[];
  }) {
    this.#database = opened.database;
    this.#head = opened.head;
    this.recovery = opened.recovery;
    this.isNew = opened.isNew;
    this.#pendingKeys = new Set(opened.pending.map(keys.pending));
  }

  get head(): Head {
    return this.#head;
  }

  /**
   * Adds a final block and all that it changes in one synced batch. Own transactions that it holds are pending no more.
   * @param executed what `executeBlock` made of it on top of `head`
   */
  async append(final: FinalBlock, executed: Pick<Executed, 'next' | 'changes'>): Promise<void> {
    const { next, changes } = executed;
    if (this.#appending || next.header.parent !== this.#head.digest) {
      throw new ConsensusError('CONSENSUS_STORE_FAILED', 'a block must follow the head, one at a time', {
        height: next.height,
        head: this.#head.height,
      });
    }
    this.#appending = true;
    try {
      const settled = final.block.transactions.map(keys.pending).filter((key) => this.#pendingKeys.has(key));
      const mark = this.#markVotes();
      const batch = [
        ...blockBatch(final, changes, settled),
        ...(mark === null ? [] : [votesMarkEntry(mark)]),
      ];
      await guarded('storing a block', () => this.#database.batch(batch, { sync: true }));
      for (const key of settled) this.#pendingKeys.delete(key);
      this.#head = next;
    } finally {
      this.#appending = false;
    }
  }

  /** @throws ConsensusError CONSENSUS_STORE_CORRUPT when it cannot be read any more */
  async readBlock(height: number): Promise<FinalBlock | undefined> {
    const stored = await this.readEncodedBlock(height);
    return stored === undefined ? undefined : decodeStoredBlock(height, stored);
  }

  /** As `encodeFinalBlock` made it, for those who ask for it. */
  async readEncodedBlock(height: number): Promise<Uint8Array | undefined> {
    return guarded('reading a block', () => this.#database.get(keys.block(height)));
  }

  /** Keeps an own transaction, synced, until a block holds it: nothing signed is lost by a crash. */
  async keepPending(transaction: SignedTransaction): Promise<void> {
    const batch = [pendingEntry(transaction)];
    await guarded('storing a transaction', () => this.#database.batch(batch, { sync: true }));
    this.#pendingKeys.add(keys.pending(transaction));
  }

  /** For a transaction that failed or expired. */
  async forgetPending(transaction: Pick<SignedTransaction, 'sender' | 'nonce'>): Promise<void> {
    const key = keys.pending(transaction);
    await guarded('forgetting a transaction', () => this.#database.del(key));
    this.#pendingKeys.delete(key);
  }

  /** Own transactions that no block held when the store was last written, by nonce. */
  async readPending(): Promise<SignedTransaction[]> {
    return guarded('reading pending transactions', () => readPending(this.#database));
  }

  /** Which record of own votes belongs to this store; undefined if there never was one. */
  async readVotesIdentity(): Promise<Uint8Array | undefined> {
    return guarded('reading the store', () => this.#database.get(keys.votes));
  }

  async writeVotesIdentity(identity: Uint8Array): Promise<void> {
    await guarded('marking the store', () => this.#database.put(keys.votes, identity, { sync: true }));
  }

  /** Where the record of own votes stood when the newest block was stored. */
  async readVotesMark(): Promise<Uint8Array | undefined> {
    return guarded('reading the store', () => this.#database.get(keys.votesMark));
  }

  /** From now on every block is stored together with what `mark` gives. */
  followVotes(mark: () => Uint8Array | null): void {
    this.#markVotes = mark;
  }

  async close(): Promise<void> {
    await guarded('closing the store', () => this.#database.close());
  }
}

type Loading = StoreOptions & { readonly start: Head };

async function load(loading: Loading): Promise<LedgerStore> {
  const { directory, start, contract } = loading;
  const { database, repaired } = await openDatabase(directory);
  const checked = await closingOnFailure(database, async () => {
    const isNew = repaired === null && (await isEmpty(database));
    if (isNew) await database.batch(firstBatch(start), { sync: true });
    return { isNew, ...(await check(database, start, contract)) };
  });
  if (checked.ok) return new LedgerStore({ database, recovery: null, ...checked });
  const readable = checked.isDatabaseDamage ? await reopenRepaired(database, directory) : database;
  const reason = repaired === null ? checked.reason : `${repaired}; after its repair: ${checked.reason}`;
  const recovery = await closingOnFailure(readable, () =>
    rebuild(readable, { directory, start, contract, reason }),
  );
  const { database: fresh } = await openDatabase(directory);
  return closingOnFailure(fresh, async () => {
    const head = await loadHead(fresh, start, contract);
    return new LedgerStore({
      database: fresh,
      head,
      recovery,
      isNew: false,
      pending: await readPending(fresh),
    });
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
  | { readonly ok: true; readonly head: Head; readonly pending: readonly SignedTransaction[] }
  | { readonly ok: false; readonly reason: string; readonly isDatabaseDamage: boolean };

/** Corruption is an outcome here, mended by the caller; all else is thrown. */
async function check(database: Database, start: Head, contract: Contract): Promise<Checked> {
  try {
    await checkMeta(database, start);
    const head = await loadHead(database, start, contract);
    return { ok: true, head, pending: await readPending(database) };
  } catch (error) {
    const failure = storeFailure(error, 'checking the store');
    if (failure.code !== 'CONSENSUS_STORE_CORRUPT') throw failure;
    return { ok: false, reason: failure.message, isDatabaseDamage: isDatabaseDamage(error) };
  }
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
