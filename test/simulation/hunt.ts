import { runSeeds } from './crowd.ts';
import type { Mutant } from './mutants.ts';
import { plant } from './mutate.ts';
import type { SeedOutcome } from './report.ts';

export type Hunt = {
  readonly killed: boolean;
  /** The first seed that finds it out, or all that were tried; seeds begin at 1. */
  readonly seeds: number;
  readonly kind: 'violation' | 'not live' | null;
  readonly what: string;
};

/** Looks for the first seed that finds the mutant out. */
export async function hunt(
  mutant: Mutant,
  { seeds, workers }: { readonly seeds: number; readonly workers: number },
): Promise<Hunt> {
  const { folder, remove } = await plant(mutant);
  const found: SeedOutcome[] = [];
  try {
    await runSeeds({
      first: 1,
      seeds,
      workers,
      folder,
      untilFound: true,
      onSeed: (outcome) => {
        if (outcome.verdict !== 'held') found.push(outcome);
      },
    });
  } finally {
    await remove();
  }
  // Seeds are handed out in order, so that all below the lowest found have been tried.
  const first = found.sort((a, b) => a.seed - b.seed)[0];
  if (first === undefined || first.verdict === 'held') return { killed: false, seeds, kind: null, what: '' };
  return { killed: true, seeds: first.seed, kind: first.verdict, what: first.what };
}
