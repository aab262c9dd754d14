import { sealDigest } from '../chain/index.ts';
import type { Address, Hash } from '../contract/types.ts';
import { domainHash, fromHex, type Verify } from '../crypto/index.ts';
import { encode } from '../encoding/index.ts';
import type { Message, OwnMessage } from '../protocol/index.ts';

/**
 * The 32 bytes that a validator signs: chain, kind, height, round and what it says about them. A commit's is the
 * seal of the chain's certificates. Justifications and proofs are left out: they carry signatures of their own.
 */
export function signedDigest(genesis: Hash, message: OwnMessage): Uint8Array {
  const { height, round } = message;
  const place = [fromHex(genesis), BigInt(height), BigInt(round)];
  switch (message.kind) {
    case 'proposal':
      return domainHash('proposal', encode([...place, fromHex(message.digest)]));
    case 'prepare':
      return domainHash('prepare', encode([...place, fromHex(message.digest)]));
    case 'commit':
      return sealDigest({ genesis, height, round, digest: message.digest });
    case 'round-change': {
      const { prepared } = message;
      const claim = prepared === null ? null : [BigInt(prepared.round), fromHex(prepared.digest)];
      return domainHash('round-change', encode([...place, claim]));
    }
  }
}

export type Verification = {
  readonly genesis: Hash;
  /** Undefined for who is no validator. */
  readonly publicKeyOf: (author: Address) => Uint8Array | undefined;
  readonly verify: Verify;
};

/** Whether every signature in the message holds, those of its justification and proofs included. */
export function isGenuine(message: Message, verification: Verification): boolean {
  if (!isSignedByAuthor(message, verification)) return false;
  switch (message.kind) {
    case 'proposal': {
      const { justification } = message;
      if (justification === null) return true;
      const inner = [...justification.roundChanges, ...justification.prepares];
      return inner.every((vote) => isSignedByAuthor(vote, verification));
    }
    case 'round-change':
      return message.prepares.every((vote) => isSignedByAuthor(vote, verification));
    case 'prepare':
    case 'commit':
      return true;
  }
}

function isSignedByAuthor(message: Message, { genesis, publicKeyOf, verify }: Verification): boolean {
  const publicKey = publicKeyOf(message.author);
  return publicKey !== undefined && verify(signedDigest(genesis, message), message.signature, publicKey);
}
