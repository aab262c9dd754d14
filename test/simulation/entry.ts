import type { Self } from './self.ts';
import type { Subject } from './subject.ts';

export type Entry = {
  readonly begin: () => void;
  readonly heard: (from: string, headHeight: number) => void;
  readonly advanced: () => void;
};

type Parts = {
  readonly setTimer: (name: string, delayMs: number, action: () => void) => void;
  readonly isToBeHeard: () => boolean;
  /** A quorum has said where the chain is, and this node is there. */
  readonly enter: () => void;
};

/** The real rules of who may sign after a start, in virtual time. */
export function createEntry(
  { subject, actor, disk, say }: Self,
  { setTimer, isToBeHeard, enter }: Parts,
): Entry {
  const real = subject.entry.createEntry(
    {
      self: actor.address,
      head: disk.head,
      counters: { unsent: 0 },
      transport: {
        connected: true,
        publish({ channel, to, payload }: Question) {
          const question = subject.network.decodeEnvelope(channel, payload);
          if (question.ok) say(question.envelope, to);
          return true;
        },
      },
      timers: { set: setTimer },
      // All that it uses of what the parts of a real node share.
    } as unknown as Parameters<Subject['entry']['createEntry']>[0],
    {
      stage: () => (isToBeHeard() ? 'again' : 'none'),
      enter: async () => enter(),
    },
  );
  return {
    begin() {
      // The two steps of its start, without the promise between them, for which virtual time would not wait.
      void real.advanced();
      real.connected();
    },
    heard: (from, headHeight) => void real.heard(from, headHeight),
    advanced: () => void real.advanced(),
  };
}

type Question = { readonly channel: 'sync-request'; readonly to: string; readonly payload: Uint8Array };
