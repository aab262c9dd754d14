import {
  type Checkpoint,
  type Contract,
  type Executed,
  type FinalBlock,
  type Head,
  headOf,
  type Milestone,
  type SignedTransaction,
} from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import { blockBatch, milestoneOf, pendingEntry, pruneBatch, votesMarkEntry } from './batches.ts';
import { closingOnFailure, type Database, openDatabase } from './database.ts';
import { guarded } from './failure.ts';
import { decodeStoredBlock, decodeStoredMilestone, keys, rangeOf } from './layout.ts';
import { readPending } from './pending.ts';
import type { Recovery } from './rebuild.ts';
import { fillFrom, openBeside, swapIn } from './replacement.ts';
import type { FoundSnapshot, Snapshots } from './snapshots.ts';

/** The chain on disk. One at a time: the caller awaits every change before the next. */
export class LedgerStore {
  readonly recovery: Recovery | null;
  /** Whether this start created it. */
  readonly isNew: boolean;
  readonly snapshots: Snapshots;
  /** Blocks from one end of an epoch to the next. */
  readonly epochBlocks: number;
  /** Where trust in committees begins. */
  readonly trusted: Checkpoint;
  readonly #directory: string;
  readonly #contract: Contract;
  #database: Database;
  #pendingKeys: Set<string>;
  #head: Head;
  #firstHeight: number;
  #appending = false;
  #markVotes: () => Uint8Array | null = () => null;
  /** While one database takes another's place, everybody waits for it, as it has waited for all that was under way. */
  #swapping: Promise<void> | null = null;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(opened: OpenedStore) {
    this.#database = opened.database;
    this.#head = opened.head;
    this.#firstHeight = opened.firstHeight;
    this.#directory = opened.directory;
    this.#contract = opened.contract;
    this.recovery = opened.recovery;
    this.isNew = opened.isNew;
    this.snapshots = opened.snapshots;
    this.epochBlocks = opened.epochBlocks;
    this.trusted = opened.trusted;
    this.#pendingKeys = new Set(opened.pending.map(keys.pending));
  }

  /** Of the oldest block that is kept; one above the head's where there is none. */
  get firstHeight(): number {
    return this.#firstHeight;
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
      const { epochBlocks } = this;
      const milestone = milestoneOf(final, { before: this.#head.validators, next, epochBlocks });
      const mark = this.#markVotes();
      const batch = [
        ...blockBatch(final, changes, { milestone, settled }),
        ...(mark === null ? [] : [votesMarkEntry(mark)]),
      ];
      await this.#guarded('storing a block', () => this.#database.batch(batch, { sync: true }));
      for (const key of settled) this.#pendingKeys.delete(key);
      this.#head = next;
    } finally {
      this.#appending = false;
    }
  }

  /** @throws ConsensusError CONSENSUS_STORE_CORRUPT when it cannot be read any more */
  async readBlock(height: number): Promise<BlockRead<FinalBlock>> {
    const read = await this.readEncodedBlock(height);
    return read.ok ? { ok: true, found: decodeStoredBlock(height, read.found) } : read;
  }

  /** As `encodeFinalBlock` made it, for those who ask for it. */
  async readEncodedBlock(height: number): Promise<BlockRead<Uint8Array>> {
    const found = await this.#guarded('reading a block', () => this.#database.get(keys.block(height)));
    if (found !== undefined) return { ok: true, found };
    const firstHeight = this.#firstHeight;
    const code = height >= 1 && height < firstHeight ? 'STORE_BLOCK_PRUNED' : 'STORE_BLOCK_UNKNOWN';
    return { ok: false, code, firstHeight };
  }

  /**
   * Deletes blocks below a height, oldest first; what stays of them is their milestones and what they did to the state.
   * @returns how many, at most `blocksMax`
   */
  async prune(belowHeight: number, blocksMax: number): Promise<number> {
    const first = this.#firstHeight;
    const end = Math.min(belowHeight, first + blocksMax, this.#head.height);
    if (end <= first) return 0;
    // Not synced: a crash brings blocks back, and the next start prunes them again.
    await this.#guarded('pruning blocks', () => this.#database.batch(pruneBatch(first, end)));
    this.#firstHeight = end;
    return end - first;
  }

  /** The milestone at this height, if there is one. */
  async readMilestone(height: number): Promise<Milestone | undefined> {
    const stored = await this.#guarded('reading a milestone', () =>
      this.#database.get(keys.milestone(height)),
    );
    return stored === undefined ? undefined : decodeStoredMilestone(stored);
  }

  /** Blocks above a height that changed the committee, ascending, `countMax` of them at most. */
  async readCommitteeChanges(aboveHeight: number, countMax: number): Promise<Milestone[]> {
    return this.#guarded('reading milestones', async () => {
      const changes: Milestone[] = [];
      const range = { gt: keys.milestone(aboveHeight), lt: rangeOf('milestone').lt };
      for await (const bytes of this.#database.values(range)) {
        const milestone = decodeStoredMilestone(bytes);
        if (milestone.validators !== null) changes.push(milestone);
        if (changes.length >= countMax) break;
      }
      return changes;
    });
  }

  /**
   * Goes on from a snapshot whose parts have all come: the state is loaded and checked once more, and a store of it is
   * built beside this one and put in its place. Blocks up to it are not here then. Undefined when a part is damaged.
   * @param changes blocks that changed the committee since `trusted`, up to and with the snapshot's own
   */
  async adopt(snapshot: FoundSnapshot, changes: readonly Milestone[]): Promise<Head | undefined> {
    const { milestone } = snapshot;
    const state = await this.snapshots.load(snapshot);
    const { genesis } = this.#head;
    const contract = this.#contract;
    const head = state === undefined ? null : headOf(milestone.header, state, { genesis, contract });
    if (head === null) return undefined;
    await guarded('taking over a snapshot', async () => {
      const known = await this.readCommitteeChanges(0, Number.POSITIVE_INFINITY);
      const milestones = [...known, ...changes, milestone];
      const fresh = await openBeside(this.#directory);
      await closingOnFailure(fresh, () =>
        fillFrom(fresh, { head, milestones, firstHeight: head.height + 1 }),
      );
      this.#swapping = this.#swap(fresh, head);
      await this.#swapping;
      this.#swapping = null;
    });
    return head;
  }

  async #swap(fresh: Database, head: Head): Promise<void> {
    const directory = this.#directory;
    await Promise.allSettled(this.#underWay);
    await swapIn(fresh, this.#database, { directory, newest: head });
    this.#database = (await openDatabase(directory)).database;
    this.#pendingKeys = new Set((await readPending(this.#database)).map(keys.pending));
    this.#head = head;
    this.#firstHeight = head.height + 1;
  }

  /** Keeps an own transaction, synced, until a block holds it: nothing signed is lost by a crash. */
  async keepPending(transaction: SignedTransaction): Promise<void> {
    const batch = [pendingEntry(transaction)];
    await this.#guarded('storing a transaction', () => this.#database.batch(batch, { sync: true }));
    this.#pendingKeys.add(keys.pending(transaction));
  }

  /** For a transaction that failed or expired. */
  async forgetPending(transaction: Pick<SignedTransaction, 'sender' | 'nonce'>): Promise<void> {
    const key = keys.pending(transaction);
    await this.#guarded('forgetting a transaction', () => this.#database.del(key));
    this.#pendingKeys.delete(key);
  }

  /** Own transactions that no block held when the store was last written, by nonce. */
  async readPending(): Promise<SignedTransaction[]> {
    return this.#guarded('reading pending transactions', () => readPending(this.#database));
  }

  /** Which record of own votes belongs to this store; undefined if there never was one. */
  async readVotesIdentity(): Promise<Uint8Array | undefined> {
    return this.#guarded('reading the store', () => this.#database.get(keys.votes));
  }

  async writeVotesIdentity(identity: Uint8Array): Promise<void> {
    await this.#guarded('marking the store', () => this.#database.put(keys.votes, identity, { sync: true }));
  }

  /** Where the record of own votes stood when the newest block was stored. */
  async readVotesMark(): Promise<Uint8Array | undefined> {
    return this.#guarded('reading the store', () => this.#database.get(keys.votesMark));
  }

  /** From now on every block is stored together with what `mark` gives. */
  followVotes(mark: () => Uint8Array | null): void {
    this.#markVotes = mark;
  }

  async close(): Promise<void> {
    await this.#guarded('closing the store', () => this.#database.close());
  }

  async #guarded<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    while (this.#swapping !== null) await this.#swapping;
    const running = guarded(doing, work);
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }
}

/** A block, or why it is not here: deleted for its age, or never seen. */
export type BlockRead<Found> =
  | { readonly ok: true; readonly found: Found }
  | {
      readonly ok: false;
      readonly code: 'STORE_BLOCK_PRUNED' | 'STORE_BLOCK_UNKNOWN';
      /** Of the oldest block that is kept. */
      readonly firstHeight: number;
    };

/** What opening it has found, and what it was opened with. */
export type OpenedStore = {
  readonly database: Database;
  /** `ledger` itself. */
  readonly directory: string;
  readonly contract: Contract;
  readonly snapshots: Snapshots;
  readonly epochBlocks: number;
  readonly trusted: Checkpoint;
  readonly head: Head;
  readonly firstHeight: number;
  readonly pending: readonly SignedTransaction[];
  readonly recovery: Recovery | null;
  readonly isNew: boolean;
};
