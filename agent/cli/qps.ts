import { AgentError } from '../errors.ts';
import type { WrittenQp } from './written-qp.ts';

/**
 * One problem in QPS, the MPS format with a quadratic part (Maros & Meszaros 1999, section 2): names without
 * spaces, sections NAME, ROWS, COLUMNS, RHS, RANGES, BOUNDS, QUADOBJ (one triangle) or QMATRIX (both), ENDATA;
 * minimised. Of a second row N the coefficients are passed over. Rows come first in A, bounds after them.
 *
 * @throws AgentError AGENT_BAD_DATA naming the line.
 */
export function parseQps(text: string, source: string): WrittenQp {
  const draft = newDraft();
  let section = '';
  let name = source;
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('*') || line.trim() === '') continue;
    const words = line.trim().split(/\s+/);
    try {
      if (!/^\s/.test(line)) {
        section = words[0]!.toUpperCase();
        if (section === 'NAME') name = words[1] ?? source;
        if (section === 'ENDATA') {
          const unmatched = unmatchedOf(draft);
          if (unmatched !== undefined) throw refused(source, unmatched, 'QMATRIX is not symmetric');
          return finish(draft, name);
        }
        if (section !== 'NAME' && readers[section] === undefined)
          throw new Error(`section ${section} is not known`);
      } else {
        draft.line = index + 1;
        readLine(draft, section, words);
      }
    } catch (cause) {
      if (cause instanceof AgentError) throw cause;
      throw refused(source, index + 1, (cause as Error).message, { cause });
    }
  }
  throw new AgentError('AGENT_BAD_DATA', `${source} ends without ENDATA.`, { source });
}

function refused(source: string, line: number, what: string, options?: { cause: unknown }): AgentError {
  return new AgentError('AGENT_BAD_DATA', `${source}, line ${line}: ${what}.`, { source, line }, options);
}

type Row = { readonly kind: string; readonly index: number; rhs: number; range?: number };
type Column = { readonly index: number; low: number; high: number; lowGiven: boolean };
type Entries = { readonly rows: number[]; readonly columns: number[]; readonly values: number[] };

type Draft = {
  readonly rows: Map<string, Row>;
  readonly columns: Map<string, Column>;
  readonly q: number[];
  readonly A: Entries;
  readonly P: Entries;
  /** Of QMATRIX, by row and column: both triangles, to be told apart. */
  readonly full: Map<string, { readonly value: number; readonly line: number }>;
  /** Being read. */
  line: number;
  objective?: string;
  constant: number;
};

const newEntries = (): Entries => ({ rows: [], columns: [], values: [] });

function newDraft(): Draft {
  return {
    ...{ rows: new Map(), columns: new Map(), q: [], constant: 0, line: 0 },
    ...{ A: newEntries(), P: newEntries(), full: new Map() },
  };
}

function readLine(draft: Draft, section: string, words: readonly string[]): void {
  const read = readers[section];
  if (read === undefined) throw new Error(`no lines belong to section ${section}`);
  read(draft, words);
}

const readers: Readonly<Record<string, (draft: Draft, words: readonly string[]) => void>> = {
  ROWS: readRow,
  COLUMNS: readColumn,
  RHS: readRightSides,
  RANGES: readRanges,
  BOUNDS: readBound,
  QUADOBJ: readTriangle,
  QMATRIX: readFull,
};

function readRightSides(draft: Draft, words: readonly string[]): void {
  forPairs(words, (row, value) => {
    if (row === draft.objective) draft.constant = -value;
    else rowOf(draft, row).rhs = value;
  });
}

function readRanges(draft: Draft, words: readonly string[]): void {
  forPairs(words, (row, value) => {
    rowOf(draft, row).range = value;
  });
}

function readTriangle(draft: Draft, words: readonly string[]): void {
  const { i, j, value } = curvatureOf(draft, words);
  push(draft.P, Math.min(i, j), Math.max(i, j), value);
}

/** The full matrix says everything off the diagonal twice. */
function readFull(draft: Draft, words: readonly string[]): void {
  const { i, j, value } = curvatureOf(draft, words);
  if (draft.full.has(`${i} ${j}`)) throw new Error(`${words[0]} ${words[1]} is there twice`);
  draft.full.set(`${i} ${j}`, { value, line: draft.line });
  if (i <= j) push(draft.P, i, j, value);
}

function curvatureOf(draft: Draft, words: readonly string[]) {
  const [i, j] = [columnOf(draft, words[0]).index, columnOf(draft, words[1]).index];
  return { i, j, value: number(words[2]) };
}

/** The first line of QMATRIX whose other triangle says otherwise, or nothing of it. */
function unmatchedOf({ full }: Draft): number | undefined {
  for (const [place, { value, line }] of full) {
    const mirrored = place.split(' ').reverse().join(' ');
    if ((full.get(mirrored)?.value ?? 0) !== value) return line;
  }
  return undefined;
}

