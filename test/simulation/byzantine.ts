import type { Block } from '../../consensus/chain/index.ts';
import type { Envelope } from '../../consensus/network/index.ts';
import type {
  Commit,
  Message,
  OwnMessage,
  Prepare,
  PreparedClaim,
  Proposal,
  RoundChange,
} from '../../consensus/protocol/index.ts';
import { type Forger, forgedFinalBlocks } from './forgery.ts';
import type { Life } from './life.ts';
import type { Random } from './random.ts';
import type { Self } from './self.ts';

export const VICES = [
  'equivocates',
  'votes for everything',
  'proposes rubbish',
  'tells only some',
  'claims what is not',
  'proposes without grounds',
  'proposes out of turn',
  'proposes the lower claim',
  'floods',
  'lies about blocks',
  'repeats others',
  'falls silent',
] as const;
export type Vice = (typeof VICES)[number];

/**
 * A validator that runs the real code, hears everything, and says what it likes: what the code wants to say passes
 * through here. It signs as itself only, and repeats what others have said.
 */
export type Liar = {
  readonly speak: (envelope: Envelope, to?: string) => void;
  readonly hears: (envelope: Envelope) => void;
};

export type Surroundings = {
  readonly self: Self;
  readonly life: () => Life | null;
  readonly quorum: () => number;
  /** Places of all others. */
  readonly others: readonly number[];
  readonly placesOf: (address: string) => readonly number[];
  readonly send: (to: number, envelope: Envelope) => void;
};

/** How a liar pretends to prove. */
const PROOFS = ['one many times', 'of that round', 'of any round', 'none'] as const;

/** What a liar remembers of what it heard. */
const REMEMBERED_MAX = 256;

