import { VALIDATORS_MAX } from '../contract/types.ts';
import { fromHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError, type ConsensusErrorCode } from '../errors.ts';
import type {
  Commit,
  Justification,
  Message,
  OwnMessage,
  Prepare,
  Proposal,
  RoundChange,
  VoteRecord,
} from '../protocol/index.ts';
import { bad, type Reader, readWhole } from './reader.ts';
import type { Channel } from './transport.ts';

/** Bounds of what is read from the wire. Blocks and transactions stay closed here: the chain opens them. */
export const WIRE_LIMITS = {
  blockBytes: 1024 * 1024,
  payloadBytes: 2 * 1024 * 1024,
  transactionBytes: 64 * 1024,
  transactions: 64,
  finalBlocks: 16,
  validators: VALIDATORS_MAX,
  milestones: 64,
  milestoneBytes: 16 * 1024,
  manifestBytes: 64 * 1024,
  partBytes: 320 * 1024,
} as const;

/** One payload's content. `block` is the encoded block that the message is about. */
export type Envelope =
  | { readonly channel: 'proposal'; readonly message: Proposal; readonly block: Uint8Array }
  | { readonly channel: 'vote'; readonly message: Prepare | Commit; readonly block: null }
  | { readonly channel: 'vote'; readonly message: RoundChange; readonly block: Uint8Array | null }
  | { readonly channel: 'transaction'; readonly transactions: readonly Uint8Array[] }
  /** The height is a hint: it lets those who have the block pass it over unopened. */
  | { readonly channel: 'block'; readonly height: number; readonly finalBlock: Uint8Array }
  | { readonly channel: 'sync-request'; readonly fromHeight: number; readonly maxBlocks: number }
  /** `headHeight` is the sender's own, `firstHeight` that of the oldest block it keeps. */
  | {
      readonly channel: 'sync-response';
      readonly headHeight: number;
      readonly firstHeight: number;
      readonly finalBlocks: readonly Uint8Array[];
    }
  /** Which snapshot there is, and how the committee came to it from the one after `aboveHeight`. */
  | { readonly channel: 'snapshot-request'; readonly about: 'offer'; readonly aboveHeight: number }
  | {
      readonly channel: 'snapshot-request';
      readonly about: 'part';
      readonly height: number;
      readonly index: number;
    }
  | { readonly channel: 'snapshot-response'; readonly about: 'offer'; readonly offer: SnapshotOffer }
  /** Null: it is not there (any more). */
  | {
      readonly channel: 'snapshot-response';
      readonly about: 'part';
      readonly height: number;
      readonly index: number;
      readonly part: Uint8Array | null;
    };

/** Milestones and manifest stay closed here: the chain opens them. */
export type SnapshotOffer = {
  /** Blocks that changed the committee, ascending, as many as one message takes. */
  readonly changes: readonly Uint8Array[];
  /** Null while there are more changes than that, and where there is no snapshot above. */
  readonly snapshot: { readonly milestone: Uint8Array; readonly manifest: Uint8Array } | null;
};

export type Decoded =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly code: ConsensusErrorCode; readonly reason: string };

/** Canonical CBOR: the same envelope has the same bytes everywhere. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  switch (envelope.channel) {
    case 'proposal':
    case 'vote':
      return encode([messageFields(envelope.message), envelope.message.signature, envelope.block]);
    case 'transaction':
      return encode([envelope.transactions]);
    case 'block':
      return encode([BigInt(envelope.height), envelope.finalBlock]);
    case 'sync-request':
      return encode([BigInt(envelope.fromHeight), BigInt(envelope.maxBlocks)]);
    case 'sync-response':
      return encode([BigInt(envelope.headHeight), BigInt(envelope.firstHeight), envelope.finalBlocks]);
    case 'snapshot-request':
      return encode(
        envelope.about === 'offer'
          ? [OFFER, BigInt(envelope.aboveHeight)]
          : [PART, BigInt(envelope.height), BigInt(envelope.index)],
      );
    case 'snapshot-response': {
      if (envelope.about === 'part')
        return encode([PART, BigInt(envelope.height), BigInt(envelope.index), envelope.part]);
      const { changes, snapshot } = envelope.offer;
      return encode([OFFER, changes, snapshot === null ? null : [snapshot.milestone, snapshot.manifest]]);
    }
  }
}

/** Reads what anybody may have sent: whatever is not exactly an envelope of this channel is a refusal, never an error. */
export function decodeEnvelope(channel: Channel, payload: Uint8Array): Decoded {
  try {
    const value = decode(payload, { maxBytes: WIRE_LIMITS.payloadBytes, maxDepth: 8, maxItems: 20_000 });
    return { ok: true, envelope: readWhole(value, (reader) => readEnvelope(channel, reader)) };
  } catch (error) {
    if (!(error instanceof ConsensusError)) throw error;
    return { ok: false, code: error.code, reason: error.message };
  }
}

