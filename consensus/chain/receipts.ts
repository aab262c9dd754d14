import type { ContractEvent, Hash } from '../contract/types.ts';
import { type CborValue, encode } from '../encoding/index.ts';
import { merkleRoot } from './merkle.ts';

/** Root over what every transaction of a block brought about, in the block's order. */
export function receiptsRoot(events: readonly (readonly ContractEvent[])[]): Hash {
  return merkleRoot('receipt', events.map(encodeReceipt));
}

/** A receipt is the events of one transaction; fields are sorted by name, since the order of writing means nothing. */
function encodeReceipt(events: readonly ContractEvent[]): Uint8Array {
  return encode(events.map(({ name, fields }) => [name, sortedFields(fields)]));
}

function sortedFields(fields: ContractEvent['fields']): CborValue {
  return Object.keys(fields)
    .sort()
    .map((name) => [name, fieldValue(fields[name]!)]);
}

function fieldValue(value: ContractEvent['fields'][string]): CborValue {
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'object') return value.map((item) => (typeof item === 'number' ? BigInt(item) : item));
  return value;
}
