import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AgentError } from '../errors.ts';

/**
 * What a demo found out. Money in `currency`, energy in kWh, power in kW, series with `slots` entries. Costs
 * under `cost` and in `perHome` are planned; realised ones stand apart.
 */
export type DemoReport = {
  readonly source: string;
  readonly day: string;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
  readonly currency: string;
  readonly homes: number;
  readonly slots: number;
  readonly slotMinutes: number;
  /** Trading rounds until the session ended. */
  readonly rounds: number;
  readonly cost: {
    readonly alone: number;
    readonly together: number;
    readonly centralised: number;
    /** (together - centralised) / sum of |alone| by home. */
    readonly gap: number;
  };
  readonly realised: { readonly alone?: number; readonly together: number };
  /** Most |sum of trades| of any slot after clearing: 0 exactly. */
  readonly maxImbalanceW: number;
  /** 0 exactly. */
  readonly paymentsSum: number;
  /** Agreed price by slot; in the pairwise form the mean weighted by energy. */
  readonly pricesPerKwh: readonly number[];
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  /** What all meters together draw (positive) or feed in (negative), as planned. */
  readonly netImportKw: { readonly alone: readonly number[]; readonly together: readonly number[] };
  readonly perHome: readonly HomeReport[];
  readonly blocks: { readonly count: number; readonly p50Ms: number; readonly p95Ms: number };
  /** By validator. */
  readonly heights: Readonly<Record<string, number>>;
  readonly stateRoots: Readonly<Record<string, string>>;
  readonly delivery: Delivery;
  readonly killed: readonly { readonly validator: number; readonly slot: number }[];
  readonly wallSeconds: number;
  /** Resident memory by process, at its most. */
  readonly rssMb: Readonly<Record<string, number>>;
};

export type HomeReport = {
  readonly home: string;
  readonly alone: number;
  readonly together: number;
  readonly soldKwh: number;
  readonly boughtKwh: number;
  readonly delivery: Delivery;
};

/** Obligations by slot and home: how many there were, were met, fell short. */
export type Delivery = { readonly obligations: number; readonly met: number; readonly short: number };

/** JSON with one field a line and series on one line. @throws RangeError for a number that JSON would drop. */
export function reportText(report: DemoReport): string {
  const fields = Object.entries(report).map(([name, value]) => {
    requireFinite(name, value);
    return `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}

/**
 * Looks whether the report can be written there, before a day is lived for it.
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
export async function writeReport(file: string, report: DemoReport): Promise<void> {
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
