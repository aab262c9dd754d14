import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.ts';
import {
  badCell,
  brief,
  type CsvRow,
  type CsvTable,
  columnIndex,
  type NumberRange,
  numberCell,
  numberColumn,
  readCsvTable,
} from './csv-table.ts';

/** What the files say, before defaults fill in what they do not. Hourly series of one length. */
export type CsvNeighbourhood = {
  readonly firstHourMs: number;
  readonly importPricePerKwh: readonly number[];
  readonly wholesalePerKwh: readonly number[];
  readonly outdoorC: readonly number[];
  readonly homes: readonly CsvHome[];
};

export type CsvHome = {
  readonly home: string;
  readonly loadKw: readonly number[];
  readonly pvKw: readonly number[];
  readonly pvRatedKw: number;
  /** 0 where there is no battery. */
  readonly batteryKwh: number;
  readonly batteryKw: number;
  readonly batteryRoundTrip?: number;
};

/**
 * Reads the first `homes` homes by name of a directory. `prices.csv` has time, outdoor_temp_c,
 * retail_import_usd_per_kwh, wholesale_da_usd_per_mwh; `homes.csv` has home, pv_nominal_kw, battery_kwh,
 * battery_kw and may have battery_roundtrip_eff; other columns are left alone. The homes' series stand
 * either one file a home (`<home>.csv` with time, load_kw, pv_kw) or, when there is a `load_kw.csv`, one
 * column a home in `load_kw.csv` and `pv_kw.csv`. Times are starts of hours, `YYYY-MM-DDTHH:MM`, without gaps, the
 * same in all files; power is the mean over the hour.
 *
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA (details: file, line, column) or AGENT_BAD_OPTION
 * when there are fewer homes than asked for.
 */
export async function readCsvNeighbourhood(directory: string, homes: number): Promise<CsvNeighbourhood> {
  await requireDirectory(directory);
  const prices = await readCsvTable(join(directory, 'prices.csv'));
  const hoursMs = hours(prices);
  const equipment = await readHomes(directory);
  if (homes > equipment.length) {
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${directory} has ${equipment.length} homes, not ${homes}: use --homes ${equipment.length} or fewer.`,
      { homes, available: equipment.length },
    );
  }
  const chosen = equipment.slice(0, homes);
  const seriesOf = (await exists(join(directory, 'load_kw.csv')))
    ? await columnAHome(directory, hoursMs)
    : (home: string) => fileAHome(directory, home, hoursMs);
  const described: CsvHome[] = [];
  for (const home of chosen) described.push(checkPv(directory, { ...home, ...(await seriesOf(home.home)) }));
  return {
    firstHourMs: hoursMs[0] ?? 0,
    importPricePerKwh: numberColumn(prices, 'retail_import_usd_per_kwh', pricePerKwh),
    wholesalePerKwh: numberColumn(prices, 'wholesale_da_usd_per_mwh', pricePerMwh).map((p) => p / 1000),
    outdoorC: numberColumn(prices, 'outdoor_temp_c', celsius),
    homes: described,
  };
}

const hourMs = 3_600_000;
const power: NumberRange = { min: 0, max: 1000, unit: 'kW' };
const energy: NumberRange = { min: 0, max: 10_000, unit: 'kWh' };
const celsius: NumberRange = { min: -70, max: 60, unit: 'degrees Celsius' };
const pricePerKwh: NumberRange = { min: -100, max: 100, unit: 'per kWh' };
const pricePerMwh: NumberRange = { min: -100_000, max: 100_000, unit: 'per MWh' };
const efficiency: NumberRange = { min: 0.1, max: 1, unit: '' };

type Equipment = Omit<CsvHome, 'loadKw' | 'pvKw'>;
type Series = Pick<CsvHome, 'loadKw' | 'pvKw'>;

async function readHomes(directory: string): Promise<Equipment[]> {
  const table = await readCsvTable(join(directory, 'homes.csv'));
  const name = columnIndex(table, 'home');
  const places = {
    pv: columnIndex(table, 'pv_nominal_kw'),
    energy: columnIndex(table, 'battery_kwh'),
    power: columnIndex(table, 'battery_kw'),
    efficiency: table.columns.indexOf('battery_roundtrip_eff'),
  };
  const seen = new Set<string>();
  const homes = table.rows.map((row): Equipment => {
    const home = homeName(table, row, name);
    if (seen.has(home)) throw badCell(table.file, row.line, 'home', `'${home}' stands here twice`);
    seen.add(home);
    const batteryKwh = numberCell(table, row, places.energy, energy);
    const batteryKw = numberCell(table, row, places.power, power);
    if (batteryKwh > 0 !== batteryKw > 0) {
      throw badCell(table.file, row.line, 'battery_kw', 'a battery needs both kWh and kW, or neither');
    }
    return {
      home,
      pvRatedKw: numberCell(table, row, places.pv, power),
      batteryKwh,
      batteryKw,
      ...(places.efficiency >= 0 && batteryKwh > 0
        ? { batteryRoundTrip: numberCell(table, row, places.efficiency, efficiency) }
        : {}),
    };
  });
  return homes.sort((one, other) => (one.home < other.home ? -1 : 1));
}

/** Names become file names, topics and labels: letters, digits, dot, dash and underscore only. */
function homeName(table: CsvTable, row: CsvRow, index: number): string {
  const home = row.cells[index] ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(home)) {
    throw badCell(table.file, row.line, 'home', `'${brief(home)}' is no name (letters, digits, . _ -)`);
  }
  return home;
}

async function fileAHome(directory: string, home: string, hoursMs: readonly number[]): Promise<Series> {
  const table = await readCsvTable(join(directory, `${home}.csv`));
  requireSameHours(table, hoursMs);
  return { loadKw: numberColumn(table, 'load_kw', power), pvKw: numberColumn(table, 'pv_kw', power) };
}

async function columnAHome(
  directory: string,
  hoursMs: readonly number[],
): Promise<(home: string) => Promise<Series>> {
  const load = await readCsvTable(join(directory, 'load_kw.csv'));
  const pv = await readCsvTable(join(directory, 'pv_kw.csv'));
  requireSameHours(load, hoursMs);
  requireSameHours(pv, hoursMs);
  return async (home) => ({ loadKw: numberColumn(load, home, power), pvKw: numberColumn(pv, home, power) });
}

/** Generation without a rated power would need an inverter that homes.csv denies. */
function checkPv(directory: string, home: CsvHome): CsvHome {
  if (home.pvRatedKw === 0 && home.pvKw.some((kw) => kw > 0)) {
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${join(directory, 'homes.csv')} gives ${home.home} no PV, yet its pv_kw is above 0: set pv_nominal_kw.`,
      { file: join(directory, 'homes.csv'), column: 'pv_nominal_kw' },
    );
  }
  return home;
}

