import * as z from 'zod';
import { formatLightProof, type ProofSource, proveCheckpoint, proveClaim } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import { type Asked, parseClaim } from '../proof-file.ts';

export type ProofAnswer = {
  /** The proof as it is handed on. */
  readonly document: string;
  /** Where the proof is of a checkpoint that is a stage only: of the newest one. */
  readonly newestHeight?: number;
};

/** What to prove, with the height of the checkpoint that the proof is to start at. */
export type ProofQuestion = Asked & { readonly sinceHeight?: number };

const questionSchema = z.looseObject({ sinceHeight: z.int().nonnegative().default(0) });

/**
 * Proves what is asked for from the ledger as it is here.
 *
 * @throws AgentError AGENT_BAD_DATA for what nothing can be proven about, AGENT_REFUSED with the reason why this is not.
 */
export async function proofAnswer(source: ProofSource, asked: unknown): Promise<ProofAnswer> {
  const question = questionSchema.safeParse(asked);
  if (!question.success) throw new AgentError('AGENT_BAD_DATA', 'That is nothing a proof can be about.');
  const { sinceHeight, ...asClaim } = question.data;
  const claim = parseClaim(asClaim);
  const made =
    claim.kind === 'checkpoint'
      ? await proveCheckpoint(source, sinceHeight)
      : await proveClaim(source, claim, sinceHeight);
  if (!made.ok) {
    const { code, reason } = made;
    const next = code === 'PROOF_TOO_MANY_CHANGES' ? `. ${stages}` : '.';
    throw new AgentError('AGENT_REFUSED', `Not proven: ${reason} (${code})${next}`, { reason: code });
  }
  const { newestHeight } = made;
  const document = formatLightProof(made.proof, claim);
  return { document, ...(newestHeight !== undefined && { newestHeight }) };
}

const stages =
  'Make a checkpoint in between with "gridquorum prove checkpoint", and give it here as --since.';
