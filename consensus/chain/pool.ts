import type { Address, Hash } from '../contract/types.ts';
import { nextNonce } from './nonces.ts';
import { checkTransaction, encodeTransaction, transactionId } from './transaction.ts';
import type { Head, SignedTransaction, TransactionFault } from './types.ts';

type PoolLimits = {
  readonly maxTransactions: number;
  /** Of all encodings together. */
  readonly maxBytes: number;
  readonly maxPerSender: number;
  /** How far a nonce may lie above the next one. */
  readonly maxNoncesAhead: number;
  /** A transaction takes the place of one with its nonce only if it expires later by this much. */
  readonly minExpiryGainMs: number;
};

const DEFAULT_LIMITS: PoolLimits = {
  maxTransactions: 5000,
  maxBytes: 16 * 1024 * 1024,
  maxPerSender: 64,
  maxNoncesAhead: 64,
  minExpiryGainMs: 1000,
};

type PoolRefusal = TransactionFault | 'CHAIN_POOL_FULL' | 'CHAIN_NONCE_TAKEN' | 'CHAIN_OVER_RATE';

type Admission =
  | { readonly ok: true; readonly id: Hash; readonly fresh: boolean }
  | { readonly ok: false; readonly code: PoolRefusal };

type Pending = {
  readonly transaction: SignedTransaction;
  readonly id: Hash;
  readonly bytes: number;
  /** By which the signature was found good. */
  readonly publicKey: Uint8Array;
};

/** How often something may come, by a clock that is not the pool's. */
type Quota = { readonly has: (name: string) => boolean; readonly use: (name: string) => void };

type Quotas = {
  /** By sender: what it signed and a block could hold. Only transactions that it did sign use it up. */
  readonly sent: Quota;
  /** By transaction: that it failed. Anybody can send it again, so that its sender's quota must not bear it. */
  readonly failed: Quota;
};

const UNLIMITED: Quota = { has: () => true, use: () => undefined };

/** What a sender signs with by this head; undefined for who may not send at all. */
type KeyOf = (sender: Address, head: Head) => Uint8Array | undefined;

/**
 * Transactions waiting for a block, by sender and nonce. Everything in it is bounded, and the cheap checks come before
 * the signature's: whoever has no account, fills it with nonces far ahead or has used up its quota is turned away
 * unverified. When it is full, the sender with most in it gives way to one with less.
 */
export class Pool {
  readonly #limits: PoolLimits;
  readonly #keyOf: KeyOf;
  readonly #quotas: Quotas;
  readonly #bySender = new Map<Address, Map<number, Pending>>();
  #count = 0;
  #bytes = 0;