/** An own vote as it is kept on disk. */
export function encodeVoteRecord(record: VoteRecord): Uint8Array {
  return encode([messageFields(record.message), prepareFields(record.prepares)]);
}

/** @throws ConsensusError when these are not the bytes of a record */
export function decodeVoteRecord(bytes: Uint8Array): VoteRecord {
  return readWhole(decode(bytes), (reader) => {
    const message = reader.nested(readOwnMessage);
    const { height, round } = message;
    const prepared = message.kind === 'commit' ? { round, digest: message.digest } : null;
    return { message, prepares: readPrepares(reader, { height, prepared }) };
  });
}

const OFFER = 0n;
const PART = 1n;

const PROPOSAL = 0n;
const PREPARE = 1n;
const COMMIT = 2n;
const ROUND_CHANGE = 3n;

function readEnvelope(channel: Channel, reader: Reader): Envelope {
  switch (channel) {
    case 'proposal':
    case 'vote':
      return readAgreement(channel, reader);
    case 'transaction': {
      const transactions = reader.byteStrings(WIRE_LIMITS.transactions, WIRE_LIMITS.transactionBytes);
      return { channel, transactions };
    }
    case 'block':
      return { channel, height: reader.integer(), finalBlock: reader.bytes(WIRE_LIMITS.payloadBytes) };
    case 'sync-request':
      return { channel, fromHeight: reader.integer(), maxBlocks: reader.integer() };
    case 'sync-response': {
      const headHeight = reader.integer();
      const firstHeight = reader.integer();
      const finalBlocks = reader.byteStrings(WIRE_LIMITS.finalBlocks, WIRE_LIMITS.payloadBytes);
      return { channel, headHeight, firstHeight, finalBlocks };
    }
    case 'snapshot-request': {
      if (readAbout(reader) === 'offer') return { channel, about: 'offer', aboveHeight: reader.integer() };
      return { channel, about: 'part', height: reader.integer(), index: reader.integer() };
    }
    case 'snapshot-response': {
      if (readAbout(reader) === 'offer') return { channel, about: 'offer', offer: readOffer(reader) };
      const place = { height: reader.integer(), index: reader.integer() };
      return { channel, about: 'part', ...place, part: reader.optionalBytes(WIRE_LIMITS.partBytes) };
    }
  }
}

function readAbout(reader: Reader): 'offer' | 'part' {
  const about = BigInt(reader.integer());
  if (about !== OFFER && about !== PART) throw bad('neither about an offer nor about a part');
  return about === OFFER ? 'offer' : 'part';
}

function readOffer(reader: Reader): SnapshotOffer {
  const changes = reader.byteStrings(WIRE_LIMITS.milestones, WIRE_LIMITS.milestoneBytes);
  const snapshot = reader.optional((item) => ({
    milestone: item.bytes(WIRE_LIMITS.milestoneBytes),
    manifest: item.bytes(WIRE_LIMITS.manifestBytes),
  }));
  return { changes, snapshot };
}

