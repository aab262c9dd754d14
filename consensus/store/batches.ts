import {
  encodeMilestone,
  encodeTransaction,
  type FinalBlock,
  type Head,
  type Milestone,
  type SignedTransaction,
  type StateChanges,
  validatorsHash,
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
  { milestone, settled = [] }: { milestone: Milestone | null; settled?: readonly string[] },
): Operation[] {
  const { height } = final.block.header;
  return [
    put(keys.block(height), encodeStoredBlock(final)),
    ...[...changes].map(([key, value]) =>
      value === null ? remove(keys.state(key)) : put(keys.state(key), value),
    ),
    ...(milestone === null ? [] : [milestoneEntry(milestone)]),
    ...settled.map(remove),
    put(keys.head, encodeHeight(height)),
  ];
}

/**
 * The milestone that a block is, if it is one: the end of an epoch, or a change of the committee.
 * @param before the committee that sealed it
 */
export function milestoneOf(
  { block, certificate }: FinalBlock,
  {
    before,
    next,
    epochBlocks,
  }: {
    readonly before: Head['validators'];
    readonly next: Pick<Head, 'validators'>;
    readonly epochBlocks: number;
  },
): Milestone | null {
  const { header } = block;
  const isChange = validatorsHash(before) !== header.validatorsHash;
  if (!isChange && header.height % epochBlocks !== 0) return null;
  return { header, certificate, validators: isChange ? next.validators : null };
}

export function milestoneEntry(milestone: Milestone): Operation {
  return put(keys.milestone(milestone.header.height), encodeMilestone(milestone));
}

/** Lets go of blocks from `first` up to but not including `end`. */
export function pruneBatch(first: number, end: number): Operation[] {
  const heights = Array.from({ length: end - first }, (_, index) => first + index);
  return [...heights.map((height) => remove(keys.block(height))), put(keys.first, encodeHeight(end))];
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
