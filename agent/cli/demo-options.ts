import { Command, CommanderError, Option } from 'commander';
import { AgentError } from '../errors.ts';
import { dayGrid, generatedHomesMax, slotsAllowed } from '../neighbourhood/index.ts';
import { type JsonTarget, jsonTarget } from './json-report.ts';
import {
  badOption,
  brokerUrls,
  calendarDay,
  oneOf,
  path,
  requirePairwiseHomes,
  wholeNumber,
} from './option-values.ts';

export type DemoOptions = {
  readonly homes: number;
  readonly validators: number;
  readonly slots: number;
  readonly dataDirectory?: string;
  /** `YYYY-MM-DD`; the first day in the data when absent. */
  readonly day?: string;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
  /** Used all at once; an embedded one is started when there are none. */
  readonly brokers: readonly string[];
  /** Where stores, keys and logs go; a fresh temporary directory when absent. */
  readonly directory?: string;
  /** Whether the directory stays after the demo; one given by --dir always does. */
  readonly keep: boolean;
  readonly json: JsonTarget;
  /** By slot, then validator; validators count from 1, slots from 0. */
  readonly kills: readonly Kill[];
  readonly hvac: boolean;
  readonly ev: boolean;
};

/** The fewest that go on when one of them fails. */
const validatorsDefault = 4;

export type Kill = { readonly validator: number; readonly slot: number };

/** A killed validator comes back so many slots later. */
export const restartAfterSlots = 2;

/** The words after `demo`, as the shell hands them over. @throws AgentError AGENT_BAD_OPTION. */
export function parseDemoOptions(words: readonly string[]): DemoOptions {
  const command = demoCommand()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  try {
    command.parse([...words], { from: 'user' });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    throw new AgentError('AGENT_BAD_OPTION', usageProblem(cause, 'demo'), {}, { cause });
  }
  return checkDemoOptions(command.opts());
}

/** What commander complains of as one sentence, and where to look. */
export function usageProblem(problem: CommanderError, command: string): string {
  const sentence = problem.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const help = ['gridquorum', command, '--help'].filter((word) => word !== '').join(' ');
  return `${sentence.replace(/\.$/, '')}; see ${help}.`;
}

/** The command without its action, for the program and for `parseDemoOptions` alike. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('run a neighbourhood through one day, accelerated, every home a process of its own')
    .addOption(new Option('--homes <n>', 'how many homes').default('10', '10'))
    .addOption(
      new Option('--validators <n>', 'how many of the homes keep the ledger (default: 4, or all of fewer)'),
    )
    .addOption(new Option('--slots <n>', 'slots of the day; below 24: its first hours').default('24', '24'))
    .addOption(
      new Option('--data <dir>', 'CSV files of a neighbourhood (default: homes made by a generator)'),
    )
    .addOption(new Option('--day <yyyy-mm-dd>', 'day to run (default: the first in the data)'))
    .addOption(new Option('--form <form>', 'how homes trade: pool or pairwise').default('pool', 'pool'))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').default('1', '1'))
    .addOption(
      new Option(
        '--broker <url>',
        'MQTT broker to use (default: one is started); repeatable, up to 3 at once',
      ).argParser(collected),
    )
    .addOption(new Option('--dir <dir>', 'where stores and logs go (default: a temporary directory)'))
    .addOption(new Option('--keep', 'keep the temporary directory'))
    .addOption(new Option('--json [file]', 'report as JSON, to stdout or to a file beside the tables'))
    .addOption(
      new Option(
        '--kill <validator@slot>',
        `kill -9 that validator (from 1) in that slot (from 0); back ${restartAfterSlots} slots later; repeatable`,
      ).argParser(collected),
    )
    .addOption(new Option('--no-hvac', 'leave heat pumps out'))
    .addOption(new Option('--no-ev', 'leave vehicles out'))
    .addHelpText('after', examples);
}

/** Of an option that may be given more than once. */
const collected = (given: string, before: string[] | undefined) => [...(before ?? []), given];

const examples = `
Examples:
  gridquorum demo
  gridquorum demo --homes 20 --validators 7 --form pairwise
  gridquorum demo --data ./homes --day 2017-05-10 --kill 2@5 --json report.json
`;

/** What commander collected: text, as typed. */
export type RawDemoOptions = {
  readonly homes: string;
  readonly validators?: string;
  readonly slots: string;
  readonly data?: string;
  readonly day?: string;
  readonly form: string;
  readonly seed: string;
  readonly broker?: readonly string[];
  readonly dir?: string;
  readonly keep?: boolean;
  readonly json?: string | true;
  readonly kill?: readonly string[];
  readonly hvac: boolean;
  readonly ev: boolean;
};

/** @throws AgentError AGENT_BAD_OPTION naming the first wrong option and what to type instead. */
export function checkDemoOptions(raw: RawDemoOptions): DemoOptions {
  const homes = wholeNumber('--homes', raw.homes, { min: 1, max: generatedHomesMax });
  const form = oneOf('--form', raw.form, ['pool', 'pairwise']);
  if (form === 'pairwise') requirePairwiseHomes(homes, 1);
  const given = raw.validators ?? String(Math.min(validatorsDefault, homes));
  const validators = wholeNumber('--validators', given, { min: 1, max: generatedHomesMax });
  if (validators > homes) {
    throw badOption('--validators', given, `validators are homes, and there are ${homes} of them`);
  }
  const slots = wholeNumber('--slots', raw.slots, { min: 1, max: 288 });
  if (dayGrid(slots) === undefined) throw badOption('--slots', raw.slots, slotsAllowed);
  return {
    homes,
    validators,
    slots,
    form,
    seed: wholeNumber('--seed', raw.seed, { min: 0, max: 2 ** 32 - 1 }),
    keep: raw.keep === true || raw.dir !== undefined,
    json: jsonTarget(raw.json),
    brokers: brokerUrls('--broker', raw.broker ?? []),
    kills: killPlan(raw.kill ?? [], { validators, slots }),
    hvac: raw.hvac,
    ev: raw.ev,
    ...(raw.data === undefined ? {} : { dataDirectory: path('--data', raw.data) }),
    ...(raw.day === undefined ? {} : { day: calendarDay('--day', raw.day) }),
    ...(raw.dir === undefined ? {} : { directory: path('--dir', raw.dir) }),
  };
}

function killPlan(
  given: readonly string[],
  limits: { readonly validators: number; readonly slots: number },
): Kill[] {
  const kills = given.map((text): Kill => {
    const match = /^(\d{1,4})@(\d{1,4})$/.exec(text);
    if (match === null) throw badOption('--kill', text, 'give validator@slot, like 2@5');
    const kill = { validator: Number(match[1]), slot: Number(match[2]) };
    if (kill.validator < 1 || kill.validator > limits.validators) {
      throw badOption('--kill', text, `validators are numbered 1 to ${limits.validators}`);
    }
    if (kill.slot >= limits.slots) {
      throw badOption('--kill', text, `slots are numbered 0 to ${limits.slots - 1}`);
    }
    return kill;
  });
  kills.sort((one, other) => one.slot - other.slot || one.validator - other.validator);
  for (const [i, kill] of kills.entries()) {
    const before = kills
      .slice(0, i)
      .reverse()
      .find((earlier) => earlier.validator === kill.validator);
    if (before !== undefined && kill.slot <= before.slot + restartAfterSlots) {
      const back = `validator ${kill.validator}, killed in slot ${before.slot}, is back in slot ${before.slot + restartAfterSlots}`;
      throw badOption('--kill', `${kill.validator}@${kill.slot}`, `${back}: kill it later than that`);
    }
  }
  return kills;
}
