import { type WalkForward, walkForward } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { type History, readHistory } from '../neighbourhood/index.ts';
import { createProgress, lookOf } from '../terminal/index.ts';
import type { CliIo, ForecastEvaluateOptions } from './actions.ts';
import { forecastReport } from './forecast-report.ts';
import { renderForecastReport } from './forecast-view.ts';
import { reportText, requireReportPlace, writeReport } from './json-report.ts';

/** How good the forecasts of each home would have been, had they been issued at each midnight of its history. */
export async function forecastEvaluate(options: ForecastEvaluateOptions, io: CliIo): Promise<void> {
  const { files, json } = options;
  if (typeof json === 'object') await requireReportPlace(json.file);
  // Whatever is wrong with a file is told before any work is done.
  const histories: (History & { readonly file: string })[] = [];
  for (const file of files) histories.push({ file, ...(await readHistory(file)) });

  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  progress.begin('Forecasting', files.length);
  const walks = histories.flatMap((history, index) => {
    const { file, slotMs } = history;
    const walk = walked(history, options);
    progress.step(index + 1, 'homes');
    return walk === undefined ? [] : [{ file, slotMs, walk }];
  });
  const days = walks.reduce((sum, { walk }) => sum + walk.days, 0);
  progress.finish(`${days} days, each from what lay before it`);
  requireAll(files, walks, options);

  const report = forecastReport(walks);
  if (json === 'stdout') io.stdout.write(reportText(report));
  else io.stdout.write(renderForecastReport(report, walks, lookOf(io.stdout, io.env)));
  if (typeof json === 'object') await writeReport(json.file, report);
}

function walked(
  { slotMs, slots }: History,
  { utcOffsetMs, warmUpDays, location }: ForecastEvaluateOptions,
): WalkForward | undefined {
  return walkForward(
    slots.map((slot) => ({ ...slot, startMs: slot.startMs - utcOffsetMs, utcOffsetMs })),
    { slotMs, utcOffsetMs, warmUpDays, ...(location !== undefined && { location }) },
  );
}

/** A mean over fewer homes than were asked for would not be what was asked for. */
function requireAll(
  files: readonly string[],
  walks: readonly { readonly file: string }[],
  { warmUpDays }: ForecastEvaluateOptions,
): void {
  const short = files.find((file) => !walks.some((walk) => walk.file === file));
  if (short === undefined) return;
  throw new AgentError(
    'AGENT_BAD_DATA',
    `${short} leaves nothing to judge after ${warmUpDays} days of warm-up: give more days, or a shorter --warm-up.`,
    { file: short },
  );
}
