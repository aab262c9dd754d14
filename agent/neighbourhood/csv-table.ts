import { parse } from 'csv-parse/sync';
import { readBounded } from '../bounded-file.ts';
import { AgentError } from '../errors.ts';

/** A CSV file with a header, every row as long as it, and at least one row. */
export type CsvTable = {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
};

export type CsvRow = {
  /** Line in the file on which the row ends, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
};

export type NumberRange = { readonly min: number; readonly max: number; readonly unit: string };

/** A year of hours for a thousand homes is half of it. */
const fileBytesMax = 128 * 1024 * 1024;

/**
 * @throws AgentError AGENT_FILE_MISSING when the file is not there, AGENT_BAD_DATA when it is no such
 * table; `details` say the file and, where there is one, the line.
 */
export async function readCsvTable(file: string): Promise<CsvTable> {
  return parseCsvTable(file, await readText(file));
}

function parseCsvTable(file: string, text: string): CsvTable {
  const rows = recordsOf(file, text);
  const header = rows[0];
  if (header === undefined) {
    throw new AgentError('AGENT_BAD_DATA', `${file} is empty: give it a header line and rows.`, { file });
  }
  const columns = header.cells;
  for (const [i, column] of columns.entries()) {
    if (column === '') throw badCell(file, header.line, `#${i + 1}`, 'the header names no column here');
    if (columns.indexOf(column) !== i) throw badCell(file, header.line, column, 'the header names it twice');
  }
  if (rows.length === 1) {
    throw new AgentError('AGENT_BAD_DATA', `${file} has a header but no rows: add the data.`, { file });
  }
  for (const { line, cells } of rows) {
    if (cells.length !== columns.length) {
      throw new AgentError(
        'AGENT_BAD_DATA',
        `${file}:${line} has ${cells.length} cells, the header ${columns.length}: correct the line.`,
        { file, line },
      );
    }
  }
  return { file, columns, rows: rows.slice(1) };
}

/** Place of a column in `cells`. @throws AgentError AGENT_BAD_DATA when there is none of that name. */
export function columnIndex(table: CsvTable, column: string): number {
  const index = table.columns.indexOf(column);
  if (index < 0) {
    const has = table.columns.slice(0, 12).join(', ');
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${table.file} has no column '${column}' (it has ${has}): add it to the header and the rows.`,
      { file: table.file, line: 1, column },
    );
  }
  return index;
}

/** A whole column as finite numbers within the range. @throws AgentError AGENT_BAD_DATA naming the cell. */
export function numberColumn(table: CsvTable, column: string, range: NumberRange): number[] {
  const index = columnIndex(table, column);
  return table.rows.map((row) => numberCell(table, row, index, range));
}

export function numberCell(table: CsvTable, row: CsvRow, index: number, range: NumberRange): number {
  const text = row.cells[index] ?? '';
  const value = decimal.test(text) ? Number(text) : Number.NaN;
  const column = table.columns[index] ?? `#${index + 1}`;
  if (!Number.isFinite(value)) throw badCell(table.file, row.line, column, `'${brief(text)}' is no number`);
  if (value < range.min || value > range.max) {
    throw badCell(
      table.file,
      row.line,
      column,
      `${value} ${range.unit} is not within ${range.min} to ${range.max}`,
    );
  }
  return value;
}

export function badCell(file: string, line: number, column: string, what: string): AgentError {
  return new AgentError('AGENT_BAD_DATA', `${file}:${line}, column ${column}: ${what}: correct the cell.`, {
    file,
    line,
    column,
  });
}

/** Foreign text as it may stand in a message: one line, no control characters, not long. */
export function brief(text: string): string {
  const plain = text.replace(/\p{C}/gu, '?');
  return plain.length > 40 ? `${plain.slice(0, 40)}...` : plain;
}

const decimal = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$/;

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readBounded(file, fileBytesMax);
    if (bytes === undefined) {
      throw new AgentError(
        'AGENT_BAD_DATA',
        `${file} has more than ${fileBytesMax} bytes: cut it into fewer days or homes.`,
        { file },
      );
    }
    // It drops a byte order mark, too.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): AgentError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new AgentError('AGENT_FILE_MISSING', `${file} is not there: check the directory.`, { file });
  }
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return new AgentError('AGENT_BAD_DATA', `${file} is not UTF-8: save it as UTF-8.`, { file }, { cause });
  }
  return new AgentError('AGENT_BAD_DATA', `${file} cannot be read (${code}): check it.`, { file }, { cause });
}

function recordsOf(file: string, text: string): CsvRow[] {
  try {
    const parsed: unknown[] = parse(text, {
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      max_record_size: 1024 * 1024,
    });
    return parsed.map((entry) => {
      const { record, info } = entry as { record: string[]; info: { lines: number } };
      return { line: info.lines, cells: record };
    });
  } catch (cause) {
    const line = cause instanceof Error && 'lines' in cause ? Number(cause.lines) : 1;
    const what = cause instanceof Error ? brief(cause.message) : 'not CSV';
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${file}:${line} is not CSV (${what}): correct the line.`,
      { file, line },
      { cause },
    );
  }
}
