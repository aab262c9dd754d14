import type { Hash } from '../contract/types.ts';
import { toHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { readArray, readBytes } from './fields.ts';
import { branchHash, EMPTY_HASH, entryHash, stateValueHash } from './state-hash.ts';
import { pathOf, samePath, turnsRight } from './state-path.ts';
import type { StateProof } from './state-tree.ts';

const SIBLINGS_MAX = 256;
const HASH_BYTES = 32;

/** Whether the state with this root holds `value` under `key`; with null, whether it holds nothing there. */
export function verifyProof(
  root: Hash,
  {
    key,
    value,
    proof,
  }: { readonly key: string; readonly value: Uint8Array | null; readonly proof: StateProof },
): boolean {
  const path = pathOf(key);
  if (proof.siblings.length > SIBLINGS_MAX) return false;
  const end = endHash(path, value, proof);
  if (end === null) return false;
  let hash = end;
  for (let depth = proof.siblings.length - 1; depth >= 0; depth--) {
    const sibling = proof.siblings[depth]!;
    hash = turnsRight(path, depth) ? branchHash(sibling, hash) : branchHash(hash, sibling);
  }
  return toHex(hash) === root;
}

/** What stands at the end of the key's way down, or null when that cannot show what is claimed. */
function endHash(path: Uint8Array, value: Uint8Array | null, { other }: StateProof): Uint8Array | null {
  if (value !== null) return other === null ? entryHash(path, stateValueHash(value)) : null;
  if (other === null) return EMPTY_HASH;
  // The key's own entry in place of another would show that what is there is not. That the other lies on the key's
  // way down needs no check: the hashes are joined along that way, and give the root on no other.
  if (samePath(other.path, path)) return null;
  return entryHash(other.path, other.valueHash);
}

export function encodeProof({ siblings, other }: StateProof): Uint8Array {
  const joined = new Uint8Array(siblings.length * HASH_BYTES);
  for (const [index, sibling] of siblings.entries()) joined.set(sibling, index * HASH_BYTES);
  return encode([joined, other === null ? null : [other.path, other.valueHash]]);
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeProof(bytes: Uint8Array): StateProof {
  const fields = readArray(decode(bytes, { maxBytes: 16 * 1024 }), 'proof', 2);
  return {
    siblings: parted(readBytes(fields[0], 'siblings')),
    other: fields[1] === null ? null : readOther(fields[1]),
  };
}

function parted(joined: Uint8Array): Uint8Array[] {
  if (joined.length % HASH_BYTES !== 0) throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'half a sibling');
  return Array.from({ length: joined.length / HASH_BYTES }, (_, index) =>
    joined.slice(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  );
}

function readOther(value: CborValue | undefined): StateProof['other'] {
  const fields = readArray(value, 'other', 2);
  return { path: readBytes(fields[0], 'path', 32), valueHash: readBytes(fields[1], 'valueHash', 32) };
}
