import type { StageRows } from './stage-rows.ts';

/** Of the rows (stage-rows.ts), those that say what a home and its day are like; one of them is what trade pays. */
const ROWS_SEEN = 14;
const SOLD_COST = 8;
const LOAD_ROWS_SEEN = 2;
/** Among the scalars, the trade's penalty. */
const PENALTY = 6;

export type Outlook = {
  /** @returns whether the rows differ from those of the last call in anything but the terms of trade. */
  isOther(rows: StageRows): boolean;
};

/** Remembers what a plan depends on beside the terms of trade. */
export function createOutlook(): Outlook {
  let before: Float64Array[] = [];
  return {
    isOther({ scalars, rows, loadRows }) {
      const now = [
        ...rows.slice(0, ROWS_SEEN),
        ...loadRows.flatMap((load) => load.slice(0, LOAD_ROWS_SEEN)),
        scalars,
      ];
      const isSame = now.every(
        (series, k) => k === SOLD_COST || areSame(series, before[k], series === scalars ? PENALTY : -1),
      );
      if (!isSame) before = now.map((series) => series.slice());
      return !isSame;
    },
  };
}

function areSame(series: Float64Array, others: Float64Array | undefined, but: number): boolean {
  if (series.length !== others?.length) return false;
  for (let k = 0; k < series.length; k += 1) {
    if (k !== but && !Object.is(series[k], others[k])) return false;
  }
  return true;
}
