import { writeFile } from 'node:fs/promises';
import {
  ConsensusError,
  type Genesis,
  parseLightProof,
  verifyCheckpoint,
  verifyClaim,
} from '../../consensus/index.ts';
import { loadConfig } from '../config/load.ts';
import type { AgentConfig } from '../config/schema.ts';
import { orderLocalApi } from '../diagnostics/local-api.ts';
import { type ProofAnswer, type ProofQuestion, proofAnswer } from '../diagnostics/proof-answer.ts';
import { AgentError } from '../errors.ts';
import { openOwnStore, readGenesis, readTrustedOf } from '../own-store.ts';
import type { Asked, TrustedFile } from '../proof-file.ts';
import { legibleJson } from '../terminal/index.ts';
import type { CliIo, ProveOptions } from './actions.ts';

/**
 * Makes a proof of something on the ledger: by the running agent, or, where none runs, from its store. It is handed on
 * only once it holds for who trusts what it starts at.
 *
 * @throws AgentError AGENT_REFUSED with the reason when there is nothing to prove, AGENT_NOT_PROVEN when what was made
 * does not hold, AGENT_FILE_MISSING, AGENT_BAD_DATA of the file that is trusted.
 */
export async function prove(
  { configFile, outFile, claim, sinceFile }: ProveOptions,
  io: CliIo,
): Promise<void> {
  const config = await loadConfig(configFile);
  const genesis = await readGenesis(config);
  const trustedFile = sinceFile ?? config.checkpointFile ?? config.genesisFile;
  const trusted = await readTrustedOf(genesis, trustedFile);
  const sinceHeight = trusted.checkpoint.height;
  const answer = await proofOf(config, genesis, { ...claim, sinceHeight });
  const { newestHeight } = answer;
  const height = heldHeight(answer, { claim, trusted, trustedFile });
  const document = legibleJson(answer.document);
  if (outFile === undefined) io.stdout.write(document);
  else await writeOut(outFile, document);
  if (outFile !== undefined)
    io.stderr.write(`Proof of ${Buffer.byteLength(document)} bytes written to ${outFile}.\n`);
  if (sinceHeight > 0) io.stderr.write(`It is for who trusts block ${sinceHeight} or a later one.\n`);
  if (newestHeight !== undefined)
    io.stderr.write(
      `It is a stage, block ${height}, on the way to block ${newestHeight}: go on with --since ${outFile ?? 'it'}.\n`,
    );
}

type Held = { readonly claim: Asked; readonly trusted: TrustedFile; readonly trustedFile: string };

/** Height that is proven: the same check as whoever gets the proof will make. */
function heldHeight(
  { document }: ProofAnswer,
  { claim, trusted: { checkpoint }, trustedFile }: Held,
): number {
  const fails = (reason: string, code: string) =>
    new AgentError(
      'AGENT_NOT_PROVEN',
      `Not written: the proof does not hold for who trusts ${trustedFile}: ${reason} (${code}). Give a newer checkpoint as --since.`,
      { reason: code },
    );
  try {
    const { proof } = parseLightProof(document);
    const verdict =
      claim.kind === 'checkpoint'
        ? verifyCheckpoint(proof, checkpoint)
        : verifyClaim(proof, claim, checkpoint);
    if (!verdict.ok) throw fails(verdict.reason, verdict.code);
    return proof.header.height;
  } catch (error) {
    throw error instanceof ConsensusError ? fails(error.message, error.code) : error;
  }
}

async function writeOut(outFile: string, document: string): Promise<void> {
  try {
    await writeFile(outFile, document);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${outFile} cannot be written (${reason}): give --out another place.`,
      { file: outFile },
      { cause },
    );
  }
}

async function proofOf(config: AgentConfig, genesis: Genesis, question: ProofQuestion): Promise<ProofAnswer> {
  try {
    return (await orderLocalApi(config.directory, '/prove', question, {
      findOut: 'Ask again: a proof changes nothing.',
    })) as ProofAnswer;
  } catch (error) {
    if (!(error instanceof AgentError && error.code === 'AGENT_FILE_MISSING')) throw error;
  }
  const store = await openOwnStore(config, genesis);
  try {
    return await proofAnswer(store, question);
  } finally {
    await store.close();
  }
}
