import type { ContractState, Hash } from '../contract/types.ts';
import { blockDigest, validatorsHash } from './block.ts';
import { checkCertificate } from './certificate.ts';
import { verifyMerklePath } from './merkle.ts';
import { type Checkpoint, followMilestone, type Milestone, type MilestoneFault } from './milestone.ts';
import { verifyProof } from './state-proof.ts';
import type { StateProof, StateTree } from './state-tree.ts';
import type { Certificate, Header, Validator } from './types.ts';

/**
 * Shows one thing of the ledger to whoever trusts an earlier committee of it, without chain, store or network: the
 * changes of the committee since, the header of one block with its seals, and what leads from that header to the thing.
 */
export type LightProof = {
  /** Of the chain. */
  readonly genesis: Hash;
  /** Of the checkpoint that it starts at, for the reader: the genesis when absent. It proves nothing. */
  readonly sinceHeight?: number | undefined;
  /** Blocks that changed the committee, ascending, all with their new committee. */
  readonly committees: readonly Milestone[];
  readonly header: Header;
  readonly certificate: Certificate;
  readonly evidence: Evidence;
};

/** Changes of the committee that one proof leads through: some seconds of work for a phone. More go in stages. */
export const PROOF_CHANGES_MAX = 1024;

export type Evidence =
  /** Entries of the state after the block; a null value says that there is none. */
  | { readonly kind: 'state'; readonly entries: readonly ProvenEntry[] }
  /** A transaction of the block. Blocks hold only what succeeded, so that it is there says that it was done. */
  | {
      readonly kind: 'transaction';
      readonly index: number;
      readonly count: number;
      readonly transaction: Uint8Array;
      readonly path: readonly Uint8Array[];
    }
  /** Who decides on the next height. */
  | { readonly kind: 'validators'; readonly validators: readonly Validator[] };

export type ProvenEntry = {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly proof: StateProof;
};

export type LightFault =
  | MilestoneFault
  | 'PROOF_WRONG_CHAIN'
  | 'PROOF_BEFORE_CHECKPOINT'
  /** It starts at a later checkpoint than the one that is trusted. */
  | 'PROOF_STARTS_LATER'
  | 'PROOF_TOO_MANY_CHANGES'
  | 'PROOF_OTHER_BLOCK'
  | 'PROOF_NOT_IN_STATE'
  | 'PROOF_NOT_IN_BLOCK'
  | 'PROOF_OTHER_COMMITTEE';

export type LightVerdict =
  | {
      readonly ok: true;
      readonly digest: Hash;
      /** Members of the committee that sealed the block, and how many of them did; null at the checkpoint's own height. */
      readonly sealed: { readonly signers: readonly string[]; readonly committee: number } | null;
      /** Changes of the committee between the checkpoint and the block. */
      readonly changes: number;
    }
  | { readonly ok: false; readonly code: LightFault; readonly reason: string };

/** Whether the proof holds for whoever trusts the checkpoint. The first thing that does not fit ends it. */
export function checkLightProof(proof: LightProof, checkpoint: Checkpoint): LightVerdict {
  const { header, certificate, genesis } = proof;
  if (genesis !== checkpoint.genesis) return refused('PROOF_WRONG_CHAIN', 'it is of another chain');
  if (header.height < checkpoint.height) {
    const { height } = checkpoint;
    return refused(
      'PROOF_BEFORE_CHECKPOINT',
      `block ${header.height} lies before the checkpoint at ${height}`,
    );
  }
  let trusted = checkpoint;
  let changes = 0;
  for (const milestone of proof.committees) {
    const { height } = milestone.header;
    // A proof made for an older checkpoint says more than is needed here.
    if (height <= checkpoint.height) continue;
    if (height >= header.height)
      return refused('CHAIN_WRONG_HEIGHT', `block ${height} is not before the block`);
    if (changes === PROOF_CHANGES_MAX) return tooMany();
    const step = followMilestone(trusted, milestone);
    if (!step.ok) {
      const reason = `the change of the committee at block ${height} does not hold`;
      return gapAfter(checkpoint, { proof, changes }) ?? refused(step.code, reason);
    }
    trusted = step.checkpoint;
    changes += 1;
  }
  const digest = blockDigest(header);
  const isCheckpoint = header.height === checkpoint.height;
  if (isCheckpoint && digest !== checkpoint.digest)
    return refused('PROOF_OTHER_BLOCK', 'the checkpoint names another block at this height');
  const { validators } = trusted;
  const fault = isCheckpoint
    ? null
    : checkCertificate(certificate, { genesis, height: header.height, digest, validators });
  if (fault !== null) {
    const reason = `the seals of block ${header.height} do not hold`;
    return gapAfter(checkpoint, { proof, changes }) ?? refused(fault, reason);
  }
  const missing = evidenceFault(proof);
  if (missing !== null) return missing;
  const signers = certificate.seals.map(({ signer }) => validators[signer]?.address ?? '');
  return {
    ok: true,
    digest,
    sealed: isCheckpoint ? null : { signers, committee: validators.length },
    changes,
  };
}

