import { performance } from 'node:perf_hooks';
import type { Wait } from '../devices/capabilities.ts';
import { DriversError } from '../errors.ts';
import { afterFailure, type BackoffRule, defaultBackoffRule } from './backoff.ts';
import {
  type Connection,
  connect,
  place,
  type ReadRequest,
  type Target,
  type WriteRequest,
} from './connection.ts';

import {
  aborted,
  backoffError,
  checkSpan,
  countsAgainstUnit,
  type Failing,
  readRegistersMax,
  timedOut,
  writeRegistersMax,
} from './link-rules.ts';

type LinkEvent =
  | { readonly event: 'modbus-connected'; readonly host: string; readonly port: number }
  | {
      readonly event: 'modbus-failed';
      readonly host: string;
      readonly port: number;
      readonly unitId: number;
      readonly code: string;
      readonly retryInMs: number;
      readonly reason: string;
    };

export type LinkOptions = Target & {
  /** Longest wait for one reply, and for a connection; default 1000. */
  readonly timeoutMs?: number;
  /** Requests that may wait; default 64. One more is refused with DRIVERS_QUEUE_FULL. */
  readonly queueMax?: number;
  /** Silence a slow device needs between two requests; default 0. */
  readonly pauseMs?: number;
  readonly backoff?: BackoffRule;
  readonly log?: (event: LinkEvent) => void;
};

type LinkCounters = {
  readonly requests: number;
  readonly failures: number;
  readonly connects: number;
  /** Late, duplicate or foreign replies that were thrown away. */
  readonly discardedFrames: number;
};

/**
 * The one owner of a TCP connection to a Modbus device or gateway. One request is in flight at a time, each
 * with a time-out; writes go before reads; after any error but an exception reply the socket is destroyed and
 * made anew, so that no later request can be given an earlier one's answer. A unit that fails is left alone for
 * a doubling pause, in which requests to it fail at once with the code of the failure and `retryInMs`.
 *
 * Rejects with DriversError: TIMEOUT, CONNECTION_REFUSED, CONNECTION_LOST, BAD_REPLY, MODBUS_EXCEPTION
 * (`details.exception`), BAD_REQUEST, QUEUE_FULL, ABORTED.
 */
export type ModbusLink = {
  readonly target: Target;
  readonly counters: LinkCounters;
  /** Resolves to `count` registers, each 0..65535. */
  read(request: ReadRequest, wait?: Wait): Promise<readonly number[]>;
  write(request: WriteRequest, wait?: Wait): Promise<void>;
  /** Fails what waits with DRIVERS_ABORTED and frees the socket. The link cannot be used again. */
  close(): Promise<void>;
};

type Job = {
  readonly unitId: number;
  readonly summary: Readonly<Record<string, string | number>>;
  readonly run: (connection: Connection) => Promise<readonly number[]>;
  readonly resolve: (registers: readonly number[]) => void;
  readonly reject: (error: DriversError) => void;
  /** Monotonic; infinite when the caller set no limit of his own. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** Takes the caller's limits off: nothing of the job stays behind once it has ended. */
  unwatch(): void;
};

/** Exceptions that say "later": acknowledge (5) and busy (6) are asked again, in the same turn. */
const laterExceptions = new Set([5, 6]);
const laterRetriesMax = 2;
const laterPauseMs = 50;

