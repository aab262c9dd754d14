import type { Message, Prepare, PreparedClaim } from '../../consensus/protocol/index.ts';
import type { LiarTools } from './liar-tools.ts';

/** How a liar pretends to prove that a block is prepared: each keeps to one way. */
const PROOFS = ['one many times', 'of that round', 'of any round', 'none'] as const;

/** A proof that proves nothing: of one vote many times, of another round's or block's, of too few, or none. */
export type FalseProof = (height: number, claim: PreparedClaim) => readonly Prepare[];

export function createFalseProof({ self, sign, heardVotes, quorum }: LiarTools): FalseProof {
  const { actor, random } = self;
  const habit = random.pick(PROOFS);
  return (height, claim) => {
    const mine = sign({ kind: 'prepare', height, ...claim, author: actor.address }) as Prepare;
    const theirs = heardVotes().filter(
      (vote): vote is Prepare =>
        vote.kind === 'prepare' && vote.height === height && vote.author !== actor.address,
    );
    switch (habit) {
      case 'one many times':
        return new Array<Prepare>(quorum()).fill(mine);
      case 'of that round':
        return [mine, ...distinct(theirs.filter((vote) => vote.round === claim.round))];
      case 'of any round':
        return [mine, ...distinct(theirs)];
      case 'none':
        return random.chance(0.5) ? [] : [mine];
    }
  };
}

/** One of each author. */
export function distinct<V extends Message>(votes: readonly V[]): V[] {
  return [...new Map(votes.map((vote) => [vote.author, vote])).values()];
}
