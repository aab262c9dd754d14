import { type HomePlan, OptimizerError, type PlanValue, valueOfPlan } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { loadOptimizerLibrary } from '../optimizer-library.ts';
import { createProgress, lookOf, type Progress } from '../terminal/index.ts';
import type { CliIo } from './actions.ts';
import { reportText, requireReportPlace, writeReport } from './json-report.ts';
import type { ScheduleOptions } from './schedule-options.ts';
import { nearestOf, nearestReport, plannedReport, type ScheduleReport } from './schedule-report.ts';
import { loadScheduleSource, type ScheduleSource } from './schedule-source.ts';
import { renderNearest, renderPlan } from './schedule-view.ts';

/**
 * Plans one home's day, draws it, and tells what the plan is worth.
 *
 * @throws AgentError AGENT_INFEASIBLE, once the nearest plan is drawn, when no plan keeps every limit; and what is
 * wrong with options, files or a running agent.
 */
export async function schedule({ from, json }: ScheduleOptions, io: CliIo): Promise<void> {
  if (typeof json === 'object') await requireReportPlace(json.file);
  const library = await loadOptimizerLibrary();
  const source = await loadScheduleSource(from, library, watching(io));
  if (source.feedInCappedSlots !== undefined) io.stderr.write(`${cappedLine(source.feedInCappedSlots)}\n`);
  const value = worded(source, () => valueOfPlan(library, source.problem, source));
  const look = lookOf(io.stdout, io.env);
  const tell = async (report: ScheduleReport, drawing: string): Promise<void> => {
    io.stdout.write(json === 'stdout' ? reportText(report) : drawing);
    if (typeof json === 'object') await writeReport(json.file, report);
  };
  if (value.status === 'solved') {
    await tell(plannedReport(source, value), renderPlan(source, value, look));
    return;
  }
  const nearest = nearestOf(value);
  if (nearest) {
    await tell(nearestReport(source, nearest), renderNearest(source, nearest, value.reason, look));
  }
  throw new AgentError('AGENT_INFEASIBLE', `${source.home} has no plan: ${value.reason}.`, {
    home: source.home,
  });
}

function cappedLine(slots: number): string {
  const where = slots === 1 ? '1 slot' : `${slots} slots`;
  return `gridquorum: the feed-in price is above the import price in ${where}, and counts as equal to it there.`;
}

/** Progress of rounds that take their time; undefined where nobody would see it. */
function watching(io: CliIo): Progress | undefined {
  if (io.stderr.isTTY !== true) return undefined;
  return createProgress({
    stream: io.stderr,
    isTty: true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
}

/** A problem that makes no sense is bad data here, with the optimizer's word for the field. */
function worded(
  source: ScheduleSource,
  plan: () => PlanValue | Exclude<HomePlan, { status: 'solved' }>,
): ReturnType<typeof plan> {
  try {
    return plan();
  } catch (cause) {
    if (!(cause instanceof OptimizerError)) throw cause;
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${source.source}: ${cause.message}: correct it.`,
      { ...cause.details },
      { cause },
    );
  }
}
