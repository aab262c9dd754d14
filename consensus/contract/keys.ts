import { toHex } from '../crypto/index.ts';
import { address } from './fields.ts';
import { record } from './record.ts';
import type { Address } from './types.ts';

/** Whose key it is or was: a key serves one account, for ever. */
const owners = record('accountKeys', { account: address });

export function keyEntry(publicKey: Uint8Array, account: Address): [key: string, value: Uint8Array] {
  return [owners.key(toHex(publicKey)), owners.encode({ account })];
}
