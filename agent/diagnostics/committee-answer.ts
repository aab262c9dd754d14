import { type Motion, quorum, readCommittee, readNetwork, readVotes, toHex } from '../../consensus/index.ts';
import type { Home } from '../home.ts';

/** Who seals the ledger and what is being voted on, for the local socket's `/committee`. */
export type CommitteeAnswer = {
  readonly height: number;
  readonly validators: readonly { readonly address: string; readonly publicKey: string }[];
  /** Seals that make a block final. */
  readonly quorum: number;
  /** The last block that gave a seat or took one; 0 for the genesis. */
  readonly changedHeight: number;
  /** Votes stand until then. */
  readonly epochEndsHeight: number;
  /** Votes that a motion needs. */
  readonly majority: number;
  readonly motions: readonly {
    readonly motion: Motion;
    readonly target: string;
    readonly publicKey: string | null;
    readonly signers: readonly string[];
  }[];
};

export function committeeAnswer({ node }: Pick<Home, 'node'>): CommitteeAnswer {
  const { height, state, validators } = node.head;
  const { epochBlocks } = readNetwork(state);
  const motions = new Map<string, CommitteeAnswer['motions'][number]>();
  for (const { signer, motion, target, publicKey } of readVotes(state, height + 1)) {
    const key = `${motion} ${target} ${publicKey}`;
    const signers = [...(motions.get(key)?.signers ?? []), signer].sort();
    motions.set(key, { motion, target, publicKey, signers });
  }
  return {
    height,
    validators: validators.map(({ address, publicKey }) => ({ address, publicKey: toHex(publicKey) })),
    quorum: quorum(validators.length),
    changedHeight: readCommittee(state).changedHeight,
    epochEndsHeight: (Math.floor((height + 1) / epochBlocks) + 1) * epochBlocks,
    majority: Math.floor(validators.length / 2) + 1,
    motions: [...motions.values()],
  };
}
