import { type Block, blockDigest, type FinalBlock } from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import type { EntryStage } from './entry.ts';
import type { VoteLogPort } from './ports.ts';
import { isValidator, type Shared } from './shared.ts';
import type { SignOfLife } from './sign-of-life.ts';

/** Whether the record of own votes can be relied on. While it cannot, nothing is signed. */
export type Doubt = {
  readonly isOpen: () => boolean;
  /** Says so, where it is open. */
  readonly start: () => void;
  /** Whether a sign of life would help to end it. */
  readonly wantsSign: () => boolean;
  /** A final block has been stored. */
  readonly advanced: (block: Block) => Promise<void>;
  /**
   * A snapshot is about to take the place of blocks up to this height. Before it does: a crash in between must not leave
   * its state without the doubt.
   */
  readonly jumping: (height: number) => Promise<void>;
  /** What is still to be heard from the others before anything is signed. */
  readonly stage: () => EntryStage;
  /** It has been heard. */
  readonly enter: () => Promise<void>;
  /**
   * Looks for own words in a final block before it is stored.
   * @throws ConsensusError CONSENSUS_VOTES_IN_DOUBT when there is one that the record of votes does not hold; the doubt
   * is on disk then, and outlasts the restart
   */
  readonly recognise: (final: FinalBlock) => Promise<void>;
};

export type DoubtOptions = {
  /** From now on, heights above this one may be signed. */
  readonly signAbove: (height: number) => Promise<void>;
  readonly signOfLife: Pick<SignOfLife, 'isIn'>;
  /** False while blocks come in that others have had for long. */
  readonly isCurrent: () => boolean;
};

export function createDoubt(
  shared: Shared,
  voteLog: VoteLogPort,
  { signAbove, signOfLife, isCurrent }: DoubtOptions,
): Doubt {
  const { self, contract, clock, allowedSkewMs, log, head } = shared;
  const startedUtcMs = clock.set === false ? Number.POSITIVE_INFINITY : clock.utcMs();
  let entered = false;
  /** A final block holds the sign of life: whatever was signed before this node's return was for that height at most. */
  let isPast = false;

  /**
   * It was here when a block gave it its seat: whatever it may have said in an earlier one is about heights that are
   * final. Its vote may be needed for the very next block, so that it cannot wait for a sign of life in one.
   */
  const isJustSeated = () => {
    const { height, header, state } = head();
    if (contract.seatedAt(state, self) !== height) return false;
    return isCurrent() && header.timeMs > startedUtcMs + 2 * allowedSkewMs;
  };

  const trustAbove = async (height: number) => {
    await voteLog.endDoubt(height);
    log({ event: 'votes-trusted', height });
    await signAbove(height);
  };

  /** An own word in a final block that the record does not hold. */
  const unrecorded = ({ block: { header }, certificate }: FinalBlock): 'seal' | 'proposal' | null => {
    const { height } = header;
    const digest = blockDigest(header);
    const place = head().validators.findIndex(({ address }) => address === self);
    const isSealed = certificate.seals.some(({ signer }) => signer === place);
    if (isSealed && !voteLog.holds({ height, kind: 'commit', digest })) return 'seal';
    const isProposed = header.proposer === self;
    return isProposed && !voteLog.holds({ height, kind: 'proposal', digest }) ? 'proposal' : null;
  };

  return {
    isOpen: () => voteLog.doubt !== null && isValidator(shared),
    start() {
      if (voteLog.doubt === null || !isValidator(shared)) return;
      const { reason, highestHeight } = voteLog.doubt;
      log({ event: 'votes-in-doubt', reason, highestHeight });
    },
    wantsSign() {
      return voteLog.doubt !== null && !isPast && isValidator(shared) && head().height > 0;
    },
    async advanced(block) {
      if (signOfLife.isIn(block)) isPast = true;
      if (voteLog.doubt === null || !isValidator(shared)) return;
      const { height } = head();
      if (!isPast && !isJustSeated()) return;
      if (height >= voteLog.doubt.highestHeight) await trustAbove(height);
    },
    async jumping(height) {
      if (entered || voteLog.doubt !== null) return;
      // Of a record that may have been put back from a backup, own words in those blocks would have told.
      const reason = `blocks up to ${height} come as a snapshot, without the own words in them`;
      await voteLog.beginDoubt(reason, height);
    },
    stage() {
      const { doubt } = voteLog;
      if (doubt === null) return entered ? 'none' : 'again';
      if (!isValidator(shared)) return 'none';
      const { height, validators, state } = head();
      if (height === 0) return doubt.isFirstStart ? 'first' : 'none';
      // The second of two, just seated: nothing is final without it, so it would wait for the other in vain. The other
      // seals nothing while it is in doubt itself: it was seated before, and so cannot come here.
      const isNewSecond = validators.length === 2 && contract.seatedAt(state, self) === height;
      return isNewSecond && height >= doubt.highestHeight ? 'first' : 'none';
    },
    async enter() {
      entered = true;
      if (voteLog.doubt !== null) return trustAbove(head().height);
      await signAbove(voteLog.floorHeight);
    },
    async recognise(final) {
      const word = voteLog.doubt === null ? unrecorded(final) : null;
      if (word === null) return;
      const { height } = final.block.header;
      const reason = `block ${height} bears a ${word} of this node that its record of votes does not hold: the whole directory is older than that, or its key is in use elsewhere too. Start again; if it comes back, end the other agent that has the key, or have it replaced (gridquorum vote revoke, then vote rekey)`;
      await voteLog.beginDoubt(reason, height);
      throw new ConsensusError('CONSENSUS_VOTES_IN_DOUBT', reason, { height });
    },
  };
}
