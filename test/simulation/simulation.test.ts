import t from 'tap';
import { runStories, seedsFrom } from './crowd.ts';
import { directedCrashes, STAGES } from './directed.ts';
import { addOutcome, emptyReport, transcriptHash } from './report.ts';
import { STORIES, tell } from './stories.ts';
import { SHIPPED } from './subject.ts';

const SEEDS = 3_000;
const WORKERS = 2;
t.setTimeout(1_500_000);

t.test('no fork, nothing confirmed lost, no broken word, and progress once the network heals', async (t) => {
  const report = emptyReport();
  await runStories({
    names: seedsFrom(1, SEEDS),
    workers: WORKERS,
    onStory: (outcome) => addOutcome(report, outcome),
  });
  for (const { what, replay } of [...report.violations, ...report.notLive])
    t.fail(`${what}; replay: ${replay}`);
  t.equal(report.seeds, SEEDS);
  t.comment(`${report.blocks} blocks`);
  for (const [what, times] of Object.entries(report.counts)) t.ok(times > 0, `${times} ${what}`);
});

t.test('a seed tells the same story twice, and another seed another', async (t) => {
  for (const seed of [3, 7, 29, 47])
    t.equal(await transcriptHash(SHIPPED, seed), await transcriptHash(SHIPPED, seed), `seed ${seed}`);
  t.not(await transcriptHash(SHIPPED, 3), await transcriptHash(SHIPPED, 4));
});

for (const { name, seats: wanted, breaks, must } of STORIES) {
  t.test(`a story written by hand: ${name}`, async (t) => {
    const { verdict, what, blocks, seats, counts } = await tell(SHIPPED, name);
    if (breaks === undefined) t.equal(verdict, 'held', what);
    else t.match({ verdict, what }, { verdict: 'violation', what: breaks });
    t.equal(seats, wanted);
    if (must !== undefined) t.ok((counts[must] ?? 0) > 0, must);
    t.comment(`${blocks} blocks`);
  });
}

for (const stage of STAGES) {
  t.test(`a crash at every write: ${stage.name}`, async (t) => {
    let crashes = 0;
    for await (const { place, write, fate, everywhere, outcome } of directedCrashes(SHIPPED, stage)) {
      crashes += 1;
      const where = `n${place}, write ${write}, ${fate}${everywhere ? ', everywhere' : ''}`;
      if (outcome.verdict !== 'held') t.fail(`${where}: ${outcome.what}`);
    }
    t.ok(crashes > 0, `${crashes} crashes`);
  });
}