function readAgreement(channel: 'proposal' | 'vote', reader: Reader): Envelope {
  const own = reader.nested(readOwnMessage);
  const message = { ...own, signature: reader.signature() } as Message;
  const block = reader.optionalBytes(WIRE_LIMITS.blockBytes);
  if (message.kind === 'proposal') {
    if (channel !== 'proposal' || block === null) throw bad('a proposal comes with its block');
    return { channel, message, block };
  }
  if (channel !== 'vote') throw bad('a vote where a proposal belongs');
  if (message.kind === 'round-change') {
    if ((block === null) !== (message.prepared === null)) throw bad('a prepared block comes with its claim');
    return { channel, message, block };
  }
  if (block !== null) throw bad('a vote carries no block');
  return { channel, message, block };
}

function messageFields(message: OwnMessage): CborValue {
  const common = [BigInt(message.height), BigInt(message.round), fromHex(message.author)];
  switch (message.kind) {
    case 'proposal':
      return [PROPOSAL, ...common, fromHex(message.digest), justificationFields(message.justification)];
    case 'prepare':
      return [PREPARE, ...common, fromHex(message.digest)];
    case 'commit':
      return [COMMIT, ...common, fromHex(message.digest)];
    case 'round-change':
      return [ROUND_CHANGE, ...common, claimFields(message.prepared), prepareFields(message.prepares)];
  }
}

function readOwnMessage(reader: Reader): OwnMessage {
  const kind = BigInt(reader.integer());
  const common = { height: reader.integer(), round: reader.integer(), author: reader.address() };
  switch (kind) {
    case PROPOSAL: {
      const digest = reader.hash();
      const justification = reader.optional((item) => readJustification(item, common));
      return { kind: 'proposal', ...common, digest, justification };
    }
    case PREPARE:
      return { kind: 'prepare', ...common, digest: reader.hash() };
    case COMMIT:
      return { kind: 'commit', ...common, digest: reader.hash() };
    case ROUND_CHANGE: {
      const prepared = reader.optional(readClaim);
      const prepares = readPrepares(reader, { height: common.height, prepared });
      return { kind: 'round-change', ...common, prepared, prepares };
    }
    default:
      throw bad('no such kind of message');
  }
}

// What a justification repeats - height, round, the prepared digest - is written once: the proposal tells the rest.

type Claim = RoundChange['prepared'];

function justificationFields(justification: Justification | null): CborValue {
  if (justification === null) return null;
  const changes = justification.roundChanges.map((change) => [
    fromHex(change.author),
    claimFields(change.prepared),
    change.signature,
  ]);
  return [changes, prepareFields(justification.prepares)];
}

function readJustification(
  reader: Reader,
  { height, round }: { height: number; round: number },
): Justification {
  const roundChanges = reader.list(WIRE_LIMITS.validators, (item): RoundChange => {
    const author = item.address();
    const prepared = item.optional(readClaim);
    return {
      kind: 'round-change',
      height,
      round,
      author,
      prepared,
      prepares: [],
      signature: item.signature(),
    };
  });
  let highest: Claim = null;
  for (const { prepared } of roundChanges)
    if (prepared !== null && (highest === null || prepared.round > highest.round)) highest = prepared;
  return { roundChanges, prepares: readPrepares(reader, { height, prepared: highest }) };
}

function claimFields(claim: Claim): CborValue {
  return claim === null ? null : [BigInt(claim.round), fromHex(claim.digest)];
}

function readClaim(reader: Reader): NonNullable<Claim> {
  return { round: reader.integer(), digest: reader.hash() };
}

function prepareFields(prepares: readonly Prepare[]): CborValue {
  return prepares.map((prepare) => [fromHex(prepare.author), prepare.signature]);
}

/** Prepares stand behind a claim, which says for which height, round and digest they are. */
function readPrepares(reader: Reader, about: { height: number; prepared: Claim }): Prepare[] {
  const pairs = reader.list(WIRE_LIMITS.validators, (item) => ({
    author: item.address(),
    signature: item.signature(),
  }));
  if (pairs.length > 0 && about.prepared === null) throw bad('prepares without a claim');
  const { height, prepared } = about;
  return prepared === null ? [] : pairs.map((pair) => ({ kind: 'prepare', height, ...prepared, ...pair }));
}
