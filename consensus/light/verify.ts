import {
  type Checkpoint,
  checkLightProof,
  decodeTransaction,
  type LightProof,
  type LightVerdict,
  provenState,
} from '../chain/index.ts';
import { type Claim, type Facts, readClaim, readClaimInCall } from '../contract/index.ts';
import { ConsensusError } from '../errors.ts';
import { ABSENT } from './absent.ts';

type Refused = { readonly ok: false; readonly code: string; readonly reason: string };

/** Null facts: an entry of that key is proven not to be there. */
export type Verified = (Extract<LightVerdict, { ok: true }> & { readonly facts: Facts | null }) | Refused;

/**
 * Whether the proof shows what is claimed to whoever trusts the checkpoint, and what that is. Nothing but the proof is
 * asked: the contract reads the proven entries as if they were the state, and one that it misses ends it.
 */
export function verifyClaim(proof: LightProof, claim: Claim, checkpoint: Checkpoint): Verified {
  const verdict = checkLightProof(proof, checkpoint);
  if (!verdict.ok) return verdict;
  const facts = factsIn(proof, claim);
  if (facts === undefined)
    return refused('PROOF_INCOMPLETE', 'it holds, but does not speak of what is claimed');
  if (facts === null && claim.kind !== 'entry')
    return refused('PROOF_NOTHING_THERE', `it shows that the ledger has ${ABSENT[claim.kind]}`);
  return { ...verdict, facts };
}

/** Whether the proof of a later checkpoint holds for whoever trusts an earlier one. */
export function verifyCheckpoint(proof: LightProof, checkpoint: Checkpoint): LightVerdict | Refused {
  if (proof.evidence.kind !== 'validators')
    return refused('PROOF_INCOMPLETE', 'it does not say who decides on the next height');
  return checkLightProof(proof, checkpoint);
}

/** Undefined when the proof does not say. */
function factsIn(proof: LightProof, claim: Claim): Facts | null | undefined {
  try {
    if (proof.evidence.kind === 'transaction') {
      const transaction = decodeTransaction(proof.evidence.transaction);
      if (transaction.genesis !== proof.genesis) return undefined;
      return readClaimInCall(transaction, claim) ?? undefined;
    }
    const state = provenState(proof);
    const facts = readClaim(state, claim);
    return state.isIncomplete() ? undefined : facts;
  } catch (error) {
    // Without an entry that every state has, or with bytes that are no transaction: it says nothing.
    if (error instanceof ConsensusError) return undefined;
    throw error;
  }
}

function refused(code: string, reason: string): Refused {
  return { ok: false, code, reason };
}
