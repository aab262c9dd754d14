import type { Address, Validator } from '../contract/types.ts';
import { isGenuine } from '../network/index.ts';
import type { Message } from '../protocol/index.ts';
import type { Shared } from './shared.ts';

/** Tells whether the signatures in a message hold, although who decides, and by which keys, may change at every height. */
export type Judge = {
  readonly holds: (message: Message) => boolean;
  /** There is a new head. */
  readonly advanced: () => void;
};

type Keys = (author: Address) => Uint8Array | undefined;

/** @param underDiscussion the committees that would follow the blocks proposed for the height under way */
export function createJudge(
  { head, genesis, contract, verify }: Shared,
  underDiscussion: () => readonly (readonly Validator[])[],
): Judge {
  let current = head().validators;
  /** Who decided on the head's own height. */
  let before: readonly Validator[] = current;

  /**
   * The committees by one of which ALL signatures of a message must hold. Who decides on the next height is only known
   * when this one is final: until then it may be as the blocks under discussion would have it, or as one vote more would;
   * the agreement hands such messages back to be verified anew. Who is late may not know that he was dropped, or that
   * his key has changed.
   */
  const committeesAt = (height: number): readonly Keys[] => {
    const { height: final, validators, state } = head();
    if (height === final + 1) return [keysIn(validators)];
    const ofAccounts: Keys = (author) => contract.publicKeyOf(state, author);
    if (height <= final) return [ofAccounts, keysIn(before)];
    if (height > final + 2) return [keysIn(validators), ofAccounts];
    return [validators, ...underDiscussion(), [...validators, ...contract.nomineesOf(state)]].map(keysIn);
  };

  return {
    holds: (message) =>
      committeesAt(message.height).some((publicKeyOf) =>
        isGenuine(message, { genesis, publicKeyOf, verify }),
      ),
    advanced() {
      before = current;
      current = head().validators;
    },
  };
}

function keysIn(validators: readonly Validator[]): Keys {
  return (author) => validators.find(({ address }) => address === author)?.publicKey;
}
