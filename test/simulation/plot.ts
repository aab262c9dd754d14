import { buildCall, type Motion, rotationTo } from '../../consensus/contract/index.ts';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import type { Agenda } from './agenda.ts';
import type { Actor, World } from './cast.ts';
import type { SimulatedNode } from './node.ts';
import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';

type Parts = {
  readonly scenario: Scenario;
  readonly world: World;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly nodes: readonly SimulatedNode[];
  /** By address. */
  readonly liars: ReadonlySet<string>;
};

/** What a scenario has happen and when: crashes, disks that lose things, and what clients and founders want. */
export function planPlot(parts: Parts): void {
  planMishaps(parts);
  planTraffic(parts);
  planVotes(parts);
  planKeyChanges(parts);
}

/** When the last of what clients and founders want is said. */
export function lastWishMs({ traffic, votes, voteSpreadMs, keyChanges }: Scenario): number {
  return Math.max(
    0,
    ...traffic.map(({ atMs }) => atMs),
    ...votes.map(({ atMs }) => atMs + voteSpreadMs),
    ...keyChanges.map(({ atMs }) => atMs),
  );
}

function planMishaps({ scenario, agenda, random, nodes }: Parts): void {
  for (const { place, atMs, downMs } of scenario.crashes)
    agenda.plan(atMs, () => nodes[place]!.crash(downMs));
  for (const { place, atMs } of scenario.disk.lost)
    agenda.plan(atMs, () => nodes[place]!.loseVotes(random.between(1, 1_000)));
  for (const { place, copiedAtMs, atMs } of scenario.disk.putBack)
    agenda.plan(copiedAtMs, () => {
      const putBack = nodes[place]!.backUp();
      agenda.plan(atMs - copiedAtMs, () => putBack(random.between(1, 300)));
    });
}

function planTraffic({ scenario, world: { actors }, agenda, nodes }: Parts): void {
  for (const [index, { place, atMs }] of scenario.traffic.entries())
    agenda.plan(atMs, () => {
      const to = actors[(place + 1 + (index % (actors.length - 1))) % actors.length];
      const call =
        to === undefined || to.address === nodes[place]!.address
          ? { method: 'accounts.skip', args: [] }
          : { method: 'accounts.transfer', args: [fromHex(to.address), BigInt(1 + index), ''] };
      nodes[place]!.submit(call);
    });
}

function planVotes({ scenario, world, agenda, random, nodes, liars }: Parts): void {
  const { actors, founders } = world;
  for (const { motion, target, atMs, by = founders } of scenario.votes)
    for (const seat of by) {
      if (liars.has(actors[seat]!.address)) continue;
      agenda.plan(atMs + random.between(0, scenario.voteSpreadMs), () => {
        const voter = nodes[seat]!;
        const publicKey = keyNamed(voter, motion, actors[target]!);
        voter.submit(buildCall('governance.vote', { motion, target: actors[target]!.address, publicKey }));
      });
    }
}

function planKeyChanges({ scenario, world: { actors, start }, agenda, nodes }: Parts): void {
  for (const { place, atMs } of scenario.keyChanges) {
    const { address, next } = actors[place]!;
    agenda.plan(atMs, () => {
      const rotation = rotationTo(next().privateKey, { genesis: start.genesis, account: address });
      nodes[place]!.submit(buildCall('accounts.rotateKey', rotation));
    });
  }
}

/** The key that a vote names; null for one without. */
function keyNamed(voter: SimulatedNode, motion: Motion, target: Actor): string | null {
  if (motion === 'rekey') return toHex(target.next().publicKey);
  return motion === 'add' ? toHex(voter.keyOf(target.address) ?? target.publicKey) : null;
}
