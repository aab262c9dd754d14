import type { Address } from '../contract/types.ts';
import { nowMs, type Shared } from './shared.ts';

/** Who is asked for what is missing here: the validators, but for those that have just answered with what does not hold. */
export type Providers = {
  readonly list: () => readonly Address[];
  /** Counted, named in the log, and left alone for a while. Never for good: a name on a message proves nothing. */
  readonly drop: (provider: Address, reason: string) => void;
};

const DROPPED_MS = 60_000;

export function createProviders({ self, head, counters, log }: Shared): Providers {
  const droppedUntilMs = new Map<Address, number>();
  return {
    list() {
      const others = head()
        .validators.map(({ address }) => address)
        .filter((address) => address !== self);
      const good = others.filter((address) => (droppedUntilMs.get(address) ?? 0) <= nowMs());
      // Without any it would be given up: the worst of them may have become better, or never have been it.
      if (good.length === 0) droppedUntilMs.clear();
      return good.length === 0 ? others : good;
    },
    drop(provider, reason) {
      // Only names that are asked are remembered: there are never more of them than validators.
      if (!head().validators.some(({ address }) => address === provider)) return;
      droppedUntilMs.set(provider, nowMs() + DROPPED_MS);
      counters.droppedProviders += 1;
      log({ event: 'provider-dropped', provider, reason });
    },
  };
}
