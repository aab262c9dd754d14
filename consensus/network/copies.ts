import { sha256, toHex } from '../crypto/index.ts';
import type { Received } from './transport.ts';

/**
 * Knows a message that came by one way and comes by another again. Only what was verified and taken counts as known:
 * else whoever is heard first could keep the true message out. And only one copy from every other way, soon after: who
 * sends the same again has a reason to (his first may have come too early), and must be heard by the same way and, a
 * moment later, by any. Dropping a copy saves work; passing one on never does harm.
 */
export type Copies = {
  /** Undefined for a copy of what was taken. Else to be called once the message has been taken. */
  readonly look: (message: Received, nowMs: number) => ((nowMs: number) => void) | undefined;
};

/** Of the hash of a payload. */
const NAME_BYTES = 16;
/** How long after the first its copies are expected. Repetitions that mean something are further apart. */
const COPY_MS_MAX = 1_000;

/** Remembers the newest `capacity` messages. `nowMs` of all calls is from one monotonic clock. */
export function createCopies(capacity: number): Copies {
  const known = new Map<string, { readonly ways: Set<number>; readonly takenMs: number }>();
  const waysHeard = new Set<number>();
  return {
    look(message, nowMs) {
      const { channel, from, payload, via = 0 } = message;
      waysHeard.add(via);
      // By a single way nothing comes twice but what is meant to: nothing to remember.
      if (waysHeard.size === 1) return () => undefined;
      const id = `${channel} ${from} ${toHex(sha256(payload).subarray(0, NAME_BYTES))}`;
      const first = known.get(id);
      if (first !== undefined && nowMs - first.takenMs <= COPY_MS_MAX && !first.ways.has(via)) {
        first.ways.add(via);
        return undefined;
      }
      return (takenMs) => {
        known.delete(id);
        for (const oldest of known.keys()) {
          if (known.size < capacity) break;
          known.delete(oldest);
        }
        known.set(id, { ways: new Set([via]), takenMs });
      };
    },
  };
}