/** What a checked proof shows of the state, for the contract to read as if it had all of it. */
export function provenState({ evidence }: LightProof): Pick<ContractState, 'get'> & {
  /** Whether something was asked for that the proof does not speak of: then nothing that was read counts. */
  readonly isIncomplete: () => boolean;
} {
  const entries = evidence.kind === 'state' ? evidence.entries : [];
  const values = new Map(entries.map(({ key, value }) => [key, value]));
  let isIncomplete = false;
  return {
    get(key) {
      if (!values.has(key)) isIncomplete = true;
      return values.get(key) ?? undefined;
    },
    isIncomplete: () => isIncomplete,
  };
}

/** Proofs of all entries that `read` looks at, whether they are there or not. */
export function proveReads(
  state: StateTree,
  read: (state: Pick<ContractState, 'get'>) => unknown,
): ProvenEntry[] {
  const found = new Map<string, Uint8Array | null>();
  read({
    get(key) {
      const value = state.get(key);
      found.set(key, value ?? null);
      return value;
    },
  });
  return [...found].map(([key, value]) => ({ key, value, proof: state.prove(key) }));
}

function evidenceFault({ header, evidence }: LightProof): Extract<LightVerdict, { ok: false }> | null {
  switch (evidence.kind) {
    case 'state': {
      const wrong = evidence.entries.find((entry) => !verifyProof(header.stateRoot, entry));
      if (wrong === undefined) return null;
      return refused('PROOF_NOT_IN_STATE', `${wrong.key}: its way to the state root does not hold`);
    }
    case 'transaction': {
      const { transaction: item, index, count, path } = evidence;
      if (verifyMerklePath(header.transactionsRoot, 'transaction', { item, index, count, path })) return null;
      return refused('PROOF_NOT_IN_BLOCK', 'its way to the root of the transactions does not hold');
    }
    case 'validators':
      if (validatorsHash(evidence.validators) === header.validatorsHash) return null;
      return refused('PROOF_OTHER_COMMITTEE', 'the header names another committee');
  }
}

/** Why the first step from the checkpoint may fail though nobody has lied: changes between are not in the proof. */
function gapAfter(
  { height }: Checkpoint,
  { proof, changes }: { readonly proof: LightProof; readonly changes: number },
): Extract<LightVerdict, { ok: false }> | null {
  if (changes > 0) return null;
  const { sinceHeight = 0, committees } = proof;
  if (sinceHeight > height) {
    const wanted = `trust that one or a later one, or ask for a proof since block ${height}`;
    return refused('PROOF_STARTS_LATER', `it starts at the checkpoint of block ${sinceHeight}: ${wanted}`);
  }
  return committees.length >= PROOF_CHANGES_MAX ? tooMany() : null;
}

function tooMany(): Extract<LightVerdict, { ok: false }> {
  const reason = `more than ${PROOF_CHANGES_MAX} changes of the committee: ask for a checkpoint in between`;
  return refused('PROOF_TOO_MANY_CHANGES', reason);
}

function refused(code: LightFault, reason: string): Extract<LightVerdict, { ok: false }> {
  return { ok: false, code, reason };
}
