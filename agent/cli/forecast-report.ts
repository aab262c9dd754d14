import type { Accuracy, WalkForward } from '../../optimizer/index.ts';

/** What `--json` writes: kW, and skills as shares of 1. `mean` is the mean over the files of each figure. */
export type ForecastReport = {
  readonly mean: { readonly load: Accuracy; readonly pv: Accuracy };
  readonly files: readonly {
    readonly file: string;
    readonly load: Accuracy;
    readonly pv: Accuracy;
    readonly days: number;
  }[];
};

export const forecastReport = (
  walks: readonly { readonly file: string; readonly walk: WalkForward }[],
): ForecastReport => ({
  mean: {
    load: meanAccuracy(walks.map(({ walk }) => walk.load)),
    pv: meanAccuracy(walks.map(({ walk }) => walk.pv)),
  },
  files: walks.map(({ file, walk: { load, pv, days } }) => ({ file, load, pv, days })),
});

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
