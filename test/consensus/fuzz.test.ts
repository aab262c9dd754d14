import t from 'tap';
import { fuzzDecoders } from '../fuzz/decoders.ts';
import { fuzzFromInside } from '../fuzz/insider.ts';
import { seeded } from '../simulation/random.ts';

/** A fixed budget from one seed; `npm run fuzz` goes on for as long as it is told. */
const SEED = 20_261_121;

t.test('every decoder refuses rubbish with a code, and takes only what it would write', (t) => {
  for (const { decoder, tried, taken } of fuzzDecoders(seeded(SEED), 3_000)) {
    t.ok(taken < tried, `${decoder}: ${taken} of ${tried} taken`);
  }
  t.end();
});

t.test('a validator that says anything under any name harms nobody', async (t) => {
  const { sent, signed, height, final, garbage } = await fuzzFromInside(seeded(SEED), 3_000);
  t.ok(signed > 500, `${signed} messages signed as a validator or an account holder`);
  t.ok(Object.keys(sent).length === 6, 'on every channel');
  t.ok(height > 0 && final === 75, `${final} honest payments in ${height} blocks`);
  t.ok(garbage > 0, `${garbage} pieces of garbage counted`);
});
