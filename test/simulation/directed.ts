import type { Scenario } from './scenario.ts';
import { type Outcome, type PlannedFailure, simulate } from './simulation.ts';
import type { Subject } from './subject.ts';

export type Stage = { readonly name: string; readonly scenario: Scenario };
export type DirectedCrash = PlannedFailure & { readonly stage: string; readonly outcome: Outcome };

const FATES = ['before', 'half', 'after'] as const;

/**
 * Random crashes miss the one that matters. So a small story is told once to count every node's writes, and then again
 * for each of them, with the power failing before it, half-way through or after it: that node's alone, or everybody's.
 */
export function* directedCrashes(subject: Subject, { name, scenario }: Stage): Generator<DirectedCrash> {
  let writes: readonly number[] = [];
  const undisturbed = simulate(subject, scenario, {
    onEnd: (counted) => {
      writes = [...counted];
    },
  });
  if (undisturbed.verdict !== 'held')
    throw new Error(`${name} does not hold undisturbed: ${undisturbed.what}`);
  for (const [place, count] of writes.entries()) {
    if (scenario.liars.has(place)) continue;
    for (let write = 1; write <= count; write += 1)
      for (const fate of FATES)
        for (const everywhere of [false, true]) {
          const failure = { place, write, fate, everywhere };
          yield { stage: name, ...failure, outcome: simulate(subject, scenario, { failure }) };
        }
  }
}

const CALM: Scenario = {
  seed: 1,
  founders: 4,
  others: 0,
  timing: { baseTimeoutMs: 400, maxTimeoutMs: 3_200, blockIntervalMs: 0, heartbeatMs: 0 },
  allowedSkewMs: 5_000,
  skewsMs: [0, 900, -1_400, 300, 0, 0],
  thinkMs: 0,
  healedAtMs: 2_000,
  weather: {
    lossRate: 0,
    duplicateRate: 0,
    delayMs: [5, 55],
    healedDelayMs: [5, 55],
    partitionMs: null,
    oneWay: false,
    lossByKind: {},
    asBytes: true,
  },
  liars: new Map(),
  twins: [],
  disk: { syncRate: 0.5, failureRate: 0, lost: [] },
  crashes: [],
  cruelty: 'none',
  votes: [],
  voteSpreadMs: 500,
  epochBlocks: 1_000,
  traffic: [
    { place: 0, atMs: 0 },
    { place: 2, atMs: 600 },
    { place: 1, atMs: 2_200 },
  ],
};

/** Undisturbed, a validator alone, rounds that fail for want of commits, one that is silent, one voted in, and a key run twice. */
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
];
