import { fromHex, toHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { corrupt } from './layout.ts';

/** `block` keeps the body of a block voted for; the others are the votes themselves. */
const VOTE_KINDS = ['proposal', 'prepare', 'commit', 'round-change', 'block'] as const;
type VoteKind = (typeof VOTE_KINDS)[number];

/** An own vote, or what it rests on, as it must be on disk before it is sent. */
export type KeptVote = {
  readonly height: number;
  readonly round: number;
  readonly kind: VoteKind;
  /** 64 hex digits; null where a round change names no block. */
  readonly digest: string | null;
  /** The caller's own encoding: the message, the prepared certificate, the block. */
  readonly payload: Uint8Array;
};

/** What the first frame of a copy says about all that follow. */
export type VoteHeader = {
  /** 16 random bytes, drawn when the record began; the store keeps them too. */
  readonly identity: Uint8Array;
  /** Counts how often the copies were written anew. */
  readonly generation: number;
  /** Nothing may be signed at or below this height: what was voted there is not kept any more. */
  readonly floorHeight: number;
  /** The file's size in bytes, exactly. */
  readonly capacity: number;
  /** Hash of the last frame of the generation before; zeros where that is not known. */
  readonly previousTip: Uint8Array;
};

/** A place in a record of votes, and what stands there: enough to tell an older copy of the record from the true one. */
export type VoteMark = {
  readonly generation: number;
  /** Frames after the header's. */
  readonly frames: number;
  /** Chain hash of the last of them. */
  readonly tip: Uint8Array;
};

export function encodeVoteMark({ generation, frames, tip }: VoteMark): Uint8Array {
  return encode([BigInt(generation), BigInt(frames), tip]);
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT or CONSENSUS_BAD_ENCODING */
export function decodeVoteMark(bytes: Uint8Array): VoteMark {
  const [generation, frames, tip] = list(decode(bytes));
  if (!(tip instanceof Uint8Array)) throw unreadable();
  return { generation: count(generation), frames: count(frames), tip };
}

export function encodeVotes(votes: readonly KeptVote[]): Uint8Array {
  return encode(
    votes.map(({ height, round, kind, digest, payload }) => [
      BigInt(height),
      BigInt(round),
      BigInt(VOTE_KINDS.indexOf(kind)),
      digest === null ? null : fromHex(digest),
      payload,
    ]),
  );
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT or CONSENSUS_BAD_ENCODING */
export function decodeVotes(bytes: Uint8Array): KeptVote[] {
  return list(decode(bytes, { maxBytes: 64 * 1024 * 1024 })).map((vote) => {
    const [height, round, kind, digest, payload] = list(vote);
    const kindName = VOTE_KINDS[count(kind)];
    if (kindName === undefined || !(payload instanceof Uint8Array)) throw unreadable();
    if (digest !== null && !(digest instanceof Uint8Array)) throw unreadable();
    return {
      height: count(height),
      round: count(round),
      kind: kindName,
      digest: digest === null ? null : toHex(digest),
      payload,
    };
  });
}

export function encodeVoteHeader(header: VoteHeader): Uint8Array {
  const { identity, generation, floorHeight, capacity, previousTip } = header;
  return encode([identity, BigInt(generation), BigInt(floorHeight), BigInt(capacity), previousTip]);
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT or CONSENSUS_BAD_ENCODING */
export function decodeVoteHeader(bytes: Uint8Array): VoteHeader {
  const [identity, generation, floorHeight, capacity, previousTip] = list(decode(bytes));
  if (!(identity instanceof Uint8Array) || !(previousTip instanceof Uint8Array)) throw unreadable();
  return {
    identity,
    generation: count(generation),
    floorHeight: count(floorHeight),
    capacity: count(capacity),
    previousTip,
  };
}

function list(value: CborValue | undefined): readonly CborValue[] {
  if (!Array.isArray(value)) throw unreadable();
  return value;
}

function count(value: CborValue | undefined): number {
  if (typeof value !== 'bigint' || value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw unreadable();
  return Number(value);
}

function unreadable() {
  return corrupt('record of votes', 'a frame is not what it should be');
}
