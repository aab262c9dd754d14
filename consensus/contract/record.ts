import { decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { type FieldsOf, readFields, type ShapeOf, writeFields } from './fields.ts';
import type { ContractState } from './types.ts';

/** What a stored record may weigh at most: the members of a full session. */
const RECORD_LIMITS = { maxBytes: 1 << 18, maxDepth: 4, maxItems: 1 << 13 };

/** One kind of record of the state, stored under `prefix/...` as a canonical CBOR array of its fields. */
export type RecordKind<T> = {
  key(...parts: readonly (string | number)[]): string;
  encode(value: T): Uint8Array;
  get(state: Pick<ContractState, 'get'>, ...parts: readonly (string | number)[]): T | undefined;
  put(state: ContractState, value: T, ...parts: readonly (string | number)[]): void;
  drop(state: ContractState, ...parts: readonly (string | number)[]): void;
};

/**
 * A text chosen by a caller may stand only in the last part of a key: whatever it holds, two kinds of
 * record never meet under one key.
 */
export function record<F extends FieldsOf>(prefix: string, fields: F): RecordKind<ShapeOf<F>> {
  const key = (...parts: readonly (string | number)[]) => [prefix, ...parts].join('/');
  const encodeShape = (value: ShapeOf<F>) => encode(writeFields(fields, value));
  return {
    key,
    encode: encodeShape,
    get(state, ...parts) {
      const bytes = state.get(key(...parts));
      if (bytes === undefined) return undefined;
      try {
        const values = decode(bytes, RECORD_LIMITS);
        return readFields(fields, Array.isArray(values) ? values : []);
      } catch (cause) {
        throw new ConsensusError(
          'CONSENSUS_STORE_CORRUPT',
          `unreadable record ${key(...parts)}`,
          {},
          { cause },
        );
      }
    },
    put(state, value, ...parts) {
      state.set(key(...parts), encodeShape(value));
    },
    drop(state, ...parts) {
      state.delete(key(...parts));
    },
  };
}
