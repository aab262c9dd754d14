import type { World } from './cast.ts';
import type { Subject } from './subject.ts';

/**
 * The real signatures of commits. Each is made when a certificate first needs it: most are never looked at. Who asks
 * for one has the commit in hand, and that its author said it has been looked up.
 */
export type Seals = {
  readonly of: (
    author: string,
    sealed: { readonly height: number; readonly round: number; readonly digest: string },
  ) => Uint8Array;
};

export function createSeals({ chain }: Subject, { actors, start }: World): Seals {
  const made = new Map<string, Uint8Array>();
  const keys = new Map(actors.map(({ address, privateKey }) => [address, privateKey]));
  return {
    of(author, sealed) {
      const name = `${author} ${sealed.height} ${sealed.round} ${sealed.digest}`;
      const key = keys.get(author);
      if (key === undefined) throw new Error(`${author} does not take part`);
      const seal = made.get(name) ?? chain.signSeal({ genesis: start.genesis, ...sealed }, key);
      made.set(name, seal);
      return seal;
    },
  };
}
