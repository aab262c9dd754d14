import type { Block, SignedTransaction } from '../chain/index.ts';
import { type OwnCall, SKIP_METHOD } from './outbox.ts';
import type { Shared } from './shared.ts';

/**
 * A call that does nothing, and that no earlier life of this node can have made: a final block that holds it was written
 * after this node came back, and so were all that follow. No clock is asked: one that runs behind at the start would
 * make old blocks look young.
 */
export type SignOfLife = {
  /** Sends it, unless it is on its way. To be called again while it is wanted: a snapshot may have passed over it. */
  readonly give: () => Promise<void>;
  readonly isIn: (block: Pick<Block, 'transactions'>) => boolean;
};

type Means = {
  readonly submit: (call: OwnCall) => Promise<unknown>;
  /** Own transactions that are not final. */
  readonly waiting: () => readonly SignedTransaction[];
  /** A whole number below this one, drawn by chance. */
  readonly draw: (below: number) => number;
};

const LIFETIME_MS = 86_400_000;
/** Another 18 hours: what tells this sign from one that was given at the same time by a clock that was put back. */
const DRAWN_BELOW = 2 ** 26;

export function createSignOfLife(
  { self, clock, head }: Pick<Shared, 'self' | 'clock' | 'head'>,
  { submit, waiting, draw }: Means,
): SignOfLife {
  /** By its time of expiry, which stays when it has to be signed anew under another nonce or key. */
  let expiresMs: number | null = null;

  const isIt = (transaction: SignedTransaction) =>
    transaction.sender === self && transaction.method === SKIP_METHOD && transaction.expiresMs === expiresMs;

  return {
    async give() {
      if (waiting().some(isIt)) return;
      expiresMs = Math.max(clock.utcMs(), head().header.timeMs) + LIFETIME_MS + draw(DRAWN_BELOW);
      await submit({ method: SKIP_METHOD, args: [], expiresMs });
    },
    isIn: ({ transactions }) => transactions.some(isIt),
  };
}
