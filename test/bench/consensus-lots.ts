import { startCommittee, useCores } from './committee.ts';
import { quantile, type Report, spreadText } from './report.ts';

const BLOCKS = 10;
const TRANSACTIONS = 10;

/** Seconds that Yang & Wang's blockchain takes for ten blocks, by the number of validators (their Table V). */
const TABLE_V_SECONDS: Readonly<Record<number, number>> = { 2: 31.8, 3: 25.5, 5: 32.1, 10: 37.8 };
const GOALS_MS: Readonly<Record<number, number>> = { 4: 500, 10: 1_500 };

type Lap = { readonly ms: number; readonly cpuMs: number };

/**
 * How long do ten blocks of ten transactions take? One member pays in lots of ten, signing among the rest, and waits
 * until each is final.
 */
export async function measureLots(
  report: Report,
  options: {
    readonly validators: readonly number[];
    readonly cores: readonly number[];
    readonly repeats: number;
  },
): Promise<void> {
  report.say('\n## Ten blocks of ten transactions\n');
  const rows: (string | number)[][] = [];
  const figures: object[] = [];
  for (const validators of options.validators) {
    for (const cores of options.cores) {
      useCores(cores);
      const { laps, transactions, bytes } = await lapsOf(validators, options.repeats);
      const times = laps.map(({ ms }) => ms);
      const published = TABLE_V_SECONDS[validators];
      rows.push([
        validators,
        cores,
        published?.toFixed(1) ?? '',
        spreadText(
          times.map((ms) => ms / 1_000),
          2,
        ),
        spreadText(laps.map(({ cpuMs }) => cpuMs)),
        spread(transactions),
        spread(bytes),
      ]);
      figures.push({ validators, cores, publishedSeconds: published ?? null, laps, transactions, bytes });
      const goal = GOALS_MS[validators];
      if (goal !== undefined && cores === Math.max(...options.cores)) {
        const measured = `${spreadText(times)} ms`;
        report.goal(
          `ten blocks of ten, n=${validators}`,
          `<= ${goal} ms`,
          measured,
          quantile(times, 0.5) <= goal,
        );
      }
    }
  }
  report.table(
    [
      'validators',
      'cores',
      'Yang & Wang, Table V, s',
      'here, s: median (10 % .. 90 %)',
      'CPU ms of all validators',
      'transactions a block',
      'bytes a block',
    ],
    rows,
  );
  report.figure('lots', figures);
}

async function lapsOf(
  validators: number,
  repeats: number,
): Promise<{ laps: Lap[]; transactions: number[]; bytes: number[] }> {
  const committee = await startCommittee({ homes: 1, validators });
  try {
    const { members } = committee;
    const payer = members[0]!;
    const cpuMs = async () => {
      const used = await Promise.all(members.map(({ ask }) => ask('usage', { collect: false })));
      return used.reduce((sum, usage) => sum + usage.cpuMs, 0);
    };
    const lap = async (): Promise<Lap> => {
      const before = await cpuMs();
      const ms = await payer.ask('payInLots', { lots: BLOCKS, each: TRANSACTIONS });
      return { ms, cpuMs: (await cpuMs()) - before };
    };
    // The first ones run code that is still being compiled.
    await lap();
    await lap();
    const { height } = await payer.ask('status', null);
    const laps: Lap[] = [];
    for (let repeat = 0; repeat < repeats; repeat += 1) laps.push(await lap());
    const blocks = await payer.ask('blocks', height);
    return {
      laps,
      transactions: blocks.map((block) => block.transactions),
      bytes: blocks.map((block) => block.bytes),
    };
  } finally {
    await committee.stop();
  }
}

function spread(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? `${least}` : `${least}..${most}`;
}
