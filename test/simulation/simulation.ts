import type { Head } from '../../consensus/chain/index.ts';
import { buildCall, type Motion, rotationTo } from '../../consensus/contract/index.ts';
import { fromHex, toHex } from '../../consensus/crypto/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import { digestOf } from '../../consensus/protocol/index.ts';
import { createAgenda } from './agenda.ts';
import { createLiar, type Liar } from './byzantine.ts';
import { type Actor, type KeyPair, sameBytes, worldOf } from './cast.ts';
import { type Count, type Counts, countsOf } from './counts.ts';
import { createDisk, type Fate } from './disk.ts';
import { createExecutions } from './executions.ts';
import { createNetwork, kindOf, type Passage } from './network.ts';
import { createNode, type SimulatedNode } from './node.ts';
import { seeded } from './random.ts';
import type { Scenario } from './scenario.ts';
import { createSeals } from './seals.ts';
import { createSignatures } from './signatures.ts';
import type { Subject } from './subject.ts';
import { createWitness, type Witness } from './witness.ts';

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

/** A write that is to fail: the k-th of its node, counted over all its lives. */
export type PlannedFailure = {
  readonly place: number;
  readonly write: number;
  readonly fate: Exclude<Fate, 'goes on'>;
  /** The power of the whole street fails with it. */
  readonly everywhere: boolean;
};

export type Wishes = {
  readonly note?: (line: string) => void;
  readonly failure?: PlannedFailure;
  readonly isLost?: (passage: Passage) => boolean;
  /** Told how many writes each place has made. */
  readonly onEnd?: (writes: readonly number[]) => void;
};

/** Steps that no story needs: one that takes more goes in circles. */
const STEPS_MAX = 400_000;

/**
 * One story of a neighbourhood's chain: a bad time, then good weather, in which all that clients have said must become
 * final at every honest node within `boundMs`. Safety is watched at every step.
 */
