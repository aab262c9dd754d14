import { createQuota, type QuotaRate } from './quota.ts';

/**
 * Guards the processor against floods: verifying a signature costs some 0.3 ms, making garbage nothing. A name on
 * unverified input proves nothing, so garbage under an honest node's name must not silence that node: once a name is
 * in disrepute its messages are not refused, but share one narrow allowance with all others in disrepute. Names that
 * nobody knows are one name: else whoever takes a new one for every message would never be in disrepute.
 */
export type Gate = {
  /** Whether an unverified message under this name may be looked at now. */
  readonly admits: (from: string, nowMs: number) => boolean;
  /** It turned out to be garbage. */
  readonly blame: (from: string, nowMs: number) => void;
  /** A verified author asks for something that costs: may it be served now? */
  readonly serves: (author: string, nowMs: number) => boolean;
};

export type GateLimits = {
  /** Pieces of garbage that a name is forgiven. */
  readonly garbage: QuotaRate;
  /** Messages looked at for all names in disrepute together. */
  readonly suspects: QuotaRate;
  readonly served: QuotaRate;
};

const STRANGER = '';
const ALL_SUSPECTS = '';

/** `nowMs` of all calls is from one monotonic clock. */
export function createGate(limits: GateLimits, isKnown: (name: string) => boolean): Gate {
  const known = (name: string) => (isKnown(name) ? name : STRANGER);
  const garbage = createQuota(limits.garbage);
  const suspects = createQuota(limits.suspects);
  const served = createQuota(limits.served);
  return {
    admits(from, nowMs) {
      if (garbage.has(known(from), nowMs)) return true;
      const admitted = suspects.has(ALL_SUSPECTS, nowMs);
      if (admitted) suspects.use(ALL_SUSPECTS, nowMs);
      return admitted;
    },
    blame: (from, nowMs) => garbage.use(known(from), nowMs),
    serves(author, nowMs) {
      const name = known(author);
      const isServed = served.has(name, nowMs);
      if (isServed) served.use(name, nowMs);
      return isServed;
    },
  };
}
