import type { Triplets } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { readInputText } from '../input-text.ts';
import { parseJsonText } from './json-text.ts';
import { parseQps } from './qps.ts';
import type { RefusedQp, WrittenQp } from './written-qp.ts';

/** A week of quarter hours with everything in it is a fiftieth of this. */
const BYTES_MAX = 64 * 1024 * 1024;
const PROBLEMS_MAX = 10_000;
const NAME_MAX = 200;

/**
 * Reads one problem or an array of them: `{name, n, m, P: {rows, cols, vals}, A: {rows, cols, vals}, q, l, u, r}`,
 * P's upper triangle, null for an infinite bound; name, r and P may be left out, and whatever else there is does
 * not matter. A file whose name ends in .qps or .mps is read as such (see parseQps). What is no such problem is
 * refused alone; whether the figures make sense is the solver's to say.
 *
 * @param file a path, or `-` for standard input.
 * @throws AgentError AGENT_FILE_MISSING; AGENT_BAD_DATA for a file that is not JSON or is too long.
 */
export async function readQpFile(
  file: string,
): Promise<{ problems: (WrittenQp | RefusedQp)[]; isArray: boolean }> {
  const source = file === '-' ? 'standard input' : file;
  const text = await readInputText(file, { bytesMax: BYTES_MAX, source });
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
  return { problems: list.map((each, k) => readOrRefuse(each, `problem ${k + 1}`)), isArray };
}

type Fields = Readonly<Record<string, unknown>>;

function readOrRefuse(value: unknown, place: string): WrittenQp | RefusedQp {
  const name = nameOf(value) ?? place;
  try {
    return readProblem(value, name);
  } catch (cause) {
    if (!(cause instanceof AgentError)) throw cause;
    const { code, message, details } = cause;
    return { name, refusal: { code, message, ...details } };
  }
}

function nameOf(value: unknown): string | undefined {
  if (!isFields(value) || typeof value.name !== 'string' || value.name === '') return undefined;
  return value.name.slice(0, NAME_MAX);
}

function readProblem(value: unknown, name: string): WrittenQp {
  if (!isFields(value)) throw wrong('it', 'is no object');
  const constant = value.r ?? 0;
  if (typeof constant !== 'number' || !Number.isFinite(constant)) throw wrong('r', 'is no number');
  if (value.P_form !== undefined && value.P_form !== 'upper') {
    throw wrong('P_form', "is not 'upper': give P's upper triangle");
  }
  return {
    name,
    constant,
    problem: {
      variables: count(value.n, 'n'),
      constraints: count(value.m, 'm'),
      P: value.P === undefined ? { rows: [], columns: [], values: [] } : triplets(value.P, 'P'),
      A: value.A === undefined ? { rows: [], columns: [], values: [] } : triplets(value.A, 'A'),
      q: numbers(value.q, 'q'),
      l: bounds(value.l, 'l', -Infinity),
      u: bounds(value.u, 'u', Infinity),
    },
  };
}

function triplets(value: unknown, field: string): Triplets {
  if (!isFields(value)) throw wrong(field, 'is no object of rows, cols and vals');
  return {
    rows: numbers(value.rows, `${field}.rows`),
    columns: numbers(value.cols, `${field}.cols`),
    values: numbers(value.vals, `${field}.vals`),
  };
}

function count(value: unknown, field: string): number {
  if (typeof value !== 'number') throw wrong(field, 'is no number');
  return value;
}

/** An array as it is: the solver refuses whatever is no number in it, by its place. */
function numbers(value: unknown, field: string): number[] {
  if (!Array.isArray(value)) throw wrong(field, 'is no array');
  return value;
}

function bounds(value: unknown, field: string, infinite: number): number[] {
  return numbers(value, field).map((each: number | null) => each ?? infinite);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(field: string, what: string): AgentError {
  return new AgentError('AGENT_BAD_DATA', `${field} ${what}`, { field });
}