export function simulate(subject: Subject, scenario: Scenario, wishes: Wishes = {}): Outcome {
  const agenda = createAgenda();
  const random = seeded(Math.imul(scenario.seed, 104_729) ^ 0xbad);
  const world = worldOf(subject, scenario);
  const { actors, start } = world;
  const addressOf = (place: number) => actors[seats[place]!]!.address;
  // A twin takes a further place, with the key of another.
  const seats = [...actors.keys(), ...scenario.twins];
  const keysChange =
    scenario.keyChanges.length > 0 || scenario.votes.some(({ motion }) => motion === 'revoke');
  const liarAddresses = new Set(
    [
      ...scenario.liars.keys(),
      ...scenario.twins,
      ...scenario.disk.putBack.filter(({ isFault }) => isFault).map(({ place }) => place),
    ].map((place) => actors[place]!.address),
  );
  const witness = createWitness(world, liarAddresses, scenario.epochBlocks);
  const signatures = createSignatures(subject, world, keysChange);
  const seals = createSeals(subject, world);
  const executions = createExecutions(subject);
  const note =
    wishes.note === undefined ? null : (line: string) => wishes.note?.(`${stamp(agenda.nowMs())} ${line}`);
  const counts = countsOf(scenario);
  const count: Count = (what, by = 1) => {
    counts[what] += by;
  };
  const nodes: SimulatedNode[] = [];
  const liars = new Map<number, Liar>();
  const writes = seats.map(() => 0);

  const network = createNetwork({
    weather: scenario.weather,
    healedAtMs: scenario.healedAtMs,
    places: seats.length,
    agenda,
    random,
    subject,
    count,
    isLost: wishes.isLost ?? (() => false),
    deliver(to, from, envelope) {
      note?.(`n${from} -> n${to} ${describe(envelope)}`);
      liars.get(to)?.hears(envelope);
      nodes[to]!.hear(envelope, addressOf(from));
    },
  });
  const placesOf = (address: string) => [...seats.keys()].filter((place) => addressOf(place) === address);

  const fateOf = (place: number): Fate => {
    writes[place]! += 1;
    const { failure } = wishes;
    if (failure !== undefined) {
      if (failure.place !== place || failure.write !== writes[place]) return 'goes on';
      if (failure.everywhere)
        for (const node of nodes)
          if (node.place !== place) agenda.plan(0, () => node.crash(random.between(1, 300)));
      count('failed writes');
      return failure.fate;
    }
    if (network.isHealed() || !random.chance(scenario.disk.failureRate)) return 'goes on';
    count('failed writes');
    return random.pick(['before', 'half', 'after'] as const);
  };

  let cruelIsDue = scenario.cruelty !== 'none';
  const onFinal = (place: number) => {
    if (!cruelIsDue || network.isHealed() || liarAddresses.has(addressOf(place)) || random.chance(0.5))
      return;
    cruelIsDue = false;
    // The cruellest moment: one node knows that a block is final, and all that could tell forget what they can.
    if (scenario.cruelty !== 'crash') {
      const cutOffMs = random.between(1_000, 5_000);
      network.cutOff(place, cutOffMs);
      agenda.plan(cutOffMs, () => nodes[place]!.connected());
    }
    for (const node of nodes)
      if ((node.place === place) === (scenario.cruelty === 'crash') && scenario.cruelty !== 'cut off')
        agenda.plan(0, () => node.crash(random.between(1, 300)));
  };
  const watching: Witness = {
    ...witness,
    // What a liar takes for final is its own affair.
    finalised(place, final, next) {
      if (liarAddresses.has(addressOf(place))) return;
      const known = witness.chain().length;
      const before = witness.chain().at(-1)?.next ?? start;
      witness.finalised(place, final, next);
      if (witness.chain().length > known) {
        if (final.certificate.round > 0) count('blocks final above round 0');
        if (next.header.validatorsHash !== before.header.validatorsHash) count('changes of the committee');
      }
      onFinal(place);
    },
    confirmed: (place, id, height) => {
      if (!liarAddresses.has(addressOf(place))) witness.confirmed(place, id, height);
    },
    keeps: (place, state) => {
      if (!liarAddresses.has(addressOf(place))) witness.keeps(place, state);
    },
    said: (place, message, isOnDisk) => {
      if (!liarAddresses.has(addressOf(place))) witness.said(place, message, isOnDisk);
    },
  };

  for (const [place, seat] of seats.entries()) {
    const actor = actors[seat]!;
    const others = [...seats.keys()].filter((other) => other !== place);
    const send = (to: number, envelope: Envelope) => network.send(place, to, envelope);
    const disk = createDisk(start, scenario.disk.syncRate);
    const self = {
      subject,
      world,
      place,
      actor,
      disk,
      key: keysChange ? keyByState(subject, actor, disk.head) : () => actor,
      keysChange,
      timing: scenario.timing,
      allowedSkewMs: scenario.allowedSkewMs,
      skewMs: scenario.skewsMs[place]!,
      thinkMs: scenario.thinkMs,
      resendsTransactions: scenario.votes.length > 0 || keysChange,
      agenda,
      random,
      signatures,
      seals,
      executions,
      witness: watching,
      say(envelope: Envelope, to?: string) {
        const liar = liars.get(place);
        if (liar !== undefined) liar.speak(envelope, to);
        else for (const other of to === undefined ? others : placesOf(to)) send(other, envelope);
      },
      recognisesItself: !scenario.liars.has(place) && !scenario.twins.includes(seat),
      fateOf: () => fateOf(place),
      count,
      note,
    };
    nodes.push(createNode(self, () => random.between(1, 1_000)));
    const vices = scenario.liars.get(place);
    if (vices === undefined) continue;
    const life = () => nodes[place]!.life();
    const quorum = () => Math.ceil((2 * disk.head().validators.length) / 3);
    liars.set(place, createLiar(new Set(vices), { self, life, quorum, others, placesOf, send }));
  }

  for (const node of nodes) node.start();
  for (const { place, atMs, downMs } of scenario.crashes)
    agenda.plan(atMs, () => nodes[place]!.crash(downMs));
  for (const { place, atMs } of scenario.disk.lost)
    agenda.plan(atMs, () => nodes[place]!.loseVotes(random.between(1, 1_000)));
  for (const { place, copiedAtMs, atMs } of scenario.disk.putBack)
    agenda.plan(copiedAtMs, () => {
      const putBack = nodes[place]!.backUp();
      agenda.plan(atMs - copiedAtMs, () => putBack(random.between(1, 300)));
    });
  for (const [index, { place, atMs }] of scenario.traffic.entries())
    agenda.plan(atMs, () => {
      const to = actors[(place + 1 + (index % (actors.length - 1))) % actors.length];
      const call =
        to === undefined || to.address === nodes[place]!.address
          ? { method: 'accounts.skip', args: [] }
          : { method: 'accounts.transfer', args: [fromHex(to.address), BigInt(1 + index), ''] };
      nodes[place]!.submit(call);
    });
  for (const { motion, target, atMs, by = world.founders } of scenario.votes)
    for (const seat of by) {
      if (liarAddresses.has(actors[seat]!.address)) continue;
      agenda.plan(atMs + random.between(0, scenario.voteSpreadMs), () => {
        const voter = nodes[seat]!;
        const publicKey = keyNamed(voter, motion, actors[target]!);
        voter.submit(buildCall('governance.vote', { motion, target: actors[target]!.address, publicKey }));
      });
    }
  for (const { place, atMs } of scenario.keyChanges) {
    const { address, next } = actors[place]!;
    agenda.plan(atMs, () => {
      const rotation = rotationTo(next().privateKey, { genesis: start.genesis, account: address });
      nodes[place]!.submit(buildCall('accounts.rotateKey', rotation));
    });
  }
  agenda.plan(scenario.healedAtMs, () => {
    note?.('the network is well again');
    for (const node of nodes) if (!node.isValidator()) node.connected();
  });

  const honest = nodes.filter((node) => !liarAddresses.has(node.address));
  const lastTrafficMs = Math.max(
    0,
    ...scenario.traffic.map(({ atMs }) => atMs),
    ...scenario.votes.map(({ atMs }) => atMs + scenario.voteSpreadMs),
    ...scenario.keyChanges.map(({ atMs }) => atMs),
  );
  const isDone = () => {
    if (agenda.nowMs() <= lastTrafficMs || !network.isHealed()) return false;
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

/** Of an actor's two keys the one that the newest block names. */
function keyByState({ contract }: Subject, actor: Actor, head: () => Head): () => KeyPair | undefined {
  let known: { readonly on: Head; readonly key: KeyPair | undefined } | null = null;
  return () => {
    const on = head();
    if (known?.on === on) return known.key;
    const named = contract.publicKeyOf(on.state, actor.address);
    const key = named === undefined ? undefined : sameBytes(named, actor.publicKey) ? actor : actor.next();
    known = { on, key };
    return key;
  };
}

function seatsIn({ validators }: Head, actors: readonly Actor[]): string {
  const nameOf = ({ address, publicKey }: Head['validators'][number]) => {
    const place = actors.findIndex((actor) => actor.address === address);
    return `n${place}${sameBytes(publicKey, actors[place]!.publicKey) ? '' : "'"}`;
  };
  return validators.map(nameOf).join(' ');
}

/** The key that a vote names; null for one without. */
function keyNamed(voter: SimulatedNode, motion: Motion, target: Actor): string | null {
  if (motion === 'rekey') return toHex(target.next().publicKey);
  return motion === 'add' ? toHex(voter.keyOf(target.address) ?? target.publicKey) : null;
}

/**
 * Longest that recovery may take: what is left of a round at the cap, then for each block still to come a round for
 * every liar whose turn it may be and one more, and a few seconds for what waits for a question to be asked again.
 */
function boundMs({ timing, founders, others }: Scenario): number {
  const liars = Math.floor((founders + others - 1) / 3);
  return 20_000 + 6 * (liars + 2) * timing.maxTimeoutMs;
}

function stamp(ms: number): string {
  return ms.toFixed(1).padStart(9);
}

function describe(envelope: Envelope): string {
  if (!('message' in envelope)) {
    if (envelope.channel === 'sync-request') return `sync-request from ${envelope.fromHeight}`;
    if (envelope.channel === 'sync-response')
      return `sync-response ${envelope.finalBlocks.length} of ${envelope.headHeight}`;
    if (envelope.channel === 'transaction') return `transactions ${envelope.transactions.length}`;
    return envelope.channel === 'block' ? `block ${envelope.height}` : envelope.channel;
  }
  const { message } = envelope;
  const digest = digestOf(message)?.slice(0, 8) ?? '';
  const prepared =
    message.kind === 'round-change' && message.prepared !== null
      ? ` prepared in ${message.prepared.round}`
      : '';
  return `${kindOf(envelope)} ${message.height}/${message.round} ${digest}${prepared}`;
}
