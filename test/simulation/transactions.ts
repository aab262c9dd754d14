import type { Block, SignedTransaction } from '../../consensus/chain/index.ts';
import { type Call, type KeyPair, START_MS, sameBytes } from './cast.ts';
import type { Fate } from './disk.ts';
import type { Self } from './self.ts';

/** A node's pool, and its own transactions from their signing until they are final: what pool and outbox are in the real node. */
export type Transactions = {
  readonly begin: () => void;
  readonly submit: (call: Call) => void;
  readonly hear: (encoded: readonly Uint8Array[]) => void;
  readonly resendPool: () => void;
  /** For the next block; what can never succeed is forgotten by `drop`. */
  readonly candidates: (own: boolean) => SignedTransaction[];
  readonly drop: (
    dropped: readonly { readonly transaction: SignedTransaction; readonly waits: boolean }[],
  ) => void;
  /** Own ones whose nonce a block uses up. */
  readonly settledBy: (block: Block) => readonly SignedTransaction[];
  /** The block is stored: tells clients, and forgets. */
  readonly advanced: (settled: readonly SignedTransaction[], block: Block) => void;
  /** A snapshot has taken the place of blocks. */
  readonly jumped: () => void;
  readonly mend: () => void;
};

type Parts = {
  readonly setTimer: (name: string, delayMs: number, action: () => void) => void;
  readonly write: (kind: 'transaction', action: (fate: Fate) => void) => void;
  readonly isValidator: () => boolean;
  readonly poolChanged: () => void;
  readonly askForBlocks: () => void;
};

/** Of the pool, when it is sent again; and how often a node that does not vote repeats its own transactions. */
const PROPOSED_BYTES_MAX = 512 * 1024;
const RESENT = { maxCount: 64, maxBytes: PROPOSED_BYTES_MAX };
const RESEND_MS = 2_000;

