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
  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  progress.begin('Forecasting', files.length);
  const walks: { file: string; slotMs: number; walk: WalkForward }[] = [];
  for (const file of files) {
    const history = await readHistory(file);
    walks.push({ file, slotMs: history.slotMs, walk: judged(file, history, options) });
    progress.step(walks.length, 'homes');
  }
  const report = forecastReport(walks);
  progress.finish(
    `${walks.reduce((sum, { walk }) => sum + walk.days, 0)} days, each from what lay before it`,
  );
  if (json === 'stdout') io.stdout.write(reportText(report));
  else io.stdout.write(renderForecastReport(report, walks, lookOf(io.stdout, io.env)));
  if (typeof json === 'object') await writeReport(json.file, report);
}

function judged(
  file: string,
  { slotMs, slots }: History,
  { utcOffsetMs, warmUpDays, location }: ForecastEvaluateOptions,
): WalkForward {
  const walk = walkForward(
    slots.map((slot) => ({ ...slot, startMs: slot.startMs - utcOffsetMs, utcOffsetMs })),
    { slotMs, utcOffsetMs, warmUpDays, ...(location !== undefined && { location }) },
  );
  if (walk !== undefined) return walk;
  throw new AgentError(
    'AGENT_BAD_DATA',
    `${file} leaves nothing to judge after ${warmUpDays} days of warm-up: give more days, or a shorter --warm-up.`,
    { file },
  );
}
