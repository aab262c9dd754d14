import {
  assembleBlock,
  type Block,
  type BlockFault,
  type Head,
  nextNonce,
  type SignedTransaction,
  signTransaction,
  transactionId,
} from '../chain/index.ts';
import type { CborValue, Hash } from '../contract/types.ts';
import { createOutcomes, type Outcomes } from './outcomes.ts';
import type { Shared } from './shared.ts';
import type { KeyPair } from './signer.ts';

/** A call to be signed and sent. `expiresMs`: UTC; no block later than this holds it. */
export type OwnCall = {
  readonly method: string;
  readonly args: readonly CborValue[];
  readonly expiresMs: number;
};

export type Submitted =
  | { readonly ok: true; readonly id: Hash }
  | {
      readonly ok: false;
      readonly code: BlockFault | 'NODE_OUTBOX_FULL' | 'NODE_STOPPED' | 'NODE_KEY_UNKNOWN';
      readonly reason: string;
    };

/** Own transactions from their signing until they are final: on disk before they are sent, sent until they are in. */
export type Outbox = {
  readonly start: () => Promise<void>;
  readonly submit: (call: OwnCall) => Promise<Submitted>;
  readonly whenFinal: Outcomes['whenFinal'];
  /** A final block has been stored. */
  readonly advanced: (block: Block) => Promise<void>;
  /** The head has gone past blocks that were never seen here. */
  readonly jumped: () => Promise<void>;
  readonly resend: () => void;
  /** What is not final, by nonce. */
  readonly waiting: () => readonly SignedTransaction[];
  readonly size: () => number;
};

/** As many as a pool keeps of one sender. */
const PENDING_MAX = 64;
/**
 * Uses up the nonce of a call that cannot succeed any more, so that those signed after it need not be signed again:
 * a call signed under two nonces could be executed twice.
 */
export const SKIP_METHOD = 'accounts.skip';
/** A pool lets a transaction take another's nonce only if it expires later. */
const SKIP_EXPIRES_LATER_MS = 60_000;

/**
 * All entries are signed by the key that the newest state names: a signature can only be bad behind an own change of
 * keys that waits with them. Once that is final, they are signed again.
 */
const isBehindChange = (code: BlockFault) => code === 'CHAIN_BAD_SIGNATURE';

type Entry = {
  /** What `submit` returned: it stays, also when the call has to be signed anew. */
  readonly id: Hash;
  transaction: SignedTransaction;
  /** Set while a skip stands in for it. */
  failed: { readonly code: BlockFault; readonly reason: string } | null;
  /** On disk: only then it may be sent. */
  kept: boolean;
};

