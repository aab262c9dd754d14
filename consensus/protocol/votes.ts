import type { Address, Hash } from '../contract/types.ts';
import type { Commit, Prepare } from './messages.ts';

/** Votes kept of one author, per kind and height: a liar fills his own place and nobody else's. */
const VOTES_PER_AUTHOR = 8;

type Book<V> = ReadonlyMap<Address, readonly V[]>;

/** Adds a vote unless its author has voted in that round before: the first one counts. */
export function addVote<V extends Prepare | Commit>(book: Book<V>, vote: V): Book<V> {
  const earlier = book.get(vote.author) ?? [];
  if (earlier.some((other) => other.round === vote.round)) return book;
  // When the place is full the lowest round goes: its author has left it. Were it the highest, validators that committed
  // in as many rounds as there is room for could never again hear each other.
  const kept = [...earlier, vote].sort((a, b) => a.round - b.round).slice(-VOTES_PER_AUTHOR);
  return new Map(book).set(vote.author, kept);
}

/** The votes of distinct authors for one digest in one round, by address. Rounds never add up. */
export function votesFor<V extends Prepare | Commit>(
  book: Book<V>,
  validators: readonly Address[],
  target: { readonly round: number; readonly digest: Hash },
): V[] {
  const found: V[] = [];
  for (const author of validators) {
    const vote = book
      .get(author)
      ?.find((other) => other.round === target.round && other.digest === target.digest);
    if (vote !== undefined) found.push(vote);
  }
  return found;
}

/** Forgets rounds that are over. */
export function withoutRoundsBelow<V extends Prepare | Commit>(book: Book<V>, round: number): Book<V> {
  const kept = new Map<Address, readonly V[]>();
  for (const [author, votes] of book) {
    const rest = votes.filter((vote) => vote.round >= round);
    if (rest.length > 0) kept.set(author, rest);
  }
  return kept;
}
