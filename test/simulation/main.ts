import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { runStories, seedsFrom } from './crowd.ts';
import { addOutcome, describeScenario, emptyReport, type Report, sorted } from './report.ts';
import { type Name, STORIES, storyOf, tell } from './stories.ts';
import { SHIPPED } from './subject.ts';

const { values, whole, wrong } = commandOptions(
  'npm run sim -- [--seeds N] [--first SEED] [--replay SEED|STORY] [--workers N] [--json]',
  () =>
    parseArgs({
      options: {
        seeds: { type: 'string', default: '1000' },
        first: { type: 'string', default: '1' },
        replay: { type: 'string' },
        workers: { type: 'string', default: String(availableParallelism()) },
        json: { type: 'boolean', default: false },
      },
    }).values,
);

if (values.replay === undefined) await run();
else await replay(storyNamed(values.replay));

function storyNamed(text: string): Name {
  const names = STORIES.map(({ name }) => name);
  if (names.includes(text)) return text;
  if (!/^\d/.test(text)) wrong(`--replay takes a seed, or one of these: ${names.join('; ')}.`);
  return whole(text, 'replay', 0);
}

async function run(): Promise<void> {
  const seeds = whole(values.seeds, 'seeds');
  const first = whole(values.first, 'first', 0);
  const workers = whole(values.workers, 'workers');
  const startedMs = performance.now();
  const report = emptyReport();
  const progress = createProgress(seeds);
  await runStories({
    names: seedsFrom(first, seeds),
    workers,
    onStory(outcome) {
      addOutcome(report, outcome);
      if (outcome.verdict !== 'held')
        process.stderr.write(`seed ${outcome.name}: ${outcome.verdict}: ${outcome.what}\n`);
      progress(report);
    },
  });
  report.seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  print(sorted(report));
  process.exitCode = report.violations.length + report.notLive.length > 0 ? 1 : 0;
}

function print(report: Report): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const { seeds, blocks, violations, notLive, seconds, counts } = report;
  for (const [kind, findings] of [['violation', violations] as const, ['not live', notLive] as const])
    for (const { seed, what, replay: command } of findings)
      process.stdout.write(`seed ${seed}: ${kind}: ${what}\n  replay: ${command}\n`);
  for (const [what, times] of Object.entries(counts))
    process.stdout.write(`${String(times).padStart(10)} ${what}\n`);
  process.stdout.write(
    `${seeds} seeds, ${blocks} blocks, ${violations.length} violations, ${notLive.length} not live, ${seconds} s\n`,
  );
}

/** One line to a terminal every second, to a file every half minute. */
function createProgress(seeds: number) {
  const everyMs = process.stderr.isTTY ? 1_000 : 30_000;
  let toldAtMs = performance.now();
  return (report: Report) => {
    if (performance.now() - toldAtMs < everyMs) return;
    toldAtMs = performance.now();
    const found = report.violations.length + report.notLive.length;
    const line = `${report.seeds} of ${seeds} seeds, ${found} found`;
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
    if (report.seeds === seeds && process.stderr.isTTY) process.stderr.write('\n');
  };
}

/** Everything that happens in one story, line by line: virtual milliseconds, then who does what. */
async function replay(seed: Name): Promise<void> {
  const lines: string[] = [];
  const { verdict, what, blocks, deliveries, recoveredMs } = await tell(SHIPPED, seed, {
    note: (line) => lines.push(line),
  });
  const ending = `${verdict}${what === '' ? '' : `: ${what}`}; ${blocks} blocks, ${deliveries} deliveries, ${Math.round(recoveredMs)} ms from healing to the end`;
  if (values.json)
    process.stdout.write(`${JSON.stringify({ seed, verdict, what, blocks, transcript: lines })}\n`);
  else
    process.stdout.write(`${describeScenario(storyOf(seed).scenario)}\n\n${lines.join('\n')}\n\n${ending}\n`);
  process.exitCode = verdict === 'held' ? 0 : 1;
}
