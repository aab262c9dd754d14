import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Core } from './simulation.ts';

/** One wrong idea: text of the compiled core, and what a careless hand might have put there. */
export type Mutant = { readonly name: string; readonly changes: readonly Change[] };
type Change = { readonly file: string; readonly from: string; readonly to: string };

/** Each of these must be found out by the simulation: one that finds nothing proves nothing. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a quorum of one less',
    changes: [
      {
        file: 'committee.js',
        from: 'Math.ceil((2 * validators) / 3)',
        to: 'Math.ceil((2 * validators) / 3) - 1',
      },
    ],
  },
  {
    name: 'own votes forgotten by a restart',
    changes: [
      {
        file: 'step.js',
        from: 'state.records.filter((record) => record.message.height === state.height)',
        to: '[]',
      },
    ],
  },
  {
    name: 'sent before it is on disk',
    changes: [
      {
        file: 'turn.js',
        from: "[{ kind: 'persist', records }, ...effects]",
        to: "[...effects, { kind: 'persist', records }]",
      },
    ],
  },
  {
    name: 'the highest prepared block ignored',
    changes: [
      { file: 'leading.js', from: 'const highest = highestPrepared(changes);', to: 'const highest = null;' },
      {
        file: 'validity.js',
        from: 'const highest = highestPrepared(roundChanges);',
        to: 'return true; let highest;',
      },
    ],
  },
  {
    name: 'seals of different rounds added up',
    changes: [{ file: 'votes.js', from: 'other.round === target.round && ', to: '' }],
  },
  {
    name: 'prepared once, committed ever after',
    changes: [{ file: 'rounds.js', from: 'state.accepted = null;', to: '' }],
  },
  {
    name: 'signing while own votes are in doubt',
    changes: [{ file: 'turn.js', from: 'height > signsAbove && ', to: '' }],
  },
];

const CORE = fileURLToPath(new URL('../../consensus/protocol/', import.meta.url));

/** Loads a copy of the core with the change made; fails when the text to change is not there exactly once. */
export async function loadMutant({ name, changes }: Mutant): Promise<Core> {
  const folder = await mkdtemp(join(CORE, '../mutant-'));
  try {
    await cp(CORE, folder, { recursive: true });
    for (const { file, from, to } of changes) {
      const path = join(folder, file);
      const parts = (await readFile(path, 'utf8')).split(from);
      if (parts.length !== 2) throw new Error(`mutant '${name}': ${parts.length - 1} places in ${file}`);
      await writeFile(path, parts.join(to));
    }
    return (await import(join(folder, 'index.js'))) as Core;
  } finally {
    await rm(folder, { recursive: true });
  }
}
