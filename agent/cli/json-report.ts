import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AgentError } from '../errors.ts';
import { path } from './option-values.ts';

/** Where `--json` sends the report: nowhere, to stdout in place of the tables, or to a file beside them. */
export type JsonTarget = 'none' | 'stdout' | { readonly file: string };

/** `--json` as commander hands it over: absent, alone, or with a file. @throws AgentError AGENT_BAD_OPTION. */
export function jsonTarget(raw: string | true | undefined): JsonTarget {
  if (raw === undefined) return 'none';
  return raw === true ? 'stdout' : { file: path('--json', raw) };
}

/** JSON with one field a line and series on one line. @throws RangeError for a number that JSON would drop. */
export function reportText(report: object): string {
  const fields = Object.entries(report).map(([name, value]) => {
    requireFinite(name, value);
    return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}

/**
 * Looks whether the report can be written there, before the work for it is done.
 *
 * @throws AgentError AGENT_BAD_OPTION when it cannot.
 */
export async function requireReportPlace(file: string): Promise<void> {
  const draft = draftOf(file);
  try {
    await (await open(draft, 'w')).close();
    if ((await stat(file).catch(() => undefined))?.isDirectory()) throw isDirectory();
  } catch (cause) {
    throw unwritable(file, cause);
  } finally {
    await rm(draft, { force: true });
  }
}

const isDirectory = () => Object.assign(new Error('It is a directory.'), { code: 'EISDIR' });

const draftOf = (file: string) => join(dirname(file), `.${basename(file)}.${process.pid}.draft`);

function unwritable(file: string, cause: unknown): AgentError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
  return new AgentError(
    'AGENT_BAD_OPTION',
    `${file} cannot be written (${reason}): give --json another place.`,
    { file },
    { cause },
  );
}

/**
 * Writes the report whole or not at all: a reader never sees half of it.
 *
 * @throws AgentError AGENT_BAD_OPTION when the place cannot be written.
 */
export async function writeReport(file: string, report: object): Promise<void> {
  const text = reportText(report);
  const draft = draftOf(file);
  try {
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    throw unwritable(file, cause);
  }
}

function requireFinite(name: string, value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${name} is ${value}`);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) requireFinite(`${name}.${key}`, inner);
}
