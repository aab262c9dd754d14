import { encodeFinalBlock, type FinalBlock } from '../chain/index.ts';
import type { Address } from '../contract/types.ts';
import { sign } from '../crypto/index.ts';
import { type Envelope, encodeEnvelope, signedDigest } from '../network/index.ts';
import { digestOf, type Message, type OwnMessage } from '../protocol/index.ts';
import type { Bodies } from './bodies.ts';
import type { Shared } from './shared.ts';

/** What this node says in the agreement: signed, and with the block that its listeners may lack. */
export type Voice = {
  /** Null while the key that the ledger names is not at hand. */
  readonly signed: (message: OwnMessage) => Message | null;
  /** @param to one node alone; absent: all of them */
  readonly publish: (message: Message, to?: Address) => void;
  /** To all, validators or not. */
  readonly announce: (final: FinalBlock) => void;
};

export function createVoice(
  { signer, genesis, transport, counters }: Shared,
  bodies: Pick<Bodies, 'get'>,
): Voice {
  return {
    signed(message) {
      const key = signer.current();
      if (key === undefined) {
        counters.unsigned += 1;
        return null;
      }
      const signature = sign(signedDigest(genesis, message), key.privateKey, key.publicKey);
      return { ...message, signature } as Message;
    },
    publish(message, to) {
      const payload = encodeEnvelope(envelopeOf(message, bodies));
      const channel = message.kind === 'proposal' ? 'proposal' : 'vote';
      if (!transport.publish({ channel, payload, ...(to === undefined ? {} : { to }) })) counters.unsent += 1;
    },
    announce(final) {
      const { height } = final.block.header;
      const payload = encodeEnvelope({ channel: 'block', height, finalBlock: encodeFinalBlock(final) });
      if (!transport.publish({ channel: 'block', payload })) counters.unsent += 1;
    },
  };
}

/** The message with the block that it needs, where that is at hand. */
export function envelopeOf(message: Message, bodies: Pick<Bodies, 'get'>): Envelope {
  const digest = digestOf(message);
  const block = digest === undefined ? null : (bodies.get(digest)?.bytes ?? null);
  switch (message.kind) {
    case 'proposal':
      if (block === null) throw new Error('an own proposal without its block');
      return { channel: 'proposal', message, block };
    case 'round-change':
      return { channel: 'vote', message, block: message.prepared === null ? null : block };
    case 'prepare':
    case 'commit':
      return { channel: 'vote', message, block: null };
  }
}
