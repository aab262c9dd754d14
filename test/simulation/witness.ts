import { checkCertificate, type FinalBlock, type Head } from '../../consensus/chain/index.ts';
import { toHex } from '../../consensus/crypto/index.ts';
import type { Commit, OwnMessage, Prepare, State } from '../../consensus/protocol/index.ts';
import type { World } from './cast.ts';
import { createSeats, seatsOf } from './seats.ts';

/** Sees everything, shares no code with what it watches but the check of certificates, and remembers the first wrong. */
export type Witness = {
  /** An honest node's message leaves it; every one must be on its disk by then. */
  readonly said: (place: number, message: OwnMessage, isOnDisk: boolean) => void;
  /** An honest node takes a block for final. */
  readonly finalised: (place: number, final: FinalBlock, next: Head) => void;
  /** An honest node goes on from a snapshot. */
  readonly adopted: (place: number, head: Head) => void;
  /** An honest node takes another for a liar, for what it answered. */
  readonly dropped: (place: number, provider: string, reason: string) => void;
  /** An honest node has told its client that a transaction is final. */
  readonly confirmed: (place: number, id: string, height: number) => void;
  /** What a node holds in memory. */
  readonly keeps: (place: number, state: State) => void;
  readonly accuse: (text: string) => void;
  readonly violation: () => string | null;
  /** The chain that all must have: heights above 0 in order. */
  readonly chain: () => readonly Decided[];
  readonly confirmations: () => ReadonlyMap<string, number>;
};

export type Decided = { readonly digest: string; readonly stateRoot: string; readonly next: Head };

/** Votes of one author that a node may hold for a height, by kind, and messages for the next height. */
const KEPT_OF_AUTHOR_MAX = 8;
/** What a node holds is looked at every so many steps. */
const LOOKS_EVERY = 16;

