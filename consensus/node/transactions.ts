import { decodeTransaction, encodeTransaction, type SignedTransaction } from '../chain/index.ts';
import { encodeEnvelope, WIRE_LIMITS } from '../network/index.ts';
import { readable } from './readable.ts';
import { isValidator, type Shared } from './shared.ts';

/** Transactions on their way to a block: out to the validators, and into the own pool. */
export type Transactions = {
  /** Own ones, for the first time or again. What is sent in one go leaves in one message. */
  readonly send: (transactions: readonly SignedTransaction[]) => void;
  /** What the pool holds: the next proposer may have missed it. */
  readonly resendPool: () => void;
  /** False at the first that no honest node passes on: what comes after it is not worth a look. */
  readonly take: (encoded: readonly Uint8Array[]) => Promise<boolean>;
};

/** Of the pool, when it is sent again. */
const RESENT = { maxCount: 64, maxBytes: 512 * 1024 };

/** Refusals that an honest sender's transaction never meets; the others are a matter of timing. */
const GARBAGE: ReadonlySet<string> = new Set([
  'CHAIN_WRONG_CHAIN',
  'CHAIN_UNKNOWN_SENDER',
  'CHAIN_BAD_SIGNATURE',
  'CHAIN_TOO_LARGE',
]);

export function createTransactions(shared: Shared, poolChanged: () => Promise<void>): Transactions {
  const { clock, counters, head, pool, queue, transport } = shared;
  let outgoing: SignedTransaction[] = [];

  const publish = (transactions: readonly SignedTransaction[]) => {
    let batch: Uint8Array[] = [];
    let bytes = 0;
    const sendBatch = () => {
      const payload = encodeEnvelope({ channel: 'transaction', transactions: batch });
      if (batch.length > 0 && !transport.publish({ channel: 'transaction', payload })) counters.unsent += 1;
      batch = [];
      bytes = 0;
    };
    for (const transaction of transactions) {
      const encoded = encodeTransaction(transaction);
      if (batch.length >= WIRE_LIMITS.transactions || bytes + encoded.length > RESENT.maxBytes) sendBatch();
      batch.push(encoded);
      bytes += encoded.length;
    }
    sendBatch();
  };

  const poolOwn = async (transactions: readonly SignedTransaction[]) => {
    for (const transaction of transactions) pool.add(transaction, head(), clock.utcMs());
    await poolChanged();
  };

  const flush = () => {
    const batch = outgoing;
    outgoing = [];
    publish(batch);
    if (isValidator(shared)) queue.add(() => poolOwn(batch));
  };

  const isGarbage = (encoded: Uint8Array): boolean => {
    const transaction = readable(() => decodeTransaction(encoded));
    if (transaction === null) return true;
    const admission = pool.add(transaction, head(), clock.utcMs());
    return !admission.ok && GARBAGE.has(admission.code);
  };

  return {
    send(transactions) {
      if (transactions.length === 0) return;
      if (outgoing.length === 0) setImmediate(flush);
      outgoing = [...outgoing, ...transactions];
    },
    resendPool: () => publish(pool.take(head(), RESENT)),
    async take(encoded) {
      const holds = !encoded.some(isGarbage);
      await poolChanged();
      return holds;
    },
  };
}
