import { walkForward } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { type History, readHistory } from '../neighbourhood/index.ts';
import { createProgress, lookOf } from '../terminal/index.ts';
import type { CliIo, ForecastEvaluateOptions } from './actions.ts';
import { forecastReport } from './forecast-report.ts';
import { renderForecastReport } from './forecast-view.ts';
import { reportText, requireReportPlace, writeReport } from './json-report.ts';

/** How good the forecasts of each home would have been, had they been issued at each midnight of its history. */
export async function forecastEvaluate(options: ForecastEvaluateOptions, io: CliIo): Promise<void> {
  const { files, json, clock, warmUpDays, location } = options;
  if (typeof json === 'object') await requireReportPlace(json.file);
  // Whatever is wrong with a file is told before any work is done.
  const histories: NamedHistory[] = [];
  for (const file of files) histories.push({ file, ...(await readHistory(file, clock)) });
  for (const history of histories) {
    const words = correctionWords(history);
    if (words !== undefined) io.stderr.write(`${words}\n`);
  }

  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  progress.begin('Forecasting', files.length);
  const walks = histories.flatMap(({ file, slotMs, slots, corrections }, index) => {
    const walk = walkForward(slots, { slotMs, warmUpDays, ...(location !== undefined && { location }) });
    progress.step(index + 1);
    return walk === undefined ? [] : [{ file, slotMs, corrections, walk }];
  });
  const days = walks.reduce((sum, { walk }) => sum + walk.days, 0);
  progress.finish(`${days} days, each from what lay before it`);
  requireAll(files, walks, options);

  const report = forecastReport(walks);
  if (json === 'stdout') io.stdout.write(reportText(report));
  else io.stdout.write(renderForecastReport(report, walks, lookOf(io.stdout, io.env)));
  if (typeof json === 'object') await writeReport(json.file, report);
}

type NamedHistory = History & { readonly file: string };

/** What was not taken as it stands in the file; undefined where all was. */
function correctionWords({ file, corrections }: NamedHistory): string | undefined {
  const { toZero, leftOut, neverShown } = corrections;
  const told = [
    toZero > 0 ? `${count(toZero, 'reading')} just below zero taken for 0` : '',
    leftOut > 0 ? `${count(leftOut, 'negative reading')} left out` : '',
    neverShown > 0 ? `${count(neverShown, 'row')} of an hour that the clock never showed left out` : '',
  ].filter((words) => words !== '');
  return told.length === 0 ? undefined : `${file}: ${told.join(', ')}.`;
}

const count = (many: number, what: string): string => `${many} ${what}${many === 1 ? '' : 's'}`;

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
    `${short} leaves no load or no PV to judge after ${warmUpDays} days of warm-up: give more days of both, or a shorter --warm-up.`,
    { file: short },
  );
}
