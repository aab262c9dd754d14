import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { noCounts } from './counts.ts';
import type { StoryOutcome } from './report.ts';
import { type Name, tell } from './stories.ts';
import { loadSubject, SHIPPED } from './subject.ts';

export type Task = {
  /** In the order in which they are begun. */
  readonly names: Iterable<Name>;
  readonly workers: number;
  /** Compiled code to take the place of the shipped one. */
  readonly folder?: string;
  /** Ends the run at the first story that does not hold. */
  readonly untilFound?: boolean;
  readonly onStory: (outcome: StoryOutcome) => void;
};

/** Stories handed to a worker at once. */
const CHUNK = 8;

export function* seedsFrom(first: number, seeds: number): Generator<number> {
  for (let seed = first; seed < first + seeds; seed += 1) yield seed;
}

/**
 * Tells stories on several threads. Each is a world of its own, so what comes out does not depend on how many there
 * are; only the order does.
 */
export async function runStories({ names, workers, folder, untilFound, onStory }: Task): Promise<void> {
  const left = names[Symbol.iterator]();
  let found = false;
  const take = (): Name[] => {
    const chunk: Name[] = [];
    while (!found && chunk.length < CHUNK) {
      const next = left.next();
      if (next.done === true) break;
      chunk.push(next.value);
    }
    return chunk;
  };
  const employ = () =>
    new Promise<void>((resolve, reject) => {
      let chunk = take();
      if (chunk.length === 0) {
        resolve();
        return;
      }
      const worker = new Worker(new URL(import.meta.url), { workerData: { folder: folder ?? null } });
      worker.on('message', (outcomes: readonly StoryOutcome[]) => {
        for (const outcome of outcomes) {
          if (untilFound === true && outcome.verdict !== 'held') found = true;
          onStory(outcome);
        }
        chunk = take();
        worker.postMessage(chunk);
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      worker.postMessage(chunk);
    });
  await Promise.all(Array.from({ length: workers }, employ));
}

async function work(): Promise<void> {
  const { folder } = workerData as { folder: string | null };
  const subject = folder === null ? SHIPPED : await loadSubject(new URL(folder));
  parentPort?.on('message', (chunk: readonly Name[]) => {
    if (chunk.length === 0) parentPort?.close();
    else void answer(chunk);
  });
  const answer = async (chunk: readonly Name[]) => {
    const outcomes: StoryOutcome[] = [];
    for (const name of chunk) outcomes.push(await outcomeOf(name));
    parentPort?.postMessage(outcomes);
  };
  const outcomeOf = async (name: Name): Promise<StoryOutcome> => {
    try {
      const { verdict, what, blocks, counts } = await tell(subject, name);
      return { name, verdict, what, blocks, counts };
    } catch (error) {
      // What throws in the code under test is a finding like any other.
      const what =
        error instanceof Error ? `threw ${error.stack?.split('\n').slice(0, 3).join(' ')}` : String(error);
      return { name, verdict: 'violation', what, blocks: 0, counts: noCounts() };
    }
  };
}

if (!isMainThread) await work();