/** @param liars addresses that may say what they like */
export function createWitness(
  { start, actors }: World,
  liars: ReadonlySet<string>,
  epochBlocks: number,
): Witness {
  const seats = createSeats(
    start.validators.map(({ address }) => address),
    new Map(actors.map(({ address, publicKey }) => [address, toHex(publicKey)])),
    epochBlocks,
  );
  const chain: Decided[] = [{ digest: start.digest, stateRoot: start.state.root, next: start }];
  const speech = new Map<number, Speech>();
  const confirmations = new Map<string, number>();
  let violation: string | null = null;
  let steps = 0;
  const accuse = (text: string) => {
    violation ??= text;
  };
  const speechAt = (height: number): Speech => {
    const known = speech.get(height) ?? createSpeech();
    speech.set(height, known);
    return known;
  };
  const committeeOf = (height: number) => chain[height - 1]?.next.validators ?? [];

  return {
    said(place, message, isOnDisk) {
      const { kind, height, round, author } = message;
      if (!isOnDisk) accuse(`n${place} sent a ${kind} at ${height}/${round} that is not on its disk`);
      const committee = committeeOf(height).map(({ address }) => address);
      if (!committee.includes(author)) accuse(`n${place} votes at ${height} without being a validator there`);
      if (liars.has(author)) return;
      const fault = takeDown(speechAt(height), message, {
        leader: leaderOf(committee, chain[height - 1]?.next.proposer ?? null, round),
        isLiar: (address) => liars.has(address),
        decides: decides(committee.length),
        liars: committee.filter((address) => liars.has(address)).length,
      });
      if (fault !== null) accuse(`n${place}: ${fault}`);
    },
    finalised(place, { block, certificate }, next) {
      const { height, stateRoot } = block.header;
      const parent = chain[height - 1];
      if (parent === undefined) return accuse(`n${place} has block ${height} final before its parent`);
      const before = chain[height];
      if (before !== undefined && before.digest !== next.digest)
        return accuse(
          `fork at ${height}: n${place} has ${next.digest.slice(0, 8)}, another ${before.digest.slice(0, 8)}`,
        );
      if (next.state.root !== stateRoot || (before !== undefined && before.stateRoot !== stateRoot))
        return accuse(`n${place} has another state root at ${height}`);
      const { validators } = parent.next;
      const signers = new Set(certificate.seals.map(({ signer }) => signer));
      if (signers.size < decides(validators.length))
        return accuse(
          `n${place} has block ${height} final by ${signers.size} of ${validators.length} signers`,
        );
      const { genesis } = start;
      const fault = checkCertificate(certificate, { genesis, height, digest: next.digest, validators });
      if (fault !== null) return accuse(`n${place} has block ${height} final by a certificate with ${fault}`);
      if (before !== undefined) return;
      chain[height] = { digest: next.digest, stateRoot, next };
      seats.after(block);
      if (seatsOf(next) !== seats.taken()) accuse(`n${place} has another committee after block ${height}`);
    },
    adopted(place, { height, digest, state, validators }) {
      const decided = chain[height];
      if (decided === undefined) return accuse(`n${place} goes on from ${height}, which nobody has decided`);
      if (decided.digest !== digest) accuse(`fork at ${height}: n${place} goes on from another block`);
      if (state.root !== decided.stateRoot) accuse(`n${place} goes on from another state at ${height}`);
      if (seatsOf({ validators }) !== seatsOf(decided.next))
        accuse(`n${place} goes on from ${height} with another committee`);
    },
    dropped(place, provider, reason) {
      if (!liars.has(provider))
        accuse(`n${place} takes honest ${provider.slice(0, 8)} for a liar: ${reason}`);
    },
    confirmed(place, id, height) {
      const before = confirmations.get(id);
      if (before !== undefined && before !== height)
        accuse(`n${place} confirmed transaction ${id.slice(0, 8)} at ${height}, before at ${before}`);
      confirmations.set(id, height);
    },
    keeps(place, state) {
      steps += 1;
      if (steps % LOOKS_EVERY !== 0) return;
      const lists = [...state.prepares.values(), ...state.commits.values()];
      const ahead = [...state.ahead.values()].map(({ messages }) => messages);
      const longest = Math.max(0, ...[...lists, ...ahead].map(({ length }) => length));
      if (longest > KEPT_OF_AUTHOR_MAX) accuse(`n${place} keeps ${longest} messages of one author`);
      const authors = Math.max(state.prepares.size, state.commits.size, state.roundChanges.size);
      if (authors > state.validators.length) accuse(`n${place} keeps messages of ${authors} authors`);
      for (const { author, prepared, prepares } of state.roundChanges.values()) {
        const provers = new Set(
          prepares
            .filter(({ round, digest }) => round === prepared?.round && digest === prepared.digest)
            .map((prepare) => prepare.author),
        );
        if (prepared !== null && provers.size < decides(state.validators.length))
          accuse(`n${place} believes ${author.slice(0, 8)} without proof`);
      }
      const further = [...state.roundChanges.values()].filter(
        ({ author, round }) => author !== state.self && round > state.round,
      ).length;
      if (3 * further > state.validators.length - 1)
        accuse(`n${place} stays in round ${state.round}, though ${further} others have asked for later ones`);
    },
    accuse,
    violation: () => violation,
    chain: () => chain.slice(1),
    confirmations: () => confirmations,
  };
}

/** Written out here, so that a mutant of the code under test does not move the yardstick as well. */
function decides(validators: number): number {
  return Math.ceil((2 * validators) / 3);
}

/** Whose turn a round is: the seat after the last author's, and one further every round. */
function leaderOf(
  committee: readonly string[],
  lastAuthor: string | null,
  round: number,
): string | undefined {
  const first = lastAuthor === null ? 0 : committee.filter((address) => address <= lastAuthor).length;
  return committee[(first + round) % committee.length];
}

/** All that honest validators have said at one height. */
type Speech = {
  /** By author, kind and round: what was said there. */
  readonly words: Map<string, string>;
  /** By author: the highest round it has asked for, and the highest it has committed in. */
  readonly rounds: Map<string, { asked: number; committed: { round: number; digest: string } | null }>;
  readonly prepared: { readonly author: string; readonly round: number; readonly digest: string }[];
  /** By round and digest: who committed. */
  readonly commits: Map<string, Set<string>>;
  /** What may have been decided, if all liars agree. */
  readonly open: { readonly round: number; readonly digest: string }[];
};

function createSpeech(): Speech {
  return { words: new Map(), rounds: new Map(), prepared: [], commits: new Map(), open: [] };
}

type Committee = {
  readonly leader: string | undefined;
  readonly isLiar: (address: string) => boolean;
  readonly decides: number;
  readonly liars: number;
};

