import { decodeTransaction, type SignedTransaction } from '../chain/index.ts';
import { ConsensusError } from '../errors.ts';
import type { Database } from './database.ts';
import { storeFailure } from './failure.ts';
import { rangeOf } from './layout.ts';

/** Own transactions that no block holds yet, by nonce. One that cannot be read any more is left out, the rest stay. */
export async function readPending(database: Database): Promise<SignedTransaction[]> {
  const pending: SignedTransaction[] = [];
  const iterator = database.values(rangeOf('pending'));
  try {
    for await (const bytes of iterator) {
      const transaction = readable(bytes);
      if (transaction !== null) pending.push(transaction);
    }
  } catch (error) {
    // Past a damaged table there is nothing to be had; what came before it is still good.
    if (storeFailure(error, 'reading pending transactions').code !== 'CONSENSUS_STORE_CORRUPT') throw error;
  }
  return pending;
}

function readable(bytes: Uint8Array): SignedTransaction | null {
  try {
    return decodeTransaction(bytes);
  } catch (error) {
    if (error instanceof ConsensusError) return null;
    throw error;
  }
}
