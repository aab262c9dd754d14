import type { Address, ContractState } from '../contract/types.ts';
import { decode, encode } from '../encoding/index.ts';
import { readCount } from './fields.ts';

/** The nonce that the sender's next transaction must carry: the number of those already in blocks. */
export function nextNonce(state: Pick<ContractState, 'get'>, sender: Address): number {
  const stored = state.get(nonceKey(sender));
  return stored === undefined ? 0 : readCount(decode(stored), 'nonce');
}

export function useNonce(state: ContractState, sender: Address): void {
  state.set(nonceKey(sender), encode(BigInt(nextNonce(state, sender) + 1)));
}

/** Kept in the state, so that a transaction is refused again even by those who never saw its block. */
function nonceKey(sender: Address): string {
  return `chain/nonce/${sender}`;
}
