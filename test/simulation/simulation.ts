import type { startAgreement, step } from '../../consensus/protocol/index.ts';
import { createAgenda } from './agenda.ts';
import { createSimulatedNode, type SimulatedNode, type Wire } from './node.ts';
import { seeded } from './random.ts';
import { createWitness } from './witness.ts';

/** The code under test, so that mutants of it can take its place. */
export type Core = { readonly startAgreement: typeof startAgreement; readonly step: typeof step };

export type Outcome =
  | { readonly ok: true; readonly deliveries: number }
  | { readonly ok: false; readonly violation: string };

/** Blocks that every honest node must have in the end. */
const HEIGHTS = 5;
/** Long enough for a dozen rounds at the longest time-out. */
const HEALING_MS = 120_000;

/**
 * One story of a committee, all of it decided by the seed: a bad time with loss, delay, reordering, duplicates,
 * partitions, crashes and perhaps a validator run twice with one key; then good weather, in which everyone must get on.
 */
export function simulate(core: Core, seed: number): Outcome {
  const random = seeded(seed * 7919);
  const agenda = createAgenda();
  const validators = [4, 4, 4, 5, 7][random.below(5)]!;
  const addresses = Array.from({ length: validators }, (_, index) => index.toString(16).padStart(40, 'a'));
  const healedAtMs = random.between(2_000, 8_000);
  const lossRate = random.between(0, 0.3);
  const duplicateRate = random.between(0, 0.1);
  const hasTwin = random.chance(0.4);
  const crashesAllAfterFirstFinal = random.chance(0.4);
  const crashRate = random.chance(0.5) ? 0.01 : 0;
  const witness = createWitness(addresses, hasTwin ? addresses[0]! : null);

  const nodes: SimulatedNode[] = [];
  let sides: number[] = [];
  let outcast: SimulatedNode | null = null;
  let deliveries = 0;
  const isBad = () => agenda.nowMs() < healedAtMs;

  const wire: Wire = {
    send(from, to, deliver) {
      if (from === outcast || to === outcast) return;
      if (isBad()) {
        if (sides[from.place] !== sides[to.place] && random.chance(0.9)) return;
        if (random.chance(lossRate)) return;
      }
      for (let copies = random.chance(duplicateRate) ? 2 : 1; copies > 0; copies -= 1) {
        agenda.plan(isBad() ? random.between(5, 800) : random.between(5, 55), () => {
          deliveries += 1;
          deliver();
        });
      }
    },
    nodes: () => nodes,
    crashesNow: () => isBad() && random.chance(crashRate),
    onFinal(node) {
      if (!crashesAllAfterFirstFinal || !isBad() || outcast !== null) return;
      // The cruellest moment: one node knows that a block is final, and all that could tell forget what they can.
      outcast = node;
      agenda.plan(3_000, () => {
        outcast = null;
      });
      for (const other of nodes) if (other !== node) other.crash(1);
    },
  };

  const partition = () => {
    sides = nodes.map(() => (isBad() ? random.below(2) : 0));
    if (isBad()) agenda.plan(random.between(300, 1_800), partition);
  };
  for (let place = 0; place < validators + (hasTwin ? 1 : 0); place += 1) {
    const address = addresses[place % validators]!;
    nodes.push(createSimulatedNode({ core, place, address, addresses, agenda, random, wire, witness }));
  }
  partition();
  for (const node of nodes) node.start();

  // Everybody has something to say until enough is said; one disk at most is lost with its votes.
  const remind = () => {
    for (const node of nodes) if (node.height() < HEIGHTS && random.chance(0.6)) node.remind();
    agenda.plan(random.between(200, 1_000), remind);
  };
  remind();
  if (random.chance(0.3)) agenda.plan(random.between(500, 4_000), () => nodes.at(-1)!.loseDisk());

  const deadlineMs = healedAtMs + HEALING_MS;
  while (agenda.nowMs() < deadlineMs && agenda.advance()) {
    const violation = witness.violation();
    if (violation !== null) return { ok: false, violation };
    if (!isBad() && nodes.every((node) => node.height() >= HEIGHTS)) return { ok: true, deliveries };
  }
  const heights = nodes.map((node) => node.height()).join(' ');
  return { ok: false, violation: `stalled: heights ${heights} ${HEALING_MS} ms after healing` };
}
