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
  /** Pieces of garbage a name is forgiven, at once and per second. */
  readonly garbageBurst: number;
  readonly garbagePerSecond: number;
  /** Messages per second looked at for all names in disrepute together. */
  readonly suspectsPerSecond: number;
  readonly servedBurst: number;
  readonly servedPerSecond: number;
};

/** Names remembered; the one unheard for longest is forgotten first. */
const NAMES_MAX = 1024;

const STRANGER = '';

/** `nowMs` of all calls is from one monotonic clock. */
export function createGate(limits: GateLimits, isKnown: (name: string) => boolean): Gate {
  const known = (name: string) => (isKnown(name) ? name : STRANGER);
  const garbage = new Map<string, Bucket>();
  const served = new Map<string, Bucket>();
  const suspects: Bucket = { tokens: limits.suspectsPerSecond, atMs: 0 };
  return {
    admits(from, nowMs) {
      const bucket = garbage.get(known(from));
      if (bucket === undefined) return true;
      refill(bucket, { burst: limits.garbageBurst, perSecond: limits.garbagePerSecond }, nowMs);
      if (bucket.tokens >= 1) return true;
      refill(suspects, { burst: limits.suspectsPerSecond, perSecond: limits.suspectsPerSecond }, nowMs);
      return take(suspects);
    },
    blame(from, nowMs) {
      const bucket = bucketOf(garbage, known(from), { tokens: limits.garbageBurst, atMs: nowMs });
      bucket.tokens = Math.max(0, bucket.tokens - 1);
    },
    serves(author, nowMs) {
      const bucket = bucketOf(served, known(author), { tokens: limits.servedBurst, atMs: nowMs });
      refill(bucket, { burst: limits.servedBurst, perSecond: limits.servedPerSecond }, nowMs);
      return take(bucket);
    },
  };
}

type Bucket = { tokens: number; atMs: number };

function bucketOf(buckets: Map<string, Bucket>, name: string, fresh: Bucket): Bucket {
  const bucket = buckets.get(name) ?? fresh;
  buckets.delete(name);
  if (buckets.size >= NAMES_MAX) for (const oldest of [...buckets.keys()].slice(0, 1)) buckets.delete(oldest);
  buckets.set(name, bucket);
  return bucket;
}

function refill(bucket: Bucket, rate: { burst: number; perSecond: number }, nowMs: number): void {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsedMs * rate.perSecond) / 1000);
  bucket.atMs = nowMs;
}

function take(bucket: Bucket): boolean {
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
