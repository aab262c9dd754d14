import { constants } from 'node:fs';
import { access, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
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
  try {
    const { target, isReplaceable } = await placeOf(file);
    if (!isReplaceable) return await access(target, constants.W_OK);
    const draft = draftOf(target);
    try {
      await (await open(draft, 'w')).close();
    } finally {
      await rm(draft, { force: true });
    }
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/**
 * Writes the report whole or not at all: a reader never sees half of it. To a device or a pipe it is written as
 * to any other reader: `--json /dev/null` must not put a file in the device's place.
 *
 * @throws AgentError AGENT_BAD_OPTION when the place cannot be written.
 */
export async function writeReport(file: string, report: object): Promise<void> {
  const text = reportText(report);
  try {
    const { target, isReplaceable } = await placeOf(file);
    await (isReplaceable ? replace(target, text) : writeFile(target, text));
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** What is behind links, and whether it is a file or nothing yet: only those may be replaced. */
async function placeOf(file: string): Promise<{ target: string; isReplaceable: boolean }> {
  const target = await realpath(file).catch(() => file);
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory()) throw Object.assign(new Error('It is a directory.'), { code: 'EISDIR' });
  return { target, isReplaceable: found === undefined || found.isFile() };
}

async function replace(target: string, text: string): Promise<void> {
  const draft = draftOf(target);
  try {
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, target);
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
}

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

function requireFinite(name: string, value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`${name} is ${value}`);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) requireFinite(`${name}.${key}`, inner);
}
