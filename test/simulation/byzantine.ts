import type { Envelope } from '../../consensus/network/index.ts';
import type { Commit, Prepare, RoundChange } from '../../consensus/protocol/index.ts';
import { falseAnswer } from './false-answers.ts';
import { createFalseProof } from './false-proofs.ts';
import { createFalseProposals } from './false-proposals.ts';
import { createFalseSnapshot } from './false-snapshots.ts';
import { forgedFinalBlocks } from './forgery.ts';
import { createLiarTools, type Surroundings } from './liar-tools.ts';
import type { Vice } from './vices.ts';

/**
 * A validator that runs the real code, hears everything, and says what it likes: what the code wants to say passes
 * through here. It signs as itself only, and repeats what others have said.
 */
export type Liar = {
  readonly speak: (envelope: Envelope, to?: string) => void;
  readonly hears: (envelope: Envelope) => void;
};

/** Of what it heard. */
const REMEMBERED_MAX = 256;

export function createLiar(vices: ReadonlySet<Vice>, surroundings: Surroundings): Liar {
  const tools = createLiarTools(vices, surroundings);
  const { self, life, others, placesOf, send, heard, sign, tell, audience, half } = tools;
  const { ownBlock, variantOf, encoded, votes, voteFor } = tools;
  const { actor, random, agenda, disk } = self;
  const voted = new Set<string>();
  const falseProof = createFalseProof(tools);
  const silence = random.pick([0.7, 1]);
  const falseSnapshot = createFalseSnapshot(tools);
  const { propose, proposeWithoutGrounds, proposeOutOfTurn } = createFalseProposals(tools, falseProof);

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
      for (const { height, finalBlock } of forgedFinalBlocks(tools).slice(0, 1))
        tell(half(), { channel: 'block', height, finalBlock });
    agenda.plan(random.between(50, 700), misbehave);
  };
  agenda.plan(random.between(50, 700), misbehave);

  return {
    speak(envelope, to) {
      if (vices.has('falls silent') && random.chance(silence)) return;
      if (envelope.channel === 'snapshot-response' && falseSnapshot !== null && to !== undefined) {
        const answer = falseSnapshot(envelope);
        if (answer !== null) tell(placesOf(to), answer);
        return;
      }
      if (to !== undefined) {
        const lies =
          envelope.channel === 'sync-response' && vices.has('lies about blocks') && random.chance(0.8);
        tell(placesOf(to), lies ? falseAnswer(tools) : envelope);
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
