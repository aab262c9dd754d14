import { domainHash, type Packed, packedDomainHash } from '../crypto/index.ts';

/** Stands for a subtree without entries. No hash of an entry or a branch is known to be all zero. */
export const EMPTY_HASH: Uint8Array = new Uint8Array(32);
export const EMPTY_PACKED: Packed = '\0'.repeat(EMPTY_HASH.length);

const ENTRY_TAG = 'state-entry';
const BRANCH_TAG = 'state-branch';
const VALUE_TAG = 'state-value';

/** Binds the value to its key: an entry can be shown at no other path. */
export function entryHash(path: Uint8Array, valueHash: Uint8Array): Uint8Array {
  return domainHash(ENTRY_TAG, path, valueHash);
}

export function branchHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return domainHash(BRANCH_TAG, left, right);
}

export function stateValueHash(value: Uint8Array): Uint8Array {
  return domainHash(VALUE_TAG, value);
}

/** `entryHash`, packed, of the value itself. */
export function packedEntryHash(path: Packed, value: Uint8Array): Packed {
  return packedDomainHash(ENTRY_TAG, path, packedDomainHash(VALUE_TAG, value));
}

/** `branchHash`, packed. */
export function packedBranchHash(left: Packed, right: Packed): Packed {
  return packedDomainHash(BRANCH_TAG, left, right);
}