function hours(table: CsvTable): number[] {
  const index = columnIndex(table, 'time');
  const times = table.rows.map((row) => timeMs(table, row, index));
  for (const [i, ms] of times.entries()) {
    const row = table.rows[i];
    const before = times[i - 1];
    if (row === undefined || before === undefined) continue;
    if (ms !== before + hourMs) {
      const minutes = (ms - before) / 60_000;
      throw badCell(
        table.file,
        row.line,
        'time',
        `${minutes} minutes after the row before, where rows are to be hourly without gaps`,
      );
    }
  }
  return times;
}

function requireSameHours(table: CsvTable, hoursMs: readonly number[]): void {
  const own = hours(table);
  const first = table.rows[0];
  if (first !== undefined && own[0] !== hoursMs[0]) {
    throw badCell(table.file, first.line, 'time', 'it does not begin with the hour prices.csv begins with');
  }
  if (own.length !== hoursMs.length) {
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${table.file} has ${own.length} rows, prices.csv ${hoursMs.length}: give all files the same hours.`,
      { file: table.file, line: table.rows.at(-1)?.line ?? 1 },
    );
  }
}

/** `YYYY-MM-DDTHH:MM`, seconds of 00 allowed; the local clock is taken as UTC. */
function timeMs(table: CsvTable, row: CsvRow, index: number): number {
  const text = row.cells[index] ?? '';
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(:00)?$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}:${match[3]}:00Z`);
  // Date.parse takes 31 April for 1 May: only what reads back the same is a time.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(text.slice(0, 10))) {
    throw badCell(table.file, row.line, 'time', `'${brief(text)}' is no time like 2017-05-08T00:00`);
  }
  if (ms % hourMs !== 0) throw badCell(table.file, row.line, 'time', `${text} does not begin an hour`);
  return ms;
}

async function requireDirectory(directory: string): Promise<void> {
  if (!(await exists(directory))) {
    throw new AgentError('AGENT_FILE_MISSING', `${directory} is not there: check --data.`, {
      file: directory,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${path} cannot be looked at (${String(code)}): check its name and rights.`,
      { file: path },
      { cause },
    );
  }
}
