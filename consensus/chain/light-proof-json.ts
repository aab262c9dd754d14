import * as z from 'zod';
import { VALIDATORS_MAX } from '../contract/types.ts';
import { fromHex, toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { blockDigest } from './block.ts';
import type { Evidence, LightProof } from './light-proof.ts';
import type { Checkpoint, Milestone } from './milestone.ts';
import type { Certificate, Validator } from './types.ts';

/** How proofs and checkpoints travel between people and programs: docs/light-proofs.md. */
export const PROOF_FORMAT = 'gridquorum-proof-1';

const TEXT_LENGTH_MAX = 4 * 1024 * 1024;

const ENTRIES_MAX = 32;
const BYTES_MAX = 512 * 1024;

/**
 * A proof together with what it is about, as JSON: bytes are lower-case hex, nothing else needs decoding.
 * @param claim goes along as it is, for the reader; it proves nothing
 */
export function formatLightProof(proof: LightProof, claim: object): string {
  const { genesis, sinceHeight, committees, header, certificate, evidence } = proof;
  const plain = {
    format: PROOF_FORMAT,
    claim,
    genesis,
    sinceHeight,
    committees: committees.map(plainMilestone),
    header,
    certificate: plainCertificate(certificate),
    evidence: plainEvidence(evidence),
  };
  return `${JSON.stringify(plain, null, 1)}\n`;
}

/** Characters that a change of the committee adds to the document. */
export function changeLength(milestone: Milestone): number {
  return JSON.stringify({ committees: [plainMilestone(milestone)] }, null, 1).length;
}

/**
 * Reads what anybody may have written. Only the shape is checked: whether it holds, `checkLightProof` tells.
 * @throws ConsensusError CONSENSUS_BAD_PROOF, naming the field
 */
export function parseLightProof(text: string): { readonly proof: LightProof; readonly claim: unknown } {
  if (text.length > TEXT_LENGTH_MAX) throw bad('the document is above 4 MB');
  const parsed = document.safeParse(parseJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(`${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'wrong'}`);
  }
  const { format: _, claim, ...proof } = parsed.data;
  return { proof, claim };
}

/** The checkpoint that a proof of validators stands for, if one trusts it. Null for a proof of anything else. */
export function checkpointIn({ genesis, header, evidence }: LightProof): Checkpoint | null {
  if (evidence.kind !== 'validators') return null;
  const { validators } = evidence;
  return { genesis, height: header.height, digest: blockDigest(header), validators };
}

const plainMilestone = ({ header, certificate, validators }: Milestone) => ({
  header,
  certificate: plainCertificate(certificate),
  validators: plainValidators(validators ?? []),
});

const plainCertificate = ({ round, seals }: Certificate) => ({
  round,
  seals: seals.map(({ signer, signature }) => ({ signer, signature: toHex(signature) })),
});

const plainValidators = (validators: readonly Validator[]) =>
  validators.map(({ address, publicKey }) => ({ address, publicKey: toHex(publicKey) }));

function plainEvidence(evidence: Evidence) {
  switch (evidence.kind) {
    case 'state':
      return {
        kind: evidence.kind,
        entries: evidence.entries.map(({ key, value, proof }) => ({
          key,
          value: value === null ? null : toHex(value),
          siblings: proof.siblings.map(toHex),
          other:
            proof.other === null
              ? null
              : { path: toHex(proof.other.path), valueHash: toHex(proof.other.valueHash) },
        })),
      };
    case 'transaction':
      return {
        ...evidence,
        transaction: toHex(evidence.transaction),
        path: evidence.path.map(toHex),
      };
    case 'validators':
      return { kind: evidence.kind, validators: plainValidators(evidence.validators) };
  }
}

const hexText = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${2 * bytes} lower-case hex digits`);
const hexBytes = (bytes: number) => hexText(bytes).transform(fromHex);
const anyBytes = z
  .string()
  .max(2 * BYTES_MAX)
  .regex(/^([0-9a-f]{2})*$/, 'expected lower-case hex')
  .transform(fromHex);
const count = z.int().nonnegative();
const hash = hexText(32);

const validators = z
  .array(z.strictObject({ address: hexText(20), publicKey: hexBytes(33) }))
  .min(1)
  .max(VALIDATORS_MAX);
const certificate = z.strictObject({
  round: count,
  seals: z.array(z.strictObject({ signer: count, signature: hexBytes(64) })).max(VALIDATORS_MAX),
});
const header = z.strictObject({
  version: z.literal(1),
  height: count,
  parent: hash,
  proposer: hexText(20),
  timeMs: count,
  transactionsRoot: hash,
  stateRoot: hash,
  receiptsRoot: hash,
  validatorsHash: hash,
});
const siblings = z.array(hexBytes(32)).max(256);
const entry = z
  .strictObject({
    key: z
      .string()
      .max(1024)
      .regex(/^[^\p{Surrogate}\ufeff]*$/u, 'expected well-formed text'),
    value: anyBytes.nullable(),
    siblings,
    other: z.strictObject({ path: hexBytes(32), valueHash: hexBytes(32) }).nullable(),
  })
  .transform(({ key, value, siblings, other }) => ({ key, value, proof: { siblings, other } }));
const milestone: z.ZodType<Milestone> = z.strictObject({ header, certificate, validators });
const document = z.strictObject({
  format: z.literal(PROOF_FORMAT),
  claim: z.unknown(),
  genesis: hash,
  sinceHeight: count.optional(),
  // How many are followed, `checkLightProof` says; that they end, the length of the text.
  committees: z.array(milestone),
  header,
  certificate,
  evidence: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('state'), entries: z.array(entry).min(1).max(ENTRIES_MAX) }),
    z.strictObject({
      kind: z.literal('transaction'),
      index: count,
      count: count.min(1).max(2000),
      transaction: anyBytes,
      path: siblings,
    }),
    z.strictObject({ kind: z.literal('validators'), validators }),
  ]),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConsensusError('CONSENSUS_BAD_PROOF', 'the proof is no JSON', {}, { cause });
  }
}

function bad(message: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_PROOF', message);
}
