import { accounts, keyOfAccount, skip, transfer } from './accounts.ts';
import { seatedAt, validatorsOf } from './committee.ts';
import { advance, nominate, offer, withdraw } from './coordination.ts';
import { type FieldsOf, readFields, type ShapeOf, writeFields } from './fields.ts';
import { genesisEntries } from './genesis.ts';
import { nomineesOf, vote } from './governance.ts';
import { rotateKey } from './keys.ts';
import { recordSlot } from './metering.ts';
import type { Method } from './method.ts';
import { open } from './opening.ts';
import { readNetwork } from './parameters.ts';
import { qualifyDevice, registerDevice, retireDevice } from './registry.ts';
import { Rejection, reject, require } from './rejection.ts';
import { settle } from './settlement.ts';
import type { BlockContext, Call, ContractEvent, ContractState, Outcome } from './types.ts';

const methods = {
  'accounts.rotateKey': rotateKey,
  'accounts.skip': skip,
  'accounts.transfer': transfer,
  'coordination.advance': advance,
  'coordination.nominate': nominate,
  'coordination.offer': offer,
  'coordination.open': open,
  'coordination.withdraw': withdraw,
  'governance.vote': vote,
  'metering.record': recordSlot,
  'registry.qualifyDevice': qualifyDevice,
  'registry.registerDevice': registerDevice,
  'registry.retireDevice': retireDevice,
  'settlement.settle': settle,
};

export type MethodName = keyof typeof methods;
/** A method's arguments by name, in the order in which they travel. */
export type ArgumentsOf<M extends MethodName> = ShapeOf<(typeof methods)[M]['fields']>;

/** The method and arguments of a transaction, from named arguments. Checks nothing that the contract decides. */
export function buildCall<M extends MethodName>(
  name: M,
  args: ArgumentsOf<M>,
): Pick<Call, 'method' | 'args'> {
  const fields: FieldsOf = methods[name].fields;
  return { method: name, args: writeFields(fields, args as never) };
}

/**
 * Applies one call. All of its writes reach `state` together, or, when it is rejected, none; a rejection has a
 * stable code. Throws only on a state that this contract did not write.
 */
export function applyCall(state: ContractState, call: Call, context: BlockContext): Outcome {
  const draft = draftOn(state);
  const events: ContractEvent[] = [];
  try {
    run(draft.state, call, context, events);
  } catch (error) {
    if (error instanceof Rejection) return { ok: false, code: error.code, reason: error.message };
    throw error;
  }
  draft.commit();
  return { ok: true, events };
}

/** All that a chain asks of these rules. */
export const contract = {
  genesisEntries,
  applyCall,
  publicKeyOf: keyOfAccount,
  validatorsOf,
  nomineesOf,
  seatedAt,
} as const;

function run(state: ContractState, call: Call, context: BlockContext, events: ContractEvent[]): void {
  require(Object.hasOwn(methods, call.method), 'CONTRACT_UNKNOWN_METHOD', 'there is no such method');
  const method: Method = methods[call.method as MethodName] as never;
  const account = accounts.get(state, call.sender);
  if (account === undefined) reject('CONTRACT_UNKNOWN_ACCOUNT', `${call.sender} has no account`);
  if (method.roles !== undefined && !method.roles.some((role) => account.roles.includes(role))) {
    reject('CONTRACT_WRONG_ROLE', `${call.method} is for ${method.roles.join(' or ')}`);
  }
  const args = readFields(method.fields, call.args);
  const emit = (name: string, fields: ContractEvent['fields']) => events.push({ name, fields });
  method.run({ state, sender: call.sender, ...context, network: readNetwork(state), emit }, args);
}

/** Holds writes back until they are known to stand. */
function draftOn(state: ContractState): { readonly state: ContractState; commit(): void } {
  const written = new Map<string, Uint8Array | undefined>();
  return {
    state: {
      get: (key) => (written.has(key) ? written.get(key) : state.get(key)),
      set: (key, value) => void written.set(key, value),
      delete: (key) => void written.set(key, undefined),
    },
    commit() {
      for (const [key, value] of written) {
        if (value === undefined) state.delete(key);
        else state.set(key, value);
      }
    },
  };
}
