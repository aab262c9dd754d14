import t from 'tap';
import { hunt } from './hunt.ts';
import { LIKELY_SEEDS } from './likely-seeds.ts';
import { MUTANTS } from './mutants.ts';

/** A mutant that survives so many stories is not found out. */
const SEEDS = 1_000;
const WORKERS = 2;
t.setTimeout(600_000);

for (const mutant of MUTANTS) {
  t.test(`found out: ${mutant.name}`, async (t) => {
    const likely = LIKELY_SEEDS[mutant.name];
    const { killed, seeds, what } = await hunt(mutant, { seeds: SEEDS, workers: WORKERS, likely });
    t.ok(killed, killed ? `seed ${seeds}: ${what}` : `survived ${SEEDS} seeds`);
  });
}
