/** A final block that came as it was made, by another than this node. */
export type Witness = {
  readonly proposer: string;
  /** So many of the committee may lie: more than these must say the same. */
  readonly liarsMax: number;
};

/** What those say of the time whose blocks come as they are made. */
export type Witnesses = {
  /** A final block; without a witness it only shows that what was said before is old. */
  heard(block: { readonly utcMs: number; readonly monotonicMs: number }, witness?: Witness): void;
  /** Whether more than may lie have said the same time, for long enough. */
  agree(): boolean;
};

/** Of the tolerance: for so long blocks must say the same time, so that old ones that come together do not. */
const AGREED_FOR_TOLERANCES = 2;

/**
 * A liar may give its blocks an old time, and a network may hold blocks back or bring many at once. So a time is taken
 * for agreed only if it goes on as monotonic time does, within the tolerance, over a while and by enough proposers. A
 * block that says a later time ends that: no quorum signs one from the future, and so those before were old.
 */
export function createWitnesses(toleranceMs: number): Witnesses {
  type Agreement = {
    readonly offsetMs: number;
    readonly sinceMs: number;
    readonly proposers: Set<string>;
    lastMs: number;
    liarsMax: number;
  };
  let agreement: Agreement | undefined;

  return {
    heard({ utcMs, monotonicMs }, witness) {
      const offsetMs = utcMs - monotonicMs;
      if (agreement !== undefined && offsetMs > agreement.offsetMs + toleranceMs) agreement = undefined;
      if (witness === undefined) return;
      const { proposer, liarsMax } = witness;
      agreement ??= { offsetMs, sinceMs: monotonicMs, proposers: new Set(), lastMs: monotonicMs, liarsMax };
      // An old block: of a slow proposer, or of a liar.
      if (offsetMs < agreement.offsetMs - toleranceMs) return;
      agreement.proposers.add(proposer);
      agreement.lastMs = monotonicMs;
      agreement.liarsMax = liarsMax;
    },
    agree: () =>
      agreement !== undefined &&
      agreement.proposers.size > agreement.liarsMax &&
      agreement.lastMs - agreement.sinceMs >= AGREED_FOR_TOLERANCES * toleranceMs,
  };
}
