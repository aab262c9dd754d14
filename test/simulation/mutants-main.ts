import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { commandOptions } from '../command-options.ts';
import { hunt } from './hunt.ts';
import { MUTANTS } from './mutants.ts';
import type { Name } from './stories.ts';

const { values, whole, wrong } = commandOptions(
  'npm run sim:mutants -- [--seeds N] [--only TEXT] [--workers N] [--json]',
  () =>
    parseArgs({
      options: {
        seeds: { type: 'string', default: '3000' },
        only: { type: 'string', default: '' },
        workers: { type: 'string', default: String(availableParallelism()) },
        json: { type: 'boolean', default: false },
      },
    }).values,
);
const seeds = whole(values.seeds, 'seeds');
const workers = whole(values.workers, 'workers');
const chosen = MUTANTS.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) wrong(`No mutant's name holds '${values.only}'.`);

const width = Math.max(...chosen.map(({ name }) => name.length));
const startedMs = performance.now();
const hunts = [];
for (const mutant of chosen) {
  const found = await hunt(mutant, { seeds, workers });
  hunts.push({ mutant: mutant.name, ...found });
  const verdict = found.killed ? `killed by ${nameOf(found.by)}: ${found.what}` : 'SURVIVED';
  const line = `${mutant.name.padEnd(width)}  ${verdict}\n`;
  (values.json ? process.stderr : process.stdout).write(line);
}
const survivors = hunts.filter(({ killed }) => !killed);
const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
if (values.json)
  process.stdout.write(`${JSON.stringify({ mutants: hunts, survivors: survivors.length, seconds })}\n`);
else process.stdout.write(`${hunts.length} mutants, ${survivors.length} survived, ${seconds} s\n`);
process.exitCode = survivors.length > 0 ? 1 : 0;

function nameOf(story: Name | null): string {
  return typeof story === 'number' ? `seed ${story}` : `'${story}'`;
}
