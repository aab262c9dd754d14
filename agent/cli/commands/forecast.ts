import { type Command, Option } from 'commander';
import { isTimeZone } from '../../clock/time-zone.ts';
import type { CliActions, CliIo, ForecastEvaluateOptions } from '../actions.ts';
import { jsonTarget } from '../json-report.ts';
import { badOption, decimal, path, wholeNumber } from '../option-values.ts';

export function registerForecast(program: Command, actions: CliActions, io: CliIo): void {
  const forecast = program.command('forecast').description('forecasts of load and generation');
  forecast
    .command('evaluate')
    .description('walk through histories day by day, forecasting each at midnight from what lies before it')
    .argument('<csv...>', 'one home each: time, load_kw, pv_kw, and outdoor_temp_c where it is known')
    .addOption(new Option('--lat <degrees>', 'degrees north, to know where the sun stands; with --lon'))
    .addOption(new Option('--lon <degrees>', 'degrees east; with --lat'))
    .addOption(
      new Option(
        '--utc-offset <hours>',
        'how far the files’ clock is ahead of UTC (default: by --lon, or 0)',
      ),
    )
    .addOption(
      new Option('--time-zone <zone>', 'the files’ clock where it follows summer time, like Europe/Zurich'),
    )
    .addOption(
      new Option('--warm-up <days>', 'days to learn from before the first forecast').default('90', '90'),
    )
    .addOption(new Option('--json [file]', 'report as JSON, to stdout or to a file beside the table'))
    .action((files: string[], raw: RawOptions) => actions.forecastEvaluate(checkOptions(files, raw), io));
}

type RawOptions = {
  readonly lat?: string;
  readonly lon?: string;
  readonly utcOffset?: string;
  readonly timeZone?: string;
  readonly warmUp: string;
  readonly json?: string | true;
};

const DEGREES_PER_HOUR = 15;
const MS_PER_HOUR = 3_600_000;
const MS_PER_MINUTE = 60_000;
const MINUTES_PER_HOUR = 60;
const FILES_MAX = 1_000;

function checkOptions(files: readonly string[], raw: RawOptions): ForecastEvaluateOptions {
  if (files.length > FILES_MAX)
    throw badOption('<csv...>', files[FILES_MAX]!, `give ${FILES_MAX} files at most`);
  const location = locationOf(raw);
  const json = jsonTarget(raw.json);
  if (typeof json === 'object' && /\.csv$/i.test(json.file)) {
    throw badOption('--json', json.file, 'that reads like data, and would be overwritten: put --json last');
  }
  return {
    files: files.map((file) => path('<csv...>', file)),
    clock: clockOf(raw, location?.longitudeDeg ?? 0),
    warmUpDays: wholeNumber('--warm-up', raw.warmUp, { min: 1, max: 3_650 }),
    json,
    ...(location !== undefined && { location }),
  };
}

function clockOf(
  { utcOffset, timeZone }: RawOptions,
  longitudeDeg: number,
): ForecastEvaluateOptions['clock'] {
  if (timeZone !== undefined) {
    if (utcOffset !== undefined)
      throw badOption('--time-zone', timeZone, 'give that or --utc-offset, not both');
    if (!isTimeZone(timeZone)) throw badOption('--time-zone', timeZone, 'give one like Europe/Zurich');
    return { timeZone };
  }
  if (utcOffset === undefined) {
    return { utcOffsetMs: Math.round(longitudeDeg / DEGREES_PER_HOUR) * MS_PER_HOUR };
  }
  const hours = decimal('--utc-offset', utcOffset, { min: -14, max: 14 });
  const minutes = Math.round(hours * MINUTES_PER_HOUR);
  if (Math.abs(minutes - hours * MINUTES_PER_HOUR) > 1e-6) {
    throw badOption('--utc-offset', utcOffset, 'give hours to the minute, like 5.5');
  }
  return { utcOffsetMs: minutes * MS_PER_MINUTE };
}

function locationOf({ lat, lon }: RawOptions): ForecastEvaluateOptions['location'] {
  if (lat === undefined && lon === undefined) return undefined;
  if (lon === undefined) throw badOption('--lat', lat!, 'a place needs --lon, too');
  if (lat === undefined) throw badOption('--lon', lon, 'a place needs --lat, too');
  return {
    latitudeDeg: decimal('--lat', lat, { min: -90, max: 90 }),
    longitudeDeg: decimal('--lon', lon, { min: -180, max: 180 }),
  };
}