/** What is wrong with the message, given all that was said before; null if nothing is. */
function takeDown(speech: Speech, message: OwnMessage, committee: Committee): string | null {
  const { kind, height, round, author } = message;
  const says = kind === 'round-change' ? claimOf(message) : message.digest;
  // Proposal, prepare and commit of one round are about one block.
  const name = `${author} ${kind === 'round-change' ? kind : 'block'} ${round}`;
  const said = speech.words.get(name);
  if (said !== undefined && said !== says)
    return `two things said at ${height}/${round}: ${said} and, as ${kind}, ${says}`;
  speech.words.set(name, says);
  const own = speech.rounds.get(author) ?? { asked: 0, committed: null };
  speech.rounds.set(author, own);

  if (kind === 'round-change') {
    own.asked = Math.max(own.asked, round);
    const { committed } = own;
    const forgot =
      committed !== null && committed.round < round && (message.prepared?.round ?? -1) < committed.round;
    return forgot
      ? `a round change at ${height}/${round} forgets the commit of round ${committed.round}`
      : null;
  }
  const isNew = !speech.words.has(`${author} ${kind} ${round} said`);
  speech.words.set(`${author} ${kind} ${round} said`, says);
  if (isNew && round < own.asked)
    return `a ${kind} at ${height}/${round} after round ${own.asked} was asked for`;
  if (!isNew) return null;
  if (kind === 'prepare') return onPrepare(speech, message, committee);
  return kind === 'commit' ? onCommit(speech, message, { own, committee }) : null;
}

const NOTHING = 'nothing prepared';

function claimOf({ prepared }: Extract<OwnMessage, { kind: 'round-change' }>): string {
  return prepared === null ? NOTHING : `${prepared.round} ${prepared.digest}`;
}

type Unsigned<M> = Omit<M, 'signature'>;

/** Once a block may have been decided in a round, no honest validator prepares another in a later one. */
function onPrepare(
  speech: Speech,
  { author, height, round, digest }: Unsigned<Prepare>,
  committee: Committee,
): string | null {
  const { leader, isLiar } = committee;
  if (
    leader !== undefined &&
    !isLiar(leader) &&
    speech.words.get(`${leader} proposal ${round} said`) !== digest
  )
    return `a prepare at ${height}/${round} for a block that its leader has not proposed`;
  const ungrounded = round > 0 ? groundsMissing(speech, { round, digest }, committee) : null;
  if (ungrounded !== null) return `a prepare at ${height}/${round} ${ungrounded}`;
  speech.prepared.push({ author, round, digest });
  const against = speech.open.find((open) => open.round < round && open.digest !== digest);
  return against === undefined
    ? null
    : `a prepare at ${height}/${round} against what may be decided in round ${against.round}`;
}

/** In a round above 0: a quorum has asked for it, and what is prepared was prepared before, or enough knew of nothing prepared. */
function groundsMissing(
  speech: Speech,
  { round, digest }: Pick<Prepare, 'round' | 'digest'>,
  { decides: needed, liars }: Committee,
): string | null {
  const asked = [...speech.words].filter(([name]) => name.endsWith(` round-change ${round}`));
  if (asked.length + liars < needed) return `that only ${asked.length} honest have asked for`;
  const free = asked.filter(([, claim]) => claim === NOTHING).length;
  if (free + liars >= needed) return null;
  const wasPrepared = speech.prepared.some((vote) => {
    if (vote.round >= round || vote.digest !== digest) return false;
    const alike = speech.prepared.filter((other) => other.round === vote.round && other.digest === digest);
    return alike.length + liars >= needed;
  });
  return wasPrepared ? null : `of a block that nobody can have shown to be prepared`;
}

function onCommit(
  speech: Speech,
  { author, height, round, digest }: Unsigned<Commit>,
  { own, committee }: { own: { committed: { round: number; digest: string } | null }; committee: Committee },
): string | null {
  if (own.committed === null || own.committed.round < round) own.committed = { round, digest };
  const name = `${round} ${digest}`;
  const committers = speech.commits.get(name) ?? new Set();
  speech.commits.set(name, committers.add(author));
  const prepares = speech.prepared.filter((vote) => vote.round === round && vote.digest === digest).length;
  if (prepares + committee.liars < committee.decides)
    return `a commit at ${height}/${round} with ${prepares} honest prepares`;
  if (committers.size + committee.liars < committee.decides) return null;
  speech.open.push({ round, digest });
  const against = speech.prepared.find((vote) => vote.round > round && vote.digest !== digest);
  return against === undefined
    ? null
    : `may be decided at ${height}/${round}, and another was prepared in round ${against.round}`;
}