export function openLink(options: LinkOptions): ModbusLink {
  const { host, port, timeoutMs = 1000, queueMax = 64, pauseMs = 0, backoff = defaultBackoffRule } = options;
  const target: Target = { host, port };
  const writes: Job[] = [];
  const reads: Job[] = [];
  const failing = new Map<number, Failing>();
  const counters = { requests: 0, failures: 0, connects: 0, discardedFrames: 0 };
  let connection: Connection | undefined;
  let current: Job | undefined;
  let pumping: Promise<void> | undefined;
  let closed = false;
  const closing = new AbortController();

  const enqueue = (queue: Job[], what: Pick<Job, 'unitId' | 'summary' | 'run'>, wait: Wait) =>
    new Promise<readonly number[]>((resolve, reject) => {
      const { signal, timeoutMs: limitMs } = wait;
      if (closed) return reject(aborted(target, 'the link is closed'));
      if (signal?.aborted) return reject(aborted(target, 'given up before it was sent'));
      const heldBack = backoffError(failing.get(what.unitId));
      if (heldBack) return reject(heldBack);
      if (writes.length + reads.length >= queueMax) {
        const details = { host, port, queueMax };
        return reject(new DriversError('DRIVERS_QUEUE_FULL', `${place(target)}: ${queueMax} wait`, details));
      }
      const giveUp = (error: DriversError) => {
        const at = queue.indexOf(job);
        if (at >= 0) queue.splice(at, 1);
        if (job === current) connection?.destroy(error);
        job.unwatch();
        reject(error);
      };
      const onAbort = () => giveUp(aborted(target, 'given up by the caller'));
      const onLimit = () => giveUp(timedOut(target, limitMs ?? 0));
      const timer = limitMs === undefined ? undefined : setTimeout(onLimit, limitMs);
      const job: Job = {
        ...what,
        resolve,
        reject,
        deadlineMs: performance.now() + (limitMs ?? Number.POSITIVE_INFINITY),
        ...(signal && { signal }),
        unwatch: () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', onAbort);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      queue.push(job);
      pumping ??= pump();
    });

  async function pump(): Promise<void> {
    for (let job = next(); job; job = next()) {
      current = job;
      await serve(job);
      current = undefined;
      job.unwatch();
      if (pauseMs > 0) await pause(pauseMs);
    }
    // In the same turn as the last look at the queues: a job that comes later starts a new pump.
    pumping = undefined;
  }

  const next = () => writes.shift() ?? reads.shift();

  async function serve(job: Job): Promise<void> {
    const heldBack = backoffError(failing.get(job.unitId));
    if (heldBack) return job.reject(heldBack);
    try {
      const registers = await attempts(job);
      failing.delete(job.unitId);
      job.resolve(registers);
    } catch (cause) {
      const error = withDetails(cause, job);
      counters.failures += 1;
      if (countsAgainstUnit(error)) {
        const held = afterFailure(failing.get(job.unitId), performance.now(), backoff);
        failing.set(job.unitId, { ...held, error });
        const retryInMs = Math.ceil(held.untilMs - performance.now());
        const { code, message: reason } = error;
        options.log?.({ event: 'modbus-failed', host, port, unitId: job.unitId, code, retryInMs, reason });
      }
      job.reject(error);
    }
  }

  /**
   * One job, asked again only where asking again is known to help and is harmless (every write here sets an
   * absolute value): a busy device; a kept connection that turns out dead; a device that swallows the first
   * request after a connect, which must be asked on the SAME connection or it would swallow every one.
   */
  async function attempts(job: Job): Promise<readonly number[]> {
    let later = 0;
    let reconnected = false;
    let swallowed = false;
    for (;;) {
      const kept = connection && !connection.fresh;
      try {
        const on = await ready(job);
        try {
          return await within(on, job, on.fresh && !swallowed);
        } catch (error) {
          if (!(error instanceof Swallowed)) throw error;
          swallowed = true;
          return await within(on, job, false);
        }
      } catch (error) {
        if (!(error instanceof DriversError)) throw error;
        const exception = error.code === 'DRIVERS_MODBUS_EXCEPTION' ? error.details.exception : undefined;
        if (exception !== undefined) {
          if (!laterExceptions.has(Number(exception)) || later >= laterRetriesMax) throw error;
          later += 1;
          await pause(laterPauseMs * 2 ** later);
        } else {
          drop(error);
          if (error.code !== 'DRIVERS_CONNECTION_LOST' || !kept || reconnected) throw error;
          reconnected = true;
        }
        if (closed || job.signal?.aborted) throw aborted(target, 'given up between two attempts');
      }
    }
  }

  async function ready(job: Job): Promise<Connection> {
    if (connection?.exhausted) drop(aborted(target, 'all transaction ids used'));
    if (connection && !connection.lost) return connection;
    drop(connection?.lost ?? aborted(target, 'replaced'));
    const signal = job.signal ? AbortSignal.any([closing.signal, job.signal]) : closing.signal;
    connection = await connect(target, patience(job), signal);
    counters.connects += 1;
    if (closed) drop(aborted(target, 'the link is closed'));
    options.log?.({ event: 'modbus-connected', host, port });
    return connection ?? Promise.reject(aborted(target, 'the link is closed'));
  }

  /** One request on the wire. With `keep`, a time-out is Swallowed: the connection may be used once more. */
  function within(on: Connection, job: Job, keep: boolean): Promise<readonly number[]> {
    counters.requests += 1;
    const limitMs = patience(job);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        if (keep && !on.midFrame && job.deadlineMs - performance.now() > 1) return reject(new Swallowed());
        reject(timedOut(target, limitMs));
      }, limitMs);
      job
        .run(on)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  const patience = (job: Job) => Math.max(1, Math.min(timeoutMs, job.deadlineMs - performance.now()));

  function drop(reason: DriversError): void {
    if (!connection) return;
    counters.discardedFrames += connection.discardedFrames;
    connection.destroy(reason);
    connection = undefined;
  }

  return {
    target,
    get counters() {
      return { ...counters, discardedFrames: counters.discardedFrames + (connection?.discardedFrames ?? 0) };
    },
    async read(request, wait = {}) {
      checkSpan(request.unitId, request.address, request.count, readRegistersMax);
      const { unitId, address, count, table } = request;
      const summary = { unitId, address, count, table };
      return enqueue(reads, { unitId, summary, run: (on) => on.read(request) }, wait);
    },
    async write(request, wait = {}) {
      const { unitId, address, values, functionCode = 16 } = request;
      checkSpan(unitId, address, values.length, functionCode === 6 ? 1 : writeRegistersMax);
      for (const value of values) {
        if (Number.isInteger(value) && value >= 0 && value <= 0xffff) continue;
        throw new DriversError('DRIVERS_BAD_REQUEST', `${value} does not fit a register`, {
          unitId,
          address,
        });
      }
      const summary = { unitId, address, count: values.length, functionCode };
      await enqueue(writes, { unitId, summary, run: (on) => on.write(request) }, wait);
    },
    async close() {
      closed = true;
      closing.abort();
      const error = aborted(target, 'the link is closed');
      for (const job of [...writes.splice(0), ...reads.splice(0)]) {
        job.unwatch();
        job.reject(error);
      }
      drop(error);
      await pumping;
      drop(error);
    },
  };
}

/** The first request on a new connection stayed unanswered: ask once more before the connection is given up. */
class Swallowed extends Error {}

function withDetails(cause: unknown, job: Job): DriversError {
  if (!(cause instanceof DriversError)) throw cause;
  return new DriversError(cause.code, cause.message, { ...cause.details, ...job.summary }, { cause });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
