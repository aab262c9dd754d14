import { toHex } from '../crypto/index.ts';
import type { CborValue } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';

/** Readers of decoded fields: each returns its type or throws ConsensusError CONSENSUS_BAD_ENCODING with the name. */

export function readArray(value: CborValue | undefined, name: string, length?: number): readonly CborValue[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) throw wrong(name);
  return value;
}

export function readBytes(value: CborValue | undefined, name: string, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw wrong(name);
  return value;
}

export function readHash(value: CborValue | undefined, name: string): string {
  return toHex(readBytes(value, name, 32));
}

export function readAddress(value: CborValue | undefined, name: string): string {
  return toHex(readBytes(value, name, 20));
}

/** Heights, rounds, nonces and times: whole, not negative, exact as a number. */
export function readCount(value: CborValue | undefined, name: string): number {
  if (typeof value !== 'bigint' || value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(name);
  return Number(value);
}

/** `maxLength` in UTF-16 units. */
export function readText(value: CborValue | undefined, name: string, maxLength: number): string {
  if (typeof value !== 'string' || value.length > maxLength) throw wrong(name);
  return value;
}

function wrong(name: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_ENCODING', `${name} is missing or of the wrong kind`, {
    field: name,
  });
}
