import {
  encodeTransaction,
  type FinalBlock,
  type Head,
  type SignedTransaction,
  type StateChanges,
} from '../chain/index.ts';
import { fromHex } from '../crypto/index.ts';
import { encodeFormat, encodeHeight, encodeStoredBlock, keys } from './layout.ts';

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** A store that holds the genesis and nothing else. */
export function firstBatch(start: Head): Operation[] {
  return [
    put(keys.format, encodeFormat()),
    put(keys.genesis, fromHex(start.genesis)),
    ...[...start.state.entries()].map(([key, value]) => put(keys.state(key), value)),
    put(keys.head, encodeHeight(0)),
  ];
}

/** All that a final block changes: written together or not at all. */
export function blockBatch(
  final: FinalBlock,
  changes: StateChanges,
  settled: readonly string[] = [],
): Operation[] {
  const { height } = final.block.header;
  return [
    put(keys.block(height), encodeStoredBlock(final)),
    ...[...changes].map(([key, value]) =>
      value === null ? remove(keys.state(key)) : put(keys.state(key), value),
    ),
    ...settled.map(remove),
    put(keys.head, encodeHeight(height)),
  ];
}

export function pendingEntry(transaction: SignedTransaction): Operation {
  return put(keys.pending(transaction), encodeTransaction(transaction));
}

export function votesMarkEntry(mark: Uint8Array): Operation {
  return put(keys.votesMark, mark);
}

function put(key: string, value: Uint8Array): Operation {
  return { type: 'put', key, value };
}

function remove(key: string): Operation {
  return { type: 'del', key };
}
