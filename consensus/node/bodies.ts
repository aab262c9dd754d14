import {
  type Block,
  blockDigest,
  decodeClosedBlock,
  type Executed,
  encodeBlock,
  holdsTogether,
  openBlock,
} from '../chain/index.ts';
import type { Address, Hash, Validator } from '../contract/types.ts';
import { readable } from './readable.ts';

/** What a digest stands for, and what its execution on the head came to, once that is known. */
type Body = {
  readonly block: Block;
  readonly bytes: Uint8Array;
  readonly from: Address;
  executed: Executed | null;
  /** Voted for: must be at hand until the height is final. */
  pinned: boolean;
};

/** The blocks under discussion: the agreement speaks of digests only. */
export type Bodies = {
  readonly get: (digest: Hash) => Body | undefined;
  readonly add: (block: Block, executed: Executed, from: Address) => Hash;
  /** False when the bytes are not the block of this digest. */
  readonly addEncoded: (digest: Hash, bytes: Uint8Array, from: Address) => boolean;
  /** Who would decide on the next height after each of those that were executed. */
  readonly committees: () => readonly (readonly Validator[])[];
  /** Takes up a block that was voted for before a restart. */
  readonly restore: (digest: Hash, bytes: Uint8Array, self: Address) => void;
  /** Forgets blocks of final heights. */
  readonly advance: (height: number) => void;
};

/** Blocks kept of one validator: more than the rounds a height is likely to see. */
const BODIES_PER_AUTHOR = 8;

/** @param isNeeded whether the agreement may come back to the block, whoever sends others after it */
export function createBodies(isNeeded: (digest: Hash) => boolean): Bodies {
  const bodies = new Map<Hash, Body>();
  const keep = (digest: Hash, body: Body) => {
    const others = [...bodies].filter(
      ([known, { from, pinned }]) => from === body.from && !pinned && !isNeeded(known),
    );
    if (others.length >= BODIES_PER_AUTHOR) for (const [oldest] of others.slice(0, 1)) bodies.delete(oldest);
    bodies.set(digest, body);
  };
  return {
    get: (digest) => bodies.get(digest),
    add(block, executed, from) {
      const digest = blockDigest(block.header);
      keep(digest, { block, bytes: encodeBlock(block), from, executed, pinned: false });
      return digest;
    },
    addEncoded(digest, bytes, from) {
      if (bodies.has(digest)) return true;
      const block = blockOf(digest, bytes);
      if (block === null) return false;
      keep(digest, { block, bytes, from, executed: null, pinned: false });
      return true;
    },
    committees: () =>
      [...bodies.values()].flatMap(({ executed }) => (executed === null ? [] : [executed.next.validators])),
    restore(digest, bytes, self) {
      const block = blockOf(digest, bytes);
      if (block !== null) bodies.set(digest, { block, bytes, from: self, executed: null, pinned: true });
    },
    advance(height) {
      for (const [digest, { block }] of bodies) if (block.header.height <= height) bodies.delete(digest);
    },
  };
}

/** Null when the bytes are not the block of this digest. */
function blockOf(digest: Hash, bytes: Uint8Array): Block | null {
  return readable(() => {
    const closed = decodeClosedBlock(bytes);
    // The digest is the header's alone: other transactions under it would keep the true block out.
    return blockDigest(closed.header) === digest && holdsTogether(closed) ? openBlock(closed) : null;
  });
}
