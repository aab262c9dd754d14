import type { Scenario } from './scenario.ts';

/** Four validators in good weather: what stories that are written by hand begin from. */
export const CALM: Scenario = {
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
  disk: { syncRate: 0.5, failureRate: 0, lost: [], putBack: [] },
  crashes: [],
  cruelty: 'none',
  votes: [],
  keyChanges: [],
  voteSpreadMs: 500,
  epochBlocks: 1_000,
  prunes: [],
  traffic: [
    { place: 0, atMs: 0 },
    { place: 2, atMs: 600 },
    { place: 1, atMs: 2_200 },
  ],
};
