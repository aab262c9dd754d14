import type { Envelope } from '../../consensus/network/index.ts';
import { CALM } from './calm.ts';
import type { Counted } from './counts.ts';
import type { PlannedFailure } from './misfortune.ts';
import type { Passage } from './network.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { type Outcome, simulate, type Wishes } from './simulation.ts';
import { STORIES_OF_SNAPSHOTS } from './stories-of-snapshots.ts';
import type { Subject } from './subject.ts';

/** A story written by hand: what chance would have to come to in several places at once. */
export type Story = {
  readonly name: string;
  readonly scenario: Scenario;
  readonly isLost?: (passage: Passage) => boolean;
  readonly failure?: PlannedFailure;
  /** As an outcome's: who has a seat in the end. */
  readonly seats: string;
  /** For what the agreement does not promise: how the story shows that it does not. */
  readonly breaks?: RegExp;
  /** What the story is about: without it, it tells nothing. */
  readonly must?: Counted;
};

/** A seed, or the name of a story written by hand. */
export type Name = number | string;

/** @throws Error when no story has this name */
export async function tell(subject: Subject, name: Name, wishes: Wishes = {}): Promise<Outcome> {
  const { scenario, isLost, failure } = storyOf(name);
  const plan = { ...(isLost && { isLost }), ...(failure && { failure }) };
  return simulate(subject, scenario, { ...wishes, ...plan });
}

/** @throws Error when no story has this name */
export function storyOf(name: Name): Pick<Story, 'scenario' | 'isLost' | 'failure'> {
  if (typeof name === 'number') return { scenario: scenarioOf(name) };
  const story = STORIES.find((known) => known.name === name);
  if (story === undefined) throw new Error(`no story is called '${name}'`);
  return story;
}

/** One is voted in by four; afterwards four of five decide. */
const NEWCOMER: Scenario = {
  ...CALM,
  others: 1,
  healedAtMs: 500,
  votes: [{ motion: 'add', target: 1, atMs: 1_000 }],
};

/**
 * n3 leads block 4, and commits to it in round 0 before it is put back: a word that nobody but the others remembers.
 * @param copiedAtMs when its directory was copied
 */
function putBack(copiedAtMs: number, isFault: boolean): Scenario {
  return {
    ...CALM,
    healedAtMs: 3_000,
    disk: { ...CALM.disk, syncRate: 1, putBack: [{ place: 3, copiedAtMs, atMs: 1_400, isFault }] },
    traffic: [0, 400, 800, 1_200, 3_500, 16_000, 17_000].map((atMs, index) => ({ place: index % 3, atMs })),
  };
}

function losesCommitsOnBlock4({ envelope, atMs }: Passage): boolean {
  return atMs < 3_000 && votesOn(envelope, 4)?.kind === 'commit';
}

/** Until four validators have come to their third round on block 1. */
const TWO_LOCKS: Scenario = { ...CALM, healedAtMs: 4_000 };

/**
 * Block 1, and two locks: in round 0 only n3 sees that block A is prepared, and nobody hears it say so; in round 1 the
 * others prepare B and commit to it, and only n0 hears that it is final, and is not heard. Then n2 leads round 2, bound
 * by what n1 and itself know of round 1, and not by what n3 knows of round 0.
 */
function losesBetweenTwoLocks({ from, to, envelope, atMs }: Passage): boolean {
  if (atMs >= TWO_LOCKS.healedAtMs) return false;
  if (envelope.channel === 'sync-response') return from === 0;
  const message = votesOn(envelope, 1);
  if (message === null) return false;
  switch (`${message.kind} ${message.round}`) {
    case 'prepare 0':
      return to !== 3;
    case 'round-change 1':
      return from === 3;
    case 'prepare 1':
      return to === 3;
    case 'commit 1':
      return to !== 0;
    default:
      return false;
  }
}

/** n5 and n0 want n1 seated, and n5 loses its own seat: with n2 there are two of the three that four seats need. */
function voterLeaves(motion: 'drop' | 'revoke'): Scenario {
  return {
    ...CALM,
    founders: 5,
    others: 1,
    votes: [
      { motion: 'add', target: 1, atMs: 0, by: [0, 5] },
      { motion, target: 5, atMs: 2_500, by: [0, 2, 3] },
      { motion: 'add', target: 1, atMs: 5_000, by: [2] },
      { motion: 'add', target: 1, atMs: 7_500, by: [3] },
    ],
  };
}

function votesOn(envelope: Envelope, height: number) {
  return 'message' in envelope && envelope.message.height === height ? envelope.message : null;
}

