import {
  contract,
  type Genesis,
  type LedgerStore,
  openLedgerStore,
  parseGenesis,
} from '../consensus/index.ts';
import type { AgentConfig } from './config/schema.ts';
import { readInputText } from './input-text.ts';
import { readTrusted } from './proof-file.ts';

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
  const trusted = checkpointFile === undefined ? undefined : await readTrusted(checkpointFile);
  return openLedgerStore({
    ...{ directory, genesis, contract },
    ...(trusted !== undefined && { checkpoint: trusted.checkpoint }),
  });
}
