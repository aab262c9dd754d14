import { assembleBlock, BLOCK_BYTES_MAX, type Block, executeBlock } from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import type { Bodies } from './bodies.ts';
import type { Shared } from './shared.ts';

/** Makes blocks of what waits for one, and looks through those that others propose. */
export type Proposals = {
  /** Null when nothing that waits would succeed, and an empty block is not wanted. */
  readonly build: (allowEmpty: boolean) => Hash | null;
  /** @param author who proposed it just now; null for a block prepared in an earlier round, which was looked through then */
  readonly check: (digest: Hash, author: Address | null, turn: Turn) => boolean;
  /** Whether one transaction at least would succeed: a block waits for being made as soon as that is so. */
  readonly isPending: () => boolean;
  readonly refused: () => RefusedProposals;
};

/** Since the start: others' blocks that got no vote here, and why the last did not. */
export type RefusedProposals = { readonly count: number; readonly lastReason: string | null };

type Turn = { readonly height: number; readonly round: number };

/** Of a block's encoding: what every broker passes on, with the message around it. */
const PROPOSED_BYTES_MAX = 512 * 1024;

export function createProposals(
  { self, contract, clock, allowedSkewMs, log, head, pool }: Shared,
  bodies: Pick<Bodies, 'get' | 'add'>,
): Proposals {
  let refused: RefusedProposals = { count: 0, lastReason: null };

  const dropFailed = (dropped: ReturnType<typeof assembleBlock>['dropped']) => {
    for (const { transaction, code, reason, waits } of dropped) {
      if (waits) continue;
      pool.drop(transaction);
      const { sender, nonce } = transaction;
      log({ event: 'transaction-dropped', sender, nonce, code, reason });
    }
  };

  /** Of a fresh block: written by its proposer, and not from the future. */
  const refusal = ({ header }: Block, author: Address): string | null => {
    if (header.proposer !== author) return 'written by another than its proposer';
    return header.timeMs > clock.utcMs() + allowedSkewMs ? 'from the future' : null;
  };

  /** Null for a block that may be voted for. */
  const fault = (digest: Hash, author: Address | null): string | null => {
    const body = bodies.get(digest);
    if (body === undefined) return 'its body is missing';
    const refused = author === null ? null : refusal(body.block, author);
    if (refused !== null || body.executed !== null) return refused;
    const executed = executeBlock(head(), body.block, contract);
    if (!executed.ok) return executed.reason;
    body.executed = executed;
    return null;
  };

  return {
    build(allowEmpty) {
      const candidates = pool.take(head(), { maxCount: 2_000, maxBytes: PROPOSED_BYTES_MAX, first: self });
      const proposal = {
        proposer: self,
        timeMs: clock.utcMs(),
        maxBytes: Math.min(PROPOSED_BYTES_MAX, BLOCK_BYTES_MAX),
      };
      const { block, dropped, ...executed } = assembleBlock(head(), candidates, proposal, contract);
      dropFailed(dropped);
      if (block.transactions.length === 0 && !allowEmpty) return null;
      return bodies.add(block, { ok: true, ...executed }, self);
    },
    check(digest, author, { height, round }) {
      const reason = fault(digest, author);
      if (reason === null) return true;
      refused = { count: refused.count + 1, lastReason: reason };
      log({ event: 'proposal-refused', height, round, digest, reason });
      return false;
    },
    refused: () => refused,
    isPending() {
      const candidates = pool.take(head(), { maxCount: 256, maxBytes: PROPOSED_BYTES_MAX });
      if (candidates.length === 0) return false;
      const attempt = { proposer: self, timeMs: clock.utcMs(), maxTransactions: 1 };
      const { block, dropped } = assembleBlock(head(), candidates, attempt, contract);
      dropFailed(dropped);
      return block.transactions.length > 0;
    },
  };
}
