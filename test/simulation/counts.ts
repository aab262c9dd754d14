import type { Scenario } from './scenario.ts';
import { VICES } from './vices.ts';

/** How often something went wrong, or was put right, in one story or many. */
export type Counts = Record<Counted, number>;
export type Counted = (typeof EVENTS)[number] | `stories with ${string}`;
export type Count = (what: Counted, by?: number) => void;

const EVENTS = [
  'messages lost',
  'messages twice',
  'crashes',
  'failed writes',
  'records of votes lost',
  'directories put back',
  'doubts ended',
  'blocks refused',
  'blocks final above round 0',
  'changes of the committee',
  'chains pruned',
  'snapshots taken over',
  'providers dropped',
] as const;

/** What a story has from its beginning. */
const KINDS: Readonly<Record<string, (scenario: Scenario) => boolean>> = {
  'loss of 25 % or more': ({ weather }) => weather.lossRate >= 0.25,
  'clocks 2 s apart': ({ skewsMs }) => Math.max(...skewsMs) - Math.min(...skewsMs) >= 2_000,
  partitions: ({ weather }) => weather.partitionMs !== null,
  twins: ({ twins }) => twins.length > 0,
  'changed keys': ({ keyChanges }) => keyChanges.length > 0,
  'blocks let go': ({ prunes }) => prunes.length > 0,
  'revoked keys': ({ votes }) => votes.some(({ motion }) => motion === 'revoke'),
  ...Object.fromEntries(
    VICES.map((vice) => [
      `a liar that ${vice}`,
      ({ liars }: Scenario) => [...liars.values()].some((vices) => vices.includes(vice)),
    ]),
  ),
};

/** All at 0: what is missing in a run is seen. */
export function noCounts(): Counts {
  const names: Counted[] = [...EVENTS, ...Object.keys(KINDS).map((kind) => `stories with ${kind}` as const)];
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts;
}

export function countsOf(scenario: Scenario): Counts {
  const counts = noCounts();
  for (const [kind, isSo] of Object.entries(KINDS)) if (isSo(scenario)) counts[`stories with ${kind}`] = 1;
  return counts;
}
