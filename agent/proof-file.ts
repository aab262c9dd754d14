import * as z from 'zod';
import {
  type Checkpoint,
  type Claim,
  ConsensusError,
  checkpointIn,
  checkpointOf,
  contract,
  genesisHead,
  type LightProof,
  PROOF_FORMAT,
  parseGenesis,
  parseLightProof,
  verifyCheckpoint,
} from '../consensus/index.ts';
import { AgentError } from './errors.ts';
import { readInputText } from './input-text.ts';

/** Proofs and checkpoints are pages; a genesis may have thousands of accounts. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const claimSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('balance'), account: hex(20) }),
  z.strictObject({ kind: z.literal('reading'), home: hex(20), slotStartMs: z.int().nonnegative() }),
  z.strictObject({ kind: z.literal('trade'), session: z.string().min(1).max(40), home: hex(20) }),
  z.strictObject({ kind: z.literal('entry'), key: z.string().min(1).max(1024) }),
  z.strictObject({ kind: z.literal('checkpoint') }),
]);

/** What a proof can be asked for. */
export type Asked = Claim | { readonly kind: 'checkpoint' };

/** @throws AgentError AGENT_BAD_DATA for what is no claim. */
export function parseClaim(value: unknown): Asked {
  const parsed = claimSchema.safeParse(value);
  if (!parsed.success) throw new AgentError('AGENT_BAD_DATA', 'That is nothing a proof can be about.');
  return parsed.data;
}

/**
 * Reads a proof that `gridquorum prove` wrote.
 * @param file a path, or `-` for standard input
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA naming what does not fit
 */
export async function readProof(
  file: string,
): Promise<{ readonly proof: LightProof; readonly claim: Asked }> {
  const source = file === '-' ? 'standard input' : file;
  const text = await readInputText(file, { bytesMax: FILE_BYTES_MAX, source });
  const { proof, claim } = named(source, () => parseLightProof(text));
  return { proof, claim: parseClaim(claim) };
}

export type TrustedFile = {
  readonly checkpoint: Checkpoint;
  readonly what: 'genesis' | 'checkpoint';
  /** Of the network's money; a checkpoint does not name it. */
  readonly currency?: string;
};

/**
 * Reads what somebody trusts: a genesis document, or a checkpoint as `gridquorum prove checkpoint` writes it.
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA
 */
export async function readTrusted(file: string): Promise<TrustedFile> {
  const text = await readInputText(file, { bytesMax: FILE_BYTES_MAX });
  if (!text.includes(`"${PROOF_FORMAT}"`)) {
    const neither = `${file} is neither a genesis nor a checkpoint`;
    const genesis = named(neither, () => parseGenesis(text));
    const head = named(neither, () => genesisHead(genesis, contract));
    return { checkpoint: checkpointOf(head), what: 'genesis', currency: genesis.currency };
  }
  const { proof } = named(file, () => parseLightProof(text));
  const checkpoint = checkpointIn(proof);
  // Trusting itself it must hold: else its header and its committee do not belong together.
  if (checkpoint === null || !verifyCheckpoint(proof, checkpoint).ok) {
    throw new AgentError(
      'AGENT_BAD_DATA',
      `${file} is no checkpoint: make one with gridquorum prove checkpoint.`,
      {
        file,
      },
    );
  }
  return { checkpoint, what: 'checkpoint' };
}

function named<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ConsensusError)) throw cause;
    throw new AgentError('AGENT_BAD_DATA', `${what}: ${cause.message}.`, {}, { cause });
  }
}
