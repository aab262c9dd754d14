import { toHex, type Verify } from '../../consensus/crypto/index.ts';
import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';
import type { KeyPair, World } from './cast.ts';
import type { Subject } from './subject.ts';

/**
 * Signatures of messages are symbols here: what an author has said is on a list, and whoever hears a message looks it
 * up, with all that it carries, where the real node verifies. Nobody can put anything on another's list. That is what a
 * signature scheme promises; whether the promise is kept is the tests' of `crypto` business. Seals are real.
 */
export type Signatures = {
  readonly sign: (message: OwnMessage, key: KeyPair) => Message;
  /** Whether each part was said by its author. */
  readonly isGenuine: (message: Message) => boolean;
  /** By which key: what stands in for the real node's verification. */
  readonly verify: Verify;
};

/** What the codec writes where a signature belongs. */
const SYMBOL = new Uint8Array(64);

/** @param byKey whether keys change, so that it matters which one signed */
export function createSignatures({ network }: Subject, { start }: World, byKey: boolean): Signatures {
  const said = new Set<string>();
  const byKeys = new Set<string>();
  const isSaid = (message: OwnMessage) => said.has(nameOf(message));
  return {
    sign(message, { publicKey }) {
      said.add(nameOf(message));
      if (byKey) byKeys.add(signedBy(network.signedDigest(start.genesis, message), publicKey));
      return { ...message, signature: SYMBOL } as Message;
    },
    isGenuine(message) {
      if (!isSaid(message)) return false;
      if (message.kind === 'round-change') return message.prepares.every(isSaid);
      if (message.kind !== 'proposal' || message.justification === null) return true;
      const { roundChanges, prepares } = message.justification;
      return roundChanges.every(isSaid) && prepares.every(isSaid);
    },
    verify: (digest, _signature, publicKey) => byKeys.has(signedBy(digest, publicKey)),
  };
}

function signedBy(digest: Uint8Array, publicKey: Uint8Array): string {
  return `${toHex(digest)} ${toHex(publicKey)}`;
}

/** All that the signature covers, and the author. */
export function nameOf(message: OwnMessage): string {
  const { kind, author, height, round } = message;
  if (kind !== 'round-change') return `${kind} ${author} ${height} ${round} ${message.digest}`;
  const { prepared } = message;
  const claim = prepared === null ? '-' : `${prepared.round} ${prepared.digest}`;
  return `${kind} ${author} ${height} ${round} ${claim}`;
}
