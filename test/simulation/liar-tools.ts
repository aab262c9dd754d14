import type { Block } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type { Commit, Message, OwnMessage, Prepare } from '../../consensus/protocol/index.ts';
import type { Life } from './life.ts';
import type { Self } from './self.ts';
import type { Vice } from './vices.ts';

export type Surroundings = {
  readonly self: Self;
  readonly life: () => Life | null;
  readonly quorum: () => number;
  /** Places of all others. */
  readonly others: readonly number[];
  readonly placesOf: (address: string) => readonly number[];
  readonly send: (to: number, envelope: Envelope) => void;
};

/** What lies of all kinds are made with. */
export type LiarTools = Surroundings & {
  readonly vices: ReadonlySet<Vice>;
  /** What it remembers of all that was said in its hearing. */
  readonly heard: Envelope[];
  readonly heardVotes: () => Message[];
  readonly sign: (message: OwnMessage) => Message;
  readonly tell: (places: readonly number[], envelope: Envelope) => void;
  /** Everybody, or those whom it chooses to tell. */
  readonly audience: () => readonly number[];
  readonly half: () => readonly number[];
  /** Some block for the next height, made from what the pool has. */
  readonly ownBlock: () => Block | null;
  /** A block like this one that is not this one; with rubbish, one that no honest validator should take. */
  readonly variantOf: (block: Block) => Block;
  readonly encoded: (block: Block) => { readonly digest: string; readonly bytes: Uint8Array };
  readonly votes: (height: number, round: number, digest: string) => Message[];
  readonly voteFor: (places: readonly number[], about: Pick<Commit, 'height' | 'round' | 'digest'>) => void;
};

export function createLiarTools(vices: ReadonlySet<Vice>, surroundings: Surroundings): LiarTools {
  const { self, life, send, others } = surroundings;
  const { actor, random, signatures, disk } = self;
  const heard: Envelope[] = [];
  let latest: Block | null = null;
  const sign = (message: OwnMessage) => signatures.sign(message, self.key() ?? actor);
  const tell = (places: readonly number[], envelope: Envelope) => {
    for (const place of places) send(place, envelope);
  };

  const variantOf = (block: Block): Block => {
    const { header, transactions } = block;
    const later = { ...header, timeMs: header.timeMs + 1 + random.below(5) };
    if (!vices.has('proposes rubbish')) return { header: later, transactions };
    const other = disk.head().header.stateRoot;
    const wrong = [
      { ...header, stateRoot: other },
      { ...header, receiptsRoot: other },
      { ...header, validatorsHash: other },
      { ...header, parent: header.stateRoot },
      { ...header, timeMs: header.timeMs + 10_000_000 },
      { ...header, timeMs: disk.head().header.timeMs },
      { ...header, proposer: random.pick(self.world.actors).address },
      { ...header, height: header.height + 1 },
    ];
    return { header: random.pick(wrong), transactions };
  };

  const ownBlock = (): Block | null => {
    if (latest?.header.parent === disk.head().digest) return latest;
    const digest = life()?.build(true) ?? null;
    latest = (digest === null ? null : life()?.bodyOf(digest)) ?? null;
    return latest;
  };

  const votes = (height: number, round: number, digest: string): Message[] => [
    sign({ kind: 'prepare', height, round, digest, author: actor.address }),
    sign({ kind: 'commit', height, round, digest, author: actor.address }),
  ];

  const voteFor = (places: readonly number[], about: Pick<Commit, 'height' | 'round' | 'digest'>) => {
    for (const message of votes(about.height, about.round, about.digest))
      tell(places, { channel: 'vote', message: message as Prepare | Commit, block: null });
  };

  return {
    ...surroundings,
    vices,
    heard,
    heardVotes: () => heard.flatMap((envelope) => ('message' in envelope ? [envelope.message] : [])),
    sign,
    tell,
    audience: () => (vices.has('tells only some') ? others.filter(() => random.chance(0.6)) : others),
    half: () => random.some(others, Math.ceil(others.length / 2)),
    ownBlock,
    variantOf,
    encoded: (block) => ({
      digest: self.subject.chain.blockDigest(block.header),
      bytes: self.subject.chain.encodeBlock(block),
    }),
    votes,
    voteFor,
  };
}