export function createTransactions(self: Self, parts: Parts): Transactions {
  const { subject, world, place, actor, disk, agenda, witness, say } = self;
  const { chain, contract } = subject;
  const { head, pending } = disk;
  const { isValidator } = parts;
  const pool = new chain.Pool((address, { state }) => contract.publicKeyOf(state, address));
  const heardAtHead = new Set<Uint8Array>();
  const utcMs = () => START_MS + Math.floor(agenda.nowMs() + self.skewMs);

  const tell = (transactions: readonly SignedTransaction[]) => {
    if (transactions.length === 0) return;
    say({ channel: 'transaction', transactions: transactions.map(encoded) });
  };

  const encoded = (transaction: SignedTransaction): Uint8Array => {
    const bytes = encodedBefore.get(transaction) ?? chain.encodeTransaction(transaction);
    encodedBefore.set(transaction, bytes);
    return bytes;
  };

  const decoded = (bytes: Uint8Array): SignedTransaction | null => {
    const known = decodedBefore.get(bytes);
    if (known !== undefined) return known;
    try {
      const transaction = chain.decodeTransaction(bytes);
      decodedBefore.set(bytes, transaction);
      return transaction;
    } catch {
      // A liar's bytes: no transaction.
      return null;
    }
  };

  const add = (transactions: readonly (SignedTransaction | null)[]) => {
    for (const transaction of transactions) if (transaction !== null) pool.add(transaction, head(), utcMs());
    parts.poolChanged();
  };

  const tellAndAdd = (transactions: readonly SignedTransaction[]) => {
    tell(transactions);
    if (isValidator()) add(transactions);
  };

  /** Who votes has the agreement repeat them; the real node's own repeating every two seconds would hide it if not. */
  const repeatOwn = () => {
    if ((self.resendsTransactions || !isValidator()) && pending.size > 0) {
      tell([...pending.values()]);
      parts.askForBlocks();
    }
    parts.setTimer('resend', RESEND_MS, repeatOwn);
  };

  /** Which of the own ones a block made here and now would drop. Only votes and changes of keys can. */
  const failing = (transactions: readonly SignedTransaction[]) => {
    if (!transactions.some(mayFail)) return [];
    const own = [...transactions].sort((a, b) => a.nonce - b.nonce);
    const rehearsal = { proposer: actor.address, timeMs: utcMs() };
    const { dropped } = chain.assembleBlock(head(), own, rehearsal, contract);
    // A signature can only be bad behind an own change of keys: once that is final, it is signed again.
    return dropped.filter(({ code }) => code !== 'CHAIN_BAD_SIGNATURE');
  };

  /**
   * As the real outbox: a vote that cannot succeed any more gives its nonce to a skip, and what failed once, so that the
   * pool has forgotten it, and may succeed now is told again.
   */
  const mend = () => {
    const key = self.key();
    if (key === undefined) return;
    const before = new Map(pending);
    if (self.keysChange) signAgain(key);
    for (const { transaction, waits } of failing([...pending.values()]))
      if (!waits) pending.set(transaction.nonce, world.skip(actor, transaction.nonce, key));
    const isForgotten = (one: SignedTransaction) => !pool.has(chain.transactionId(one), actor.address);
    if (isValidator() && [...pending.values()].some(mayFail))
      tellAndAdd([...pending.values()].filter(isForgotten));
    tellAndAdd([...pending.values()].filter((one) => before.get(one.nonce) !== one));
  };

  /** What waits, with the key that the ledger names now. */
  const signAgain = (key: KeyPair): void => {
    for (const one of pending.values()) {
      const again = world.again(actor, one, key);
      if (!sameBytes(again.signature, one.signature)) pending.set(one.nonce, again);
    }
  };

  return {
    begin() {
      tellAndAdd([...pending.values()]);
      mend();
      repeatOwn();
    },
    submit(call) {
      const key = self.key();
      if (key === undefined) return;
      let nonce = chain.nextNonce(head().state, actor.address);
      while (pending.has(nonce)) nonce += 1;
      const transaction = world.signed(actor, nonce, call, key);
      const refused = failing([...pending.values(), transaction]);
      if (refused.some((dropped) => dropped.transaction === transaction && !dropped.waits)) return;
      parts.write('transaction', (fate) => {
        if (fate !== 'before') pending.set(nonce, transaction);
      });
      tellAndAdd([transaction]);
    },
    hear(all) {
      // The same bytes again, at the same head, would change nothing.
      const fresh = all.filter((bytes) => !heardAtHead.has(bytes));
      for (const bytes of fresh) heardAtHead.add(bytes);
      if (fresh.length > 0) add(fresh.map(decoded));
    },
    resendPool: () => tell(pool.take(head(), RESENT)),
    candidates: (own) =>
      pool.take(head(), {
        maxCount: 256,
        maxBytes: PROPOSED_BYTES_MAX,
        ...(own ? { first: actor.address } : {}),
      }),
    drop(dropped) {
      for (const { transaction, waits } of dropped) if (!waits) pool.drop(transaction);
    },
    settledBy: ({ transactions }) =>
      transactions
        .filter(({ sender }) => sender === actor.address)
        .map(({ nonce }) => pending.get(nonce))
        .filter((own) => own !== undefined),
    advanced(settled, { header, transactions }) {
      heardAtHead.clear();
      pool.advance(head(), utcMs());
      const ids = new Set(transactions.map(chain.transactionId));
      for (const own of settled) {
        const id = chain.transactionId(own);
        if (ids.has(id)) witness.confirmed(place, id, header.height);
      }
    },
    jumped() {
      heardAtHead.clear();
      pool.advance(head(), utcMs());
    },
    mend,
  };
}

function mayFail({ method }: SignedTransaction): boolean {
  return method === 'governance.vote' || method === 'accounts.rotateKey';
}

const encodedBefore = new WeakMap<SignedTransaction, Uint8Array>();
const decodedBefore = new WeakMap<Uint8Array, SignedTransaction>();
