import { envelopeOf } from '../../consensus/node/voice.ts';
import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';
import type { Self } from './self.ts';
import { nameOf } from './signatures.ts';
import type { Subject } from './subject.ts';

type Bodies = ReturnType<Subject['bodies']['createBodies']>;

/** What a node signs and sends, and whether what it hears was signed. */
export type Voice = {
  /** Signs and sends, to one or to all; null while the key that the ledger names is not at hand. */
  readonly speak: (message: OwnMessage, to?: string) => Message | null;
  readonly isGenuine: (message: Message) => boolean;
  /** There is a new head. */
  readonly advanced: () => void;
};

export function createVoice(self: Self, bodies: Bodies): Voice {
  const { subject, world, place, disk, witness, signatures, say } = self;
  const { head } = disk;
  const judge = subject.judge.createJudge(
    // All that it uses of what the parts of a real node share.
    {
      head,
      genesis: world.start.genesis,
      contract: subject.contract,
      verify: signatures.verify,
    } as unknown as Parameters<Subject['judge']['createJudge']>[0],
    bodies.committees,
  );

  return {
    speak(own, to) {
      const key = self.key();
      if (key === undefined) return null;
      witness.said(place, own, disk.holds(nameOf(own)));
      const message = signatures.sign(own, key);
      say(envelopeOf(message, bodies), to);
      return message;
    },
    isGenuine(message) {
      if (self.keysChange) return judge.holds(message);
      // Who is no validator now may be one by the next block, where the agreement asks again, or late and not know it.
      const isSeated = head().validators.some(({ address }) => address === message.author);
      return (isSeated || message.height !== head().height + 1) && signatures.isGenuine(message);
    },
    advanced: judge.advanced,
  };
}