export function createOutbox(
  shared: Shared,
  send: (transactions: readonly SignedTransaction[]) => void,
): Outbox {
  const { self, signer, genesis, contract, clock, store, head, log } = shared;
  /** By nonce; what stands there may be a skip for the call that failed. */
  const entries = new Map<number, Entry>();
  const { settle, whenFinal } = createOutcomes();

  /** The head with all own calls below a nonce done. */
  let stage: { readonly on: Head; readonly nextNonce: number; readonly after: Head } | null = null;
  let unkept: Entry[] = [];
  let keeping: Promise<void> | null = null;

  const sorted = () => [...entries.values()].sort((a, b) => a.transaction.nonce - b.transaction.nonce);

  const freeNonce = (): number => {
    let nonce = nextNonce(head().state, self);
    while (entries.has(nonce)) nonce += 1;
    return nonce;
  };

  /** By which the entries are signed. */
  let signedBy: KeyPair | null = null;

  const signed = (
    { method, args, expiresMs }: OwnCall,
    nonce: number,
    { privateKey, publicKey }: KeyPair,
  ): SignedTransaction =>
    signTransaction({ genesis, sender: self, nonce, method, args, expiresMs }, privateKey, publicKey);

  const keyless = (): Extract<Submitted, { ok: false }> =>
    contract.publicKeyOf(head().state, self) === undefined
      ? { ok: false, code: 'CHAIN_UNKNOWN_SENDER', reason: `${self} has no account, or its key was revoked` }
      : { ok: false, code: 'NODE_KEY_UNKNOWN', reason: `${self} signs with a key that is not at hand` };

  /** With the key that the ledger names now; what is signed already by it comes out the same. */
  const signAgain = (key: KeyPair): SignedTransaction[] => {
    if (signedBy === key) return [];
    signedBy = key;
    return sorted().flatMap((entry) => {
      const again = signed(entry.transaction, entry.transaction.nonce, key);
      const isSame = again.signature.every((byte, index) => byte === entry.transaction.signature[index]);
      return isSame ? [] : [replace(entry, again)];
    });
  };

  /** What becomes of own transactions, in their order, in a block made here and now. */
  const rehearse = (transactions: readonly SignedTransaction[], on = head()) =>
    assembleBlock(on, transactions, { proposer: self, timeMs: clock.utcMs() }, contract);

  const sign = (call: OwnCall): Entry | Extract<Submitted, { ok: false }> => {
    if (entries.size >= PENDING_MAX)
      return { ok: false, code: 'NODE_OUTBOX_FULL', reason: `${PENDING_MAX} own transactions wait already` };
    const key = signer.current();
    if (key === undefined) return keyless();
    const transaction = signed(call, freeNonce(), key);
    // The stage is set once for all calls of one head: rehearsing all of them for each would take n^2 turns.
    if (stage?.on !== head() || stage.nextNonce !== transaction.nonce) {
      const before = ahead(transaction.nonce);
      stage = { on: head(), nextNonce: transaction.nonce, after: rehearse(before).next };
    }
    const { next, dropped } = rehearse([transaction], stage.after);
    const refusal = dropped[0];
    // One before it has just failed and its skip is on the way, or waits for a block itself: this one's turn will come.
    if (refusal !== undefined && (refusal.waits || isBehindChange(refusal.code))) stage = null;
    else if (refusal !== undefined) return { ok: false, code: refusal.code, reason: refusal.reason };
    else stage = { on: stage.on, nextNonce: transaction.nonce + 1, after: next };
    const entry = { id: transactionId(transaction), transaction, failed: null, kept: false };
    entries.set(transaction.nonce, entry);
    return entry;
  };

  /** A failed call gives its nonce to a skip; a call whose nonce something else has used is signed anew. */
  const mend = async () => {
    const key = signer.current();
    // Without it nothing can be mended: what waits, waits for it.
    if (key === undefined) return;
    const next = nextNonce(head().state, self);
    const fresh = signAgain(key);
    for (const entry of sorted()) {
      const { transaction, failed, id } = entry;
      if (transaction.nonce >= next) continue;
      entries.delete(transaction.nonce);
      if (failed !== null) settle(id, { ok: false, ...failed });
      else if (transaction.expiresMs < clock.utcMs())
        settle(id, { ok: false, code: 'CHAIN_EXPIRED', reason: 'its time is over' });
      else fresh.push(replace(entry, signed(transaction, freeNonce(), key)));
    }
    for (const { transaction, code, reason, waits } of rehearse(sorted().map((entry) => entry.transaction))
      .dropped) {
      const entry = entries.get(transaction.nonce);
      // Too early is no failure: its time comes, or the own clock, just started, finds out what time it is.
      if (entry === undefined || waits || isBehindChange(code) || code === 'CONTRACT_TOO_EARLY') continue;
      log({
        event: 'own-transaction-failed',
        method: transaction.method,
        nonce: transaction.nonce,
        code,
        reason,
      });
      entry.failed ??= { code, reason };
      const expiresMs = Math.max(transaction.expiresMs, clock.utcMs()) + SKIP_EXPIRES_LATER_MS;
      const skip = signed({ method: SKIP_METHOD, args: [], expiresMs }, transaction.nonce, key);
      if (
        transaction.method === SKIP_METHOD ||
        rehearse([...ahead(transaction.nonce), skip]).dropped.some((dropped) => dropped.transaction === skip)
      ) {
        // The contract knows no skip: the next call submitted takes this nonce.
        entries.delete(transaction.nonce);
        await store.forgetPending(transaction);
        settle(entry.id, { ok: false, ...entry.failed });
        continue;
      }
      fresh.push(replace(entry, skip));
    }
    if (fresh.length === 0) return;
    await Promise.all(fresh.map((transaction) => store.keepPending(transaction)));
    send(fresh);
  };

  /** Calls made in one go are kept together, and leave together once all of them are on disk. */
  const keep = (entry: Entry): Promise<void> => {
    unkept.push(entry);
    keeping ??= Promise.resolve().then(keepAll);
    return keeping;
  };

  const keepAll = async () => {
    const batch = unkept;
    unkept = [];
    keeping = null;
    try {
      await Promise.all(batch.map(({ transaction }) => store.keepPending(transaction)));
    } catch (error) {
      for (const { transaction } of batch) entries.delete(transaction.nonce);
      stage = null;
      throw error;
    }
    for (const entry of batch) entry.kept = true;
    send(batch.map(({ transaction }) => transaction));
  };

  const ahead = (nonce: number) =>
    sorted()
      .map((entry) => entry.transaction)
      .filter((transaction) => transaction.nonce < nonce);

  const replace = (entry: Entry, transaction: SignedTransaction): SignedTransaction => {
    entry.transaction = transaction;
    entries.set(transaction.nonce, entry);
    return transaction;
  };

  return {
    async start() {
      for (const transaction of await store.readPending()) {
        if (transaction.sender !== self || transaction.genesis !== genesis) continue;
        entries.set(transaction.nonce, {
          id: transactionId(transaction),
          transaction,
          failed: null,
          kept: true,
        });
      }
      if (entries.size === 0) return;
      await mend();
      send(sorted().map((entry) => entry.transaction));
    },
    async submit(call) {
      const entry = sign(call);
      if ('ok' in entry) return entry;
      await keep(entry);
      return { ok: true, id: entry.id };
    },
    whenFinal,
    async advanced(block) {
      const { height, timeMs } = block.header;
      for (const transaction of block.transactions) {
        if (transaction.sender !== self) continue;
        const entry = entries.get(transaction.nonce);
        if (entry === undefined) continue;
        const isItself = transactionId(entry.transaction) === transactionId(transaction);
        const isFirstForm = entry.id === transactionId(transaction);
        if (!isItself && !isFirstForm) continue;
        entries.delete(transaction.nonce);
        const failed = isFirstForm ? null : entry.failed;
        settle(entry.id, failed === null ? { ok: true, height, timeMs } : { ok: false, ...failed });
      }
      if (entries.size > 0) await mend();
    },
    async jumped() {
      const { header, state } = head();
      const { height, timeMs } = header;
      for (const entry of sorted()) {
        const { nonce } = entry.transaction;
        if (nonce >= nextNonce(state, self)) continue;
        entries.delete(nonce);
        // Somewhere below, its nonce was used, and only what this node has signed for it could use it: the call, or the
        // skip that stood in for it. Signed anew, it could be done twice.
        settle(
          entry.id,
          entry.failed === null ? { ok: true, height, timeMs } : { ok: false, ...entry.failed },
        );
      }
      if (entries.size > 0) await mend();
    },
    resend() {
      const kept = sorted().filter((entry) => entry.kept);
      send(kept.map((entry) => entry.transaction));
    },
    waiting: () => sorted().map((entry) => entry.transaction),
    size: () => entries.size,
  };
}
