import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../errors.ts';

/** The programs of a demo, beside this file: the agent itself, and what an agent finds around it. */
const PROGRAMS = {
  agent: fileURLToPath(new URL('../cli/main.js', import.meta.url)),
  broker: fileURLToPath(new URL('./broker-process.js', import.meta.url)),
  emulator: fileURLToPath(new URL('./emulator-process.js', import.meta.url)),
};
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const LOG_TAIL_BYTES = 600;

export type Child = {
  readonly name: string;
  readonly pid: number;
  /** What the process told of itself once it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Resolves with the exit status (or the signal) when it has ended. */
  readonly ended: Promise<string>;
  /** Asks it to stop, and ends it by force when it does not. */
  stop(): Promise<void>;
  /** kill -9: no goodbye, as when the power fails. */
  kill(): Promise<void>;
  /** Largest resident memory so far in MB; undefined once it has ended. */
  rssMb(): Promise<number | undefined>;
};

export type Nursery = {
  /**
   * Starts a program; resolves when it printed its line of readiness.
   * @throws AgentError AGENT_CHILD_FAILED with the end of its log when it ends before, AGENT_ABORTED after `stopAll`.
   */
  start(name: string, program: keyof typeof PROGRAMS, args: readonly string[]): Promise<Child>;
  /** Rejects when a child ends that nobody asked to end. */
  readonly failure: Promise<never>;
  /** Ends all, those that are only starting too, and starts none any more. */
  stopAll(): Promise<void>;
};

/** @param logDirectory where each child's log goes, as NAME.log. */
export function openNursery(logDirectory: string): Nursery {
  const living = new Set<Living>();
  let closed = false;
  let fail: (error: Error) => void;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever waits for `failure` sees it; without a waiter it is no unhandled rejection.
  failure.catch(() => undefined);

  const start: Nursery['start'] = async (name, program, args) => {
    if (closed) throw new AgentError('AGENT_ABORTED', `${name} is not started any more.`);
    const logFile = join(logDirectory, `${name}.log`);
    const log = openSync(logFile, 'a', 0o600);
    const process_ = spawn(process.execPath, [PROGRAMS[program], ...args], {
      // Nothing is said over the channel. It closes when this process ends, even by kill -9: then the child ends too.
      stdio: ['ignore', 'pipe', log, 'ipc'],
    });
    closeSync(log);
    const ended = once(process_, 'exit').then(([code, signal]) => String(code ?? signal));
    let isExpected = false;
    const end = async (signal: NodeJS.Signals) => {
      isExpected = true;
      if (process_.exitCode === null && process_.signalCode === null) process_.kill(signal);
      const timer = setTimeout(() => process_.kill('SIGKILL'), STOP_MS_MAX);
      await ended.catch(() => undefined);
      clearTimeout(timer);
      living.delete(self);
    };
    // From its first moment on: one that is not ready yet must not be left behind either.
    const self: Living = { isAgent: program === 'agent', end };
    living.add(self);
    try {
      const ready = await waitReady(process_, ended, { name, logFile });
      void ended.then(async (status) => {
        if (isExpected) return;
        living.delete(self);
        fail(await childFailed(name, status, logFile));
      });
      const pid = process_.pid as number;
      return {
        name,
        pid,
        ready,
        ended,
        stop: () => end('SIGTERM'),
        kill: () => end('SIGKILL'),
        rssMb: () => residentMb(pid),
      };
    } catch (error) {
      await end('SIGKILL');
      throw error;
    }
  };

  return {
    start,
    failure,
    stopAll: async () => {
      closed = true;
      // Agents first: they let go of devices and broker, which must still be there.
      await Promise.all([...living].filter(({ isAgent }) => isAgent).map(({ end }) => end('SIGTERM')));
      await Promise.all([...living].map(({ end }) => end('SIGTERM')));
    },
  };
}

type Living = { readonly isAgent: boolean; readonly end: (signal: NodeJS.Signals) => Promise<void> };

async function waitReady(
  process_: ChildProcess,
  ended: Promise<string>,
  { name, logFile }: { readonly name: string; readonly logFile: string },
): Promise<Readonly<Record<string, unknown>>> {
  const lines = createInterface({ input: process_.stdout as NodeJS.ReadableStream });
  const timeout = AbortSignal.timeout(READY_MS_MAX);
  const firstLine = once(lines, 'line', { signal: timeout }).then(([line]) => line as string);
  const outcome = await Promise.race([
    firstLine.catch(() => undefined),
    ended.then((status) => ({ status })),
  ]);
  if (typeof outcome === 'string') return JSON.parse(outcome);
  throw await childFailed(name, outcome?.status ?? 'no sign of readiness in time', logFile);
}

async function childFailed(name: string, status: string, logFile: string) {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const tail = text.slice(-LOG_TAIL_BYTES).trim();
  return new AgentError(
    'AGENT_CHILD_FAILED',
    `The process ${name} ended by itself (${status})${tail === '' ? '' : `: ${tail}`}`,
    { name, status, logFile },
  );
}

/** Peak resident memory of a process, from the kernel. */
async function residentMb(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1_024);
}
