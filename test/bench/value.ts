/**
 * What is a plan worth? Every home of a neighbourhood on each of its days in four ways: no plan, self-consumption,
 * planned alone, planned with the trade that all of them agree on. Prints the table of docs/results.md: the figures
 * that `gridquorum schedule --json` tells of one home and day. Without --data: homes of the generator.
 */
import { parseArgs } from 'node:util';
import { homeProblem, loadNeighbourhood, selectDay } from '../../agent/neighbourhood/index.ts';
import type { DayData } from '../../agent/neighbourhood/types.ts';
import { microToMoney, pricePerKwhToMicro } from '../../agent/translate/units.ts';
import {
  defaultSessionParameters,
  indoorCAtEnd,
  type PlanValue,
  runRounds,
  valueOfPlan,
} from '../../optimizer/index.ts';
import { runThermostat } from '../../optimizer/prosumer/thermostat.ts';
import { commandOptions } from '../command-options.ts';
import { library } from '../optimizer/homes.ts';

const { values, whole, wrong } = commandOptions(
  'npm run bench:value -- [--data DIR] [--homes N] [--days N] [--slots N] [--form pool|pairwise] [--seed N]',
  () =>
    parseArgs({
      options: {
        data: { type: 'string' },
        homes: { type: 'string', default: '10' },
        days: { type: 'string', default: '7' },
        slots: { type: 'string', default: '24' },
        form: { type: 'string', default: 'pool' },
        seed: { type: 'string', default: '1' },
      },
    }).values,
);
const form =
  values.form === 'pool' || values.form === 'pairwise'
    ? values.form
    : wrong(`--form knows no '${values.form}'.`);
const neighbourhood = await loadNeighbourhood({
  dataDirectory: values.data,
  homes: whole(values.homes, 'homes'),
  seed: whole(values.seed, 'seed', 0),
  hvac: true,
  ev: true,
});

type HomeDay = Pick<PlanValue, 'noPlan' | 'selfConsumption' | 'alone' | 'together'> & {
  /** Kelvin from the wish at the end of the day: as the plan leaves the house, and as a thermostat would. */
  readonly endOffK?: { readonly plan: number; readonly thermostat: number };
};

/** Each home of a day, with the trade that the rounds end with. */
function valued(data: DayData): HomeDay[] {
  const { cleared, payments } = runRounds(library, {
    form,
    parameters: defaultSessionParameters({ homes: data.homes.length, form }),
    homes: new Map(data.homes.map((home) => [home.home, homeProblem(data, home, { kind: 'none' })])),
    startPriceMicroPerKwh: data.importPricePerKwh.map((price, t) =>
      pricePerKwhToMicro((price + data.feedInPricePerKwh[t]!) / 2),
    ),
  });
  return data.homes.map((home) => {
    const soldKw = cleared.soldW.get(home.home)!.map((watts) => Number(watts) / 1_000);
    const problem = homeProblem(data, home, { kind: 'fixed', soldKw });
    const value = valueOfPlan(library, problem, { received: microToMoney(payments.get(home.home)!) });
    if (value.status !== 'solved') throw new Error(`${home.home}, ${data.day}: ${value.reason}`);
    const { hvac } = problem;
    if (!hvac) return value;
    const { powerKw, indoorC } = runThermostat(problem, hvac);
    const thermostat = { ...value.noPlan.schedule, hvacKw: powerKw, indoorC };
    const offK = (schedule: typeof thermostat): number =>
      Math.abs(indoorCAtEnd(problem, schedule)! - hvac.preferredC);
    return { ...value, endOffK: { plan: offK(value.alone.schedule), thermostat: offK(thermostat) } };
  });
}

const homeDays = neighbourhood.days
  .slice(0, whole(values.days, 'days'))
  .flatMap((day) => valued(selectDay(neighbourhood, { day, slots: whole(values.slots, 'slots') })));

const rows: readonly [string, (of: HomeDay) => number | undefined][] = [
  ['no plan', ({ noPlan }) => noPlan.total],
  ['self-consumption only', ({ selfConsumption }) => selfConsumption?.total],
  ['planned alone', ({ alone }) => alone.total],
  [`planned with trade (${form})`, ({ together }) => together?.total],
  ['saved by the plan against no plan', ({ noPlan, alone }) => noPlan.total - alone.total],
  [
    'saved by the plan against self-consumption',
    ({ selfConsumption, alone }) => selfConsumption && selfConsumption.total - alone.total,
  ],
  ['added by trade', ({ alone, together }) => together && alone.total - together.total],
  ['K off the wish at the end, planned', ({ endOffK }) => endOffK?.plan],
  ['K off the wish at the end, by a thermostat', ({ endOffK }) => endOffK?.thermostat],
];
console.log(
  `${homeDays.length} days of homes; ${neighbourhood.source}; ${neighbourhood.currency} a home and day\n`,
);
console.log('| | days | mean | median | least..most |\n|---|---|---|---|---|');
for (const [what, of] of rows) {
  const figures = homeDays.flatMap((day) => of(day) ?? []).sort((a, b) => a - b);
  if (figures.length === 0) continue;
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
  const middle = (figures.length - 1) / 2;
  const median = (figures[Math.floor(middle)]! + figures[Math.ceil(middle)]!) / 2;
  const cells = [
    what,
    figures.length,
    told(mean),
    told(median),
    `${told(figures[0]!)}..${told(figures.at(-1)!)}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

function told(figure: number): string {
  const text = figure.toFixed(3);
  return text === '-0.000' ? '0.000' : text;
}
