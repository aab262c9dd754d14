import { formatLightProof, type ProofSource, proveCheckpoint, proveClaim } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import { type Asked, parseClaim } from '../proof-file.ts';

/** `document` is the proof as it is handed on. */
export type ProofAnswer = { readonly document: string };

/**
 * Proves what is asked for from the ledger as it is here.
 *
 * @throws AgentError AGENT_BAD_DATA for what nothing can be proven about, AGENT_REFUSED with the reason why this is not.
 */
export async function proofAnswer(source: ProofSource, asked: unknown): Promise<ProofAnswer> {
  const claim: Asked = parseClaim(asked);
  const made = claim.kind === 'checkpoint' ? await proveCheckpoint(source) : await proveClaim(source, claim);
  if (!made.ok) throw new AgentError('AGENT_REFUSED', `Not proven: ${made.reason}.`, { reason: made.code });
  return { document: formatLightProof(made.proof, claim) };
}
