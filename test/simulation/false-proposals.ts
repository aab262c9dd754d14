import type { Envelope } from '../../consensus/network/index.ts';
import type { Proposal, RoundChange } from '../../consensus/protocol/index.ts';
import { distinct, type FalseProof } from './false-proofs.ts';
import type { LiarTools } from './liar-tools.ts';

export type FalseProposals = {
  /** What becomes of a proposal that the code wants to make. */
  readonly propose: (envelope: Extract<Envelope, { channel: 'proposal' }>) => void;
  readonly proposeWithoutGrounds: (height: number, round: number) => void;
  readonly proposeOutOfTurn: () => void;
};

export function createFalseProposals(tools: LiarTools, falseProof: FalseProof): FalseProposals {
  const { self, vices, life, others, quorum, sign, tell, audience, half } = tools;
  const { heardVotes, ownBlock, variantOf, encoded, voteFor } = tools;
  const { actor, random } = self;

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

  return { propose, proposeWithoutGrounds, proposeOutOfTurn };
}
