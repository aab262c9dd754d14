import {
  contract,
  type Genesis,
  genesisHash,
  type LedgerStore,
  openLedgerStore,
  parseGenesis,
} from '../consensus/index.ts';
import type { Abortable } from './bounded-file.ts';
import type { AgentConfig } from './config/schema.ts';
import { AgentError } from './errors.ts';
import { readInputText } from './input-text.ts';
import { makeDirectory } from './make-directory.ts';
import { readTrusted, type TrustedFile } from './proof-file.ts';

/** A genesis may have thousands of accounts. */
const GENESIS_BYTES_MAX = 8 * 1024 * 1024;

/** What every topic of the network begins with, and what a date can be: to the end of the year 9999. */
const NETWORK = /^[a-z0-9-]{1,64}$/;
const UTC_MS_MAX = 253_402_300_799_999;

/**
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA when it is too long or cannot be lived by, AGENT_ABORTED;
 * ConsensusError CONSENSUS_BAD_GENESIS.
 */
export async function readGenesis(
  { genesisFile }: Pick<AgentConfig, 'genesisFile'>,
  abortable?: Abortable,
): Promise<Genesis> {
  const genesis = parseGenesis(
    await readInputText(genesisFile, { bytesMax: GENESIS_BYTES_MAX, ...abortable }),
  );
  const refuse = (reason: string) =>
    new AgentError('AGENT_BAD_DATA', `${genesisFile}: ${reason}.`, { file: genesisFile });
  if (!NETWORK.test(genesis.network)) throw refuse('network must be 1 to 64 of a-z, 0-9 and hyphens');
  if (genesis.timeMs > UTC_MS_MAX) throw refuse('timeMs is later than any date');
  return genesis;
}

/**
 * The ledger of a home on its own disk: begun where there is none yet, trusting what the configuration names.
 *
 * @throws AgentError AGENT_BAD_CONFIG when there can be no such directory, and of the checkpoint's file; ConsensusError as `openLedgerStore`.
 */
export async function openOwnStore(
  { directory, checkpointFile }: Pick<AgentConfig, 'directory' | 'checkpointFile'>,
  genesis: Genesis,
): Promise<LedgerStore> {
  await makeDirectory(directory, 0o700).catch((cause: NodeJS.ErrnoException) => {
    throw new AgentError(
      'AGENT_BAD_CONFIG',
      `directory: ${directory} cannot be made (${cause.code}): name another place.`,
      { directory },
      { cause },
    );
  });
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
