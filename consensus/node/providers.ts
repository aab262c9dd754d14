import type { Address } from '../contract/types.ts';
import type { Shared } from './shared.ts';

/** Who is asked for what is missing here: the validators, but for those that have just answered with what does not hold. */
export type Providers = {
  readonly list: () => readonly Address[];
  /** Counted, named in the log, and left alone for a while. Never for good: a name on a message proves nothing. */
  readonly drop: (provider: Address, reason: string) => void;
};

/** The first time; twice as long each time it happens again, up to 64 times. */
const DROPPED_MS = 5_000;
const DOUBLINGS_MAX = 6;

export function createProviders({ self, head, counters, nowMs, log }: Shared): Providers {
  const dropped = new Map<Address, { readonly times: number; readonly untilMs: number }>();
  return {
    list() {
      const others = head()
        .validators.map(({ address }) => address)
        .filter((address) => address !== self);
      const good = others.filter((address) => (dropped.get(address)?.untilMs ?? 0) <= nowMs());
      // Without any it would be given up: the worst of them may have become better, or never have been it.
      return good.length === 0 ? others : good;
    },
    drop(provider, reason) {
      // Only names that are asked are remembered: there are never many of them.
      if (!head().validators.some(({ address }) => address === provider)) return;
      const times = (dropped.get(provider)?.times ?? 0) + 1;
      const forMs = DROPPED_MS * 2 ** Math.min(times - 1, DOUBLINGS_MAX);
      dropped.set(provider, { times, untilMs: nowMs() + forMs });
      counters.droppedProviders += 1;
      log({ event: 'provider-dropped', provider, reason });
    },
  };
}
