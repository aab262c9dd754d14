import type { Triplets } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { readInputText } from './input-text.ts';
import { parseJsonText } from './json-text.ts';
import { parseQps } from './qps.ts';
import type { WrittenQp } from './written-qp.ts';

/** A week of quarter hours with everything in it is a fiftieth of this. */
const BYTES_MAX = 64 * 1024 * 1024;
const PROBLEMS_MAX = 10_000;

/**
 * Reads one problem or an array of them: `{name, n, m, P: {rows, cols, vals}, A: {rows, cols, vals}, q, l, u, r}`,
 * P's upper triangle, null for an infinite bound; name, r and P may be left out, and whatever else there is does
 * not matter. A file whose name ends in .qps or .mps is read as such (see parseQps). Whether the figures make sense
 * is the solver's to say.
 *
 * @param file a path, or `-` for standard input.
 * @throws AgentError AGENT_FILE_MISSING, or AGENT_BAD_DATA naming the problem and the field.
 */
export async function readQpFile(file: string): Promise<{ problems: WrittenQp[]; isArray: boolean }> {
  const source = file === '-' ? 'standard input' : file;
  const text = await readInputText(file, source, BYTES_MAX);
  if (/\.(qps|mps)$/i.test(file)) return { problems: [parseQps(text, source)], isArray: false };
  const value = parseJsonText(text, source);
  const isArray = Array.isArray(value);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > PROBLEMS_MAX) {
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${source} has ${list.length} problems, more than ${PROBLEMS_MAX}.`,
      { source },
    );
  }
  return { problems: list.map((each, k) => readProblem(each, `problem ${k + 1}`)), isArray };
}

type Fields = Readonly<Record<string, unknown>>;

function readProblem(value: unknown, place: string): WrittenQp {
  if (!isFields(value)) throw wrong(place, '', 'is no object');
  const named = typeof value.name === 'string' && value.name !== '' ? value.name.slice(0, 200) : undefined;
  const where = named === undefined ? place : `${place} '${named.replace(/\p{C}/gu, '?')}'`;
  const constant = value.r ?? 0;
  if (typeof constant !== 'number' || !Number.isFinite(constant)) throw wrong(where, 'r', 'is no number');
  if (value.P_form !== undefined && value.P_form !== 'upper') {
    throw wrong(where, 'P_form', "is not 'upper': give P's upper triangle");
  }
  return {
    name: named ?? place,
    constant,
    problem: {
      variables: count(value.n, where, 'n'),
      constraints: count(value.m, where, 'm'),
      P: value.P === undefined ? { rows: [], columns: [], values: [] } : triplets(value.P, where, 'P'),
      A: value.A === undefined ? { rows: [], columns: [], values: [] } : triplets(value.A, where, 'A'),
      q: numbers(value.q, where, 'q'),
      l: bounds(value.l, where, 'l', -Infinity),
      u: bounds(value.u, where, 'u', Infinity),
    },
  };
}

function triplets(value: unknown, where: string, field: string): Triplets {
  if (!isFields(value)) throw wrong(where, field, 'is no object of rows, cols and vals');
  return {
    rows: numbers(value.rows, where, `${field}.rows`),
    columns: numbers(value.cols, where, `${field}.cols`),
    values: numbers(value.vals, where, `${field}.vals`),
  };
}

function count(value: unknown, where: string, field: string): number {
  if (typeof value !== 'number') throw wrong(where, field, 'is no number');
  return value;
}

/** null stands for a number that JSON has no word for: the solver refuses it by its place. */
function numbers(value: unknown, where: string, field: string): number[] {
  return list(value, where, field, Number.NaN);
}

function bounds(value: unknown, where: string, field: string, infinite: number): number[] {
  return list(value, where, field, infinite);
}

function list(value: unknown, where: string, field: string, forNull: number): number[] {
  if (!Array.isArray(value)) throw wrong(where, field, 'is no array');
  return value.map((each: unknown, k) => {
    if (each === null) return forNull;
    if (typeof each !== 'number') throw wrong(where, `${field}[${k}]`, 'is no number');
    return each;
  });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(where: string, field: string, what: string): AgentError {
  return new AgentError('AGENT_BAD_DATA', `${where}${field && `, ${field}`} ${what}.`, {
    problem: where,
    field,
  });
}
