import type { Received } from '../network/index.ts';
import type { Shared } from './shared.ts';

/** Of one way, waiting to be looked at: several rounds of a large committee, and what a small board can spare. */
const WAITING_MAX = 1_365;
const WAITING_BYTES_MAX = 10 * 1024 * 1024;

/** Messages that wait for their turn. Each way has room of its own, so that a flood by one leaves the others theirs. */
export function createIntake(
  { queue, counters }: Pick<Shared, 'queue' | 'counters'>,
  hear: (message: Received) => Promise<void>,
): (message: Received) => void {
  const waiting = new Map<number, { messages: number; bytes: number }>();
  return (message) => {
    const { via = 0, payload } = message;
    const way = waiting.get(via) ?? { messages: 0, bytes: 0 };
    waiting.set(via, way);
    const work = () => {
      way.messages -= 1;
      way.bytes -= payload.length;
      return hear(message);
    };
    const fits = way.messages < WAITING_MAX && way.bytes + payload.length <= WAITING_BYTES_MAX;
    if (!fits || !queue.add(work)) {
      counters.overflow += 1;
      return;
    }
    way.messages += 1;
    way.bytes += payload.length;
  };
}
