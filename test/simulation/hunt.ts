import { runStories, seedsFrom } from './crowd.ts';
import type { Mutant } from './mutant.ts';
import { plant } from './mutate.ts';
import type { StoryOutcome } from './report.ts';
import { type Name, STORIES } from './stories.ts';

export type Hunt = {
  readonly killed: boolean;
  /** The story that finds it out. */
  readonly by: Name | null;
  readonly kind: 'violation' | 'not live' | null;
  readonly what: string;
};

type HuntOptions = {
  /** Seeds tried, from 1 on, after all stories written by hand. */
  readonly seeds: number;
  readonly workers: number;
  /** Tried before all others: it found the mutant out in an earlier run. What it finds now counts, not what it found. */
  readonly likely?: Name | undefined;
};

/** Looks for a story that finds the mutant out: the likely one, or else the first. */
export async function hunt(mutant: Mutant, { seeds, workers, likely }: HuntOptions): Promise<Hunt> {
  const { folder, remove } = await plant(mutant);
  const found: StoryOutcome[] = [];
  const search = (names: readonly Name[]) =>
    runStories({
      names,
      workers,
      folder,
      untilFound: true,
      onStory: (outcome) => {
        if (outcome.verdict !== 'held') found.push(outcome);
      },
    });
  const sound = STORIES.filter(({ breaks }) => breaks === undefined).map(({ name }) => name);
  const names = [...sound, ...seedsFrom(1, seeds)];
  try {
    if (likely !== undefined) await search([likely]);
    if (found.length === 0) await search(names);
  } finally {
    await remove();
  }
  // Stories are handed out in order, so that all before the first found have been tried.
  const first = found.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name))[0];
  if (first === undefined || first.verdict === 'held')
    return { killed: false, by: null, kind: null, what: '' };
  return { killed: true, by: first.name, kind: first.verdict, what: first.what };
}
