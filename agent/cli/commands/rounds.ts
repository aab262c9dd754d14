import { type Command, Option } from 'commander';
import { dayGrid, generatedHomesMax, slotsAllowed } from '../../neighbourhood/index.ts';
import type { CliActions, CliIo, RoundsOptions } from '../actions.ts';
import { jsonTarget } from '../json-report.ts';
import { badOption, calendarDay, oneOf, path, requirePairwiseHomes, wholeNumber } from '../option-values.ts';

export function registerRounds(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('rounds')
    .description('run the trading rounds of one day without a ledger, and hold each against the optimum')
    .addOption(new Option('--homes <n>', 'how many homes').default('10', '10'))
    .addOption(new Option('--slots <n>', 'slots of the day; below 24: its first hours').default('24', '24'))
    .addOption(
      new Option('--data <dir>', 'CSV files of a neighbourhood (default: homes made by a generator)'),
    )
    .addOption(new Option('--day <yyyy-mm-dd>', 'day to trade (default: the first in the data)'))
    .addOption(new Option('--form <form>', 'how homes trade: pool or pairwise').default('pool', 'pool'))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').default('1', '1'))
    .addOption(
      new Option(
        '--warm [percent]',
        'start from the session of a forecast that differed by so much (default: 5)',
      ),
    )
    .addOption(
      new Option('--tolerance <w>', 'stop at this imbalance, W a home, once targets are settled').default(
        '1',
        '1',
      ),
    )
    .addOption(new Option('--max-rounds <n>', 'stop after so many rounds').default('60', '60'))
    .addOption(new Option('--json [file]', 'report as JSON, to stdout or to a file beside the chart'))
    .addOption(new Option('--no-hvac', 'leave heat pumps out'))
    .addOption(new Option('--no-ev', 'leave vehicles out'))
    .addHelpText('after', examples)
    .action((raw: RawRoundsOptions) => actions.rounds(checkRoundsOptions(raw), io));
}

const examples = `
Examples:
  gridquorum rounds
  gridquorum rounds --data ./homes --homes 10 --form pairwise --json rounds.json
  gridquorum rounds --homes 200 --warm --tolerance 10
`;

type RawRoundsOptions = {
  readonly homes: string;
  readonly slots: string;
  readonly data?: string;
  readonly day?: string;
  readonly form: string;
  readonly seed: string;
  readonly warm?: string | true;
  readonly tolerance: string;
  readonly maxRounds: string;
  readonly json?: string | true;
  readonly hvac: boolean;
  readonly ev: boolean;
};

const warmPercentDefault = '5';

function checkRoundsOptions(raw: RawRoundsOptions): RoundsOptions {
  const form = oneOf('--form', raw.form, ['pool', 'pairwise']);
  const homes = wholeNumber('--homes', raw.homes, { min: 1, max: generatedHomesMax });
  if (form === 'pairwise') requirePairwiseHomes(homes, 2);
  const slots = wholeNumber('--slots', raw.slots, { min: 1, max: 288 });
  if (dayGrid(slots) === undefined) throw badOption('--slots', raw.slots, slotsAllowed);
  const warm = raw.warm === true ? warmPercentDefault : raw.warm;
  return {
    homes,
    slots,
    form,
    seed: wholeNumber('--seed', raw.seed, { min: 0, max: 2 ** 32 - 1 }),
    toleranceW: wholeNumber('--tolerance', raw.tolerance, { min: 0, max: 1_000_000 }),
    roundsMax: wholeNumber('--max-rounds', raw.maxRounds, { min: 1, max: 1000 }),
    json: jsonTarget(raw.json),
    hvac: raw.hvac,
    ev: raw.ev,
    ...(warm === undefined ? {} : { warmPercent: wholeNumber('--warm', warm, { min: 0, max: 100 }) }),
    ...(raw.data === undefined ? {} : { dataDirectory: path('--data', raw.data) }),
    ...(raw.day === undefined ? {} : { day: calendarDay('--day', raw.day) }),
  };
}
