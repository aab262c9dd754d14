import type { Block, FinalBlock } from '../../consensus/chain/index.ts';
import { type Call, START_MS } from './cast.ts';
import type { Self } from './self.ts';
import type { Subject } from './subject.ts';

/** Whether the record of own votes holds: the real rules, in virtual time. */
export type Doubt = {
  readonly start: () => void;
  readonly wantsSign: () => boolean;
  readonly giveSign: () => Promise<void>;
  readonly advanced: (block: Block) => void;
  /** A snapshot is about to take the place of blocks up to this height. */
  readonly jumping: (height: number) => void;
  readonly enter: () => void;
  /** Whether others must be heard before anything is signed. A first start counts as any other here. */
  readonly isToBeHeard: () => boolean;
  /** False where the block bears a word of this node that its record does not hold: it must stop. */
  readonly recognise: (final: FinalBlock) => boolean;
};

type Parts = {
  /** Heights above this one may be signed from now on. */
  readonly signAbove: (height: number) => void;
  readonly submit: (call: Call) => Promise<void>;
};

export function createDoubt(self: Self, { signAbove, submit }: Parts): Doubt {
  const { subject, actor, disk, agenda, note, place } = self;
  let isFound = false;
  type Real = Parameters<Subject['doubt']['createDoubt']>;
  const voteLog: Pick<Real[1], 'doubt' | 'floorHeight' | 'holds' | 'beginDoubt' | 'endDoubt'> = {
    get doubt() {
      const doubt = disk.doubt();
      return doubt === null ? null : { reason: '', isFirstStart: false, ...doubt };
    },
    get floorHeight() {
      return disk.floorHeight();
    },
    holds: ({ height, kind, digest }) =>
      height <= disk.floorHeight() || disk.holdsWord(`${kind} ${actor.address} ${height} `, ` ${digest}`),
    async beginDoubt(reason, highestHeight) {
      isFound = true;
      disk.beginDoubt(highestHeight);
      note?.(`n${place} is in doubt of its votes: ${reason}`);
    },
    // Virtual time waits for no promise: what the real node does after this, it does here at once.
    async endDoubt(height) {
      disk.endDoubt(height);
      self.count('doubts ended');
      note?.(`n${place} trusts its votes again above ${height}`);
      signAbove(height);
    },
  };
  // All that these use of what the parts of a real node share.
  const shared = {
    self: actor.address,
    contract: subject.contract,
    clock: { utcMs: () => START_MS + Math.floor(agenda.nowMs() + self.skewMs) },
    log: () => undefined,
    head: disk.head,
  } as unknown as Real[0];
  const signOfLife = subject.signOfLife.createSignOfLife(shared, {
    submit,
    waiting: () => [...disk.pending.values()],
    // What is drawn tells this life from others: so does the time, which never comes back.
    draw: (below) => Math.floor(agenda.nowMs()) % below,
  });
  const real = subject.doubt.createDoubt(shared, voteLog as Real[1], {
    signAbove: async () => undefined,
    signOfLife,
    isCurrent: () => true,
  });
  return {
    start: () => real.start(),
    wantsSign: () => real.wantsSign(),
    giveSign: () => signOfLife.give(),
    advanced: (block) => void real.advanced(block),
    jumping: (height) => void real.jumping(height),
    enter() {
      if (disk.doubt() === null) signAbove(disk.floorHeight());
      void real.enter();
    },
    isToBeHeard: () => real.stage() === 'again',
    recognise(final) {
      isFound = false;
      // Its promise is kept long after this instant; what it came to is on the disk at once.
      real.recognise(final).catch(() => undefined);
      return !isFound;
    },
  };
}
