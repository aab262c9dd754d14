import type { Envelope } from '../../consensus/network/index.ts';
import type { Call } from './cast.ts';
import { beginLife, type Life } from './life.ts';
import { POWER_FAILS } from './power.ts';
import type { Self } from './self.ts';

/** One node over all its lives. */
export type SimulatedNode = {
  readonly place: number;
  readonly address: string;
  readonly height: () => number;
  readonly digest: () => string;
  /** What an account signs with, as far as this node knows. */
  readonly keyOf: (address: string) => Uint8Array | undefined;
  readonly isValidator: () => boolean;
  readonly isInDoubt: () => boolean;
  /** Own transactions that are not final. */
  readonly ownPending: () => number;
  readonly life: () => Life | null;
  readonly start: () => void;
  readonly hear: (envelope: Envelope, from: string) => void;
  readonly submit: (call: Call) => void;
  /** The network can be reached again. */
  readonly connected: () => void;
  readonly crash: (downMs: number) => void;
  /** Crashes, and comes back without its record of votes. */
  readonly loseVotes: (downMs: number) => void;
  /** Copies its whole disk; called later, crashes, and comes back with that copy. */
  readonly backUp: () => (downMs: number) => void;
};

export function createNode(self: Self, downMs: () => number): SimulatedNode {
  const { disk, agenda, random, place, actor, note, count } = self;
  let life: Life | null = null;

  const node: SimulatedNode = {
    place,
    address: actor.address,
    height: () => disk.head().height,
    digest: () => disk.head().digest,
    keyOf: (address) => self.subject.contract.publicKeyOf(disk.head().state, address),
    isValidator: () => disk.head().validators.some(({ address }) => address === actor.address),
    isInDoubt: () => disk.doubt() !== null,
    ownPending: () => disk.pending.size,
    life: () => life,
    start() {
      if (life !== null) return;
      note?.(
        `n${place} starts at height ${disk.head().height}${disk.doubt() === null ? '' : ', its votes in doubt'}`,
      );
      life = beginLife({ ...self, agenda: guarded }, () => node.crash(downMs()));
    },
    hear: (envelope, from) => onPower(() => life?.hear(envelope, from)),
    submit: (call) => onPower(() => life?.submit(call)),
    connected: () => onPower(() => life?.askForBlocks()),
    crash(downForMs) {
      if (life === null) return;
      life.end();
      life = null;
      disk.crash(random);
      count('crashes');
      note?.(`n${place} crashes, for ${Math.ceil(downForMs)} ms; its disk has ${disk.head().height} blocks`);
      agenda.plan(downForMs, node.start);
    },
    backUp() {
      const backup = disk.copy();
      note?.(`n${place} is backed up at height ${disk.head().height}`);
      return (downForMs) => {
        node.crash(downForMs);
        disk.putBack(backup);
        count('directories put back');
        note?.(`n${place} is put back to height ${disk.head().height}`);
      };
    },
    loseVotes(downForMs) {
      node.crash(downForMs);
      disk.loseVotes(random);
      count('records of votes lost');
      note?.(`n${place} has lost its record of votes`);
    },
  };

  const onPower = (action: () => void) => {
    try {
      action();
    } catch (error) {
      if (error !== POWER_FAILS) throw error;
      node.crash(downMs());
    }
  };
  const guarded = {
    ...agenda,
    plan: (delayMs: number, action: () => void) => agenda.plan(delayMs, () => onPower(action)),
  };
  return node;
}
