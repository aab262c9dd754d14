import { startCommittee } from './committee.ts';
import { quantile, type Report, spreadText } from './report.ts';

/** Of one repetition, by all members in turn. */
const PAYMENTS = 100;
/** Light load: the next one comes when the last is long final everywhere. */
const PAUSE_MS = 50;
const WARM_UP = 40;

/** How long from `submit` at a node until the transaction is final there? One at a time, at every member in turn. */
export async function measureFinality(
  report: Report,
  { validators, repeats }: { readonly validators: number; readonly repeats: number },
): Promise<void> {
  report.say(`\n## Finality, ${validators} validators, one transaction at a time\n`);
  const runs: { p50Ms: number; p95Ms: number; maxMs: number }[] = [];
  const committee = await startCommittee({ validators });
  try {
    const { members } = committee;
    const payOnce = async (index: number) => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return members[index % members.length]!.ask('pay', 1);
    };
    for (let index = 0; index < WARM_UP; index += 1) await payOnce(index);
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const times: number[] = [];
      for (let index = 0; index < PAYMENTS; index += 1) times.push(await payOnce(index));
      runs.push({
        p50Ms: quantile(times, 0.5),
        p95Ms: quantile(times, 0.95),
        maxMs: quantile(times, 1),
      });
    }
  } finally {
    await committee.stop();
  }
  const p50 = runs.map(({ p50Ms }) => p50Ms);
  const p95 = runs.map(({ p95Ms }) => p95Ms);
  report.table(
    ['repetition', 'p50 ms', 'p95 ms', 'longest ms'],
    runs.map(({ p50Ms, p95Ms, maxMs }, index) => [
      index + 1,
      p50Ms.toFixed(1),
      p95Ms.toFixed(1),
      maxMs.toFixed(1),
    ]),
  );
  report.figure('finality', { validators, paymentsEach: PAYMENTS, runs });
  const name = `finality, n=${validators}`;
  report.goal(`${name}, p50`, '<= 40 ms', `${spreadText(p50, 1)} ms`, quantile(p50, 0.5) <= 40);
  report.goal(`${name}, p95`, '<= 120 ms', `${spreadText(p95, 1)} ms`, quantile(p95, 0.5) <= 120);
}
