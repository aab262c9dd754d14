import type { FinalBlock, Head } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type { Agenda } from './agenda.ts';
import { createLiar, type Liar } from './byzantine.ts';
import { type Actor, type KeyPair, sameBytes, type World } from './cast.ts';
import type { Count } from './counts.ts';
import { createDisk } from './disk.ts';
import { createExecutions } from './executions.ts';
import { createMisfortune, type PlannedFailure } from './misfortune.ts';
import { createNetwork, type Network, type Passage } from './network.ts';
import { createNode, type SimulatedNode } from './node.ts';
import type { Written } from './power.ts';
import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { createSeals } from './seals.ts';
import { createSignatures } from './signatures.ts';
import type { Subject } from './subject.ts';
import { describe } from './transcript.ts';
import type { Witness } from './witness.ts';
import type { Works } from './works.ts';

/** Those who take part in a story, and what stands between them. */
export type Street = {
  readonly nodes: readonly SimulatedNode[];
  readonly network: Network;
  /** What each place has written, in order. */
  readonly writes: readonly (readonly Written[])[];
};

type Parts = {
  readonly subject: Subject;
  readonly scenario: Scenario;
  readonly world: World;
  readonly agenda: Agenda;
  readonly works: Works;
  readonly random: Random;
  readonly witness: Witness;
  /** By address: who may say what he likes. */
  readonly liars: ReadonlySet<string>;
  /** Keys change in this story, so that it matters which one signed. */
  readonly keysChange: boolean;
  readonly count: Count;
  readonly note: ((line: string) => void) | null;
  readonly planned: PlannedFailure | undefined;
  readonly isLost: (passage: Passage) => boolean;
};

export function createStreet(parts: Parts): Street {
  const { subject, scenario, world, agenda, random, keysChange, count, note } = parts;
  const { actors, start } = world;
  // A twin takes a further place, with the key of another.
  const seats = [...actors.keys(), ...scenario.twins];
  const addressOf = (place: number) => actors[seats[place]!]!.address;
  const isLiar = (place: number) => parts.liars.has(addressOf(place));
  const placesOf = (address: string) => [...seats.keys()].filter((place) => addressOf(place) === address);
  const signatures = createSignatures(subject, world, keysChange);
  const seals = createSeals(subject, world);
  const executions = createExecutions(subject);
  const nodes: SimulatedNode[] = [];
  const liars = new Map<number, Liar>();

  const network = createNetwork({
    weather: scenario.weather,
    healedAtMs: scenario.healedAtMs,
    places: seats.length,
    agenda,
    random,
    subject,
    count,
    isLost: parts.isLost,
    deliver(to, from, envelope) {
      note?.(`n${from} -> n${to} ${describe(envelope)}`);
      liars.get(to)?.hears(envelope);
      nodes[to]!.hear(envelope, addressOf(from));
    },
  });
  const { planned } = parts;
  const places = seats.length;
  const near = { agenda, random, network, nodes, isLiar, count };
  const misfortune = createMisfortune({ scenario, planned, places, ...near });
  const witness = watching(parts, { isLiar, onFinal: misfortune.onFinal });

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
      prunes: scenario.prunes.includes(place),
      epochBlocks: scenario.epochBlocks,
      agenda,
      works: parts.works,
      random,
      signatures,
      seals,
      executions,
      witness,
      say(envelope: Envelope, to?: string) {
        const liar = liars.get(place);
        if (liar !== undefined) liar.speak(envelope, to);
        else for (const other of to === undefined ? others : placesOf(to)) send(other, envelope);
      },
      recognisesItself: !scenario.liars.has(place) && !scenario.twins.includes(seat),
      fateOf: (what: Written) => misfortune.fateOf(place, what),
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
  return { nodes, network, writes: misfortune.writes };
}

/** The witness, who does not listen to liars, and is counted with. */
function watching(
  { witness, world, count }: Parts,
  { isLiar, onFinal }: { isLiar: (place: number) => boolean; onFinal: (place: number) => void },
): Witness {
  const ofLiars = new Map<string, { final: FinalBlock; next: Head }>();
  return {
    ...witness,
    // What a liar takes for final is its own affair.
    finalised(place, final, next) {
      if (isLiar(place)) {
        ofLiars.set(next.digest, { final, next });
        return;
      }
      const known = witness.chain().length;
      const before = witness.chain().at(-1)?.next ?? world.start;
      witness.finalised(place, final, next);
      if (witness.chain().length > known) {
        if (final.certificate.round > 0) count('blocks final above round 0');
        if (next.header.validatorsHash !== before.header.validatorsHash) count('changes of the committee');
      }
      onFinal(place);
    },
    adopted(place, head) {
      if (isLiar(place)) return;
      // The newest block of all may be a liar's secret, but for a snapshot of it: it is final all the same.
      const decided = ofLiars.get(head.digest);
      if (head.height > witness.chain().length && decided !== undefined)
        witness.finalised(place, decided.final, decided.next);
      witness.adopted(place, head);
    },
    dropped: (place, provider, reason) => {
      if (!isLiar(place)) witness.dropped(place, provider, reason);
    },
    confirmed: (place, id, height) => {
      if (!isLiar(place)) witness.confirmed(place, id, height);
    },
    keeps: (place, state) => {
      if (!isLiar(place)) witness.keeps(place, state);
    },
    said: (place, message, isOnDisk) => {
      if (!isLiar(place)) witness.said(place, message, isOnDisk);
    },
  };
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
