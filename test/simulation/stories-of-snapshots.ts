import { CALM } from './calm.ts';
import type { Passage } from './network.ts';
import type { Scenario } from './scenario.ts';
import type { Story } from './stories.ts';
import { VICES_ON_SNAPSHOTS, type Vice } from './vices.ts';

/** Epochs of two blocks, and nobody keeps more than he needs. Doubt ends with a block that is a second younger. */
const SHORT: Scenario = {
  ...CALM,
  allowedSkewMs: 500,
  skewsMs: [0, 200, -100, 100, 0, 0],
  epochBlocks: 2,
  prunes: [0, 1, 2, 3],
  disk: { ...CALM.disk, syncRate: 1 },
};

/** n3 is away while blocks become final and are let go, and comes back when all is quiet but for the last two wishes. */
const AWAY: Scenario = {
  ...SHORT,
  crashes: [{ place: 3, atMs: 200, downMs: 6_000 }],
  traffic: wishesAt(0, 300, 600, 1_300, 1_600, 1_900, 2_200, 2_900, 3_200, 7_000, 9_000),
};

/** The first offer that n3 hears is that of n0, which lies, and gives its votes otherwise. */
function lyingProvider(vice: Vice): Story {
  return {
    name: `one who was away first asks one that ${vice}`,
    scenario: {
      ...AWAY,
      liars: new Map([[0, [vice]]]),
      traffic: AWAY.traffic.map(({ place, atMs }) => ({ place: 1 + (place % 2), atMs })),
    },
    isLost: ({ from, to, envelope, atMs }) =>
      envelope.channel === 'snapshot-response' && from !== 0 && to === 3 && atMs < 8_000,
    seats: 'n0 n1 n2 n3',
    must: 'snapshots taken over',
  };
}

/** n4 is away while n1 is given a seat as well, and meets a committee of five. */
export const AWAY_MEANWHILE: Scenario = {
  ...AWAY,
  others: 1,
  // Votes on a seat count within one epoch.
  epochBlocks: 3,
  prunes: [0, 1, 2, 3, 4],
  crashes: [{ place: 4, atMs: 200, downMs: 5_000 }],
  votes: [{ motion: 'add', target: 1, atMs: 400, by: [0, 2, 3] }],
  voteSpreadMs: 20,
};

/**
 * n3 commits to block 7 in round 0, and is put back to where it had none: so far behind that it goes on from a snapshot
 * at 6, and sees none of its old words on the way.
 */
const PUT_BACK: Scenario = {
  ...SHORT,
  healedAtMs: 4_000,
  disk: { ...SHORT.disk, putBack: [{ place: 3, copiedAtMs: 20, atMs: 1_900, isFault: false }] },
  traffic: wishesAt(0, 250, 500, 750, 1_000, 1_250, 1_600, 4_500, 6_500, 7_500),
};

function wishesAt(...instantsMs: readonly number[]): Scenario['traffic'] {
  return instantsMs.map((atMs, index) => ({ place: index % 3, atMs }));
}

function losesCommitsOnBlock7({ envelope, atMs }: Passage): boolean {
  if (atMs >= PUT_BACK.healedAtMs || !('message' in envelope)) return false;
  return envelope.message.height === 7 && envelope.message.kind === 'commit';
}

export const STORIES_OF_SNAPSHOTS: readonly Story[] = [
  ...VICES_ON_SNAPSHOTS.map(lyingProvider),
  {
    name: 'one who was away for epochs goes on from a snapshot',
    scenario: AWAY,
    seats: 'n0 n1 n2 n3',
    must: 'snapshots taken over',
  },
  {
    name: 'one who was away meets another committee',
    scenario: AWAY_MEANWHILE,
    seats: 'n0 n1 n2 n3 n4',
    must: 'snapshots taken over',
  },
  {
    name: 'a directory is put back that is so old that a snapshot leads over its own words',
    scenario: PUT_BACK,
    isLost: losesCommitsOnBlock7,
    seats: 'n0 n1 n2 n3',
    must: 'snapshots taken over',
  },
  {
    name: 'the same, and the power fails as soon as the snapshot is taken over',
    scenario: PUT_BACK,
    isLost: losesCommitsOnBlock7,
    failure: { place: 3, what: 'adoption', write: 1, fate: 'after', everywhere: false },
    seats: 'n0 n1 n2 n3',
    must: 'failed writes',
  },
];
