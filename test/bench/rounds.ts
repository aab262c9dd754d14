/**
 * In how many rounds do homes come to the optimum, cold and from yesterday's session? Prints the first round within
 * 10 W and 1 W of imbalance a home, both at a gap of 0.1 %, and where the stopping rule ends a session with which gap.
 * Without --data: homes of the generator.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { loadNeighbourhood, selectDay } from '../../agent/neighbourhood/index.ts';
import { type RoundsReport, studyRounds } from '../../agent/study/index.ts';
import { defaultSessionParameters } from '../../optimizer/index.ts';
import { commandOptions } from '../command-options.ts';
import { library } from '../optimizer/homes.ts';

const { values, whole, wholes, wrong } = commandOptions(
  'npm run bench:rounds -- [--data DIR]... [--homes 10,50] [--days N] [--form pool,pairwise] [--seed N] [--warm %]',
  () =>
    parseArgs({
      options: {
        data: { type: 'string', multiple: true },
        homes: { type: 'string', default: '10' },
        days: { type: 'string', default: '7' },
        form: { type: 'string', default: 'pool,pairwise' },
        seed: { type: 'string', default: '1' },
        warm: { type: 'string', default: '5' },
      },
    }).values,
);
const forms = values.form
  .split(',')
  .map((form) => (form === 'pool' || form === 'pairwise' ? form : wrong(`--form knows no '${form}'.`)));
const days = whole(values.days, 'days');
const seed = whole(values.seed, 'seed', 0);
const forecastChange = whole(values.warm, 'warm', 0) / 100;
/** The contract's limit. */
const PAIRWISE_HOMES_MAX = 32;
const ROUNDS_MAX = 50;
/** Beyond the stopping rule, so that what it would have missed is seen. */
const UNTIL = { tolerancePrimalMw: 0n, toleranceDualMw: 0n, maxRounds: ROUNDS_MAX };

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}\n`);
console.log(
  '| homes | day | form | start | to 10 W, 0.1 % | to 1 W, 0.1 % | session ends | its gap % | CPU s |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
const worst = new Map<string, { coarse: number; fine: number; gap: number; count: number }>();
for (const directory of values.data ?? [undefined]) {
  for (const count of wholes(values.homes, 'homes')) {
    const neighbourhood = await loadNeighbourhood({
      dataDirectory: directory,
      homes: count,
      seed,
      hvac: true,
      ev: true,
    });
    for (const day of neighbourhood.days.slice(0, days)) {
      const data = selectDay(neighbourhood, { day, slots: 24 });
      for (const form of forms) {
        if (form === 'pairwise' && count > PAIRWISE_HOMES_MAX) continue;
        const usual = defaultSessionParameters({ homes: count, form });
        for (const start of ['cold', 'warm'] as const) {
          const begun = process.cpuUsage();
          const report = studyRounds(library, {
            data,
            form,
            parameters: { ...usual, ...UNTIL },
            ...(start === 'warm' ? { warm: { forecastChange, seed } } : {}),
          });
          const cpu = process.cpuUsage(begun);
          const ends = endOf(report, usual);
          const [, coarse, fine] = report.reached.map(({ round }) => round);
          const kind = `${count} homes, ${form}, ${start}`;
          const before = worst.get(kind) ?? { coarse: 0, fine: 0, gap: 0, count: 0 };
          worst.set(kind, {
            coarse: Math.max(before.coarse, coarse ?? Number.POSITIVE_INFINITY),
            fine: Math.max(before.fine, fine ?? Number.POSITIVE_INFINITY),
            gap: Math.max(before.gap, ends?.gap ?? 0),
            count: before.count + 1,
          });
          const cells = [count, day, form, start, coarse ?? '-', fine ?? '-', ends?.round ?? '-'];
          cells.push(ends?.gap == null ? '-' : (100 * ends.gap).toFixed(3));
          cells.push(((cpu.user + cpu.system) / 1e6).toFixed(1));
          console.log(`| ${cells.join(' | ')} |`);
        }
      }
    }
  }
}
console.log('\nThe worst of each kind:');
for (const [kind, { coarse, fine, gap, count }] of worst) {
  console.log(
    `${kind}: ${coarse} rounds to 10 W and 0.1 %, ${fine} to 1 W and 0.1 %; ` +
      `gap at most ${(100 * gap).toFixed(3)} % where sessions end (${count} days)`,
  );
}

/** The round at which the session's own rule would have ended it. */
function endOf(
  { byRound }: RoundsReport,
  { tolerancePrimalMw, toleranceDualMw, maxRounds }: ReturnType<typeof defaultSessionParameters>,
) {
  const primalKw = Number(tolerancePrimalMw) / 1e6;
  const dualKw = Number(toleranceDualMw) / 1e6;
  return (
    byRound.find((round) => round.imbalanceKw <= primalKw && round.dualKw <= dualKw) ?? byRound[maxRounds - 1]
  );
}
