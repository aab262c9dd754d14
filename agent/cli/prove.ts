import { writeFile } from 'node:fs/promises';
import { loadConfig } from '../config/load.ts';
import type { AgentConfig } from '../config/schema.ts';
import { orderLocalApi } from '../diagnostics/local-api.ts';
import { type ProofAnswer, proofAnswer } from '../diagnostics/proof-answer.ts';
import { AgentError } from '../errors.ts';
import { openOwnStore, readGenesis } from '../own-store.ts';
import { legibleJson } from '../terminal/index.ts';
import type { CliIo, ProveOptions } from './actions.ts';

/**
 * Makes a proof of something on the ledger: by the running agent, or, where none runs, from its store.
 *
 * @throws AgentError AGENT_REFUSED with the reason when there is nothing to prove.
 */
export async function prove({ configFile, outFile, claim }: ProveOptions, io: CliIo): Promise<void> {
  const config = await loadConfig(configFile);
  const document = legibleJson((await proofOf(config, claim)).document);
  if (outFile === undefined) {
    io.stdout.write(document);
    return;
  }
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
  io.stderr.write(`Proof of ${Buffer.byteLength(document)} bytes written to ${outFile}.\n`);
}

async function proofOf(config: AgentConfig, claim: ProveOptions['claim']): Promise<ProofAnswer> {
  try {
    return (await orderLocalApi(config.directory, '/prove', claim, {
      findOut: 'Ask again: a proof changes nothing.',
    })) as ProofAnswer;
  } catch (error) {
    if (!(error instanceof AgentError && error.code === 'AGENT_FILE_MISSING')) throw error;
  }
  const store = await openOwnStore(config, await readGenesis(config));
  try {
    return await proofAnswer(store, claim);
  } finally {
    await store.close();
  }
}
