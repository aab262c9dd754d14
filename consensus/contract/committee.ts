import { accounts } from './accounts.ts';
import { address, count, list } from './fields.ts';
import { record } from './record.ts';
import { type Address, type ContractState, VALIDATORS_MAX, type Validator } from './types.ts';

/** Who has a seat, sorted by address. The keys are those of the accounts. */
const committees = record('governance/committee', {
  members: list(address, 1, VALIDATORS_MAX),
  /** The last block that gave a seat or took one; 0 for the genesis. */
  changedHeight: count(0, Number.MAX_SAFE_INTEGER),
});

/** Who decides on the height after this state's, sorted by address. */
export function validatorsOf(state: Pick<ContractState, 'get'>): readonly Validator[] {
  return readSeats(state).flatMap((member) => {
    const publicKey = accounts.get(state, member)?.publicKey ?? null;
    return publicKey === null ? [] : [{ address: member, publicKey }];
  });
}

function readSeats(state: Pick<ContractState, 'get'>): readonly Address[] {
  return committees.get(state)?.members ?? [];
}

export function committeeEntry(members: readonly Address[]): [key: string, value: Uint8Array] {
  return [committees.key(), committees.encode({ members: [...members].sort(), changedHeight: 0 })];
}
