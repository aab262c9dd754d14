import type { createBodies } from '../../consensus/node/bodies.ts';
import { START_MS } from './cast.ts';
import type { Self } from './self.ts';
import type { Transactions } from './transactions.ts';

/** Makes and tries blocks on top of the head. */
export type Blocks = {
  /** The digest; null when there is nothing to put into a block that may not be empty. */
  readonly build: (allowEmpty: boolean) => string | null;
  /** @param author who proposes it as its own; null for a block that an earlier round has prepared */
  readonly check: (digest: string, author: string | null) => boolean;
  /** Whether something waits that a block could hold. */
  readonly isPending: () => boolean;
};

type Parts = {
  readonly bodies: ReturnType<typeof createBodies>;
  readonly transactions: Pick<Transactions, 'candidates' | 'drop'>;
};

const PROPOSED_BYTES_MAX = 512 * 1024;

export function createBlocks(self: Self, { bodies, transactions }: Parts): Blocks {
  const { actor, agenda } = self;
  const { chain, contract } = self.subject;
  const { head } = self.disk;
  const utcMs = () => START_MS + Math.floor(agenda.nowMs() + self.skewMs);

  const build = (allowEmpty: boolean): string | null => {
    const candidates = transactions.candidates(true);
    const { block, dropped, ...executed } = chain.assembleBlock(
      head(),
      candidates,
      { proposer: actor.address, timeMs: utcMs(), maxBytes: PROPOSED_BYTES_MAX },
      contract,
    );
    transactions.drop(dropped);
    if (block.transactions.length === 0 && !allowEmpty) return null;
    return bodies.add(block, { ok: true, ...executed }, actor.address);
  };

  const check = (digest: string, author: string | null): boolean => {
    const body = bodies.get(digest);
    if (body === undefined) return false;
    const { header } = body.block;
    if (author !== null && (header.proposer !== author || header.timeMs > utcMs() + self.allowedSkewMs))
      return false;
    if (body.executed !== null) return true;
    const executed = self.executions.execute(head(), body.block);
    if (executed.ok) body.executed = executed;
    return executed.ok;
  };

  const isPending = (): boolean => {
    const candidates = transactions.candidates(false);
    if (candidates.length === 0) return false;
    const attempt = { proposer: actor.address, timeMs: utcMs(), maxTransactions: 1 };
    const { block, dropped } = chain.assembleBlock(head(), candidates, attempt, contract);
    transactions.drop(dropped);
    return block.transactions.length > 0;
  };

  return { build, check, isPending };
}
