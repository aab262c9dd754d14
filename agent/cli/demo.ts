import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { centralisedCost, type DemoEvent, liveDay, reportOf } from '../demo/index.ts';
import { AgentError } from '../errors.ts';
import { makeDirectory } from '../make-directory.ts';
import { loadNeighbourhood, selectDay } from '../neighbourhood/index.ts';
import { loadOptimizerLibrary } from '../optimizer-library.ts';
import { untilAskedToEnd } from '../process/lifetime.ts';
import { createProgress, lookOf, type Progress } from '../terminal/index.ts';
import type { CliIo } from './actions.ts';
import type { DemoOptions } from './demo-options.ts';
import { renderDemoReport } from './demo-view.ts';
import { reportText, requireReportPlace, writeReport } from './json-report.ts';

/** Lives one day of a neighbourhood and tells what came of it: data to stdout, progress to stderr. */
export async function demo(options: DemoOptions, io: CliIo): Promise<void> {
  const startedMs = performance.now();
  const signal = untilAskedToEnd();
  if (typeof options.json === 'object') await requireReportPlace(options.json.file);
  const neighbourhood = await loadNeighbourhood(options);
  const data = selectDay(neighbourhood, options);
  const progress = createProgress({
    stream: io.stderr,
    isTty: io.stderr.isTTY === true,
    look: lookOf(io.stderr, io.env),
    nowMs: () => performance.now(),
  });
  const place = await openDirectory(options);
  try {
    const outcome = await liveDay({
      options,
      data,
      directory: place.directory,
      watch: watching(progress),
      signal,
    });
    progress.begin('Comparing');
    const centralised = centralisedCost(await loadOptimizerLibrary(), outcome.problems);
    if (centralised === undefined) {
      throw new AgentError('AGENT_BAD_DATA', 'The homes together have no feasible plan to compare with.');
    }
    progress.finish('with one planner who knows every home');
    const wallSeconds = Math.round(performance.now() - startedMs) / 1_000;
    const report = reportOf({ options, neighbourhood, data, outcome, centralised, wallSeconds });
    if (options.json === 'stdout') io.stdout.write(reportText(report));
    else io.stdout.write(`${renderDemoReport(report, lookOf(io.stdout, io.env))}\n`);
    if (typeof options.json === 'object') await writeReport(options.json.file, report);
    if (place.kept) progress.note(`Stores, keys and logs are in ${place.directory}`);
    else await rm(place.directory, { recursive: true, force: true });
  } catch (error) {
    progress.abandon();
    if (signal.aborted && !place.kept) {
      await rm(place.directory, { recursive: true, force: true });
      throw interrupted(error);
    }
    // What a failed run wrote is what explains it.
    progress.note(`Logs are in ${join(place.directory, 'logs')}`);
    throw signal.aborted ? interrupted(error) : error;
  }
}

const interrupted = (cause: unknown) =>
  new AgentError('AGENT_ABORTED', 'The demo was interrupted.', {}, { cause });

/** A directory of the run's own: a new one, or the given one, which must be empty of an earlier run. */
async function openDirectory(options: DemoOptions): Promise<{ directory: string; kept: boolean }> {
  if (options.directory === undefined) {
    const directory = await mkdtemp(join(tmpdir(), 'gridquorum-'));
    await mkdir(join(directory, 'logs'));
    return { directory, kept: options.keep };
  }
  const directory = resolve(options.directory);
  try {
    await makeDirectory(directory);
    await mkdir(join(directory, 'logs'));
  } catch (cause) {
    const there = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new AgentError(
      'AGENT_BAD_OPTION',
      there
        ? `${directory} holds an earlier run: give --dir another place, or remove it.`
        : `${directory} cannot be used (${(cause as NodeJS.ErrnoException).code}): give --dir another place.`,
      { directory },
      { cause },
    );
  }
  return { directory, kept: true };
}

/** Draws what the conductor tells. */
function watching(progress: Progress): (event: DemoEvent) => void {
  let phase: DemoEvent['kind'] | undefined;
  const enter = (kind: DemoEvent['kind'], label: string, total?: number) => {
    if (phase === kind) return;
    phase = kind;
    progress.begin(label, total);
  };
  return (event) => {
    switch (event.kind) {
      case 'starting':
        enter(event.kind, 'Starting', event.of);
        progress.step(event.done, `${event.done} of ${event.of} processes`);
        return;
      case 'trading': {
        enter(event.kind, 'Trading', 1);
        const last = event.status.rounds.at(-1);
        if (last !== undefined) progress.round({ ...last, toleranceKw: event.toleranceKw });
        return;
      }
      case 'delivering':
        enter(event.kind, 'Living the day', event.of);
        progress.step(event.slot, `slot ${event.slot + 1} of ${event.of}`);
        return;
      case 'killed':
        progress.note(`Slot ${event.slot}: validator ${event.validator} killed (kill -9)`);
        return;
      case 'restarted':
        progress.note(`Slot ${event.slot}: validator ${event.validator} started again from its own store`);
        return;
      case 'settling':
        enter(event.kind, 'Settling', event.of);
        progress.step(event.done, `${event.done} of ${event.of} homes`);
        return;
      default:
        event satisfies never;
    }
  };
}
