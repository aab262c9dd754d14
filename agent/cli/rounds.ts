import { defaultSessionParameters } from '../../optimizer/index.ts';
import { loadNeighbourhood, selectDay } from '../neighbourhood/index.ts';
import { loadOptimizerLibrary } from '../optimizer-library.ts';
import { type StudyProgress, studyRounds } from '../study/index.ts';
import { createProgress, lookOf, type Progress } from '../terminal/index.ts';
import type { CliIo, RoundsOptions } from './actions.ts';
import { reportText, requireReportPlace, writeReport } from './json-report.ts';
import { type RoundsFindings, renderRounds } from './rounds-view.ts';

const MW_PER_W = 1_000;
const MW_PER_KW = 1e6;

/** Trades one day in this process: the report to stdout, progress to stderr. */
export async function rounds(options: RoundsOptions, io: CliIo): Promise<void> {
  if (typeof options.json === 'object') await requireReportPlace(options.json.file);
  const neighbourhood = await loadNeighbourhood(options);
  const data = selectDay(neighbourhood, options);
  const library = await loadOptimizerLibrary();
  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  const { form, seed, warmPercent } = options;
  const defaults = defaultSessionParameters({ homes: data.homes.length, form });
  const parameters = {
    ...defaults,
    tolerancePrimalMw: BigInt(options.toleranceW * MW_PER_W),
    maxRounds: options.roundsMax,
  };
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const report = studyRounds(library, {
    data,
    form,
    parameters,
    ...(warmPercent === undefined ? {} : { warm: { forecastChange: warmPercent / 100, seed } }),
    onProgress: watching(progress),
    onRound: (round) => progress.round({ ...round, toleranceKw: options.toleranceW / MW_PER_W }),
  });
  progress.finish();
  const cpu = process.cpuUsage(startedCpu);
  const findings: RoundsFindings = {
    source: neighbourhood.source,
    day: data.day,
    form,
    seed,
    currency: data.currency,
    homes: data.homes.length,
    slots: data.slots,
    slotMinutes: data.slotMs / 60_000,
    start: warmPercent === undefined ? 'cold' : 'warm',
    forecastChange: (warmPercent ?? 0) / 100,
    toleranceKw: {
      primal: Number(parameters.tolerancePrimalMw) / MW_PER_KW,
      dual: Number(parameters.toleranceDualMw) / MW_PER_KW,
    },
    ...report,
    importPricePerKwh: data.importPricePerKwh,
    feedInPricePerKwh: data.feedInPricePerKwh,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    wallSeconds: (performance.now() - startedMs) / 1e3,
  };
  if (options.json === 'stdout') io.stdout.write(reportText(findings));
  else io.stdout.write(renderRounds(findings, lookOf(io.stdout, io.env)));
  if (typeof options.json === 'object') await writeReport(options.json.file, findings);
}

const stageLabels: Readonly<Record<StudyProgress['stage'], string>> = {
  alone: 'Planning alone',
  centralised: 'Planning for all',
  'session before': 'Session before',
  session: 'Trading',
};

/** Homes are counted while they plan, and while they answer in a round. */
function watching(progress: Progress) {
  let round = 1;
  return ({ stage, homes, of }: StudyProgress): void => {
    if (homes === 0) {
      round = 1;
      progress.begin(stageLabels[stage], stage === 'alone' ? of : stage === 'session' ? 1 : 0);
    } else if (stage === 'alone') {
      progress.step(homes);
    } else {
      progress.detail(`round ${round}, ${homes} of ${of} homes`);
      if (homes === of) round += 1;
    }
  };
}
