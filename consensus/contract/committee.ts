import { accounts } from './accounts.ts';
import { address, count, list } from './fields.ts';
import { setFaults } from './parameters.ts';
import { record } from './record.ts';
import {
  type Address,
  type ContractState,
  ROLES,
  type Role,
  VALIDATORS_MAX,
  type Validator,
} from './types.ts';

/** Who has a seat. */
const committees = record('governance/committee', {
  /** Sorted. Their keys are those of their accounts. */
  members: list(address, 1, VALIDATORS_MAX),
  /** The last block that gave a seat or took one; 0 for the genesis. */
  changedHeight: count(0, Number.MAX_SAFE_INTEGER),
});
export type Committee = NonNullable<ReturnType<typeof committees.get>>;

/** Who decides on the height after this state's, sorted by address. */
export function validatorsOf(state: Pick<ContractState, 'get'>): readonly Validator[] {
  return readCommittee(state).members.flatMap((member) => {
    const publicKey = accounts.get(state, member)?.publicKey ?? null;
    return publicKey === null ? [] : [{ address: member, publicKey }];
  });
}

export function readCommittee(state: Pick<ContractState, 'get'>): Committee {
  return committees.get(state) ?? { members: [], changedHeight: 0 };
}

/** Seats these and nobody else. Who has a seat, and nobody else, has the role of a validator. */
export function seat(state: ContractState, members: readonly Address[], height: number): void {
  const before = readCommittee(state).members;
  for (const left of before) if (!members.includes(left)) setRole(state, left, false);
  for (const come of members) if (!before.includes(come)) setRole(state, come, true);
  committees.put(state, { members, changedHeight: height });
  setFaults(state, members.length);
}

export function committeeEntry(members: readonly Address[]): [key: string, value: Uint8Array] {
  return [committees.key(), committees.encode({ members: [...members].sort(), changedHeight: 0 })];
}

function setRole(state: ContractState, member: Address, isValidator: boolean): void {
  const account = accounts.get(state, member)!;
  const has = (role: Role) => (role === 'validator' ? isValidator : account.roles.includes(role));
  accounts.put(state, { ...account, roles: ROLES.filter(has) }, member);
}
