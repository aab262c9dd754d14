import { chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Level } from 'level';
import { ConsensusError } from '../errors.ts';
import { storeFailure } from './failure.ts';

/** The state is held in memory and each block read once: 8 MB of cache, LevelDB's own choice, would fill up unused. */
const CACHE_BYTES = 512 * 1024;

/** LevelDB with text keys and byte values. */
export type Database = Level<string, Uint8Array>;

/**
 * Opens the database, creating it where there is none. One that does not open is repaired once: whatever a repair
 * brings back or leaves out is found by the checks of those who read, since every entry proves itself.
 * @throws ConsensusError CONSENSUS_STORE_LOCKED, CONSENSUS_STORE_CORRUPT, CONSENSUS_STORE_FULL, CONSENSUS_STORE_FAILED
 */
export async function openDatabase(
  directory: string,
): Promise<{ readonly database: Database; readonly repaired: string | null }> {
  try {
    return { database: await open(directory), repaired: null };
  } catch (error) {
    const failure = storeFailure(error, 'opening the store');
    if (failure.code === 'CONSENSUS_STORE_LOCKED') throw inUse(dirname(directory), error);
    if (failure.code !== 'CONSENSUS_STORE_CORRUPT' && failure.code !== 'CONSENSUS_STORE_FAILED')
      throw failure;
    try {
      return { database: await openRepaired(directory), repaired: failure.message };
    } catch {
      // The first failure names the cause; that the repair did not help adds nothing to it.
      throw failure;
    }
  }
}

/** @param place what an agent calls its directory: the database lies in it */
function inUse(place: string, cause: unknown): ConsensusError {
  return new ConsensusError(
    'CONSENSUS_STORE_LOCKED',
    `opening the store: another agent runs on ${place}. End it first, or give this one a directory of its own`,
    { directory: place },
    { cause },
  );
}

/** Opens a closed database after LevelDB has thrown out of it what it cannot read. */
export async function openRepaired(directory: string): Promise<Database> {
  await repair(directory);
  return open(directory);
}

/** Does the work; closes the database if it fails, so that it can be opened again. */
export async function closingOnFailure<Result>(
  database: Database,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function open(directory: string): Promise<Database> {
  // Its own files LevelDB creates as the process's umask lets it; no stranger comes to them.
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const database: Database = new Level(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    cacheSize: CACHE_BYTES,
  });
  await database.open();
  return database;
}

/** The package's types leave out what its native half offers. */
async function repair(directory: string): Promise<void> {
  await (Level as unknown as { repair(location: string): Promise<void> }).repair(directory);
}
