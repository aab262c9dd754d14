import { floorDiv, max, min } from './integers.ts';

/**
 * What a session of trading rounds fixes at its opening. Power in mW, prices in micro-units of money per
 * kWh, the penalty in micro-units of money per kWh per kW.
 */
export type SessionParameters = {
  /** Of the first round. */
  readonly penaltyMicroPerKwhPerKw: bigint;
  /** At which it stops growing. */
  readonly penaltyMicroPerKwhPerKwMax: bigint;
  /** From round to round: 1000 is constant. */
  readonly penaltyGrowthPermille: bigint;
  /** Rounds that acceleration looks back on; 0: plain steps only. */
  readonly memoryRounds: number;
  /** 1000: none; 1700: steps 1.7 times as long. */
  readonly relaxationPermille: bigint;
  readonly tolerancePrimalMw: bigint;
  readonly toleranceDualMw: bigint;
  readonly maxRounds: number;
  /** Prices are held within plus and minus this. */
  readonly priceLimitMicroPerKwh: bigint;
};

export type Opening = SessionParameters & {
  readonly homes: readonly string[];
  /** By slot. */
  readonly startPriceMicroPerKwh: readonly bigint[];
};

/** Power or price by slot. */
export type Series = readonly bigint[];

export type RoundReport = {
  /** max over slots of |sum over homes of sold| / N, rounded up: the primal residual. */
  readonly imbalanceMw: bigint;
  /** How far targets move: the greatest mean over homes of a slot, rounded up. */
  readonly dualMw: bigint;
  /** Homes that left in this round, silent at two deadlines in a row. */
  readonly left: readonly string[];
  readonly ended?: 'converged' | 'maxRounds' | 'deserted';
};

/** What was agreed: whole watts by home and slot, and what they earn before division into money. */
export type Cleared = {
  readonly soldW: ReadonlyMap<string, Series>;
  /** Sum over slots of price times power, micro-units * W / kWh. */
  readonly earned: ReadonlyMap<string, bigint>;
  /** Pairwise: of the pairs that trade, what `first` sells and at which price. Empty in pool form. */
  readonly pairs: readonly PairTrade[];
};

export type PairTrade = {
  readonly first: string;
  readonly second: string;
  readonly soldW: Series;
  readonly priceMicroPerKwh: Series;
};

/** Every home's last offer, and how many deadlines in a row it has missed. */
export type Attendance<Offer> = {
  readonly offers: ReadonlyMap<string, Offer>;
  readonly missed: ReadonlyMap<string, number>;
};

/** The deadline at which a silent home leaves, counting from its first miss. */
const MISSED_MAX = 2;

/** Takes a round's offers in: a silent home's last offer stands once; at the second miss the home leaves. */
export function attend<Offer>(
  homes: readonly string[],
  before: Attendance<Offer>,
  received: ReadonlyMap<string, Offer>,
): { homes: string[]; left: string[]; attendance: Attendance<Offer> } {
  const offers = new Map<string, Offer>();
  const missed = new Map<string, number>();
  const left: string[] = [];
  for (const home of homes) {
    const offer = received.get(home);
    const misses = offer === undefined ? (before.missed.get(home) ?? 0) + 1 : 0;
    if (misses >= MISSED_MAX) {
      left.push(home);
      continue;
    }
    missed.set(home, misses);
    offers.set(home, offer ?? before.offers.get(home)!);
  }
  return { homes: [...offers.keys()], left, attendance: { offers, missed } };
}

export function endOf(
  parameters: SessionParameters,
  round: number,
  homes: number,
  { imbalanceMw, dualMw }: { imbalanceMw: bigint; dualMw: bigint },
): RoundReport['ended'] {
  if (homes < 2) return 'deserted';
  if (imbalanceMw <= parameters.tolerancePrimalMw && dualMw <= parameters.toleranceDualMw) return 'converged';
  return round >= parameters.maxRounds ? 'maxRounds' : undefined;
}

/** Over-relaxation: from the target towards (and beyond) the offer. */
export function relax(target: bigint, offer: bigint, relaxationPermille: bigint): bigint {
  return target + floorDiv(relaxationPermille * (offer - target), 1000n);
}

/** A price within plus and minus the session's limit. */
export function hold(price: bigint, { priceLimitMicroPerKwh: limit }: SessionParameters): bigint {
  return max(-limit, min(limit, price));
}

/** Addresses in their one order everywhere: by code unit. */
export function sorted(homes: Iterable<string>): string[] {
  return [...homes].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
