import { type Command, Option } from 'commander';
import { generatedHomesMax } from '../../neighbourhood/index.ts';
import type { CliActions, CliIo, EmulateOptions } from '../actions.ts';
import { badOption, calendarDay, path, wholeNumber } from '../option-values.ts';

export function registerEmulate(program: Command, actions: CliActions, io: CliIo): void {
  program
    .command('emulate')
    .description('emulate the devices of homes, each answering real Modbus TCP')
    .addOption(new Option('--homes <n>', 'how many homes').default('1', '1'))
    .addOption(
      new Option('--data <dir>', 'CSV files of a neighbourhood (default: homes made by a generator)'),
    )
    .addOption(new Option('--day <yyyy-mm-dd>', 'day to live (default: the first in the data)'))
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').default('1', '1'))
    .addOption(new Option('--host <address>', 'address to listen on').default('127.0.0.1', '127.0.0.1'))
    .addOption(
      new Option('--port <n>', 'first port, device after device; 0: any free ones').default('15020', '15020'),
    )
    .addOption(new Option('--speed <n>', 'simulated seconds per second').default('1', '1'))
    .addOption(new Option('--no-hvac', 'leave heat pumps out'))
    .addOption(new Option('--no-ev', 'leave vehicles out'))
    .action((raw: RawEmulateOptions) => actions.emulate(checkEmulateOptions(raw), io));
}

type RawEmulateOptions = {
  readonly homes: string;
  readonly data?: string;
  readonly day?: string;
  readonly seed: string;
  readonly host: string;
  readonly port: string;
  readonly speed: string;
  readonly hvac: boolean;
  readonly ev: boolean;
};

/** A meter, an inverter, a battery, a charger and a heat pump at most. */
const devicesPerHome = 5;

function checkEmulateOptions(raw: RawEmulateOptions): EmulateOptions {
  const homes = wholeNumber('--homes', raw.homes, { min: 1, max: generatedHomesMax });
  const port = wholeNumber('--port', raw.port, { min: 0, max: 65_535 });
  if (port > 0 && port + homes * devicesPerHome - 1 > 65_535) {
    throw badOption('--port', raw.port, `${homes} homes need ports beyond 65535: begin lower`);
  }
  if (!/^[0-9A-Za-z.:-]{1,253}$/.test(raw.host)) throw badOption('--host', raw.host, 'give an address');
  return {
    homes,
    port,
    host: raw.host,
    seed: wholeNumber('--seed', raw.seed, { min: 0, max: 2 ** 32 - 1 }),
    speed: wholeNumber('--speed', raw.speed, { min: 1, max: 100_000 }),
    hvac: raw.hvac,
    ev: raw.ev,
    ...(raw.data === undefined ? {} : { dataDirectory: path('--data', raw.data) }),
    ...(raw.day === undefined ? {} : { day: calendarDay('--day', raw.day) }),
  };
}
