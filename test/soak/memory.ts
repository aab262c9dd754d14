/**
 * Does a validator's memory stay flat? Four of them in processes of their own, real broker, real disk, readings without
 * a pause. Prints resident memory and heap over time, and how fast they grow once the start is over.
 */
import { parseArgs } from 'node:util';
import { lookOf, renderChart } from '../../agent/terminal/index.ts';
import { type Committee, machineLine, startCommittee } from '../bench/committee.ts';
import { createReport } from '../bench/report.ts';
import { commandOptions } from '../command-options.ts';

const RSS_GOAL_MB = 110;
/** Of what a validator holds, over the part of the soak that is looked at. */
const GROWTH_GOAL_SHARE = 0.02;
/** The start: caches and the state's window of records fill. */
const WARM_SHARE = 1 / 3;
const SAMPLES = 120;
/** Readings are signed and handed to the homes' process in pieces of so many seconds. */
const PIECE_SECONDS = 10;
const MEGABYTE = 1024 * 1024;

const { values, whole } = commandOptions(
  'npm run soak:memory -- [--minutes 30] [--rate 100] [--validators 4] [--json]',
  () =>
    parseArgs({
      options: {
        minutes: { type: 'string', default: '30' },
        rate: { type: 'string', default: '100' },
        validators: { type: 'string', default: '4' },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const minutes = whole(values.minutes, 'minutes');
const rate = whole(values.rate, 'rate');
const validators = whole(values.validators, 'validators');

/** Of one validator; `atS` from the beginning of the load. */
type Sample = { readonly atS: number; readonly rssMb: number; readonly heapMb: number };

const report = createReport(values);
report.say(machineLine());
report.say(`${validators} validators, ${rate} readings a second for ${minutes} minutes\n`);
const committee = await startCommittee({ validators, homes: rate });
try {
  const sampled = await soak(committee);
  tell(sampled);
} finally {
  await committee.stop();
}
report.end();

async function soak({ members, startLoad }: Committee): Promise<Sample[][]> {
  const load = await startLoad();
  const lengthS = minutes * 60;
  const beganMs = Math.ceil(Date.now() / 1_000 + 5) * 1_000;
  const untilS = async (atS: number) =>
    new Promise((resolve) => setTimeout(resolve, Math.max(0, beganMs + atS * 1_000 - Date.now())));
  const samples: Sample[][] = members.map(() => []);
  const sampling = async () => {
    for (let sample = 1; sample <= SAMPLES; sample += 1) {
      const atS = (sample * lengthS) / SAMPLES;
      await untilS(atS);
      const usages = await Promise.all(members.map(({ ask }) => ask('usage', { collect: false })));
      for (const [index, { rssBytes, heapBytes }] of usages.entries())
        samples[index]!.push({ atS, rssMb: rssBytes / MEGABYTE, heapMb: heapBytes / MEGABYTE });
    }
  };
  const loading = async () => {
    const pieces: Promise<number>[] = [];
    for (let atS = 0; atS < lengthS; atS += PIECE_SECONDS) {
      pieces.push(load('readings', { homes: rate, seconds: PIECE_SECONDS, fromMs: beganMs + atS * 1_000 }));
      // The next one is signed while this one is sent.
      await untilS(atS);
    }
    await Promise.all(pieces);
  };
  await Promise.all([sampling(), loading()]);
  return samples;
}

function tell(sampled: readonly (readonly Sample[])[]): void {
  const late = sampled.map((samples) => samples.filter(({ atS }) => atS > WARM_SHARE * minutes * 60));
  const hours = ((1 - WARM_SHARE) * minutes) / 60;
  const rows = late.map((samples, index) => {
    const rss = lineThrough(samples.map(({ atS, rssMb }) => [atS / 3_600, rssMb]));
    const heap = lineThrough(samples.map(({ atS, heapMb }) => [atS / 3_600, heapMb]));
    return { index, rss, heap, last: samples.at(-1)!, most: Math.max(...samples.map(({ rssMb }) => rssMb)) };
  });
  const look = lookOf(process.stdout, process.env);
  const first = sampled[0]!;
  report.say(
    renderChart(
      {
        title: 'Memory of the first validator',
        unit: 'MB',
        slotMinutes: minutes / SAMPLES,
        bars: { label: 'resident', values: first.map(({ rssMb }) => rssMb) },
        marks: [{ label: 'heap in use', values: first.map(({ heapMb }) => heapMb) }],
      },
      look,
    ),
  );
  report.table(
    [
      'validator',
      'resident at the end, MB',
      'most, MB',
      'slope, MB an hour',
      'heap, MB',
      'slope, MB an hour',
    ],
    rows.map(({ index, rss, heap, last, most }) => [
      index + 1,
      last.rssMb.toFixed(1),
      most.toFixed(1),
      `${rss.slope.toFixed(1)} +- ${rss.error.toFixed(1)}`,
      last.heapMb.toFixed(1),
      `${heap.slope.toFixed(1)} +- ${heap.error.toFixed(1)}`,
    ]),
  );
  report.figure('memory', { minutes, rate, validators, rows, samples: sampled });
  const largest = Math.max(...rows.map(({ last }) => last.rssMb));
  const growth = Math.max(...rows.map(({ rss, last }) => (rss.slope * hours) / last.rssMb));
  report.goal(
    'resident memory of a validator after the soak',
    `<= ${RSS_GOAL_MB} MB`,
    `at most ${largest.toFixed(1)} MB of ${validators}`,
    largest <= RSS_GOAL_MB,
  );
  report.goal(
    `its growth over the last ${(hours * 60).toFixed(0)} minutes`,
    `<= ${100 * GROWTH_GOAL_SHARE} %`,
    `${(100 * growth).toFixed(1)} %`,
    growth <= GROWTH_GOAL_SHARE,
  );
}

/** Least squares: the slope, and its standard error. */
function lineThrough(points: readonly (readonly [number, number])[]): { slope: number; error: number } {
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / Math.max(1, points.length - 2) / spread) };
}
