import { type Committee, startCommittee } from './committee.ts';
import { quantile, type Report } from './report.ts';

const GOAL_PER_SECOND = 500;
/** What is not final so long after the last was sent has fallen behind. */
const DRAIN_MS = 30_000;
/** Above it, readings wait for blocks rather than blocks for readings. */
const LATENCY_MS_MAX = 2_000;

type Trial = {
  readonly rate: number;
  readonly sent: number;
  readonly finalPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly blocks: number;
  readonly transactionsP50: number;
  readonly bytesP50: number;
  /** Of one core, of all validators together. */
  readonly cpuShare: number;
  readonly mostBusy: number;
  readonly holds: boolean;
};

/** How many signed readings a second become final? Raises the rate until they do not keep up. */
export async function measureLoad(
  report: Report,
  {
    validators,
    rates,
    seconds,
  }: { readonly validators: number; readonly rates: readonly number[]; readonly seconds: number },
): Promise<void> {
  report.say(`\n## Sustained load, ${validators} validators, ${seconds} s at each rate\n`);
  const homes = Math.max(...rates);
  const committee = await startCommittee({ validators, homes });
  const trials: Trial[] = [];
  try {
    const load = await committee.startLoad();
    for (const rate of rates) {
      const trial = await tryRate(committee, load, { rate, seconds });
      trials.push(trial);
      if (!trial.holds) break;
    }
  } finally {
    await committee.stop();
  }
  report.table(
    [
      'readings a second sent',
      'final',
      'p50 ms',
      'p95 ms',
      'blocks',
      'in a block, median',
      'bytes a block, median',
      'cores, all validators',
      'cores, busiest',
      'keeps up',
    ],
    trials.map((trial) => [
      trial.rate,
      trial.finalPerSecond.toFixed(0),
      trial.p50Ms.toFixed(0),
      trial.p95Ms.toFixed(0),
      trial.blocks,
      trial.transactionsP50,
      trial.bytesP50,
      trial.cpuShare.toFixed(2),
      trial.mostBusy.toFixed(2),
      trial.holds ? 'yes' : 'no',
    ]),
  );
  report.figure('load', { validators, seconds, trials });
  const held = trials.filter(({ holds }) => holds).map(({ rate }) => rate);
  const limit = Math.max(0, ...held);
  const full = trials.at(-1);
  report.say(
    full === undefined || full.holds
      ? 'No limit found: the highest rate tried holds.'
      : `The limit lies between ${limit} and ${full.rate} a second: the validators together take ` +
          `${full.cpuShare.toFixed(2)} of the cores given, the broker and the homes the rest.`,
  );
  report.goal(
    `sustained signed readings, n=${validators}`,
    `>= ${GOAL_PER_SECOND} a second`,
    `${limit} a second held`,
    limit >= GOAL_PER_SECOND,
  );
}

async function tryRate(
  committee: Committee,
  load: Awaited<ReturnType<Committee['startLoad']>>,
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<Trial> {
  const { members } = committee;
  const first = members[0]!;
  const before = await first.ask('status', null);
  const cpuBefore = await cpuOf(committee);
  // The time that the signing took beforehand costs the validators nothing.
  const sent = await load('readings', { homes: rate, seconds });
  const cpuAfter = await cpuOf(committee);
  const keptUp = await committee.untilFinal(before.transactions + sent, DRAIN_MS);
  const blocks = (await first.ask('blocks', before.height)).filter(({ transactions }) => transactions > 0);
  const latencies = blocks.flatMap(({ latenciesMs }) => latenciesMs);
  const beganMs = Math.min(...blocks.map(({ atMs, latenciesMs }) => atMs - Math.max(...latenciesMs)));
  const endedMs = Math.max(...blocks.map(({ atMs }) => atMs));
  const shares = cpuAfter.map((ms, index) => (ms - cpuBefore[index]!) / (seconds * 1_000));
  const p95Ms = quantile(latencies, 0.95);
  return {
    rate,
    sent,
    finalPerSecond: latencies.length / ((endedMs - beganMs) / 1_000),
    p50Ms: quantile(latencies, 0.5),
    p95Ms,
    blocks: blocks.length,
    transactionsP50: quantile(
      blocks.map(({ transactions }) => transactions),
      0.5,
    ),
    bytesP50: quantile(
      blocks.map(({ bytes }) => bytes),
      0.5,
    ),
    cpuShare: shares.reduce((sum, share) => sum + share, 0),
    mostBusy: Math.max(...shares),
    holds: keptUp && p95Ms <= LATENCY_MS_MAX,
  };
}

async function cpuOf({ members }: Committee): Promise<number[]> {
  const usages = await Promise.all(members.map(({ ask }) => ask('usage', { collect: false })));
  return usages.map(({ cpuMs }) => cpuMs);
}
