import type { Address } from './types.ts';

/**
 * What validators can vote for: a seat for an account, its loss, the loss of an account's key, and another key for an
 * account that has lost its own.
 */
export const MOTIONS = ['add', 'drop', 'revoke', 'rekey'] as const;
export type Motion = (typeof MOTIONS)[number];

export type Vote = {
  readonly signer: Address;
  readonly motion: Motion;
  /** Whose seat or key it is about. */
  readonly target: Address;
  /** Hex: what the newcomer signs with (`add`), or is to sign with (`rekey`). Null for the others. */
  readonly publicKey: string | null;
};

export type Tally = {
  /** Of the block that holds the newest vote; 0 where there is none. */
  readonly height: number;
  /** Sorted by address. */
  readonly validators: readonly Address[];
  /** Those that stand, oldest first. */
  readonly votes: readonly Vote[];
};

export type Tallied =
  | { readonly ok: true; readonly tally: Tally; readonly passed: Vote | null }
  | { readonly ok: false; readonly fault: 'no-seat' | 'second-in-block' };

/** What the votes are counted by. `targetRevoked`: whether the target's account has no key now. */
export type Rules = {
  readonly height: number;
  readonly epochBlocks: number;
  readonly targetRevoked?: boolean;
};

/**
 * Counts one vote, as EIP-225 does. One vote a block. A signer's newest vote on a question replaces his older one; one
 * that asks for what is so already only takes the older one back. What has more than half of the validators behind it
 * comes into effect at once, but only on the question that the vote has touched: a majority that another's departure
 * makes out of older votes waits until somebody touches it. With it go all votes on that question; whoever loses his
 * seat takes his votes along. At heights that `epochBlocks` divides, all begin anew.
 */
export function tallyVote(tally: Tally, vote: Vote, rules: Rules): Tallied {
  const { validators } = tally;
  if (!validators.includes(vote.signer)) return { ok: false, fault: 'no-seat' };
  if (rules.height === tally.height) return { ok: false, fault: 'second-in-block' };
  const others = standingVotes(tally, rules).filter(
    (other) => other.signer !== vote.signer || !onSameQuestion(other, vote),
  );
  const votes = isOpen(vote, validators, rules) ? [...others, vote] : others;
  const passed = majority(
    votes.filter((other) => onSameQuestion(other, vote)),
    validators.length,
  );
  const { height } = rules;
  if (passed === null) return { ok: true, tally: { height, validators, votes }, passed };
  return { ok: true, tally: { height, ...inEffect(validators, votes, passed) }, passed };
}

/** The votes that count at a height: none of an epoch that is over. */
export function standingVotes(
  { height: newest, votes }: Pick<Tally, 'height' | 'votes'>,
  { height, epochBlocks }: Pick<Rules, 'height' | 'epochBlocks'>,
): readonly Vote[] {
  return Math.floor(newest / epochBlocks) === Math.floor(height / epochBlocks) ? votes : [];
}

/** Seats are one question, keys another. */
export function onSameQuestion(left: Vote, right: Vote): boolean {
  return left.target === right.target && isAboutSeat(left) === isAboutSeat(right);
}

function isAboutSeat({ motion }: Vote): boolean {
  return motion === 'add' || motion === 'drop';
}

/** Whether what is asked for is not so already. */
function isOpen(
  { motion, target }: Vote,
  validators: readonly Address[],
  { targetRevoked = false }: Rules,
): boolean {
  switch (motion) {
    case 'add':
      return !validators.includes(target);
    case 'drop':
      return validators.includes(target);
    case 'revoke':
      return !targetRevoked;
    case 'rekey':
      return targetRevoked;
    default:
      return motion satisfies never;
  }
}

/** The newest of the votes for what more than half of the validators want. Votes for different keys do not add up. */
function majority(votes: readonly Vote[], validators: number): Vote | null {
  for (const vote of [...votes].reverse()) {
    const alike = votes.filter(
      ({ motion, publicKey }) =>
        motion === vote.motion && (motion !== 'rekey' || publicKey === vote.publicKey),
    );
    if (alike.length > validators / 2) return vote;
  }
  return null;
}

function inEffect(
  validators: readonly Address[],
  votes: readonly Vote[],
  passed: Vote,
): Pick<Tally, 'validators' | 'votes'> {
  const { motion, target } = passed;
  const isOver = (vote: Vote) => onSameQuestion(vote, passed);
  switch (motion) {
    case 'add':
      return {
        validators: [...validators, target].sort(),
        votes: votes.filter((vote) => !isOver(vote)),
      };
    case 'drop':
      return {
        validators: validators.filter((member) => member !== target),
        votes: votes.filter((vote) => !isOver(vote) && vote.signer !== target),
      };
    case 'revoke':
      return {
        validators: validators.filter((member) => member !== target),
        votes: votes.filter((vote) => vote.target !== target && vote.signer !== target),
      };
    case 'rekey':
      return { validators, votes: votes.filter((vote) => !isOver(vote)) };
    default:
      return motion satisfies never;
  }
}
