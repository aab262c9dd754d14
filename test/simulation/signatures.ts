import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';

/**
 * Signatures of messages are symbols here: what an author has said is on a list, and whoever hears a message looks it
 * up, with all that it carries, where the real node verifies. Nobody can put anything on another's list. That is what a
 * signature scheme promises; whether the promise is kept is the tests' of `crypto` business. Seals are real.
 */
export type Signatures = {
  readonly sign: (message: OwnMessage) => Message;
  /** Whether each part was said by its author. */
  readonly isGenuine: (message: Message) => boolean;
};

/** What the codec writes where a signature belongs. */
const SYMBOL = new Uint8Array(64);

export function createSignatures(): Signatures {
  const said = new Set<string>();
  const isSaid = (message: OwnMessage) => said.has(nameOf(message));
  return {
    sign(message) {
      said.add(nameOf(message));
      return { ...message, signature: SYMBOL } as Message;
    },
    isGenuine(message) {
      if (!isSaid(message)) return false;
      if (message.kind === 'round-change') return message.prepares.every(isSaid);
      if (message.kind !== 'proposal' || message.justification === null) return true;
      const { roundChanges, prepares } = message.justification;
      return roundChanges.every(isSaid) && prepares.every(isSaid);
    },
  };
}

/** All that the signature covers, and the author. */
export function nameOf(message: OwnMessage): string {
  const { kind, author, height, round } = message;
  if (kind !== 'round-change') return `${kind} ${author} ${height} ${round} ${message.digest}`;
  const { prepared } = message;
  const claim = prepared === null ? '-' : `${prepared.round} ${prepared.digest}`;
  return `${kind} ${author} ${height} ${round} ${claim}`;
}
