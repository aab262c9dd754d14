import type { Motion } from '../../consensus/contract/index.ts';
import type { Timing } from '../../consensus/protocol/index.ts';
import type { Weather } from './network.ts';
import { withPruning } from './pruning.ts';
import { type Random, seeded } from './random.ts';
import { VICES_ON_BLOCKS, type Vice } from './vices.ts';

/** All that a seed decides before its story begins; chance within the story comes from the same seed. */
export type Scenario = {
  readonly seed: number;
  /** Validators by the genesis; others follow, and may be voted in. */
  readonly founders: number;
  readonly others: number;
  readonly timing: Timing;
  readonly allowedSkewMs: number;
  /** By place: how far a clock is off. */
  readonly skewsMs: readonly number[];
  readonly thinkMs: number;
  readonly healedAtMs: number;
  readonly weather: Weather;
  readonly liars: ReadonlyMap<number, readonly Vice[]>;
  /** Places whose key runs twice. */
  readonly twins: readonly number[];
  readonly disk: {
    /** How often a block is on disk as soon as it is written. */
    readonly syncRate: number;
    /** How often the power fails in a write. */
    readonly failureRate: number;
    /** Who loses its record of votes, and when. */
    readonly lost: readonly { readonly place: number; readonly atMs: number }[];
    /** Whose whole directory is put back from a copy, and when. */
    readonly putBack: readonly {
      readonly place: number;
      readonly copiedAtMs: number;
      readonly atMs: number;
      /** It may break its word: the copy may be so young that nothing shows its age. */
      readonly isFault: boolean;
    }[];
  };
  readonly crashes: readonly { readonly place: number; readonly atMs: number; readonly downMs: number }[];
  /** What happens when the first node has a block final. */
  readonly cruelty: 'none' | 'cut off' | 'cut off, others crash' | 'crash';
  /** What honest founders vote for, from then on. */
  readonly votes: readonly {
    readonly motion: Motion;
    readonly target: number;
    readonly atMs: number;
    /** Who does; without it all of them. */
    readonly by?: readonly number[];
  }[];
  /** Who takes another key, and when. */
  readonly keyChanges: readonly { readonly place: number; readonly atMs: number }[];
  /** Each says its vote within so long. */
  readonly voteSpreadMs: number;
  /** Tallies begin anew at heights that it divides. */
  readonly epochBlocks: number;
  /** Who lets go of blocks that lie below its snapshots; all others keep all, and fetch all. */
  readonly prunes: readonly number[];
  /** Transactions, by their node's place; the last ones come after healing. */
  readonly traffic: readonly { readonly place: number; readonly atMs: number }[];
};

const BASE_TIMEOUT_MS = 400;

export function scenarioOf(seed: number): Scenario {
  const random = seeded(Math.imul(seed, 7919) ^ 0x5eed);
  const founders = committeeSize(random);
  const others = random.chance(0.35) ? 1 + random.below(2) : 0;
  const places = founders + others;
  const seated = foundersOf(founders, others);
  const outside = Array.from({ length: places }, (_, place) => place).filter(
    (place) => !seated.includes(place),
  );
  const motions = founders <= 7 && random.chance(0.6) ? motionsOf(random, seated, outside) : [];
  const drops = motions.filter(({ motion }) => motion !== 'add').length;
  const leaderless = founders <= 7 && random.chance(0.04);
  const faults = faultsOf(random, founders - drops);
  // The network is well again in about the ninth round. Its leader comes to it, so that it is given its full time, and
  // proposes what nobody takes: the round had better end soon.
  const ninth = seated[LEADERLESS_ROUNDS % founders]!;
  const faulty = leaderless && faults > 0 ? [ninth] : random.some(seated, faults);
  const liars = new Map<number, readonly Vice[]>();
  const twins: number[] = [];
  const lost: { place: number; atMs: number }[] = [];
  const putBack: Scenario['disk']['putBack'][number][] = [];
  const healedAtMs = leaderless ? random.between(110_000, 114_000) : healingMs(random);
  for (const place of faulty) {
    const fault = random.next();
    if (leaderless) liars.set(place, ['proposes rubbish']);
    else if (fault < 0.6) liars.set(place, random.some(VICES_ON_BLOCKS, 1 + random.below(5)));
    else if (fault < 0.85) twins.push(place);
    else if (fault < 0.93) lost.push({ place, atMs: random.between(300, 5_000) });
    else {
      const copiedAtMs = random.between(0, 4_000);
      putBack.push({ place, copiedAtMs, atMs: copiedAtMs + random.between(50, 3_000), isFault: true });
    }
  }
  const firstVoteMs = random.between(0, healedAtMs + 1_000);
  // Votes on several seats that mingle are the ones that a seat's loss can spoil.
  const mingle = random.chance(0.5);
  const votes = motions.map((motion) => ({
    ...motion,
    atMs: mingle ? firstVoteMs : random.between(0, healedAtMs + 1_000),
  }));
  const revoked = motions.find(({ motion }) => motion === 'revoke');
  if (revoked !== undefined && random.chance(0.7))
    votes.push({ motion: 'rekey', target: revoked.target, atMs: healedAtMs + 4_000 });
  const allowedSkewMs = 5_000;
  const honest = Array.from({ length: places }, (_, place) => place).filter((place) => !liars.has(place));
  const honestFounders = seated.filter((place) => honest.includes(place));
  const scenario: Scenario = {
    seed,
    founders,
    others,
    timing: {
      baseTimeoutMs: BASE_TIMEOUT_MS,
      maxTimeoutMs: 8 * BASE_TIMEOUT_MS,
      blockIntervalMs: random.pick([0, 0, 100]),
      heartbeatMs: random.chance(0.1) ? 3_000 : 0,
    },
    allowedSkewMs,
    skewsMs: Array.from({ length: places + twins.length }, () =>
      Math.floor(random.between(-allowedSkewMs / 2, allowedSkewMs / 2)),
    ),
    thinkMs: random.chance(0.5) ? 20 : 0,
    healedAtMs,
    weather: leaderless ? LEADERLESS : weatherOf(random),
    liars,
    twins,
    disk: {
      syncRate: random.pick([1, 0.5, 0.2]),
      failureRate: random.chance(0.5) ? random.pick([0.005, 0.02, 0.05]) : 0,
      lost,
      putBack,
    },
    crashes: random.chance(0.4)
      ? Array.from({ length: 1 + random.below(4) }, () => ({
          place: random.pick(honest),
          atMs: random.between(100, healedAtMs),
          downMs: random.chance(0.3) ? Math.min(healedAtMs, 60_000) : random.between(1, 1_500),
        }))
      : [],
    cruelty: random.pick(['none', 'none', 'cut off', 'cut off, others crash', 'crash'] as const),
    votes,
    keyChanges:
      founders <= 7 && random.chance(0.15)
        ? random
            .some(honest, 1 + random.below(2))
            .map((place) => ({ place, atMs: random.between(0, healedAtMs + 1_000) }))
        : [],
    voteSpreadMs: random.pick([500, 3_000]),
    epochBlocks: motions.length > 0 ? random.pick([3, 5, 1_000]) : 1_000,
    traffic: [
      ...Array.from({ length: 3 + random.below(5) }, () => ({
        place: random.pick(honest),
        atMs: random.between(0, Math.min(healedAtMs, 6_000)),
      })),
      ...[200, 2_000, 4_000].map((delayMs) => ({
        place: random.pick(honestFounders),
        atMs: healedAtMs + delayMs,
      })),
    ],
    prunes: [],
  };
  const lets = founders <= 7 && !leaderless && random.chance(0.12);
  return lets ? withPruning(scenario, honest, random) : scenario;
}

