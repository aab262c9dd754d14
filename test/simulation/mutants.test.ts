import t from 'tap';
import { hunt } from './hunt.ts';
import { LIKELY_STORIES } from './likely-stories.ts';
import { MUTANTS } from './mutants.ts';

/** A mutant that no story finds it out yet so many stories is not found out. */
const SEEDS = 3_000;
const WORKERS = 2;
t.setTimeout(1_500_000);

for (const mutant of MUTANTS) {
  t.test(`found out: ${mutant.name}`, async (t) => {
    const likely = LIKELY_STORIES[mutant.name];
    const { killed, by, what } = await hunt(mutant, { seeds: SEEDS, workers: WORKERS, likely });
    t.ok(killed, killed ? `${by}: ${what}` : `survived ${SEEDS} seeds`);
  });
}
