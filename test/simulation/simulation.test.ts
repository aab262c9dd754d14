import t from 'tap';
import * as core from '../../consensus/protocol/index.ts';
import { loadMutant, MUTANTS } from './mutants.ts';
import { simulate } from './simulation.ts';

const SEEDS = 800;
/** A mutant that survives so many stories is not found out. */
const SEEDS_PER_MUTANT = 2_000;

t.test('no fork, no broken word, and progress once the network heals', (t) => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const outcome = simulate(core, seed);
    if (!outcome.ok) t.fail(`${outcome.violation}; replay: npm run sim -- --seeds 1 --from ${seed}`);
  }
  t.same(simulate(core, 7), simulate(core, 7), 'a seed tells the same story twice');
  t.end();
});

for (const mutant of MUTANTS) {
  t.test(`found out: ${mutant.name}`, async (t) => {
    const wrong = await loadMutant(mutant);
    for (let seed = 1; seed <= SEEDS_PER_MUTANT; seed += 1) {
      const outcome = simulate(wrong, seed);
      if (!outcome.ok) {
        t.comment(`seed ${seed}: ${outcome.violation}`);
        t.pass('killed');
        return;
      }
    }
    t.fail(`survived ${SEEDS_PER_MUTANT} seeds`);
  });
}
