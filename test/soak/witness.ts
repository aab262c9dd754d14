import { connect } from 'mqtt';
import { verify } from '../../consensus/crypto/index.ts';
import { type Genesis, genesisHash } from '../../consensus/index.ts';
import { decodeEnvelope, isGenuine } from '../../consensus/network/index.ts';
import type { OwnMessage } from '../../consensus/protocol/index.ts';
import { openVoteBook, quotedIn, type VoteBook } from './vote-book.ts';

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
    verify,
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
