import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { SeedOutcome } from './report.ts';
import { scenarioOf } from './scenario.ts';
import { simulate } from './simulation.ts';
import { loadSubject, SHIPPED } from './subject.ts';

export type Task = {
  readonly first: number;
  readonly seeds: number;
  readonly workers: number;
  /** Compiled code to take the place of the shipped one. */
  readonly folder?: string;
  /** Ends the run at the first seed that does not hold. */
  readonly untilFound?: boolean;
  readonly onSeed: (outcome: SeedOutcome) => void;
};

/** Seeds handed to a worker at once. */
const CHUNK = 8;

/**
 * Runs seeds on several threads. Each seed is a world of its own, so what comes out does not depend on how many there
 * are; only the order does.
 */
export async function runSeeds({ first, seeds, workers, folder, untilFound, onSeed }: Task): Promise<void> {
  let next = first;
  let found = false;
  const take = (): Chunk | null => {
    if (found || next >= first + seeds) return null;
    const chunk = { from: next, to: Math.min(next + CHUNK, first + seeds) };
    next = chunk.to;
    return chunk;
  };
  const employ = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { folder: folder ?? null } });
      const give = () => {
        const chunk = take();
        if (chunk === null) worker.postMessage(null);
        else worker.postMessage(chunk);
      };
      worker.on('message', (outcomes: readonly SeedOutcome[]) => {
        for (const outcome of outcomes) {
          if (untilFound === true && outcome.verdict !== 'held') found = true;
          onSeed(outcome);
        }
        give();
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      give();
    });
  await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(seeds / CHUNK)) }, employ));
}

type Chunk = { readonly from: number; readonly to: number };

async function work(): Promise<void> {
  const { folder } = workerData as { folder: string | null };
  const subject = folder === null ? SHIPPED : await loadSubject(new URL(folder));
  parentPort?.on('message', (chunk: Chunk | null) => {
    if (chunk === null) {
      parentPort?.close();
      return;
    }
    const outcomes: SeedOutcome[] = [];
    for (let seed = chunk.from; seed < chunk.to; seed += 1) outcomes.push(outcomeOf(seed));
    parentPort?.postMessage(outcomes);
  });
  const outcomeOf = (seed: number): SeedOutcome => {
    try {
      const { verdict, what, blocks } = simulate(subject, scenarioOf(seed));
      return { seed, verdict, what, blocks };
    } catch (error) {
      // What throws in the code under test is a finding like any other.
      const what =
        error instanceof Error ? `threw ${error.stack?.split('\n').slice(0, 3).join(' ')}` : String(error);
      return { seed, verdict: 'violation', what, blocks: 0 };
    }
  };
}

if (!isMainThread) await work();
