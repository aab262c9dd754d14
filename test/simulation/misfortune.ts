import type { Agenda } from './agenda.ts';
import type { Count } from './counts.ts';
import type { Fate } from './disk.ts';
import type { Network } from './network.ts';
import type { SimulatedNode } from './node.ts';
import type { Written } from './power.ts';
import type { Random } from './random.ts';
import type { Scenario } from './scenario.ts';

/** A write that is to fail: the k-th of its node, or of its kind there, counted over all its lives. */
export type PlannedFailure = {
  readonly place: number;
  readonly what?: Written;
  readonly write: number;
  readonly fate: Exclude<Fate, 'goes on'>;
  /** The power of the whole street fails with it. */
  readonly everywhere: boolean;
};

/** What chance does to nodes in the middle of what they are doing. */
export type Misfortune = {
  /** Asked at every write. */
  readonly fateOf: (place: number, what: Written) => Fate;
  /** A node takes a block for final. */
  readonly onFinal: (place: number) => void;
  /** What each place has written, in order. */
  readonly writes: readonly (readonly Written[])[];
};

type Parts = {
  readonly scenario: Scenario;
  readonly planned: PlannedFailure | undefined;
  readonly places: number;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly network: Network;
  /** Those that there are when it strikes. */
  readonly nodes: readonly SimulatedNode[];
  readonly isLiar: (place: number) => boolean;
  readonly count: Count;
};

export function createMisfortune(parts: Parts): Misfortune {
  const { scenario, planned, places, agenda, random, network, nodes, isLiar, count } = parts;
  const writes = Array.from({ length: places }, (): Written[] => []);

  const isPlanned = (place: number, what: Written): boolean => {
    if (planned === undefined || planned.place !== place) return false;
    if (planned.what !== undefined && planned.what !== what) return false;
    const alike = writes[place]!.filter((kind) => planned.what === undefined || kind === planned.what);
    return planned.write === alike.length;
  };

  const fateOf = (place: number, what: Written): Fate => {
    writes[place]!.push(what);
    if (planned !== undefined) {
      if (!isPlanned(place, what)) return 'goes on';
      if (planned.everywhere)
        for (const node of nodes)
          if (node.place !== place) agenda.plan(0, () => node.crash(random.between(1, 300)));
      count('failed writes');
      return planned.fate;
    }
    if (network.isHealed() || !random.chance(scenario.disk.failureRate)) return 'goes on';
    count('failed writes');
    return random.pick(['before', 'half', 'after'] as const);
  };

  let cruelIsDue = scenario.cruelty !== 'none';
  const onFinal = (place: number) => {
    if (!cruelIsDue || network.isHealed() || isLiar(place) || random.chance(0.5)) return;
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
  return { fateOf, onFinal, writes };
}
