import { runSeeds } from './crowd.ts';
import type { Mutant } from './mutants.ts';
import { plant } from './mutate.ts';
import type { SeedOutcome } from './report.ts';

export type Hunt = {
  readonly killed: boolean;
  /** The seed that finds it out; if none does, how many were tried. */
  readonly seeds: number;
  readonly kind: 'violation' | 'not live' | null;
  readonly what: string;
};

type HuntOptions = {
  /** Seeds tried, from 1 on. */
  readonly seeds: number;
  readonly workers: number;
  /** Tried before all others: it found the mutant out in an earlier run. What it finds now counts, not what it found. */
  readonly likely?: number | undefined;
};

/** Looks for a seed that finds the mutant out: the likely one, or else the first. */
export async function hunt(mutant: Mutant, { seeds, workers, likely }: HuntOptions): Promise<Hunt> {
  const { folder, remove } = await plant(mutant);
  const found: SeedOutcome[] = [];
  const search = (range: { readonly first: number; readonly seeds: number }) =>
    runSeeds({
      ...range,
      workers,
      folder,
      untilFound: true,
      onSeed: (outcome) => {
        if (outcome.verdict !== 'held') found.push(outcome);
      },
    });
  try {
    if (likely !== undefined) await search({ first: likely, seeds: 1 });
    if (found.length === 0) await search({ first: 1, seeds });
  } finally {
    await remove();
  }
  // Seeds are handed out in order, so that all below the lowest found have been tried.
  const first = found.sort((a, b) => a.seed - b.seed)[0];
  if (first === undefined || first.verdict === 'held') return { killed: false, seeds, kind: null, what: '' };
  return { killed: true, seeds: first.seed, kind: first.verdict, what: first.what };
}