function readRow(draft: Draft, [kind = '', name = '']: readonly string[]): void {
  const letter = kind.toUpperCase();
  if (!/^[NLGE]$/.test(letter)) throw new Error(`a row is N, L, G or E, not ${kind}`);
  if (draft.rows.has(name)) throw new Error(`row ${name} is there twice`);
  if (letter === 'N') draft.objective ??= name;
  const index = draft.rows.size;
  draft.rows.set(name, { kind: letter, index, rhs: 0 });
}

function readColumn(draft: Draft, words: readonly string[]): void {
  if (words.includes("'MARKER'")) throw new Error('variables must not be integers');
  const name = words[0]!;
  if (!draft.columns.has(name)) {
    draft.columns.set(name, { index: draft.q.length, low: 0, high: Infinity, lowGiven: false });
    draft.q.push(0);
  }
  const { index } = columnOf(draft, name);
  forPairs(words, (row, value) => {
    const { kind, index: at } = rowOf(draft, row);
    if (row === draft.objective) draft.q[index]! += value;
    else if (kind !== 'N') push(draft.A, at, index, value);
  });
}

function readBound(draft: Draft, words: readonly string[]): void {
  const [kind = ''] = words;
  const valued = /^(UP|LO|FX)$/i.test(kind);
  // The set's name may be left out.
  const at = words.length - (valued ? 2 : 1);
  const named = !valued && words.length > 3 ? words[2] : words[at];
  const column = columnOf(draft, named);
  const value = valued ? number(words[at + 1]) : 0;
  switch (kind.toUpperCase()) {
    case 'UP':
      column.high = value;
      // By custom a negative upper bound alone leaves no lower one.
      if (value < 0 && !column.lowGiven) column.low = -Infinity;
      return;
    case 'LO':
      Object.assign(column, { low: value, lowGiven: true });
      return;
    case 'FX':
      Object.assign(column, { low: value, high: value, lowGiven: true });
      return;
    case 'FR':
      Object.assign(column, { low: -Infinity, high: Infinity, lowGiven: true });
      return;
    case 'MI':
      Object.assign(column, { low: -Infinity, lowGiven: true });
      return;
    case 'PL':
      column.high = Infinity;
      return;
    default:
      throw new Error(`a bound is UP, LO, FX, FR, MI or PL, not ${kind}`);
  }
}

/** Pairs of a row and a number, behind the name of a column or of a set, which may be left out. */
function forPairs(words: readonly string[], use: (row: string, value: number) => void): void {
  for (let k = words.length % 2; k + 1 < words.length; k += 2) use(words[k]!, number(words[k + 1]));
}

function finish({ rows, columns, q, A, P, constant }: Draft, name: string): WrittenQp {
  const kept = Array.from(rows.values()).filter(({ kind }) => kind !== 'N');
  const place = new Map(kept.map(({ index }, at) => [index, at]));
  const bounded = Array.from(columns.values()).filter(({ low, high }) => low > -Infinity || high < Infinity);
  const limits = kept.map(limitsOf);
  return {
    name,
    constant,
    problem: {
      variables: q.length,
      constraints: kept.length + bounded.length,
      P: { rows: P.rows, columns: P.columns, values: P.values },
      A: {
        rows: [...A.rows.map((row) => place.get(row)!), ...bounded.map((_, k) => kept.length + k)],
        columns: [...A.columns, ...bounded.map(({ index }) => index)],
        values: [...A.values, ...bounded.map(() => 1)],
      },
      q,
      l: [...limits.map(([low]) => low), ...bounded.map(({ low }) => low)],
      u: [...limits.map(([, high]) => high), ...bounded.map(({ high }) => high)],
    },
  };
}

function limitsOf({ kind, rhs, range }: Row): readonly [low: number, high: number] {
  const width = Math.abs(range ?? Infinity);
  if (kind === 'L') return [rhs - width, rhs];
  if (kind === 'G') return [rhs, rhs + width];
  if (range === undefined) return [rhs, rhs];
  return range < 0 ? [rhs - width, rhs] : [rhs, rhs + width];
}

function rowOf(draft: Draft, name: string): Row {
  const row = draft.rows.get(name);
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

function columnOf(draft: Draft, name = ''): Column {
  const column = draft.columns.get(name);
  if (column === undefined) throw new Error(`there is no column ${name}`);
  return column;
}

function number(word = ''): number {
  const value = Number(word.replace(/d/i, 'e'));
  if (word === '' || Number.isNaN(value)) throw new Error(`'${word}' is no number`);
  return value;
}

function push(entries: Entries, row: number, column: number, value: number): void {
  entries.rows.push(row);
  entries.columns.push(column);
  entries.values.push(value);
}
