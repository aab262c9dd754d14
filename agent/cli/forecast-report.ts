import type { Accuracy, WalkForward } from '../../optimizer/index.ts';
import type { HistoryCorrections } from '../neighbourhood/index.ts';

/**
 * What `--json` writes: kW, and skills as shares of 1. `mean` is the mean over the files of each figure; of PV, over
 * those that generated anything: at a home without PV every forecast is right, and none is better than another.
 */
export type ForecastReport = {
  readonly mean: { readonly load: Accuracy; readonly pv: Accuracy };
  readonly files: readonly {
    readonly file: string;
    readonly load: Accuracy;
    readonly pv: Accuracy;
    readonly days: number;
    /** How much of the file was not taken as it stands. */
    readonly corrections: HistoryCorrections;
  }[];
};

export const forecastReport = (
  walks: readonly {
    readonly file: string;
    readonly corrections: HistoryCorrections;
    readonly walk: WalkForward;
  }[],
): ForecastReport => ({
  mean: {
    load: meanAccuracy(walks.map(({ walk }) => walk.load)),
    pv: meanAccuracy(generating(walks).map(({ walk }) => walk.pv)),
  },
  files: walks.map(({ file, corrections, walk: { load, pv, days } }) => ({
    file,
    load,
    pv,
    days,
    corrections,
  })),
});

/** All of them where none did. */
function generating<Walked extends { readonly walk: WalkForward }>(
  walks: readonly Walked[],
): readonly Walked[] {
  const those = walks.filter(({ walk }) => walk.bySlotOfDay.pv.measuredKw.some((kw) => kw > 0));
  return those.length > 0 ? those : walks;
}

function meanAccuracy(all: readonly Accuracy[]): Accuracy {
  const mean = (of: (accuracy: Accuracy) => number) =>
    all.reduce((sum, accuracy) => sum + of(accuracy), 0) / all.length;
  return {
    mae: mean(({ mae }) => mae),
    rmse: mean(({ rmse }) => rmse),
    skillMae: mean(({ skillMae }) => skillMae),
    skillRmse: mean(({ skillRmse }) => skillRmse),
  };
}
