import type { Providers } from './providers.ts';
import type { Shared } from './shared.ts';

/**
 * Whether final blocks are missing here that others are just giving: the head then says what was, not what is, and is
 * nothing to act by.
 *
 * That there are more of them is hearsay, and must not hold anybody back who is told so without end. So it counts only
 * with what nobody can forge: an answer that has brought several sealed blocks, or a sealed snapshot above the own head.
 * After a start, and whenever the network is back, one answer at all is waited for.
 */
export type CatchUp = {
  readonly isUnderWay: () => boolean;
  /** The others are asked where the chain is. */
  readonly begin: () => void;
  /** Sealed proof has come that much is missing here, and more is to come. */
  readonly shown: () => void;
  /** An answer with several blocks at once is taken in: those between are passed through, and not looked at. */
  readonly taking: () => void;
  /** An answer has been taken in, in any order with the others. */
  readonly taken: (answer: { readonly moved: number; readonly left: number }) => void;
};

/** Patience with the first answer: some providers that are asked in vain among it. */
const ANSWER_MS = 5_000;
/** Patience with the next blocks or the next part, once some have come. */
const MORE_MS = 10_000;

/** @param ended told when the head may be looked at again */
export function createCatchUp(
  { head, transport, timers }: Pick<Shared, 'head' | 'transport' | 'timers'>,
  providers: Pick<Providers, 'list'>,
  ended: () => void,
): CatchUp {
  let isOpen = false;
  let isTaking = false;

  const open = (forMs: number) => {
    isOpen = true;
    timers.set('catch-up', forMs, () => {
      // A ledger without a block tells nothing to act by: nothing is lost by waiting for the network.
      if (head().height === 0 && !transport.connected) open(forMs);
      else close();
    });
  };

  const close = () => {
    timers.clear('catch-up');
    isOpen = false;
    if (!isTaking) ended();
  };

  return {
    isUnderWay: () => isOpen || isTaking,
    begin() {
      if (providers.list().length > 0) open(ANSWER_MS);
    },
    shown: () => open(MORE_MS),
    taking() {
      isTaking = true;
    },
    taken({ moved, left }) {
      const wasTaking = isTaking;
      isTaking = false;
      if (left <= 0) {
        if (isOpen || wasTaking) close();
      } else if (moved > 1) open(MORE_MS);
      // Who says that there is more, and gives none of it, is nobody to wait for, nor to end a wait.
      else if (wasTaking && !isOpen) ended();
    },
  };
}
