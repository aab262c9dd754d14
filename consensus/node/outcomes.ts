import type { BlockFault } from '../chain/index.ts';
import type { Hash } from '../contract/types.ts';
import { ConsensusError } from '../errors.ts';

export type Finality =
  | { readonly ok: true; readonly height: number; readonly timeMs: number }
  /** It is in no block and will be in none. */
  | { readonly ok: false; readonly code: BlockFault; readonly reason: string };

export type Wait = { readonly timeoutMs: number; readonly signal?: AbortSignal };

/** What has become of own transactions, for those who wait for it. */
export type Outcomes = {
  readonly settle: (id: Hash, outcome: Finality) => void;
  /**
   * At once for what is settled. Without end but for the wait's for ids this node does not know.
   * @throws ConsensusError CONSENSUS_TIMEOUT, CONSENSUS_ABORTED
   */
  readonly whenFinal: (id: Hash, wait: Wait) => Promise<Finality>;
};

const OUTCOMES_KEPT = 4_096;

export function createOutcomes(): Outcomes {
  const outcomes = new Map<Hash, Finality>();
  const listeners = new Map<Hash, Set<(outcome: Finality) => void>>();

  const listen = (id: Hash, listener: (outcome: Finality) => void) => {
    const known = listeners.get(id) ?? new Set();
    listeners.set(id, known.add(listener));
    return () => {
      known.delete(listener);
      if (known.size === 0) listeners.delete(id);
    };
  };

  return {
    settle(id, outcome) {
      outcomes.set(id, outcome);
      for (const oldest of [...outcomes.keys()].slice(0, outcomes.size - OUTCOMES_KEPT))
        outcomes.delete(oldest);
      for (const listener of listeners.get(id) ?? []) listener(outcome);
      listeners.delete(id);
    },
    whenFinal(id, { timeoutMs, signal }) {
      const known = outcomes.get(id);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const end = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          forget();
        };
        const abort = () => {
          end();
          reject(
            new ConsensusError('CONSENSUS_ABORTED', `the wait for transaction ${id} was given up`, { id }),
          );
        };
        const giveUp = () => {
          end();
          const reason = `transaction ${id} is not final after ${timeoutMs} ms`;
          reject(new ConsensusError('CONSENSUS_TIMEOUT', reason, { id }));
        };
        const timer = setTimeout(giveUp, timeoutMs);
        const forget = listen(id, (outcome) => {
          end();
          resolve(outcome);
        });
        signal?.addEventListener('abort', abort, { once: true });
        if (signal?.aborted === true) abort();
      });
    },
  };
}
