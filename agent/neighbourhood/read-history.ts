import { AgentError } from '../errors.ts';
import {
  badCell,
  brief,
  type CsvTable,
  columnIndex,
  type NumberRange,
  numberCell,
  readCsvTable,
} from './csv-table.ts';

/** What one home measured, slot by slot, with times by its own clock taken as if they were UTC. */
export type History = { readonly slotMs: number; readonly slots: readonly MeasuredSlot[] };

type MeasuredSlot = {
  readonly startMs: number;
  readonly loadKw?: number;
  readonly pvKw?: number;
  readonly outdoorC?: number;
};

/**
 * Reads a home's history: columns time, load_kw and pv_kw, perhaps outdoor_temp_c; others are left alone. Times are starts
 * of slots, `YYYY-MM-DDTHH:MM`, in order; the first two rows tell the length of a slot, which divides a day. Slots may
 * be missing, and so may values: an empty cell is one that was not measured.
 *
 * @throws AgentError AGENT_FILE_MISSING or AGENT_BAD_DATA (details: file, line, column).
 */
export async function readHistory(file: string): Promise<History> {
  const table = await readCsvTable(file);
  const time = columnIndex(table, 'time');
  const columns = {
    loadKw: { index: columnIndex(table, 'load_kw'), range: powerKw },
    pvKw: { index: columnIndex(table, 'pv_kw'), range: powerKw },
    outdoorC: { index: table.columns.indexOf('outdoor_temp_c'), range: celsius },
  };
  const starts = table.rows.map((_, row) => timeMs(table, row, time));
  const slotMs = slotLength(table, starts);
  for (const [row, startMs] of starts.entries()) {
    const sinceMs = startMs - (starts[row - 1] ?? startMs - slotMs);
    if (sinceMs <= 0) throw badTime(table, row, 'it does not come after the time of the row before');
    if (startMs % slotMs !== 0) {
      throw badTime(
        table,
        row,
        `no slot of ${slotMs / MS_PER_MINUTE} minutes begins then, like those before`,
      );
    }
  }
  const slots = table.rows.map((row, at) => {
    const values: Record<string, number> = {};
    for (const [name, { index, range }] of Object.entries(columns)) {
      if (index >= 0 && row.cells[index] !== '') values[name] = numberCell(table, row, index, range);
    }
    return { startMs: starts[at]!, ...values };
  });
  return { slotMs, slots };
}

const MS_PER_MINUTE = 60_000;
const MS_PER_DAY = 86_400_000;
const powerKw: NumberRange = { min: 0, max: 10_000, unit: 'kW' };
const celsius: NumberRange = { min: -90, max: 70, unit: 'degrees Celsius' };

function slotLength(table: CsvTable, starts: readonly number[]): number {
  const [first, second] = starts;
  if (first === undefined || second === undefined) {
    throw new AgentError('AGENT_BAD_DATA', `${table.file} has a single row: a history needs days of them.`, {
      file: table.file,
    });
  }
  const slotMs = second - first;
  if (slotMs <= 0) throw badTime(table, 1, 'it does not come after the time of the row before');
  if (MS_PER_DAY % slotMs !== 0) {
    throw badTime(table, 1, `slots of ${slotMs / MS_PER_MINUTE} minutes do not divide a day`);
  }
  return slotMs;
}

/** `YYYY-MM-DDTHH:MM`, seconds of 00 allowed. */
function timeMs(table: CsvTable, row: number, index: number): number {
  const text = table.rows[row]!.cells[index] ?? '';
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:00)?$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}:00Z`);
  // Date.parse takes 31 April for 1 May: only what reads back the same is a time.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(text.slice(0, 10))) {
    throw badTime(table, row, `'${brief(text)}' is no time like 2017-05-08T00:00`);
  }
  return ms;
}

const badTime = (table: CsvTable, row: number, what: string) =>
  badCell(table.file, table.rows[row]!.line, 'time', what);
