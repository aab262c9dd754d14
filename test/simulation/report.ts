import { createHash } from 'node:crypto';
import { type Counted, type Counts, noCounts } from './counts.ts';
import type { Scenario } from './scenario.ts';
import type { Outcome } from './simulation.ts';
import { type Name, storyOf, tell } from './stories.ts';
import type { Subject } from './subject.ts';

/** What is printed of many stories. */
export type Report = {
  seeds: number;
  violations: Finding[];
  notLive: Finding[];
  blocks: number;
  seconds: number;
  /** What went wrong in them. */
  readonly counts: Counts;
};

/** `seed` is a name where the story was written by hand. */
export type Finding = { readonly seed: Name; readonly what: string; readonly replay: string };

/** The outcome of one story, as it crosses from a worker. */
export type StoryOutcome = Pick<Outcome, 'verdict' | 'what' | 'blocks' | 'counts'> & {
  readonly name: Name;
};

export function emptyReport(): Report {
  return { seeds: 0, violations: [], notLive: [], blocks: 0, seconds: 0, counts: noCounts() };
}

export function addOutcome(report: Report, { name, verdict, what, blocks, counts }: StoryOutcome): void {
  report.seeds += 1;
  report.blocks += blocks;
  for (const [counted, times] of Object.entries(counts)) report.counts[counted as Counted] += times;
  const replay = `npm run sim -- --replay ${typeof name === 'number' ? name : `'${name}'`}`;
  const finding = { seed: name, what, replay };
  if (verdict === 'violation') report.violations.push(finding);
  if (verdict === 'not live') report.notLive.push(finding);
}

/** By seed, whatever the order in which workers were done. */
export function sorted(report: Report): Report {
  const bySeed = (a: Finding, b: Finding) => Number(a.seed) - Number(b.seed);
  report.violations.sort(bySeed);
  report.notLive.sort(bySeed);
  return report;
}

export function describeScenario(scenario: Scenario): string {
  const { founders, others, timing, weather, liars, twins, disk, crashes } = scenario;
  const vices = [...liars].map(([place, those]) => `  n${place} ${those.join(', ')}`);
  const lines = [
    `seed ${scenario.seed}: ${founders} validators${others > 0 ? ` and ${others} who follow` : ''}`,
    `round time-out ${timing.baseTimeoutMs} to ${timing.maxTimeoutMs} ms, block interval ${timing.blockIntervalMs} ms, heartbeat ${timing.heartbeatMs} ms`,
    `clocks off by ${scenario.skewsMs.join(', ')} ms`,
    `network: loss ${percent(weather.lossRate)}, duplicates ${percent(weather.duplicateRate)}, delay ${weather.delayMs.join(' to ')} ms, ${
      weather.partitionMs === null ? 'no partitions' : weather.oneWay ? 'one-way partitions' : 'partitions'
    }${Object.entries(weather.lossByKind)
      .map(([kind, rate]) => `, ${percent(rate)} of ${kind}`)
      .join(
        '',
      )}; well from ${Math.round(scenario.healedAtMs)} ms on, then ${weather.healedDelayMs.join(' to ')} ms`,
    `disk: ${percent(disk.syncRate)} of blocks at once, ${percent(disk.failureRate)} of writes fail${disk.lost
      .map(({ place, atMs }) => `, n${place} loses its votes at ${Math.round(atMs)} ms`)
      .join('')}`,
    `blocks let go by ${scenario.prunes.map((place) => `n${place}`).join(', ') || 'nobody'}, epochs of ${scenario.epochBlocks}`,
    `crashes: ${crashes.map(({ place, atMs }) => `n${place} at ${Math.round(atMs)} ms`).join(', ') || 'none'}; at the first final block: ${scenario.cruelty}`,
    `twins: ${twins.map((place) => `n${place}`).join(', ') || 'none'}; liars:${vices.length === 0 ? ' none' : ''}`,
    ...vices,
  ];
  return lines.join('\n');
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

/** Names everything that happened in a seed's story: equal on every run and machine. */
export async function transcriptHash(subject: Subject, seed: number): Promise<string> {
  const hash = createHash('sha256');
  hash.update(describeScenario(storyOf(seed).scenario));
  await tell(subject, seed, { note: (line) => hash.update(`${line}\n`) });
  return hash.digest('hex');
}
