import type { Address } from '../contract/types.ts';
import { proposerOf, quorum } from './committee.ts';
import type { Prepare, PreparedClaim, Proposal, RoundChange } from './messages.ts';

type Committee = {
  readonly height: number;
  readonly validators: readonly Address[];
  readonly previousProposer: Address | null;
};

/** Whether the author is a validator, and a prepared claim is about an earlier round and proven in full. */
export function isValidRoundChange(message: RoundChange, committee: Committee): boolean {
  const { prepared } = message;
  if (!isBareRoundChange(message, committee, message.round)) return false;
  return prepared === null
    ? message.prepares.length === 0
    : isCertificate(message.prepares, prepared, committee);
}

/** Whether this author may propose this block in this round. Says nothing about the block's content. */
export function isValidProposal(message: Proposal, committee: Committee): boolean {
  const { round, justification } = message;
  if (message.height !== committee.height) return false;
  if (message.author !== proposerOf(committee.validators, committee.previousProposer, round)) return false;
  if (round === 0) return justification === null;
  if (justification === null) return false;

  const { roundChanges, prepares } = justification;
  const authors = new Set(roundChanges.map((change) => change.author));
  if (authors.size !== roundChanges.length || authors.size < quorum(committee.validators.length))
    return false;
  if (!roundChanges.every((change) => isBareRoundChange(change, committee, round))) return false;
  const highest = highestPrepared(roundChanges);
  if (highest === 'contradictory') return false;
  if (highest === null) return prepares.length === 0;
  return message.digest === highest.digest && isCertificate(prepares, highest, committee);
}

/** The claim that a new leader is bound by; two digests for one prepared round cannot both be true. */
export function highestPrepared(
  roundChanges: readonly RoundChange[],
): PreparedClaim | null | 'contradictory' {
  let highest: PreparedClaim | null = null;
  const digests = new Map<number, string>();
  for (const { prepared } of roundChanges) {
    if (prepared === null) continue;
    const other = digests.get(prepared.round);
    if (other !== undefined && other !== prepared.digest) return 'contradictory';
    digests.set(prepared.round, prepared.digest);
    if (highest === null || prepared.round > highest.round) highest = prepared;
  }
  return highest;
}

function isBareRoundChange(message: RoundChange, committee: Committee, round: number): boolean {
  const { prepared } = message;
  if (message.height !== committee.height || message.round !== round || round <= 0) return false;
  if (!committee.validators.includes(message.author)) return false;
  return prepared === null || (prepared.round >= 0 && prepared.round < round);
}

/** Counts signers, never signatures: a Prepare shown twice is one. */
function isCertificate(prepares: readonly Prepare[], claim: PreparedClaim, committee: Committee): boolean {
  const authors = new Set<Address>();
  for (const prepare of prepares) {
    if (prepare.height !== committee.height || prepare.round !== claim.round) return false;
    if (prepare.digest !== claim.digest || !committee.validators.includes(prepare.author)) return false;
    authors.add(prepare.author);
  }
  return authors.size >= quorum(committee.validators.length);
}
