import { clockShowing } from '../clock/time-zone.ts';
import { AgentError } from '../errors.ts';
import {
  badCell,
  brief,
  type CsvRow,
  type CsvTable,
  columnIndex,
  type NumberRange,
  numberCell,
  readCsvTable,
} from './csv-table.ts';

/** What one home measured, slot by slot. */
export type History = {
  readonly slotMs: number;
  readonly slots: readonly MeasuredSlot[];
  readonly corrections: HistoryCorrections;
};

type MeasuredSlot = {
  /** Start of the slot, UTC. */
  readonly startMs: number;
  /** How far the file's clock was ahead of UTC then. */
  readonly utcOffsetMs: number;
  readonly loadKw?: number;
  readonly pvKw?: number;
  readonly outdoorC?: number;
};

/** How much of a file was not taken as it stands. */
export type HistoryCorrections = {
  /** Powers a little below zero, as meters tell them, taken for zero. */
  readonly toZero: number;
  /** Powers further below zero, taken for not measured. */
  readonly leftOut: number;
  /** Rows of an hour that the clock never showed, since it was put forward then. */
  readonly neverShown: number;
};

/** The clock of a file: so far ahead of UTC all the time, or as that of a zone. */
export type HistoryClock = { readonly utcOffsetMs: number } | { readonly timeZone: string };

/**
 * Reads a home's history: columns time, load_kw and pv_kw, perhaps outdoor_temp_c; others are left alone. Times are starts
 * of slots, `YYYY-MM-DDTHH:MM`, in order; the first two rows tell the length of a slot, which divides a day. Slots may
 * be missing, and so may values: an empty cell is one that was not measured. The hour that a zone's clock shows twice
 * may be there twice, or once.
 *
 * @throws AgentError AGENT_FILE_MISSING or AGENT_BAD_DATA (details: file, line, column); AGENT_BAD_OPTION where the
 * zone's clock changes by less than a slot.
 */
export async function readHistory(file: string, clock: HistoryClock): Promise<History> {
  const table = await readCsvTable(file);
  const { slotMs, starts, neverShown } = startsOf(table, clock);
  const outdoor = table.columns.indexOf('outdoor_temp_c');
  const load = powerColumn(table, 'load_kw');
  const pv = powerColumn(table, 'pv_kw');
  const slots = starts.map(({ row, startMs, utcOffsetMs }) => {
    const loadKw = load.at(row);
    const pvKw = pv.at(row);
    const isTold = outdoor >= 0 && row.cells[outdoor] !== '';
    return {
      startMs,
      utcOffsetMs,
      ...(loadKw !== undefined && { loadKw }),
      ...(pvKw !== undefined && { pvKw }),
      ...(isTold && { outdoorC: numberCell(table, row, outdoor, celsius) }),
    };
  });
  const [ofLoad, ofPv] = [load.corrected(), pv.corrected()];
  const corrections = {
    toZero: ofLoad.toZero + ofPv.toZero,
    leftOut: ofLoad.leftOut + ofPv.leftOut,
    neverShown,
  };
  return { slotMs, slots, corrections };
}

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const powerKw: NumberRange = { min: -10_000, max: 10_000, unit: 'kW' };
const celsius: NumberRange = { min: -90, max: 70, unit: 'degrees Celsius' };
/** What a meter's zero may be off by. */
const ZERO_WITHIN_KW = 0.05;
/** More readings below zero than this share are no slips: the column is another quantity. */
const LEFT_OUT_SHARE_MAX = 0.1;

