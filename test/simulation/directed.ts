import { CALM } from './calm.ts';
import type { PlannedFailure } from './misfortune.ts';
import type { Written } from './power.ts';
import type { Scenario } from './scenario.ts';
import { type Outcome, simulate } from './simulation.ts';
import { AWAY_MEANWHILE } from './stories-of-snapshots.ts';
import type { Subject } from './subject.ts';

export type Stage = {
  readonly name: string;
  readonly scenario: Scenario;
  /** Which writes, and whose; all where absent. */
  readonly only?: { readonly place: number; readonly kinds: readonly Written[] };
};
export type DirectedCrash = PlannedFailure & { readonly stage: string; readonly outcome: Outcome };

const FATES = ['before', 'half', 'after'] as const;

/**
 * Random crashes miss the one that matters. So a small story is told once to count every node's writes, and then again
 * for each of them, with the power failing before it, half-way through or after it: that node's alone, or everybody's.
 */
export async function* directedCrashes(
  subject: Subject,
  { name, scenario, only }: Stage,
): AsyncGenerator<DirectedCrash> {
  let writes: readonly (readonly Written[])[] = [];
  const undisturbed = await simulate(subject, scenario, {
    onEnd: (counted) => {
      writes = [...counted];
    },
  });
  if (undisturbed.verdict !== 'held')
    throw new Error(`${name} does not hold undisturbed: ${undisturbed.what}`);
  for (const [place, kinds] of writes.entries()) {
    if (scenario.liars.has(place)) continue;
    for (const [before, kind] of kinds.entries()) {
      if (only !== undefined && (only.place !== place || !only.kinds.includes(kind))) continue;
      const write = before + 1;
      for (const fate of FATES)
        for (const everywhere of [false, true]) {
          const failure = { place, write, fate, everywhere };
          yield { stage: name, ...failure, outcome: await simulate(subject, scenario, { failure }) };
        }
    }
  }
}

/**
 * Undisturbed, a validator alone, rounds that fail for want of commits, one that is silent, one voted in, a key run twice, and one
 * who was away while seats changed and blocks were let go.
 */
export const STAGES: readonly Stage[] = [
  { name: 'calm', scenario: CALM },
  {
    name: 'alone',
    scenario: {
      ...CALM,
      founders: 1,
      others: 1,
      traffic: [
        { place: 0, atMs: 0 },
        { place: 0, atMs: 2_200 },
      ],
    },
  },
  {
    name: 'commits lost',
    scenario: { ...CALM, weather: { ...CALM.weather, lossByKind: { commit: 0.9 } } },
  },
  { name: 'one silent', scenario: { ...CALM, liars: new Map([[3, ['falls silent']]]) } },
  {
    name: 'one voted in',
    scenario: { ...CALM, others: 1, votes: [{ motion: 'add', target: 1, atMs: 300 }] },
  },
  {
    name: 'a twin in the dark',
    scenario: { ...CALM, twins: [1], weather: { ...CALM.weather, lossRate: 0.3 } },
  },
  {
    name: 'a snapshot taken over',
    scenario: AWAY_MEANWHILE,
    only: { place: 4, kinds: ['snapshot', 'part', 'adoption'] },
  },
];
