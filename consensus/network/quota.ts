/** How much each name may cost, at once and for ever: a bucket of tokens by name, full for one not met before. */
export type Quota = {
  /** Whether the name has a token left. `nowMs` of all calls is from one monotonic clock. */
  readonly has: (name: string, nowMs: number) => boolean;
  /** Takes one of its tokens. */
  readonly use: (name: string, nowMs: number) => void;
};

export type QuotaRate = { readonly burst: number; readonly perSecond: number };

/** Names remembered; the one that has used nothing for longest is forgotten first. */
const NAMES_MAX = 1024;

export function createQuota({ burst, perSecond }: QuotaRate): Quota {
  const buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  const tokensOf = (name: string, nowMs: number) => {
    const bucket = buckets.get(name);
    if (bucket === undefined) return burst;
    return Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
  };
  return {
    has: (name, nowMs) => tokensOf(name, nowMs) >= 1,
    use(name, nowMs) {
      const tokens = Math.max(0, tokensOf(name, nowMs) - 1);
      buckets.delete(name);
      for (const oldest of buckets.keys()) {
        if (buckets.size < NAMES_MAX) break;
        buckets.delete(oldest);
      }
      buckets.set(name, { tokens, atMs: nowMs });
    },
  };
}
