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

const height = count(0, Number.MAX_SAFE_INTEGER);

/** Who has a seat. */
const committees = record('governance/committee', {
  /** Sorted. Their keys are those of their accounts. */
  members: list(address, 1, VALIDATORS_MAX),
  /** By member: the height of the block that gave the seat; 0 for the genesis. */
  since: list(height, 1, VALIDATORS_MAX),
  /** The last block that gave a seat or took one; 0 for the genesis. */
  changedHeight: height,
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
  return committees.get(state) ?? { members: [], since: [], changedHeight: 0 };
}

/** Height of the block that gave the address the seat it has; 0 for the genesis, undefined where it has none. */
export function seatedAt(state: Pick<ContractState, 'get'>, member: Address): number | undefined {
  const { members, since } = readCommittee(state);
  return since[members.indexOf(member)];
}

/** Seats these and nobody else. Who has a seat, and nobody else, has the role of a validator. */
export function seat(state: ContractState, members: readonly Address[], changedHeight: number): void {
  const { members: before } = readCommittee(state);
  const since = members.map((member) => seatedAt(state, member) ?? changedHeight);
  for (const left of before) if (!members.includes(left)) setRole(state, left, false);
  for (const come of members) if (!before.includes(come)) setRole(state, come, true);
  committees.put(state, { members, since, changedHeight });
  setFaults(state, members.length);
}

export function committeeEntry(members: readonly Address[]): [key: string, value: Uint8Array] {
  const since = members.map(() => 0);
  return [committees.key(), committees.encode({ members: [...members].sort(), since, changedHeight: 0 })];
}

function setRole(state: ContractState, member: Address, isValidator: boolean): void {
  const account = accounts.get(state, member)!;
  const has = (role: Role) => (role === 'validator' ? isValidator : account.roles.includes(role));
  accounts.put(state, { ...account, roles: ROLES.filter(has) }, member);
}
