import { connect } from 'mqtt';
import { type Genesis, genesisHash } from '../../consensus/index.ts';
import { createVerifiedCache, decodeEnvelope, isGenuine } from '../../consensus/network/index.ts';
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

export type Witness = {
  readonly book: VoteBook;
  /** Called at the first sight of a vote that its author sent itself. */
  onVote(listener: (vote: OwnMessage) => void): void;
  readonly forged: () => number;
  stop(): Promise<void>;
};

/** Listens to all that the nodes of a network publish, with a client of its own, and believes no unsigned word. */
export async function openWitness(url: string, genesis: Genesis): Promise<Witness> {
  const book = openVoteBook();
  const listeners: ((vote: OwnMessage) => void)[] = [];
  const verification = {
    genesis: genesisHash(genesis),
    publicKeyOf: (author: string) => genesis.validators.find(({ address }) => address === author)?.publicKey,
    verified: createVerifiedCache(16_384),
  };
  let forged = 0;
  const client = connect(url, { clientId: 'witness', protocolVersion: 5, clean: true, reconnectPeriod: 100 });
  const root = `g/${genesis.network}/1`;
  client.on('message', (topic, payload) => {
    const channel = topic.split('/')[3];
    if (channel !== 'vote' && channel !== 'proposal') return;
    const decoded = decodeEnvelope(channel, payload);
    if (
      !decoded.ok ||
      !('message' in decoded.envelope) ||
      !isGenuine(decoded.envelope.message, verification)
    ) {
      forged += 1;
      return;
    }
    const { message } = decoded.envelope;
    for (const quoted of quotedIn(message)) book.note(quoted);
    if (book.note(message)) for (const listener of listeners) listener(message);
  });
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () =>
      client.subscribe([`${root}/+/+`, `${root}/+/+/+`], { qos: 1 }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    client.once('error', reject);
  });
  return {
    book,
    onVote: (listener) => void listeners.push(listener),
    forged: () => forged,
    stop: async () => {
      await client.endAsync(true);
    },
  };
}

/** Others' votes that a message carries as proof. */
function quotedIn(message: Message): readonly Message[] {
  if (message.kind === 'round-change') return message.prepares;
  if (message.kind !== 'proposal' || message.justification === null) return [];
  return [...message.justification.roundChanges, ...message.justification.prepares];
}
