import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below those that the system lends to outgoing connections: one of them may be lent to another test between the look
 * and the use.
 */
const PORTS = { from: 12_000, to: 32_000 };
const PORTS_TRIED_MAX = 1_000;
const triedPorts = new Set<number>();

/** A port of the loopback that was free a moment ago, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS_TRIED_MAX; tried += 1) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (triedPorts.has(port)) continue;
    triedPorts.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port found between ${PORTS.from} and ${PORTS.to}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Runs a program to its end. Rejects after `timeoutMs`, with what it said. */
export function run(
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = 20_000 }: { input?: string | Uint8Array; timeoutMs?: number } = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ran longer than ${timeoutMs} ms: ${stdout} ${stderr}`));
    }, timeoutMs);
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? -1, stdout, stderr });
    });
    // A program that does not read its input may be gone before it is written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Signals a child of ours and waits for its end. */
export function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill(signal);
  });
}

/** Asks every few milliseconds until it is so; rejects with `what` after `timeoutMs`. */
export async function until(what: string, isSo: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
