import {
  contract,
  type Genesis,
  genesisHash,
  type LedgerStore,
  openLedgerStore,
  parseGenesis,
} from '../consensus/index.ts';
import type { AgentConfig } from './config/schema.ts';
import { AgentError } from './errors.ts';
import { readInputText } from './input-text.ts';
import { readTrusted, type TrustedFile } from './proof-file.ts';

/** A genesis may have thousands of accounts. */
const GENESIS_BYTES_MAX = 8 * 1024 * 1024;

/** @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA when it is too long; ConsensusError CONSENSUS_BAD_GENESIS. */
export async function readGenesis({ genesisFile }: Pick<AgentConfig, 'genesisFile'>): Promise<Genesis> {
  return parseGenesis(await readInputText(genesisFile, { bytesMax: GENESIS_BYTES_MAX }));
}

/**
 * The ledger of a home on its own disk: begun where there is none yet, trusting what the configuration names.
 *
 * @throws AgentError of the checkpoint's file; ConsensusError as `openLedgerStore`.
 */
export async function openOwnStore(
  { directory, checkpointFile }: Pick<AgentConfig, 'directory' | 'checkpointFile'>,
  genesis: Genesis,
): Promise<LedgerStore> {
  const trusted = checkpointFile === undefined ? undefined : await readTrustedOf(genesis, checkpointFile);
  return openLedgerStore({
    ...{ directory, genesis, contract },
    ...(trusted !== undefined && { checkpoint: trusted.checkpoint }),
  });
}

/**
 * Reads what somebody trusts of this chain. That of another one would make honest peers look like liars.
 *
 * @throws AgentError AGENT_BAD_DATA when it is of another chain; as `readTrusted`.
 */
export async function readTrustedOf(genesis: Genesis, file: string): Promise<TrustedFile> {
  const trusted = await readTrusted(file);
  if (trusted.checkpoint.genesis === genesisHash(genesis)) return trusted;
  const reason = `${file} is of another chain than the genesis here: give a checkpoint of this one.`;
  throw new AgentError('AGENT_BAD_DATA', reason, { file });
}
