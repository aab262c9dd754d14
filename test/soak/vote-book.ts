import type { Message, OwnMessage } from '../../consensus/protocol/index.ts';

/**
 * Remembers who signed what: two things by one author of one kind at one height and round are a breach, wherever
 * each of them was seen.
 */
export type VoteBook = {
  readonly breaches: readonly string[];
  readonly size: number;
  /** True when nobody had seen it before. */
  readonly note: (vote: OwnMessage) => boolean;
  /** All that this author is known to have signed above a height. */
  readonly of: (author: string, aboveHeight: number) => readonly OwnMessage[];
};

export function openVoteBook(): VoteBook {
  const said = new Map<string, OwnMessage>();
  const breaches: string[] = [];
  return {
    breaches,
    get size() {
      return said.size;
    },
    note(vote) {
      const place = placeOf(vote);
      const before = said.get(place);
      if (before === undefined) {
        said.set(place, vote);
        return true;
      }
      if (contentOf(before) !== contentOf(vote))
        breaches.push(`${place}: ${contentOf(before)} and ${contentOf(vote)}`);
      return false;
    },
    of: (author, aboveHeight) =>
      [...said.values()].filter((vote) => vote.author === author && vote.height > aboveHeight),
  };
}

export function placeOf({ author, kind, height, round }: OwnMessage): string {
  return `${author.slice(0, 8)} ${kind} ${height}/${round}`;
}

/** What the signature says beyond its place. */
export function contentOf(vote: OwnMessage): string {
  if (vote.kind !== 'round-change') return vote.digest;
  return vote.prepared === null ? 'none' : `${vote.prepared.round} ${vote.prepared.digest}`;
}

/** Others' votes that a message carries as proof. */
export function quotedIn(message: Message): readonly Message[] {
  if (message.kind === 'round-change') return message.prepares;
  if (message.kind !== 'proposal' || message.justification === null) return [];
  return [...message.justification.roundChanges, ...message.justification.prepares];
}
