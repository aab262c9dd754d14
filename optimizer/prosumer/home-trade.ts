import type { HomeDraft } from './home-draft.ts';
import { absent, type Entry, negated } from './qp-draft.ts';
import type { HomeProblem } from './types.ts';

/** Columns of the trade by slot, -1 where there is none, and its fixed part. */
export type TradeColumns = {
  readonly soldKw: Int32Array;
  readonly upKw: Int32Array;
  readonly downKw: Int32Array;
  readonly fixedKw: Float64Array;
  /** Entries of sold power, less its fixed part, by slot. */
  readonly entries: Entry[][];
};

export function newTrade(slots: number): TradeColumns {
  return {
    soldKw: absent(slots),
    upKw: absent(slots),
    downKw: absent(slots),
    fixedKw: new Float64Array(slots),
    entries: Array.from({ length: slots }, () => []),
  };
}

/** Sold power: a free column when priced, a number when fixed, that number give or take when soft. */
export function addTrade(draft: HomeDraft, columns: TradeColumns, deviationPrice: number, t: number): void {
  const { qp, problem } = draft;
  const { trade, slotHours } = problem;
  const entries = columns.entries[t]!;
  if (trade.kind === 'priced') {
    const sold = qp.variable({
      linear: tradeCost(slotHours, {
        pricePerKwh: trade.pricePerKwh[t]!,
        penaltyPerKwhPerKw: trade.penaltyPerKwhPerKw,
        targetSoldKw: trade.targetSoldKw[t]!,
      }),
      curvature: slotHours * trade.penaltyPerKwhPerKw,
    });
    columns.soldKw[t] = sold;
    entries.push([sold, 1]);
  } else if (trade.kind === 'fixed') {
    columns.fixedKw[t] = trade.soldKw[t]!;
    if (deviationPrice > 0) {
      const up = qp.variable({ linear: deviationPrice });
      const down = qp.variable({ linear: deviationPrice });
      qp.row([[up, 1]], 0, Infinity);
      qp.row([[down, 1]], 0, Infinity);
      columns.upKw[t] = up;
      columns.downKw[t] = down;
      entries.push([up, 1], [down, -1]);
    }
  }
  draft.balance[t]!.push(...negated(entries));
}

/**
 * The linear cost of the sold power under a priced trade: dt * (-price - penalty * target) by slot. The
 * one part of the program that changes from trading round to trading round.
 */
export function tradeCost(
  slotHours: number,
  trade: { pricePerKwh: number; penaltyPerKwhPerKw: number; targetSoldKw: number },
): number {
  return -slotHours * (trade.pricePerKwh + trade.penaltyPerKwhPerKw * trade.targetSoldKw);
}

/** What a priced trade adds to a plan's cost: dt * (-price * p + penalty / 2 * (p - target)^2). */
export function tradeTerm({ trade, slotHours }: HomeProblem, soldKw: ArrayLike<number>): number {
  if (trade.kind !== 'priced') return 0;
  let term = 0;
  for (let t = 0; t < soldKw.length; t += 1) {
    const offKw = soldKw[t]! - trade.targetSoldKw[t]!;
    term += -trade.pricePerKwh[t]! * soldKw[t]! + (trade.penaltyPerKwhPerKw / 2) * offKw ** 2;
  }
  return slotHours * term;
}

/** What completes the squares of a priced trade's penalty. */
export function tradeConstant({ trade, slots, slotHours }: HomeProblem): number {
  if (trade.kind !== 'priced') return 0;
  let constant = 0;
  for (let t = 0; t < slots; t += 1) {
    constant += (slotHours * trade.penaltyPerKwhPerKw * trade.targetSoldKw[t]! ** 2) / 2;
  }
  return constant;
}
