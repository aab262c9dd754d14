import type { Head } from '../../consensus/chain/index.ts';
import { createAgenda } from './agenda.ts';
import { type Actor, sameBytes, type World, worldOf } from './cast.ts';
import { type Count, type Counts, countsOf } from './counts.ts';
import type { PlannedFailure } from './misfortune.ts';
import type { Passage } from './network.ts';
import type { SimulatedNode } from './node.ts';
import { lastWishMs, planPlot } from './plot.ts';
import type { Written } from './power.ts';
import { seeded } from './random.ts';
import type { Scenario } from './scenario.ts';
import { createStreet } from './street.ts';
import type { Subject } from './subject.ts';
import { lineAt } from './transcript.ts';
import { createWitness } from './witness.ts';
import { createWorks } from './works.ts';

export type Outcome = {
  readonly verdict: 'held' | 'violation' | 'not live';
  readonly what: string;
  readonly blocks: number;
  /** Who has a seat in the end, by place; with a stroke who signs with its second key: `n0 n1' n2`. */
  readonly seats: string;
  readonly deliveries: number;
  readonly counts: Counts;
  /** From healing until all was final everywhere. */
  readonly recoveredMs: number;
};

export type Wishes = {
  readonly note?: (line: string) => void;
  readonly failure?: PlannedFailure;
  readonly isLost?: (passage: Passage) => boolean;
  /** Told what each place has written, in order. */
  readonly onEnd?: (writes: readonly (readonly Written[])[]) => void;
};

/** Steps that no story needs: one that takes more goes in circles. */
const STEPS_MAX = 400_000;

/**
 * One story of a neighbourhood's chain: a bad time, then good weather, in which all that clients have said must become
 * final at every honest node within `boundMs`. Safety is watched at every step.
 */
export async function simulate(subject: Subject, scenario: Scenario, wishes: Wishes = {}): Promise<Outcome> {
  const agenda = createAgenda();
  const works = createWorks();
  const random = seeded(Math.imul(scenario.seed, 104_729) ^ 0xbad);
  const world = worldOf(subject, scenario);
  const { start, actors } = world;
  const keysChange =
    scenario.keyChanges.length > 0 || scenario.votes.some(({ motion }) => motion === 'revoke');
  const liars = liarsIn(scenario, world);
  const witness = createWitness(world, liars, scenario.epochBlocks);
  const note =
    wishes.note === undefined ? null : (line: string) => wishes.note?.(lineAt(agenda.nowMs(), line));
  const counts = countsOf(scenario);
  const count: Count = (what, by = 1) => {
    counts[what] += by;
  };
  const { failure: planned, isLost = () => false } = wishes;
  const common = { scenario, world, agenda, works, random, liars };
  const { nodes, network, writes } = createStreet({
    ...common,
    subject,
    witness,
    keysChange,
    count,
    note,
    planned,
    isLost,
  });

  for (const node of nodes) node.start();
  planPlot({ ...common, nodes });
  agenda.plan(scenario.healedAtMs, () => {
    note?.('the network is well again');
    for (const node of nodes) if (!node.isValidator()) node.connected();
  });

  const honest = nodes.filter((node) => !liars.has(node.address));
  const lastMs = lastWishMs(scenario);
  const isDone = () => {
    if (agenda.nowMs() <= lastMs || !network.isHealed()) return false;
    const newest = witness.chain().at(-1)?.next ?? start;
    // What waits at a node whose key was revoked waits for another key.
    const hasKey = ({ address }: SimulatedNode) =>
      !keysChange || subject.contract.publicKeyOf(newest.state, address) !== undefined;
    if (honest.some((node) => node.ownPending() > 0 && hasKey(node))) return false;
    // Who only follows may hear of the last block with the next one.
    const voters = new Set(newest.validators.map(({ address }) => address));
    const isThere = (node: SimulatedNode) => node.life() !== null && node.digest() === newest.digest;
    return honest.every((node) => !voters.has(node.address) || isThere(node));
  };
  const end = (verdict: Outcome['verdict'], what: string): Outcome => {
    wishes.onEnd?.(writes);
    note?.(verdict === 'held' ? 'held' : `${verdict}: ${what}`);
    return {
      verdict,
      what,
      blocks: witness.chain().length,
      seats: seatsIn(witness.chain().at(-1)?.next ?? start, actors),
      deliveries: network.deliveries(),
      counts,
      recoveredMs: Math.max(0, agenda.nowMs() - scenario.healedAtMs),
    };
  };

  const deadlineMs = scenario.healedAtMs + boundMs(scenario);
  let steps = 0;
  while (agenda.nowMs() < deadlineMs && steps < STEPS_MAX && agenda.advance()) {
    steps += 1;
    if (works.areUnderWay()) await works.finish();
    const violation = witness.violation();
    if (violation !== null) return end('violation', violation);
    if (isDone()) return end('held', '');
  }
  const heights = honest.map(
    (node) => `n${node.place} at ${node.height()}/${node.life()?.state()?.round ?? '-'}`,
  );
  const waiting = honest.reduce((sum, node) => sum + node.ownPending(), 0);
  const why =
    steps >= STEPS_MAX
      ? `${STEPS_MAX} steps`
      : `${Math.round(agenda.nowMs() - scenario.healedAtMs)} ms after healing`;
  return end('not live', `${heights.join(', ')}, ${waiting} transactions wait, ${why}`);
}

/** Whom the agreement promises to bear, by address. */
function liarsIn({ liars, twins, disk }: Scenario, { actors }: World): ReadonlySet<string> {
  const putBack = disk.putBack.filter(({ isFault }) => isFault).map(({ place }) => place);
  return new Set([...liars.keys(), ...twins, ...putBack].map((place) => actors[place]!.address));
}

function seatsIn({ validators }: Head, actors: readonly Actor[]): string {
  const nameOf = ({ address, publicKey }: Head['validators'][number]) => {
    const place = actors.findIndex((actor) => actor.address === address);
    return `n${place}${sameBytes(publicKey, actors[place]!.publicKey) ? '' : "'"}`;
  };
  return validators.map(nameOf).join(' ');
}

/**
 * Longest that recovery may take: what is left of a round at the cap, then for each block still to come a round for
 * every liar whose turn it may be and one more, and a few seconds for what waits for a question to be asked again.
 */
function boundMs({ timing, founders, others }: Scenario): number {
  const liars = Math.floor((founders + others - 1) / 3);
  return 20_000 + 6 * (liars + 2) * timing.maxTimeoutMs;
}
