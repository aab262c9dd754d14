import type { LogEntry } from './log-entry.ts';
import { createLogLimit, WINDOW_MS } from './log-limit.ts';
import { legibleJson } from './terminal/legible.ts';

export type Log = (entry: LogEntry) => void;

const LEVELS = { debug: 0, info: 1, warn: 2, error: 3 } as const;

/**
 * Writes entries as lines of JSON, those of the given level and above, and bounds what others can cause (log-limit.ts).
 * @param nowMs a monotonic clock
 */
export function jsonLog(
  write: (line: string) => void,
  {
    level,
    fields,
    nowMs = () => performance.now(),
  }: {
    readonly level: keyof typeof LEVELS;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly nowMs?: () => number;
  },
): Log {
  const limit = createLogLimit();
  let timer: NodeJS.Timeout | undefined;

  const writeAll = (entries: readonly LogEntry[]) => {
    for (const entry of entries) {
      const line = JSON.stringify({ time: new Date().toISOString(), ...fields, ...entry }, asText);
      // People follow it on a terminal, and reasons come from peers.
      write(`${legibleJson(line)}\n`);
    }
  };

  /** A count is told in time even where nothing comes after it; it holds no process. */
  const tellCountsInTime = () => {
    if (timer !== undefined || limit.rest().length === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      writeAll(limit.due(nowMs()));
      tellCountsInTime();
    }, WINDOW_MS).unref();
  };

  return (entry) => {
    if (LEVELS[entry.level ?? 'info'] < LEVELS[level]) return;
    // The last line: what is counted is told before it.
    if (entry.event === 'stopped') writeAll(limit.rest());
    writeAll(limit.take(entry, nowMs()));
    tellCountsInTime();
  };
}

function asText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error)
    return { name: value.name, message: value.message, code: (value as { code?: unknown }).code };
  return value;
}
