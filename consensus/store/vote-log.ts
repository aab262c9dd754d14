import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ConsensusError } from '../errors.ts';
import { guarded } from './failure.ts';
import {
  buildFrame,
  type Copies,
  copyImage,
  frameBytes,
  NO_HASH,
  openCopies,
  type Paths,
  readCopy,
  replaceCopy,
  writeWhole,
} from './vote-copy.ts';
import { generationOf, highestOf, judge, neverUsed, strangeness } from './vote-judgement.ts';
import {
  decodeVoteMark,
  encodeVoteMark,
  encodeVotes,
  type KeptVote,
  type VoteHeader,
  type VoteMark,
} from './vote-record.ts';

/** Of one copy: the smallest, and the largest before the node must not go on voting. */
const CAPACITY_BYTES_MIN = 256 * 1024;
const CAPACITY_BYTES_MAX = 64 * 1024 * 1024;
/** Filled so far, a copy is written anew once a block is final; a vote for which there is no room left does it too. */
const RENEW_SHARE = 7 / 8;
/** The first frame, and the zeros that always follow the last one. */
const RESERVE_BYTES = 1024;

/** Why nothing may be signed, and the highest height at which the node is known to have been able to vote. */
export type VoteDoubt = {
  readonly reason: string;
  readonly highestHeight: number;
  /** Neither votes nor blocks are here: this node is new, or has lost all it had. */
  readonly isFirstStart: boolean;
};

/** What of the ledger's store the record of votes leans on. */
export type VoteAnchor = {
  readonly head: { readonly height: number };
  readVotesIdentity(): Promise<Uint8Array | undefined>;
  writeVotesIdentity(identity: Uint8Array): Promise<void>;
  /** Undefined where no block was stored since the record began. */
  readVotesMark(): Promise<Uint8Array | undefined>;
  /** Every block is to be stored together with what `mark` gives then. */
  followVotes(mark: () => Uint8Array | null): void;
};

/**
 * Opens the record of own votes, kept twice in `directory`. On any doubt about it `doubt` is set, the files stay as
 * they are, and `append` refuses until `endDoubt`.
 * @throws ConsensusError CONSENSUS_STORE_FULL, CONSENSUS_STORE_FAILED when the disk fails
 */
export async function openVoteLog(directory: string, anchor: VoteAnchor): Promise<VoteLog> {
  const paths: Paths = { a: join(directory, 'votes-a.log'), b: join(directory, 'votes-b.log') };
  return guarded('opening the record of votes', async () => {
    const log = new VoteLog(paths, anchor);
    await log.open();
    anchor.followVotes(() => log.mark());
    return log;
  });
}

/**
 * Own votes, on disk before they are sent: both copies are synced when `append` returns. What lies at or below the
 * final height is dropped now and then, by writing both copies anew. One call at a time.
 */
export class VoteLog {
  readonly #paths: Paths;
  readonly #anchor: VoteAnchor;
  #doubt: VoteDoubt | null = null;
  #generationSeen = 0;
  #header: VoteHeader | null = null;
  #files: Copies | null = null;
  #kept: readonly KeptVote[] = [];
  #end = 0;
  #tip: Uint8Array = NO_HASH;
  #frames = 0;
  #finalHeight = 0;
  #votedHeight = 0;
  /** Set while the files change, and left so by a failure: what is on disk then is only known after opening again. */
  #unsettled = false;

  constructor(paths: Paths, anchor: VoteAnchor) {
    this.#paths = paths;
    this.#anchor = anchor;
  }

  /** Null while the record can be trusted. */
  get doubt(): VoteDoubt | null {
    return this.#doubt;
  }

  /** Nothing may be signed at or below this height: the votes there are not kept any more. */
  get floorHeight(): number {
    return this.#header?.floorHeight ?? 0;
  }

  /** Votes at heights above the final one, in the order in which they were made. */
  get votes(): readonly KeptVote[] {
    return this.#kept;
  }

  /** The highest height voted at, where the ledger should hold the block before it and does not; else null. */
  get ledgerLost(): number | null {
    return this.#votedHeight > this.#anchor.head.height + 1 ? this.#votedHeight : null;
  }

