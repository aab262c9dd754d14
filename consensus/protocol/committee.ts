import type { Address } from '../contract/types.ts';

/** Votes that decide: ceil(2n/3). Any two such sets share more than f members. */
export function quorum(validators: number): number {
  return Math.ceil((2 * validators) / 3);
}

/** Liars the committee survives: floor((n-1)/3). Below four validators this is none. */
export function faultsTolerated(validators: number): number {
  return Math.floor((validators - 1) / 3);
}

/**
 * Whose turn it is: the validator after the author of the previous block, moved on by the round. An author that is
 * no longer in the set is followed by the next higher address; before the first block there is no author.
 *
 * @param validators sorted by address, not empty
 */
export function proposerOf(
  validators: readonly Address[],
  previousProposer: Address | null,
  round: number,
): Address {
  const following =
    previousProposer === null ? 0 : validators.findIndex((address) => address > previousProposer);
  const first = Math.max(following, 0);
  return validators[(first + (round % validators.length)) % validators.length] as Address;
}