  constructor(
    keyOf: KeyOf,
    { sent = UNLIMITED, failed = UNLIMITED, ...limits }: Partial<PoolLimits & Quotas> = {},
  ) {
    this.#keyOf = keyOf;
    this.#quotas = { sent, failed };
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  get size(): number {
    return this.#count;
  }

  /** Keeps the transaction, or says why not. `fresh` is false for one that is here already: no need to pass it on. */
  add(transaction: SignedTransaction, head: Head, nowMs: number): Admission {
    const { sender, nonce, expiresMs } = transaction;
    const refuse = (code: PoolRefusal): Admission => ({ ok: false, code });
    if (transaction.genesis !== head.genesis) return refuse('CHAIN_WRONG_CHAIN');
    if (expiresMs < nowMs) return refuse('CHAIN_EXPIRED');
    const expected = nextNonce(head.state, sender);
    if (nonce < expected) return refuse('CHAIN_NONCE_USED');
    if (nonce > expected + this.#limits.maxNoncesAhead) return refuse('CHAIN_NONCE_AHEAD');
    const publicKey = this.#keyOf(sender, head);
    if (publicKey === undefined) return refuse('CHAIN_UNKNOWN_SENDER');
    const pending: Pending = {
      transaction,
      id: transactionId(transaction),
      bytes: encodeTransaction(transaction).length,
      publicKey,
    };
    const present = this.#bySender.get(sender)?.get(nonce);
    const isSame = present?.id === pending.id;
    // Signed again, with the sender's new key, it takes the place of what no block can hold any more.
    if (isSame && sameBytes(present.publicKey, publicKey)) return { ok: true, id: pending.id, fresh: false };
    if (
      present !== undefined &&
      !isSame &&
      expiresMs < present.transaction.expiresMs + this.#limits.minExpiryGainMs
    ) {
      return refuse('CHAIN_NONCE_TAKEN');
    }
    const { sent, failed } = this.#quotas;
    if (!sent.has(sender) || !failed.has(pending.id)) return refuse('CHAIN_OVER_RATE');
    const fault = checkTransaction(transaction, { genesis: head.genesis, publicKey });
    if (fault !== null) return refuse(fault);
    sent.use(sender);
    if (present !== undefined) this.#remove(present);
    if (!this.#makeRoom(pending)) {
      if (present !== undefined) this.#insert(present);
      return refuse('CHAIN_POOL_FULL');
    }
    this.#insert(pending);
    return { ok: true, id: pending.id, fresh: true };
  }

  has(id: Hash, sender: Address): boolean {
    for (const pending of this.#bySender.get(sender)?.values() ?? []) if (pending.id === id) return true;
    return false;
  }

  /**
   * What could go into the next block: each sender's in the order of nonces without a gap, one of every sender in turn,
   * so that nobody crowds out the others.
   * @param first the block's author: of what a block holds only one, such as a vote, the own one comes first, so that
   * every validator has its say in its turn
   */
  take(
    head: Head,
    {
      maxCount,
      maxBytes,
      first,
    }: { readonly maxCount: number; readonly maxBytes: number; readonly first?: Address },
  ): SignedTransaction[] {
    const taken: SignedTransaction[] = [];
    let bytes = 0;
    const queueOf = ([sender, pending]: readonly [Address, ReadonlyMap<number, Pending>]) => ({
      pending,
      nonce: nextNonce(head.state, sender),
    });
    const senders = [...this.#bySender];
    const isFirst = ([sender]: readonly [Address, unknown]) => sender === first;
    let queues = [...senders.filter(isFirst), ...senders.filter((other) => !isFirst(other))].map(queueOf);
    while (queues.length > 0) {
      const still: typeof queues = [];
      for (const { pending, nonce } of queues) {
        const next = pending.get(nonce);
        if (next === undefined || bytes + next.bytes > maxBytes) continue;
        if (taken.length >= maxCount) return taken;
        taken.push(next.transaction);
        bytes += next.bytes;
        still.push({ pending, nonce: nonce + 1 });
      }
      queues = still;
    }
    return taken;
  }

  /** Forgets what a new head has made useless: what is in blocks, and what has expired. */
  advance(head: Head, nowMs: number): void {
    for (const [sender, pendings] of [...this.#bySender]) {
      const expected = nextNonce(head.state, sender);
      for (const pending of [...pendings.values()]) {
        const { nonce, expiresMs } = pending.transaction;
        if (nonce < expected || expiresMs < nowMs) this.#remove(pending);
      }
    }
  }

  /** Forgets a transaction that turned out to fail. */
  drop({ sender, nonce }: SignedTransaction): void {
    const pending = this.#bySender.get(sender)?.get(nonce);
    if (pending === undefined) return;
    this.#quotas.failed.use(pending.id);
    this.#remove(pending);
  }

  #makeRoom(incoming: Pending): boolean {
    const { sender, nonce } = incoming.transaction;
    const own = this.#bySender.get(sender)?.size ?? 0;
    if (own >= this.#limits.maxPerSender && !this.#evictLast(sender, nonce)) return false;
    while (
      this.#count + 1 > this.#limits.maxTransactions ||
      this.#bytes + incoming.bytes > this.#limits.maxBytes
    ) {
      const [busiest, count] = this.#busiestSender();
      if (busiest === undefined || busiest === sender || count <= own + 1) return false;
      this.#evictLast(busiest, -1);
    }
    return true;
  }

  /** Takes out the sender's highest nonce if it is above `nonce`. */
  #evictLast(sender: Address, nonce: number): boolean {
    const pendings = this.#bySender.get(sender);
    const last = Math.max(...(pendings?.keys() ?? []));
    const pending = pendings?.get(last);
    if (pending === undefined || last <= nonce) return false;
    this.#remove(pending);
    return true;
  }

  #busiestSender(): [Address | undefined, number] {
    let busiest: [Address | undefined, number] = [undefined, 0];
    for (const [sender, { size }] of this.#bySender) if (size > busiest[1]) busiest = [sender, size];
    return busiest;
  }

  #insert(pending: Pending): void {
    const { sender, nonce } = pending.transaction;
    const pendings = this.#bySender.get(sender) ?? new Map<number, Pending>();
    this.#bySender.set(sender, pendings.set(nonce, pending));
    this.#count++;
    this.#bytes += pending.bytes;
  }

  #remove(pending: Pending): void {
    const { sender, nonce } = pending.transaction;
    const pendings = this.#bySender.get(sender);
    if (pendings?.delete(nonce) !== true) return;
    if (pendings.size === 0) this.#bySender.delete(sender);
    this.#count--;
    this.#bytes -= pending.bytes;
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