/** A column of powers that cannot be negative, and what it had instead. */
function powerColumn(table: CsvTable, column: string) {
  const index = columnIndex(table, column);
  let [measured, toZero, leftOut] = [0, 0, 0];
  return {
    at(row: CsvRow): number | undefined {
      if (row.cells[index] === '') return undefined;
      const kw = numberCell(table, row, index, powerKw);
      measured += 1;
      if (kw >= 0) return kw;
      if (kw >= -ZERO_WITHIN_KW) {
        toZero += 1;
        return 0;
      }
      leftOut += 1;
      return undefined;
    },
    /** @throws AgentError AGENT_BAD_DATA where so much is negative that it was never meant to be such a power. */
    corrected(): { toZero: number; leftOut: number } {
      if (leftOut <= LEFT_OUT_SHARE_MAX * measured) return { toZero, leftOut };
      const share = `${Math.round((100 * leftOut) / measured)} % of its readings`;
      const what = column === 'load_kw' ? 'what the home uses, not what its meter sees' : 'what is generated';
      throw new AgentError(
        'AGENT_BAD_DATA',
        `${table.file}, column ${column}: ${share} are negative: give ${what}, as kW from 0 up.`,
        { file: table.file, column },
      );
    },
  };
}

type Start = { readonly row: CsvRow; readonly startMs: number; readonly utcOffsetMs: number };

/** By UTC. Of the instants at which the clock showed a row's time, the first after the row before. */
function startsOf(table: CsvTable, clock: HistoryClock) {
  const instantsOf =
    'timeZone' in clock ? clockShowing(clock.timeZone) : (localMs: number) => [localMs - clock.utcOffsetMs];
  const time = columnIndex(table, 'time');
  const starts: Start[] = [];
  let neverShown = 0;
  let slotMs: number | undefined;
  for (const row of table.rows) {
    const localMs = timeMs(table, row, time);
    const instants = instantsOf(localMs);
    if (instants.length === 0) neverShown += 1;
    else {
      const before = starts.at(-1)?.startMs ?? Number.NEGATIVE_INFINITY;
      const startMs = instants.find((ms) => ms > before);
      if (startMs === undefined)
        throw badTime(table, row, `it does not come after the time of the row before${hintOf(clock)}`);
      if (starts.length === 1) slotMs = slotLength(table, row, startMs - before);
      if (slotMs !== undefined)
        requireSlot(table, row, { localMs, sinceMs: startMs - before, slotMs, clock });
      starts.push({ row, startMs, utcOffsetMs: localMs - startMs });
    }
  }
  if (slotMs === undefined) {
    throw new AgentError('AGENT_BAD_DATA', `${table.file} has a single row: a history needs days of them.`, {
      file: table.file,
    });
  }
  return { slotMs, starts, neverShown };
}

const hintOf = (clock: HistoryClock): string =>
  'timeZone' in clock ? '' : ' (--time-zone knows the hour that a clock shows twice in autumn)';

function slotLength(table: CsvTable, row: CsvRow, slotMs: number): number {
  if (MS_PER_DAY % slotMs === 0) return slotMs;
  throw badTime(table, row, `slots of ${slotMs / MS_PER_MINUTE} minutes do not divide a day`);
}

function requireSlot(
  table: CsvTable,
  row: CsvRow,
  at: {
    readonly localMs: number;
    readonly sinceMs: number;
    readonly slotMs: number;
    readonly clock: HistoryClock;
  },
): void {
  if (at.localMs % at.slotMs !== 0) {
    const minutes = at.slotMs / MS_PER_MINUTE;
    throw badTime(table, row, `no slot of ${minutes} minutes begins then, like those before`);
  }
  if (at.sinceMs % at.slotMs !== 0) {
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `The clocks of --time-zone change by less than the slots of ${table.file}: give the file in UTC.`,
      { file: table.file },
    );
  }
}

/** By the file's clock, as if it were UTC: `YYYY-MM-DDTHH:MM`, seconds of 00 allowed. */
function timeMs(table: CsvTable, row: CsvRow, index: number): number {
  const text = row.cells[index] ?? '';
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:00)?$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}:00Z`);
  // Date.parse takes 31 April for 1 May: only what reads back the same is a time.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(text.slice(0, 10))) {
    throw badTime(table, row, `'${brief(text)}' is no time like 2017-05-08T00:00`);
  }
  return ms;
}

const badTime = (table: CsvTable, { line }: CsvRow, what: string) => badCell(table.file, line, 'time', what);
