import { createQuota, type QuotaRate } from './quota.ts';

/**
 * Guards the processor against floods: verifying a signature costs some 0.3 ms, making garbage nothing. A name on
 * unverified input proves nothing, so garbage under an honest node's name must not silence that node: once a name is
 * in disrepute its messages are not refused, but share one narrow allowance with all others in disrepute. Names that
 * nobody knows are one name: else whoever takes a new one for every message would never be in disrepute. All of it holds
 * for each way that messages come by: what is said on one in a node's name costs that node nothing on the others.
 */
export type Gate = {
  /** Whether an unverified message under this name may be looked at now. */
  readonly admits: (from: string, nowMs: number, via?: number) => boolean;
  /** It turned out to be garbage. */
  readonly blame: (from: string, nowMs: number, via?: number) => void;
  /** Somebody asks for something that costs: may it be served now? */
  readonly serves: (author: string, nowMs: number, via?: number) => boolean;
};

export type GateLimits = {
  /** Pieces of garbage that a name is forgiven. */
  readonly garbage: QuotaRate;
  /** Messages looked at for all names in disrepute together. */
  readonly suspects: QuotaRate;
  readonly served: QuotaRate;
};

const STRANGER = '';

/** `nowMs` of all calls is from one monotonic clock. */
export function createGate(limits: GateLimits, isKnown: (name: string) => boolean): Gate {
  const known = (name: string, via: number) => `${via} ${isKnown(name) ? name : STRANGER}`;
  const garbage = createQuota(limits.garbage);
  const suspects = createQuota(limits.suspects);
  const served = createQuota(limits.served);
  return {
    admits(from, nowMs, via = 0) {
      if (garbage.has(known(from, via), nowMs)) return true;
      const allSuspects = String(via);
      const admitted = suspects.has(allSuspects, nowMs);
      if (admitted) suspects.use(allSuspects, nowMs);
      return admitted;
    },
    blame: (from, nowMs, via = 0) => garbage.use(known(from, via), nowMs),
    serves(author, nowMs, via = 0) {
      const name = known(author, via);
      const isServed = served.has(name, nowMs);
      if (isServed) served.use(name, nowMs);
      return isServed;
    },
  };
}