export function createLiar(vices: ReadonlySet<Vice>, surroundings: Surroundings): Liar {
  const { self, life, others, placesOf, send, quorum } = surroundings;
  const { actor, random, agenda, signatures, disk } = self;
  const heard: Envelope[] = [];
  const voted = new Set<string>();
  const habit = random.pick(PROOFS);
  const silence = random.pick([0.7, 1]);
  let latest: Block | null = null;
  const sign = <M extends OwnMessage>(message: M) => signatures.sign(message, self.key() ?? actor);
  const tell = (places: readonly number[], envelope: Envelope) => {
    for (const place of places) send(place, envelope);
  };
  const audience = () => (vices.has('tells only some') ? others.filter(() => random.chance(0.6)) : others);
  const half = () => random.some(others, Math.ceil(others.length / 2));

  /** A block like this one that is not this one; with rubbish, one that no honest validator should take. */
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

  const encoded = (block: Block) => ({
    digest: self.subject.chain.blockDigest(block.header),
    bytes: self.subject.chain.encodeBlock(block),
  });

  /** Some block for the next height, made from what the pool has. */
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

  const voteFor = (places: readonly number[], about: { height: number; round: number; digest: string }) => {
    for (const message of votes(about.height, about.round, about.digest))
      tell(places, { channel: 'vote', message: message as Prepare | Commit, block: null });
  };

  const propose = (envelope: Extract<Envelope, { channel: 'proposal' }>) => {
    const { height, round } = envelope.message;
    // Who has claimed to know better lets rounds of its own pass.
    if (round > 0 && vices.has('claims what is not') && random.chance(0.5)) return;
    if (round > 0 && vices.has('proposes without grounds')) return proposeWithoutGrounds(height, round);
    if (vices.has('proposes the lower claim') && proposeLowerClaim(envelope.message)) return;
    const block = life()?.bodyOf(envelope.message.digest);
    const isFresh = (envelope.message.justification?.prepares.length ?? 0) === 0;
    if (block === undefined || !isFresh || !(vices.has('equivocates') || vices.has('proposes rubbish')))
      return tell(audience(), envelope);
    const first = half();
    const { digest, bytes } = encoded(variantOf(block));
    const message = sign({ ...envelope.message, digest }) as typeof envelope.message;
    const second = others.filter((place) => !first.includes(place));
    if (vices.has('equivocates')) tell(first, envelope);
    tell(vices.has('equivocates') ? second : others, { channel: 'proposal', message, block: bytes });
    voteFor(vices.has('equivocates') ? second : others, message);
  };

  /** A proof that proves nothing: of one vote many times, of another round's or block's, of too few, or none. */
  const falseProof = (height: number, claim: PreparedClaim): readonly Prepare[] => {
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

  /** A block of its own said to be prepared; now and then it conceals what it has prepared. */
  const falselyClaimed = (message: RoundChange): { ask: RoundChange; block: Uint8Array | null } => {
    const { height, round } = message;
    const block = random.chance(0.2) ? null : ownBlock();
    if (block === null)
      return { ask: sign({ ...message, prepared: null, prepares: [] }) as RoundChange, block: null };
    const { digest, bytes } = encoded(variantOf(block));
    const prepared = { round: random.chance(0.8) ? round - 1 : random.below(round), digest };
    const ask = sign({ ...message, prepared, prepares: falseProof(height, prepared) }) as RoundChange;
    return { ask, block: bytes };
  };

  const claim = (message: RoundChange) => {
    const { ask, block } = falselyClaimed(message);
    tell(audience(), { channel: 'vote', message: ask, block });
  };

  const heardVotes = () => heard.flatMap((envelope) => ('message' in envelope ? [envelope.message] : []));

  /** Proposes in a round above 0, whether or not it is its turn, on whatever round changes suit it. */
  const proposeWithoutGrounds = (height: number, round: number) => {
    const fresh = ownBlock();
    if (fresh === null || fresh.header.height !== height || round === 0) return;
    const block = random.chance(0.5) ? variantOf(fresh) : fresh;
    const { digest, bytes } = encoded(block);
    const author = actor.address;
    const asks = heardVotes().filter(
      (vote): vote is RoundChange =>
        vote.kind === 'round-change' && vote.height === height && vote.author !== author,
    );
    const ofRound = distinct(asks.filter((ask) => ask.round === round));
    const silent = distinct(asks.filter((ask) => ask.prepared === null));
    const claims = random.chance(0.5);
    const prepared = claims ? { round: round - 1, digest } : null;
    const mine = sign({ kind: 'round-change', height, round, prepared, prepares: [], author }) as RoundChange;
    const suitable = random.pick([
      ofRound,
      ofRound.filter((ask) => claims || ask.prepared === null),
      silent,
      new Array<RoundChange>(quorum()).fill(mine),
    ]);
    const justification = {
      roundChanges: [mine, ...suitable].slice(0, quorum()).map((ask) => ({ ...ask, prepares: [] })),
      prepares: prepared === null ? [] : falseProof(height, prepared),
    };
    const message = sign({ kind: 'proposal', height, round, digest, author, justification }) as Proposal;
    tell(others, { channel: 'proposal', message, block: bytes });
    voteFor(others, { height, round, digest });
  };

  /** Of two blocks that were prepared, the one of the earlier round, with its true proof: the other may be decided. */
  const proposeLowerClaim = ({ height, round, digest: due }: Proposal): boolean => {
    const asks = [...(life()?.state()?.roundChanges.values() ?? [])].filter((ask) => ask.round === round);
    const lower = asks
      .filter(({ prepared }) => prepared !== null && prepared.digest !== due)
      .sort((left, right) => left.prepared!.round - right.prepared!.round)[0];
    const digest = lower?.prepared?.digest;
    const block = digest === undefined ? undefined : life()?.bodyOf(digest);
    if (lower === undefined || digest === undefined || block === undefined) return false;
    const roundChanges = asks.map((ask) => ({ ...ask, prepares: [] }));
    const justification = { roundChanges, prepares: lower.prepares };
    const author = actor.address;
    const message = sign({ kind: 'proposal', height, round, digest, author, justification }) as Proposal;
    tell(others, { channel: 'proposal', message, block: encoded(block).bytes });
    voteFor(others, message);
    return true;
  };

  /** In whatever round it is, says what the round's leader would say: a sound block, on sound round changes if there are any. */
  const proposeOutOfTurn = () => {
    const state = life()?.state();
    const block = state === undefined ? null : ownBlock();
    if (state === undefined || block === null || block.header.height !== state.height) return;
    const { height, round } = state;
    const { digest, bytes } = encoded(block);
    const roundChanges = [...state.roundChanges.values()]
      .filter((ask) => ask.round === round && ask.prepared === null)
      .map((ask) => ({ ...ask, prepares: [] }));
    const justification = round === 0 ? null : { roundChanges, prepares: [] };
    const author = actor.address;
    const message = sign({ kind: 'proposal', height, round, digest, author, justification }) as Proposal;
    tell(others, { channel: 'proposal', message, block: bytes });
    voteFor(others, { height, round, digest });
  };

  const flood = () => {
    const now = disk.head().height + 1;
    const far = [now, now, now + 1, now + 2, now + 1_000, Number.MAX_SAFE_INTEGER];
    const rounds = [0, 1, 2, 7, 1_000, Number.MAX_SAFE_INTEGER - 1];
    const { digest } = disk.head();
    const target = random.pick(others);
    for (let count = 0; count < 30; count += 1) {
      const height = random.pick(far);
      const round = random.pick(rounds) + random.below(8);
      if (random.chance(0.4) && Number.isSafeInteger(round)) {
        const ask = sign({
          kind: 'round-change',
          height,
          round,
          prepared: null,
          prepares: [],
          author: actor.address,
        });
        send(target, { channel: 'vote', message: ask as RoundChange, block: null });
      } else if (Number.isSafeInteger(round)) {
        for (const message of votes(height, round, digest))
          send(target, { channel: 'vote', message: message as Prepare | Commit, block: null });
      }
    }
  };

  const misbehave = () => {
    if (vices.has('floods') && random.chance(0.4)) flood();
    if (vices.has('repeats others') && heard.length > 0) tell(half(), random.pick(heard));
    const state = life()?.state();
    if (vices.has('proposes without grounds') && state !== undefined && random.chance(0.5))
      proposeWithoutGrounds(state.height, state.round + random.below(2));
    if (vices.has('proposes out of turn') && random.chance(0.5)) proposeOutOfTurn();
    if (vices.has('lies about blocks') && random.chance(0.3))
      for (const { height, finalBlock } of forgedFinalBlocks(
        { ...surroundings, ownBlock },
        heardVotes(),
      ).slice(0, 1))
        tell(half(), { channel: 'block', height, finalBlock });
    agenda.plan(random.between(50, 700), misbehave);
  };
  agenda.plan(random.between(50, 700), misbehave);

  return {
    speak(envelope, to) {
      if (vices.has('falls silent') && random.chance(silence)) return;
      if (to !== undefined) {
        const lies =
          envelope.channel === 'sync-response' && vices.has('lies about blocks') && random.chance(0.8);
        tell(placesOf(to), lies ? falseAnswer({ ...surroundings, ownBlock }, heardVotes()) : envelope);
        return;
      }
      if (envelope.channel === 'proposal') propose(envelope);
      else if (
        envelope.channel === 'vote' &&
        envelope.message.kind === 'round-change' &&
        vices.has('claims what is not')
      )
        claim(envelope.message);
      else tell(audience(), envelope);
    },
    hears(envelope) {
      heard.push(envelope);
      // Old votes are the useful ones: what is forgotten is any one.
      if (heard.length > REMEMBERED_MAX) heard.splice(random.below(REMEMBERED_MAX), 1);
      if (!('message' in envelope) || !vices.has('votes for everything')) return;
      const { message } = envelope;
      if (message.kind === 'round-change') return;
      const name = `${message.height} ${message.round} ${message.digest}`;
      if (voted.has(name) || message.height <= disk.head().height) return;
      voted.add(name);
      voteFor(others, message);
    },
  };
}

function falseAnswer(surroundings: Forger, votes: readonly Message[]): Envelope {
  const { self } = surroundings;
  const random: Random = self.random;
  const forged = forgedFinalBlocks(surroundings, votes).map(({ finalBlock }) => finalBlock);
  const old = self.disk.blocks.slice(1).map(({ finalBlock }) => finalBlock);
  const headHeight = random.pick([0, self.disk.head().height, Number.MAX_SAFE_INTEGER]);
  const finalBlocks = random.pick<readonly Uint8Array[]>([
    forged,
    forged,
    [],
    old,
    [new Uint8Array([1, 2, 3])],
  ]);
  return { channel: 'sync-response', headHeight, firstHeight: 1, finalBlocks };
}

function distinct<V extends Message>(votes: readonly V[]): V[] {
  return [...new Map(votes.map((vote) => [vote.author, vote])).values()];
}
