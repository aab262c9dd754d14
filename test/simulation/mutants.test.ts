import t from 'tap';
import { hunt } from './hunt.ts';
import { LIKELY_SEEDS } from './likely-seeds.ts';
import { MUTANTS } from './mutants.ts';

/** A mutant that no story finds it out yet so many stories is not found out. */
const SEEDS = 3_000;
const WORKERS = 2;
t.setTimeout(600_000);

/** No story has found these out yet; every run shows them as open. */
const OPEN = ['any prepared block will do, not the highest', 'who lost his seat keeps his votes'];

for (const mutant of MUTANTS) {
  const todo = OPEN.includes(mutant.name) ? 'no story finds it out yet' : false;
  t.test(`found out: ${mutant.name}`, { todo }, async (t) => {
    const likely = LIKELY_SEEDS[mutant.name];
    const { killed, seeds, what } = await hunt(mutant, { seeds: SEEDS, workers: WORKERS, likely });
    t.ok(killed, killed ? `seed ${seeds}: ${what}` : `survived ${SEEDS} seeds`);
  });
}
