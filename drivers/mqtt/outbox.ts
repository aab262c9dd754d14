import { type Channel, channels } from './topics.ts';

/** What may wait, by class of message. A vote of a minute ago is worth nothing, a transaction still is. */
export type OutboxLimits = {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly ttlMs: number;
  /** 'drop-oldest': the newest wins. 'refuse': the caller is told, and keeps what he has. */
  readonly whenFull: 'drop-oldest' | 'refuse';
};

export type OutboxClass = Channel | 'retained';

export type OutboxEntry = {
  readonly kind: OutboxClass;
  readonly topic: string;
  readonly payload: Buffer;
  readonly expiresMs: number;
  readonly sequence: number;
  /** How often it went out. */
  sent: number;
};

export type OutboxCounters = { dropped: number; expired: number; superseded: number };

const mebibyte = 1_048_576;
export const defaultOutboxLimits: Readonly<Record<OutboxClass, OutboxLimits>> = {
  vote: { messagesMax: 1_024, bytesMax: mebibyte / 2, ttlMs: 30_000, whenFull: 'drop-oldest' },
  proposal: { messagesMax: 16, bytesMax: 4 * mebibyte, ttlMs: 60_000, whenFull: 'drop-oldest' },
  transaction: { messagesMax: 2_048, bytesMax: 2 * mebibyte, ttlMs: 600_000, whenFull: 'refuse' },
  'sync-request': { messagesMax: 32, bytesMax: mebibyte / 16, ttlMs: 30_000, whenFull: 'drop-oldest' },
  block: { messagesMax: 64, bytesMax: 4 * mebibyte, ttlMs: 120_000, whenFull: 'drop-oldest' },
  'sync-response': { messagesMax: 64, bytesMax: 4 * mebibyte, ttlMs: 30_000, whenFull: 'drop-oldest' },
  'snapshot-request': { messagesMax: 32, bytesMax: mebibyte / 16, ttlMs: 30_000, whenFull: 'drop-oldest' },
  'snapshot-response': { messagesMax: 16, bytesMax: 2 * mebibyte, ttlMs: 30_000, whenFull: 'drop-oldest' },
  retained: { messagesMax: 16, bytesMax: mebibyte / 16, ttlMs: 3_600_000, whenFull: 'drop-oldest' },
};

/** Classes in the order in which they leave: what a round waits for goes first. */
const order: readonly OutboxClass[] = [...channels, 'retained'];

type Queue = { readonly limits: OutboxLimits; waiting: OutboxEntry[]; bytes: number };

/**
 * What is accepted and not yet acknowledged by the broker: bounded by class in messages and bytes, first in
 * first out within a class. Entries in flight are never dropped; after a lost connection they return to
 * their place, so an accepted message may arrive twice, but is lost only by being dropped (counted).
 */
export class Outbox {
  readonly counters: OutboxCounters = { dropped: 0, expired: 0, superseded: 0 };
  readonly #queues: ReadonlyMap<OutboxClass, Queue>;
  readonly #inFlight = new Set<OutboxEntry>();
  #sequence = 0;

  constructor(limits: Readonly<Record<OutboxClass, OutboxLimits>>) {
    this.#queues = new Map(order.map((kind) => [kind, { limits: limits[kind], waiting: [], bytes: 0 }]));
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get waiting(): number {
    let sum = 0;
    for (const queue of this.#queues.values()) sum += queue.waiting.length;
    return sum;
  }

  /** Keeps the payload as it is. False: not accepted, and counted as dropped. */
  offer(kind: OutboxClass, topic: string, payload: Buffer, nowMs: number): boolean {
    const queue = this.#queueOf(kind);
    const { messagesMax, bytesMax, ttlMs, whenFull } = queue.limits;
    this.#expire(queue, nowMs);
    if (kind === 'retained') this.#supersede(queue, topic);
    const fits = () =>
      queue.waiting.length < messagesMax && queue.bytes + topic.length + payload.length <= bytesMax;
    while (!fits() && whenFull === 'drop-oldest' && queue.waiting.length > 0) {
      this.#removeFirst(queue);
      this.counters.dropped += 1;
    }
    if (!fits()) {
      this.counters.dropped += 1;
      return false;
    }
    this.#sequence += 1;
    const expiresMs = nowMs + ttlMs;
    queue.waiting.push({ kind, topic, payload, expiresMs, sequence: this.#sequence, sent: 0 });
    queue.bytes += topic.length + payload.length;
    return true;
  }

  /** Bytes of topics and payloads, waiting or in flight. */
  get bytes(): number {
    let sum = 0;
    for (const queue of this.#queues.values()) sum += queue.bytes;
    for (const entry of this.#inFlight) sum += bytesOf(entry);
    return sum;
  }

  /** Lets go of what is of no use to anybody any more. */
  expire(nowMs: number): void {
    for (const queue of this.#queues.values()) this.#expire(queue, nowMs);
  }

  /** The next message to go out; it counts as in flight until `settle` or `returnInFlight`. */
  take(nowMs: number): OutboxEntry | undefined {
    for (const queue of this.#queues.values()) {
      this.#expire(queue, nowMs);
      const entry = this.#removeFirst(queue);
      if (entry === undefined) continue;
      entry.sent += 1;
      this.#inFlight.add(entry);
      return entry;
    }
    return undefined;
  }

  /** The broker has answered for it: never to be sent again. */
  settle(entry: OutboxEntry): void {
    this.#inFlight.delete(entry);
  }

  /** The connection is gone: what it had not acknowledged waits again, in the old order, before the rest. */
  returnInFlight(): void {
    const entries = [...this.#inFlight].sort((a, b) => b.sequence - a.sequence);
    this.#inFlight.clear();
    for (const entry of entries) {
      const queue = this.#queueOf(entry.kind);
      queue.waiting.unshift(entry);
      queue.bytes += bytesOf(entry);
    }
  }

  #queueOf(kind: OutboxClass): Queue {
    return this.#queues.get(kind) as Queue;
  }

  #removeFirst(queue: Queue): OutboxEntry | undefined {
    const entry = queue.waiting.shift();
    if (entry !== undefined) queue.bytes -= bytesOf(entry);
    return entry;
  }

  // Within a class all live equally long, so the oldest expire first.
  #expire(queue: Queue, nowMs: number): void {
    while ((queue.waiting[0]?.expiresMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      this.#removeFirst(queue);
      this.counters.expired += 1;
    }
  }

  // Of a retained topic only the last value matters.
  #supersede(queue: Queue, topic: string): void {
    const kept = queue.waiting.filter((entry) => entry.topic !== topic);
    this.counters.superseded += queue.waiting.length - kept.length;
    queue.waiting = kept;
    queue.bytes = kept.reduce((sum, entry) => sum + bytesOf(entry), 0);
  }
}

function bytesOf(entry: OutboxEntry): number {
  return entry.topic.length + entry.payload.length;
}
