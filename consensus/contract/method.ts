import type { FieldsOf, ShapeOf } from './fields.ts';
import type { Network } from './parameters.ts';
import type { Address, ContractEvent, ContractState, Hash, Role } from './types.ts';

/** What a running method sees: a draft of the state, the caller, the block. */
export type Scope = {
  readonly state: ContractState;
  readonly sender: Address;
  readonly height: number;
  readonly timeMs: number;
  readonly network: Network;
  /** Hash of the chain's genesis. */
  readonly genesis: Hash;
  emit(name: string, fields: ContractEvent['fields']): void;
};

/** One entry of the contract's table: who may call it, with what, and what it does. */
export type Method<F extends FieldsOf = FieldsOf> = {
  /** Any one of these; everybody with an account if absent. */
  readonly roles?: readonly Role[];
  readonly fields: F;
  run(scope: Scope, args: ShapeOf<F>): void;
};

/** Ties the types of a method's arguments to its fields. */
export function method<F extends FieldsOf>(definition: Method<F>): Method<F> {
  return definition;
}
