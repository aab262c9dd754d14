import { type Command, Option } from 'commander';
import { dayGrid, generatedHomesMax, slotsAllowed } from '../neighbourhood/index.ts';
import { type JsonTarget, jsonTarget } from './json-report.ts';
import { badOption, calendarDay, oneOf, path, requirePairwiseHomes, wholeNumber } from './option-values.ts';

export type ScheduleOptions = {
  readonly from: ScheduleSourceChoice;
  readonly json: JsonTarget;
};

/** Where the home and its day come from. */
export type ScheduleSourceChoice =
  | {
      readonly kind: 'neighbourhood';
      readonly dataDirectory?: string;
      /** `YYYY-MM-DD`; the first day in the data when absent. */
      readonly day?: string;
      /** The first one with a battery when absent. */
      readonly home?: string;
      /** How many homes trade, the first by name. */
      readonly homes: number;
      readonly slots: number;
      readonly form: 'pool' | 'pairwise';
      readonly trade: boolean;
      readonly seed: number;
      readonly hvac: boolean;
      readonly ev: boolean;
    }
  | { readonly kind: 'problem'; readonly file: string }
  | { readonly kind: 'running'; readonly configFile: string };

/** What commander collected: text, as typed. */
export type RawScheduleOptions = {
  readonly data?: string;
  readonly day?: string;
  readonly home?: string;
  readonly homes?: string;
  readonly slots?: string;
  readonly form?: string;
  readonly seed?: string;
  readonly trade: boolean;
  readonly hvac: boolean;
  readonly ev: boolean;
  readonly problem?: string;
  readonly config?: string;
  readonly json?: string | true;
};

export function addScheduleOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--data <dir>', 'CSV files of a neighbourhood (default: homes made by a generator)'),
    )
    .addOption(new Option('--day <yyyy-mm-dd>', 'day to plan (default: the first in the data)'))
    .addOption(new Option('--home <name>', 'home to plan (default: the first with a battery)'))
    .addOption(new Option('--homes <n>', 'how many homes trade, the first by name (default: 10)'))
    .addOption(new Option('--slots <n>', 'slots of the day; below 24: its first hours (default: 24)'))
    .addOption(new Option('--form <form>', 'how homes trade: pool or pairwise (default: pool)'))
    .addOption(new Option('--no-trade', 'leave the neighbours out'))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn (default: 1)'))
    .addOption(new Option('--no-hvac', 'leave heat pumps out'))
    .addOption(new Option('--no-ev', 'leave vehicles out'))
    .addOption(new Option('--problem <file>', 'a home’s problem as JSON, or a report of --json, instead'))
    .addOption(
      new Option('--config <file>', 'the day of the agent that runs with this configuration, instead'),
    )
    .addOption(new Option('--json [file]', 'report as JSON, to stdout or to a file beside the charts'))
    .addHelpText('after', examples);
}

const examples = `
Examples:
  gridquorum schedule
  gridquorum schedule --data ./homes --day 2017-05-10 --home home04
  gridquorum schedule --problem home.json --json report.json
  gridquorum schedule --config home.yaml

Exit status 1: no plan keeps every limit; the nearest one is drawn.
`;

/** @throws AgentError AGENT_BAD_OPTION naming the first wrong option and what to type instead. */
export function checkScheduleOptions(raw: RawScheduleOptions): ScheduleOptions {
  return { from: sourceOf(raw), json: jsonTarget(raw.json) };
}

function sourceOf(raw: RawScheduleOptions): ScheduleSourceChoice {
  const { problem, config } = raw;
  if (problem === undefined && config === undefined) return neighbourhoodOf(raw);
  const [option, file] = problem === undefined ? ['--config', config ?? ''] : ['--problem', problem];
  const others = {
    '--config': problem === undefined ? undefined : config,
    '--data': raw.data,
    '--day': raw.day,
    '--home': raw.home,
    '--homes': raw.homes,
    '--slots': raw.slots,
    '--form': raw.form,
    '--seed': raw.seed,
    '--no-trade': raw.trade ? undefined : '',
    '--no-hvac': raw.hvac ? undefined : '',
    '--no-ev': raw.ev ? undefined : '',
  };
  for (const [name, given] of Object.entries(others)) {
    if (given !== undefined) throw badOption(name, given, `${option} says it all: leave ${name} out`);
  }
  return option === '--config'
    ? { kind: 'running', configFile: path('--config', file) }
    : { kind: 'problem', file: path('--problem', file) };
}

function neighbourhoodOf(raw: RawScheduleOptions): ScheduleSourceChoice {
  const slotsGiven = raw.slots ?? '24';
  const slots = wholeNumber('--slots', slotsGiven, { min: 1, max: 288 });
  if (dayGrid(slots) === undefined) throw badOption('--slots', slotsGiven, slotsAllowed);
  if (raw.home === '') throw badOption('--home', raw.home, 'give the name of a home');
  const homes = wholeNumber('--homes', raw.homes ?? '10', { min: 1, max: generatedHomesMax });
  const form = oneOf('--form', raw.form ?? 'pool', ['pool', 'pairwise']);
  if (form === 'pairwise' && raw.trade) requirePairwiseHomes(homes, 1);
  return {
    kind: 'neighbourhood',
    homes,
    slots,
    form,
    seed: wholeNumber('--seed', raw.seed ?? '1', { min: 0, max: 2 ** 32 - 1 }),
    trade: raw.trade,
    hvac: raw.hvac,
    ev: raw.ev,
    ...(raw.data === undefined ? {} : { dataDirectory: path('--data', raw.data) }),
    ...(raw.day === undefined ? {} : { day: calendarDay('--day', raw.day) }),
    ...(raw.home === undefined ? {} : { home: raw.home }),
  };
}