  /** Where the record stands, for the ledger to store with each block; null while it is in doubt. */
  mark(): Uint8Array | null {
    if (this.#doubt !== null || this.#header === null) return null;
    return encodeVoteMark({ generation: this.#header.generation, frames: this.#frames, tip: this.#tip });
  }

  /** Whether such a vote above the final height is in the record. What is at or below the floor counts as held. */
  holds({ height, kind, digest }: Pick<KeptVote, 'height' | 'kind' | 'digest'>): boolean {
    if (height <= this.floorHeight) return true;
    return this.#kept.some((vote) => vote.height === height && vote.kind === kind && vote.digest === digest);
  }

  async open(): Promise<void> {
    const identity = await this.#anchor.readVotesIdentity();
    const mark = await this.#readMark();
    const a = await readCopy(this.#paths.a);
    const b = await readCopy(this.#paths.b);
    const { height } = this.#anchor.head;
    // Files are put in place whole, so one that was never written to can be no remainder of one that was.
    this.#generationSeen = Math.max(generationOf(a), generationOf(b), mark?.generation ?? 0);
    this.#finalHeight = height;
    if (identity === undefined && height === 0 && neverUsed(a) && neverUsed(b)) {
      this.#doubt = { reason: 'there is no record of votes yet', highestHeight: 0, isFirstStart: true };
      return;
    }
    const judgement = judge(a, b);
    const reason =
      judgement.kind === 'doubt' ? judgement.reason : strangeness(judgement.copy, { identity, mark });
    if (judgement.kind === 'doubt' || reason !== null) {
      const highestHeight = Math.max(height + 1, highestOf(a), highestOf(b));
      this.#doubt = { reason: reason ?? 'unknown', highestHeight, isFirstStart: false };
      return;
    }
    const { copy } = judgement;
    if (judgement.kind === 'mend') await replaceCopy(this.#paths[judgement.damaged], copy.bytes);
    this.#header = copy.header;
    this.#kept = copy.votes.filter((vote) => vote.height > height);
    this.#end = copy.end;
    this.#tip = copy.hashes.at(-1)!;
    this.#frames = copy.hashes.length - 1;
    this.#votedHeight = highestOf(copy);
    this.#files = await openCopies(this.#paths);
  }

  /**
   * Puts votes on disk, in both copies, as one: after a crash all of them are there or none. A block's body that is
   * kept already is not written again.
   * @throws ConsensusError CONSENSUS_VOTES_IN_DOUBT, also for a vote at or below `floorHeight`; CONSENSUS_STORE_FULL,
   * CONSENSUS_STORE_FAILED: the votes must not be sent, and the log must be opened again
   */
  async append(votes: readonly KeptVote[]): Promise<void> {
    const header = this.#settledHeader();
    const low = votes.find((vote) => vote.height <= header.floorHeight);
    if (low !== undefined) throw inDoubt(`height ${low.height} is at or below the floor`);
    const fresh = votes.filter((vote) => !this.#hasBody(vote));
    if (fresh.length === 0) return;
    const payload = encodeVotes(fresh);
    if (this.#end + frameBytes(payload) + RESERVE_BYTES > header.capacity) {
      // What is final is not written again, so nothing may be signed there any more, should the ledger lose it.
      return this.#renew(Math.max(header.floorHeight, this.#finalHeight), [...this.#kept, ...fresh]);
    }
    await this.#changing(async ({ a, b }) => {
      const frame = buildFrame(payload, this.#tip);
      await writeWhole(a, frame.bytes, this.#end);
      await writeWhole(b, frame.bytes, this.#end);
      this.#end += frame.bytes.length;
      this.#tip = frame.hash;
      this.#frames += 1;
      this.#kept = [...this.#kept, ...fresh];
    });
  }

  /** The block at this height is final and stored: votes up to it are not needed any more. */
  async finalised(height: number): Promise<void> {
    if (this.#doubt !== null) return;
    const header = this.#settledHeader();
    this.#finalHeight = Math.max(this.#finalHeight, height);
    this.#kept = this.#kept.filter((vote) => vote.height > height);
    // As late as leaves room for the next votes: writing both copies anew costs as much flash as filling them.
    if (this.#end > header.capacity * RENEW_SHARE)
      await this.#renew(Math.max(height, header.floorHeight), this.#kept);
  }

  /**
   * Others have finalised `height`, which is not below any at which this node may have voted: it signs above from now.
   * At a first start, 0 says that there is no block anywhere.
   * @throws ConsensusError CONSENSUS_VOTES_IN_DOUBT when the height is below one that is known
   */
  async endDoubt(height: number): Promise<void> {
    if (this.#doubt === null) return;
    if (height < this.#doubt.highestHeight)
      throw inDoubt(`height ${this.#doubt.highestHeight} is not final yet`);
    await guarded('beginning the record of votes again', () => this.#begin(height));
    this.#doubt = null;
  }

  /**
   * A vote of this node's own has turned up that the record does not hold: it is older than what was said, and so was
   * put back with all that is beside it. Kept over restarts, until `endDoubt`.
   */
  async beginDoubt(reason: string, highestHeight: number): Promise<void> {
    this.#doubt = { reason, highestHeight, isFirstStart: false };
    await guarded('giving up the record of votes', () =>
      this.#anchor.writeVotesIdentity(Uint8Array.from(randomBytes(16))),
    );
    await this.close();
  }

  async close(): Promise<void> {
    const files = this.#files;
    this.#files = null;
    await files?.a.close();
    await files?.b.close();
  }

  async #begin(floorHeight: number): Promise<void> {
    const known = await this.#anchor.readVotesIdentity();
    const identity = known ?? Uint8Array.from(randomBytes(16));
    const generation = this.#generationSeen + 1;
    const capacity = CAPACITY_BYTES_MIN;
    await this.#write({ identity, generation, floorHeight, capacity, previousTip: NO_HASH }, []);
    if (known === undefined) await this.#anchor.writeVotesIdentity(identity);
  }

  async #renew(floorHeight: number, kept: readonly KeptVote[]): Promise<void> {
    const header = this.#settledHeader();
    const needed = RESERVE_BYTES + frameBytes(encodeVotes(kept));
    let capacity = CAPACITY_BYTES_MIN;
    while (capacity < 2 * needed) capacity *= 2;
    if (capacity > CAPACITY_BYTES_MAX) {
      throw new ConsensusError('CONSENSUS_STORE_FULL', 'more votes at open heights than are kept', {
        needed,
      });
    }
    const { identity, generation } = header;
    await this.#changing(async () => {
      await this.close();
      await this.#write(
        { identity, generation: generation + 1, floorHeight, capacity, previousTip: this.#tip },
        kept,
      );
    });
  }

  /** Both copies anew, A before B: `judge` knows what a crash in between looks like. */
  async #write(header: VoteHeader, kept: readonly KeptVote[]): Promise<void> {
    const image = copyImage(header, kept.length === 0 ? null : encodeVotes(kept));
    await replaceCopy(this.#paths.a, image.bytes);
    await replaceCopy(this.#paths.b, image.bytes);
    this.#header = header;
    this.#kept = kept;
    this.#end = image.end;
    this.#tip = image.tip;
    this.#frames = kept.length === 0 ? 0 : 1;
    this.#files = await openCopies(this.#paths);
  }

  /** One that cannot be read says nothing: the ledger's own checks see to it. */
  async #readMark(): Promise<VoteMark | null> {
    const bytes = await this.#anchor.readVotesMark();
    if (bytes === undefined) return null;
    try {
      return decodeVoteMark(bytes);
    } catch (error) {
      if (error instanceof ConsensusError) return null;
      throw error;
    }
  }

  #hasBody({ kind, digest }: KeptVote): boolean {
    return kind === 'block' && this.#kept.some((kept) => kept.kind === 'block' && kept.digest === digest);
  }

  #settledHeader(): VoteHeader {
    if (this.#doubt !== null) throw inDoubt(this.#doubt.reason);
    if (this.#unsettled || this.#header === null) {
      throw new ConsensusError('CONSENSUS_STORE_FAILED', 'the record of votes is not settled: open it again');
    }
    return this.#header;
  }

  async #changing(change: (files: Copies) => Promise<void>): Promise<void> {
    const files = this.#files;
    if (files === null) throw new ConsensusError('CONSENSUS_STORE_FAILED', 'the record of votes is closed');
    this.#unsettled = true;
    await guarded('writing the record of votes', () => change(files));
    this.#unsettled = false;
  }
}

function inDoubt(reason: string): ConsensusError {
  return new ConsensusError('CONSENSUS_VOTES_IN_DOUBT', `nothing is signed: ${reason}`, { reason });
}
