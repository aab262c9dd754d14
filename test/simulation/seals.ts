import type { Head } from '../../consensus/chain/index.ts';
import { type KeyPair, sameBytes, type World } from './cast.ts';
import type { Subject } from './subject.ts';

/**
 * The real signatures of commits. Each is made when a certificate first needs it: most are never looked at. Who asks
 * for one has the commit in hand, and that its author said it has been looked up.
 */
export type Seals = {
  /** @param validators who decide on this height, and by which keys */
  readonly of: (
    author: string,
    sealed: { readonly height: number; readonly round: number; readonly digest: string },
    validators: Head['validators'],
  ) => Uint8Array;
};

export function createSeals({ chain }: Subject, { actors, start }: World): Seals {
  const made = new Map<string, Uint8Array>();
  const keyOf = (author: string, validators: Head['validators']): KeyPair => {
    const actor = actors.find(({ address }) => address === author);
    if (actor === undefined) throw new Error(`${author} does not take part`);
    const member = validators.find(({ address }) => address === author);
    return member === undefined || sameBytes(member.publicKey, actor.publicKey) ? actor : actor.next();
  };
  return {
    of(author, sealed, validators) {
      const name = `${author} ${sealed.height} ${sealed.round} ${sealed.digest}`;
      const seal =
        made.get(name) ??
        chain.signSeal({ genesis: start.genesis, ...sealed }, keyOf(author, validators).privateKey);
      made.set(name, seal);
      return seal;
    },
  };
}
