import {
  decodeFinalBlock,
  decodeMilestone,
  encodeFinalBlock,
  type FinalBlock,
  type Milestone,
  type SignedTransaction,
} from '../chain/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';

/**
 * Where everything lies in LevelDB; no other file spells a key. Numbers in keys are 16 hex digits, so that the order
 * of keys is that of the numbers.
 *
 *     meta/format          version of this layout
 *     meta/genesis         hash of the chain's genesis, 32 bytes
 *     meta/votes           identity of the record of own votes that belongs to this store, 16 bytes
 *     meta/votes-mark      where that record stood when the newest block was stored
 *     head                 height of the newest block
 *     first                height of the oldest block that is kept; absent: all are
 *     block/HEIGHT         final block with its certificate
 *     milestone/HEIGHT     header and seals of an epoch's last block or one that changed the committee, kept for ever
 *     pending/SENDER/NONCE own transaction that no block holds yet
 *     state/KEY            entry of the state
 */
export const FORMAT_VERSION = 1n;

export const keys = {
  format: 'meta/format',
  genesis: 'meta/genesis',
  votes: 'meta/votes',
  votesMark: 'meta/votes-mark',
  head: 'head',
  first: 'first',
  milestone: (height: number) => `milestone/${ordered(height)}`,
  block: (height: number) => `block/${ordered(height)}`,
  pending: ({ sender, nonce }: Pick<SignedTransaction, 'sender' | 'nonce'>) =>
    `pending/${sender}/${ordered(nonce)}`,
  state: (key: string) => `state/${key}`,
};

/** All keys that begin with the prefix: `0` follows `/` in the order of bytes. */
export function rangeOf(kind: 'block' | 'milestone' | 'pending' | 'state'): {
  readonly gt: string;
  readonly lt: string;
} {
  return { gt: `${kind}/`, lt: `${kind}0` };
}

export function stateKeyOf(key: string): string {
  return key.slice('state/'.length);
}

export function encodeHeight(height: number): Uint8Array {
  return encode(BigInt(height));
}

/** @param what it is the height of. @throws ConsensusError CONSENSUS_STORE_CORRUPT */
export function decodeHeight(bytes: Uint8Array, what = 'head'): number {
  const value = readable(what, () => decode(bytes));
  if (typeof value !== 'bigint' || value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw corrupt(what, 'it is no height');
  }
  return Number(value);
}

export function encodeStoredBlock(final: FinalBlock): Uint8Array {
  return encodeFinalBlock(final);
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT */
export function decodeStoredBlock(height: number, bytes: Uint8Array): FinalBlock {
  const final = readable(`block ${height}`, () => decodeFinalBlock(bytes));
  if (final.block.header.height !== height) throw corrupt(`block ${height}`, 'it has another height');
  return final;
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT */
export function decodeStoredMilestone(bytes: Uint8Array): Milestone {
  return readable('milestone', () => decodeMilestone(bytes));
}

export function encodeFormat(): Uint8Array {
  return encode(FORMAT_VERSION);
}

/** @throws ConsensusError CONSENSUS_STORE_CORRUPT */
export function decodeFormat(bytes: Uint8Array): bigint {
  const version = readable('meta', () => decode(bytes));
  if (typeof version !== 'bigint') throw corrupt('meta', 'the version of the layout is no number');
  return version;
}

export function corrupt(what: string, reason: string, cause?: unknown): ConsensusError {
  const details = { what, reason };
  return new ConsensusError('CONSENSUS_STORE_CORRUPT', `${what}: ${reason}`, details, { cause });
}

function readable<Value extends FinalBlock | Milestone | CborValue>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConsensusError) throw corrupt(what, error.message, error);
    throw error;
  }
}

function ordered(value: number): string {
  return value.toString(16).padStart(16, '0');
}
