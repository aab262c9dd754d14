import type { LogEntry } from './log-entry.ts';

/**
 * Which events somebody else can cause at will, and the fields that say who. These are limited; whatever is not named
 * here always appears, so that doubt about votes, a failing disk or the end of the node can never drown.
 */
const CAUSED: ReadonlyMap<string, readonly string[]> = new Map([
  ['garbage', ['from']],
  ['final-block-refused', ['from']],
  ['proposal-refused', []],
  ['provider-dropped', ['provider']],
  ['snapshot-sought', []],
  ['snapshot-given-up', []],
  ['transaction-dropped', ['sender']],
  ['own-transaction-failed', []],
  ['call-rejected', ['method']],
  ['bad-clock-setting', []],
  ['mqtt-lost', ['host', 'port']],
  ['mqtt-unreachable', ['host', 'port']],
  ['mqtt-publish-refused', []],
]);

/** Told in full before counting begins. */
const TOLD_IN_FULL = 5;
/** A count a minute; whoever was quiet for as long is told in full again. */
export const WINDOW_MS = 60_000;
/** Of one event, told apart; all further ones are counted together, since a stranger can take any number of names. */
const CAUSERS_MAX = 8;

export type LogLimit = {
  /** What is to be written now: counts that are due, and the entry itself or nothing. */
  readonly take: (entry: LogEntry, nowMs: number) => readonly LogEntry[];
  /** Counts that are due. */
  readonly due: (nowMs: number) => readonly LogEntry[];
  /** All counts that are not told yet: for the end. */
  readonly rest: () => readonly LogEntry[];
};

type Causer = {
  readonly who: Readonly<Record<string, unknown>>;
  readonly event: string;
  level: LogEntry['level'];
  sinceMs: number;
  told: number;
  /** Not told in full within the window. */
  more: number;
};

/**
 * Bounds what others can make a home write: the first lines of an event and its causer in full, then one line a minute
 * that says how many `more` there were, until a minute brought none. Whoever goes on without end gets one line a minute
 * and event; a crowd, or one under ever new names, 45 at most. `nowMs` of all calls is from one monotonic clock.
 */
export function createLogLimit(): LogLimit {
  /** By event, then by causer. Events are those of CAUSED. */
  const causers = new Map<string, Map<string, Causer>>();

  const causerOf = (entry: LogEntry, fields: readonly string[], nowMs: number): Causer => {
    const known = causers.get(entry.event) ?? new Map<string, Causer>();
    causers.set(entry.event, known);
    const own = Object.fromEntries(fields.map((field) => [field, entry[field]]));
    const name = JSON.stringify(own);
    const isApart = known.has(name) || known.size < CAUSERS_MAX;
    const key = isApart ? name : OTHERS;
    const who = isApart ? own : {};
    const causer = known.get(key) ?? {
      ...{ who, event: entry.event, level: entry.level },
      ...{ sinceMs: nowMs, told: 0, more: 0 },
    };
    known.set(key, causer);
    return causer;
  };

  const summary = ({ event, level, who, more }: Causer): LogEntry => ({
    event,
    ...(level && { level }),
    ...who,
    more,
  });

  const due = (nowMs: number): LogEntry[] => {
    const told: LogEntry[] = [];
    for (const known of causers.values())
      for (const [key, causer] of known) {
        if (nowMs - causer.sinceMs < WINDOW_MS) continue;
        if (causer.more === 0) known.delete(key);
        else told.push(summary(causer));
        causer.sinceMs = nowMs;
        causer.more = 0;
      }
    return told;
  };

  return {
    due,
    take(entry, nowMs) {
      const fields = CAUSED.get(entry.event);
      if (fields === undefined) return [entry];
      const counts = due(nowMs);
      const causer = causerOf(entry, fields, nowMs);
      causer.level = entry.level;
      if (causer.told >= TOLD_IN_FULL) {
        causer.more += 1;
        return counts;
      }
      causer.told += 1;
      return [...counts, entry];
    },
    rest: () =>
      [...causers.values()].flatMap((known) =>
        [...known.values()].filter(({ more }) => more > 0).map(summary),
      ),
  };
}

/** No causer's own name: these are JSON. */
const OTHERS = 'others';
