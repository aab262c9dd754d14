import { type ObservedSlot, walkForward } from '../../optimizer/index.ts';
import { zoneClock } from '../clock/time-zone.ts';
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
  for (const file of files) histories.push({ file, ...(await readHistory(file)) });
  const prepared = histories.map((history) => ({ ...history, slots: byUtc(history, clock) }));

  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  progress.begin('Forecasting', files.length);
  const walks = prepared.flatMap(({ file, slotMs, slots }, index) => {
    const walk = walkForward(slots, { slotMs, warmUpDays, ...(location !== undefined && { location }) });
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

type NamedHistory = History & { readonly file: string };

/**
 * By UTC, with the offset of each slot. Where a clock is put back, the hour that it shows twice is taken for
 * one of the two; where it is put forward, the hour it never shows is left out.
 */
function byUtc(
  { file, slotMs, slots }: NamedHistory,
  clock: ForecastEvaluateOptions['clock'],
): ObservedSlot[] {
  const offsetMsOf = 'timeZone' in clock ? zoneClock(clock.timeZone) : () => clock.utcOffsetMs;
  let newestMs = Number.NEGATIVE_INFINITY;
  return slots.flatMap((slot) => {
    const utcOffsetMs = offsetMsOf(slot.startMs - offsetMsOf(slot.startMs));
    const startMs = slot.startMs - utcOffsetMs;
    if (startMs <= newestMs) return [];
    if (Number.isFinite(newestMs) && (startMs - newestMs) % slotMs !== 0) {
      throw new AgentError(
        'AGENT_BAD_OPTION',
        `The clocks of --time-zone change by less than the slots of ${file}: give the file in UTC.`,
        { file },
      );
    }
    newestMs = startMs;
    return [{ ...slot, startMs, utcOffsetMs }];
  });
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
