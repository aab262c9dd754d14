import type { Block, Executed, FinalBlock, Head } from '../../consensus/chain/index.ts';
import type { Effect } from '../../consensus/protocol/index.ts';
import { POWER_FAILS, type Write } from './power.ts';
import type { Self } from './self.ts';
import type { Subject } from './subject.ts';
import type { Transactions } from './transactions.ts';

type Decided = Extract<Effect, { kind: 'finalise' }>;

/** From the agreement's decision, or another's proof of it, to a block in the chain. */
export type Finality = {
  readonly finalise: (decided: Decided) => void;
  /** The one way a block becomes part of the chain. */
  readonly append: (final: FinalBlock, executed: Executed) => void;
  /** A snapshot has taken the place of blocks. */
  readonly jumped: () => void;
  /** A block has come that may have been waited for. */
  readonly bodyCame: () => void;
};

type Parts = {
  readonly bodies: ReturnType<Subject['bodies']['createBodies']>;
  readonly transactions: Transactions;
  readonly write: Write;
  readonly askForBlocks: () => void;
  readonly recognise: (final: FinalBlock) => boolean;
  /** It is stored, and known to whoever makes snapshots. */
  readonly stored: (final: FinalBlock, next: Head) => void;
  /** There is a new head, and what it holds is done; null where it is a snapshot's. */
  readonly advanced: (height: number, block: Block | null) => void;
};

export function createFinality(self: Self, parts: Parts): Finality {
  const { subject, place, disk, random, witness, say, note } = self;
  const { bodies, transactions } = parts;
  const { chain } = subject;
  const { head } = disk;
  /** Decided by others' votes before its body came. */
  let bodiless: Decided | null = null;

  const finalise = (decided: Decided) => {
    const { round, height, digest, announce } = decided;
    const body = bodies.get(digest);
    if (body === undefined) {
      bodiless = decided;
      parts.askForBlocks();
      return;
    }
    const executed = body.executed ?? self.executions.execute(head(), body.block);
    if (!executed.ok) {
      witness.accuse(`n${place} cannot execute final block ${height}: ${executed.reason}`);
      return;
    }
    const { validators } = head();
    const commits = decided.commits.map((commit) => ({
      author: commit.author,
      signature: self.seals.of(commit.author, { height, round: commit.round, digest }, validators),
    }));
    const certificate = chain.gatherCertificate(commits, { round, validators });
    const final = { block: body.block, certificate };
    const finalBlock = chain.encodeFinalBlock(final);
    if (announce) say({ channel: 'block', height, finalBlock });
    append(final, executed);
  };

  const append = (final: FinalBlock, { next }: Executed) => {
    const { block } = final;
    const { height } = block.header;
    if (self.recognisesItself && !parts.recognise(final)) throw POWER_FAILS;
    const settled = transactions.settledBy(block);
    const finalBlock = chain.encodeFinalBlock(final);
    const { epochBlocks } = self;
    const milestone = subject.milestoneOf(final, { before: head().validators, next, epochBlocks });
    parts.write('block', (fate) => {
      if (fate === 'goes on' || fate === 'after')
        disk.appendBlock({ finalBlock, head: next, milestone, settled }, random);
      witness.finalised(place, final, next);
    });
    note?.(
      `n${place} has final block ${height} ${next.digest.slice(0, 8)}, ${block.transactions.length} transactions`,
    );
    parts.stored(final, next);
    transactions.advanced(settled, block);
    bodiless = null;
    bodies.advance(height);
    parts.advanced(height, block);
  };

  return {
    finalise,
    append,
    jumped() {
      const { height } = head();
      transactions.jumped();
      bodiless = null;
      bodies.advance(height);
      parts.advanced(height, null);
    },
    bodyCame() {
      if (bodiless === null || bodies.get(bodiless.digest) === undefined) return;
      const ready = bodiless;
      bodiless = null;
      finalise(ready);
    },
  };
}