function committeeSize(random: Random): number {
  const kind = random.next();
  if (kind < 0.57) return 4;
  if (kind < 0.86) return 5 + random.below(3);
  if (kind < 0.94) return 1 + random.below(3);
  return kind < 0.985 ? 8 + random.below(6) : 14 + random.below(18);
}

/** As `cast.ts` seats them: those outside sit between the first founders. */
function foundersOf(founders: number, others: number): number[] {
  const outside = new Set(Array.from({ length: others }, (_, index) => 2 * index + 1));
  const places = Array.from({ length: founders + others }, (_, place) => place);
  return places.filter((place) => !outside.has(place)).slice(0, founders);
}

/** A newcomer is voted in, a founder out or its key away, or both. */
function motionsOf(random: Random, seated: readonly number[], outside: readonly number[]) {
  const motions: { motion: Motion; target: number }[] = [];
  if (outside.length > 0 && random.chance(0.8)) motions.push({ motion: 'add', target: random.pick(outside) });
  if (seated.length > 1 && random.chance(0.4))
    motions.push({ motion: random.pick(['drop', 'drop', 'revoke'] as const), target: random.pick(seated) });
  return motions;
}

/** Never more than the agreement promises to bear. */
function faultsOf(random: Random, founders: number): number {
  const most = Math.floor((founders - 1) / 3);
  return random.chance(0.7) ? most : random.below(most + 1);
}

function healingMs(random: Random): number {
  return random.chance(0.1) ? random.between(20_000, 60_000) : random.between(1_500, 7_000);
}

/** Rounds that time-outs without a cap would have let pass in so long. */
const LEADERLESS_ROUNDS = 8;

/** Nobody hears of a block for many rounds, and all go through them together: what the cap of the time-outs is for. */
const LEADERLESS: Weather = {
  lossRate: 0.02,
  duplicateRate: 0,
  delayMs: [5, 60],
  healedDelayMs: [5, 55],
  partitionMs: null,
  oneWay: false,
  lossByKind: { proposal: 1 },
  asBytes: false,
};

function weatherOf(random: Random): Weather {
  const isSlow = random.chance(0.15);
  const lossByKind: Record<string, number> = {};
  // Blocks that many have prepared and few have seen decided: where the rules of round changes matter.
  if (random.chance(0.2)) Object.assign(lossByKind, { commit: 0.8, proposal: random.pick([0, 0.4]) });
  else if (random.chance(0.4))
    for (const kind of random.some(
      ['proposal', 'prepare', 'commit', 'round-change', 'transaction', 'block'],
      2,
    ))
      lossByKind[kind] = random.pick([0.3, 0.6, 0.9]);
  return {
    lossRate: random.chance(0.2) ? 0 : random.between(0, 0.3),
    duplicateRate: random.between(0, 0.1),
    delayMs: [5, random.pick([60, 300, 800])],
    healedDelayMs: isSlow ? [150, 450] : [5, 55],
    partitionMs: random.chance(0.6) ? [300, 1_800] : null,
    oneWay: random.chance(0.4),
    lossByKind,
    asBytes: random.chance(0.1),
  };
}