export const STORIES: readonly Story[] = [
  { name: 'two locks', scenario: TWO_LOCKS, isLost: losesBetweenTwoLocks, seats: 'n0 n1 n2 n3' },
  {
    // Not as bytes: on the wire the proof is bound to the highest claim, so that this lie cannot even be written down.
    name: 'two locks, and the leader picks the lower',
    scenario: {
      ...TWO_LOCKS,
      weather: { ...TWO_LOCKS.weather, asBytes: false },
      liars: new Map([[2, ['proposes the lower claim']]]),
    },
    isLost: losesBetweenTwoLocks,
    seats: 'n0 n1 n2 n3',
  },
  { name: 'a voter is voted out', scenario: voterLeaves('drop'), seats: 'n0 n1 n2 n3 n4' },
  { name: 'a voter loses its key', scenario: voterLeaves('revoke'), seats: 'n0 n1 n2 n3 n4' },
  {
    name: 'a newcomer to whom nobody announces its block',
    scenario: { ...NEWCOMER, traffic: [] },
    isLost: ({ to, envelope }) => to === 1 && envelope.channel === 'block',
    seats: 'n0 n1 n2 n3 n4',
  },
  {
    // n4 is silent from the beginning, so that nothing is final any more without the newcomer.
    name: 'a newcomer who is needed, and hears of its seat from those who wait for it',
    scenario: {
      ...NEWCOMER,
      liars: new Map([[4, ['falls silent']]]),
      traffic: [{ place: 0, atMs: 6_000 }],
    },
    isLost: ({ to, envelope, atMs }) =>
      atMs > 900 &&
      atMs < 5_000 &&
      to === 1 &&
      (envelope.channel === 'block' || envelope.channel === 'sync-response'),
    seats: 'n0 n1 n2 n3 n4',
  },
  {
    // n1, whom it asks, has not heard the end itself, and says so.
    name: 'a block is decided where it has not come',
    scenario: { ...CALM, traffic: [{ place: 1, atMs: 150 }] },
    isLost: ({ to, envelope, atMs }) =>
      atMs < 1_000 &&
      (envelope.channel === 'block' ||
        (to === 3 && envelope.channel === 'proposal') ||
        (to === 1 && votesOn(envelope, 1)?.kind === 'commit')),
    seats: 'n0 n1 n2 n3',
  },
  {
    name: 'one who is late, and whose questions are lost',
    scenario: {
      ...CALM,
      traffic: [
        { place: 0, atMs: 150 },
        { place: 3, atMs: 2_500 },
      ],
    },
    isLost: ({ from, to, envelope, atMs }) =>
      (from === 3 && envelope.channel === 'sync-request' && atMs > 120) ||
      (to === 3 && atMs < 2_000 && (envelope.channel === 'block' || votesOn(envelope, 1) !== null)),
    seats: 'n0 n1 n2 n3',
  },
  {
    name: 'a directory is put back that is older than a final word of its own',
    scenario: putBack(100, false),
    isLost: losesCommitsOnBlock4,
    seats: 'n0 n1 n2 n3',
  },
  {
    // Nothing on its disk is too old, and no final block holds a word that it does not know.
    name: 'a directory is put back that is older than its last word only',
    scenario: putBack(1_150, false),
    isLost: losesCommitsOnBlock4,
    seats: 'n0 n1 n2 n3',
    breaks: /forgets the commit/,
  },
  {
    name: 'the same, counted as the one fault that four bear',
    scenario: putBack(1_150, true),
    isLost: losesCommitsOnBlock4,
    seats: 'n0 n1 n2 n3',
  },
  {
    // Commits are rare, so that both changes fall between votes that the old keys have signed and rounds that follow.
    name: 'keys change in the middle of rounds',
    scenario: {
      ...CALM,
      healedAtMs: 9_000,
      weather: { ...CALM.weather, lossByKind: { commit: 0.7 } },
      keyChanges: [
        { place: 1, atMs: 0 },
        { place: 2, atMs: 30 },
        { place: 3, atMs: 9_500 },
      ],
    },
    seats: "n0 n1' n2' n3'",
  },
  {
    name: 'a key is revoked, another given, and the seat again',
    scenario: {
      ...CALM,
      founders: 5,
      votes: [
        { motion: 'revoke', target: 3, atMs: 0 },
        { motion: 'rekey', target: 3, atMs: 4_000 },
        { motion: 'add', target: 3, atMs: 8_000 },
      ],
      traffic: [...CALM.traffic, { place: 3, atMs: 300 }, { place: 3, atMs: 7_000 }],
    },
    seats: "n0 n1 n2 n3' n4",
  },
  ...STORIES_OF_SNAPSHOTS,
];
