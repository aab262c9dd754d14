import { legibleJson } from './terminal/legible.ts';

/** One thing that happened: an event name and fields with their units in the names. Never keys; never household readings above debug. */
export type LogEntry = {
  readonly event: string;
  readonly level?: 'debug' | 'info' | 'warn' | 'error';
} & Readonly<Record<string, unknown>>;

export type Log = (entry: LogEntry) => void;

const LEVELS = { debug: 0, info: 1, warn: 2, error: 3 } as const;

/** Writes entries as lines of JSON, those of the given level and above. */
export function jsonLog(
  write: (line: string) => void,
  { level, fields }: { level: keyof typeof LEVELS; fields: Readonly<Record<string, unknown>> },
): Log {
  return (entry) => {
    if (LEVELS[entry.level ?? 'info'] < LEVELS[level]) return;
    const line = JSON.stringify({ time: new Date().toISOString(), ...fields, ...entry }, asText);
    // People follow it on a terminal, and reasons come from peers.
    write(`${legibleJson(line)}\n`);
  };
}

function asText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error)
    return { name: value.name, message: value.message, code: (value as { code?: unknown }).code };
  return value;
}
