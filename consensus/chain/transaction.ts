import type { Hash } from '../contract/types.ts';
import { addressOf, domainHash, fromHex, publicKeyOf, sign, toHex, verify } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { readArray, readBytes, readCount, readHash, readText } from './fields.ts';
import type { SignedTransaction, TransactionFault } from './types.ts';

/** Encoded, signature included. */
const TRANSACTION_BYTES_MAX = 64 * 1024;
const METHOD_LENGTH_MAX = 64;

/** What a sender says; the rest follows from the key. */
type TransactionContent = Pick<SignedTransaction, 'genesis' | 'nonce' | 'method' | 'args' | 'expiresMs'>;

/** @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE above 64 kB */
export function signTransaction(
  content: TransactionContent,
  privateKey: Uint8Array,
  /** Saves half the time where it is known. */
  publicKey: Uint8Array = publicKeyOf(privateKey),
): SignedTransaction {
  const unsigned = { ...content, publicKey, sender: addressOf(publicKey) };
  const digest = signedDigest(unsigned);
  const signature = sign(digest, privateKey);
  const transaction = { ...unsigned, signature };
  const bytes = encodeTransaction(transaction).length;
  if (bytes > TRANSACTION_BYTES_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'the transaction is above 64 kB', { bytes });
  }
  remember(questionOf(digest, signature));
  return transaction;
}

/**
 * Names what was signed. The signature is left out, so no one can make a second name for the same transaction; a
 * block commits to the signatures too, by the leaves of its transactions' root.
 */
export function transactionId(transaction: Omit<SignedTransaction, 'signature'>): Hash {
  return toHex(signedDigest(transaction));
}

/** Whether chain, sender, size and signature are right: what can be told without the state or a clock. */
export function checkTransaction(transaction: SignedTransaction, genesis: Hash): TransactionFault | null {
  if (transaction.genesis !== genesis) return 'CHAIN_WRONG_CHAIN';
  if (encodeTransaction(transaction).length > TRANSACTION_BYTES_MAX) return 'CHAIN_TOO_LARGE';
  if (!isSendersKey(transaction)) return 'CHAIN_WRONG_SENDER';
  return isSigned(transaction) ? null : 'CHAIN_BAD_SIGNATURE';
}

/**
 * Signatures found good: the same transaction is checked when it comes, when a block is tried and when one is
 * executed, and each time would cost more than all the rest of it. Two generations; the older is forgotten whole.
 */
let knownGood = new Set<string>();
let knownGoodBefore = new Set<string>();
const KNOWN_GOOD_MAX = 8_192;

function isSigned(transaction: SignedTransaction): boolean {
  const { signature, publicKey } = transaction;
  const digest = signedDigest(transaction);
  const question = questionOf(digest, signature);
  if (knownGood.has(question) || knownGoodBefore.has(question)) return true;
  if (!verify(digest, signature, publicKey)) return false;
  remember(question);
  return true;
}

/** The digest covers the key: digest and signature together name the whole question. */
function questionOf(digest: Uint8Array, signature: Uint8Array): string {
  return toHex(digest) + toHex(signature);
}

function remember(question: string): void {
  if (knownGood.size >= KNOWN_GOOD_MAX) {
    knownGoodBefore = knownGood;
    knownGood = new Set();
  }
  knownGood.add(question);
}

/** The sender's address is not sent along: it follows from the key. */
export function encodeTransaction(transaction: SignedTransaction): Uint8Array {
  return encode([...signedFields(transaction), transaction.signature]);
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE, CONSENSUS_BAD_KEY */
export function decodeTransaction(bytes: Uint8Array): SignedTransaction {
  const fields = readArray(decode(bytes, { maxBytes: TRANSACTION_BYTES_MAX }), 'transaction', 7);
  const publicKey = readBytes(fields[1], 'publicKey', 33);
  return {
    genesis: readHash(fields[0], 'genesis'),
    publicKey,
    sender: addressOf(publicKey),
    nonce: readCount(fields[2], 'nonce'),
    method: readText(fields[3], 'method', METHOD_LENGTH_MAX),
    args: readArray(fields[4], 'args'),
    expiresMs: readCount(fields[5], 'expiresMs'),
    signature: readBytes(fields[6], 'signature', 64),
  };
}

type Unsigned = Omit<SignedTransaction, 'signature'>;

function signedDigest(transaction: Unsigned): Uint8Array {
  return domainHash('transaction', encode(signedFields(transaction)));
}

function signedFields(transaction: Unsigned): CborValue[] {
  const { genesis, publicKey, nonce, method, args, expiresMs } = transaction;
  return [fromHex(genesis), publicKey, BigInt(nonce), method, args, BigInt(expiresMs)];
}

function isSendersKey(transaction: SignedTransaction): boolean {
  try {
    return addressOf(transaction.publicKey) === transaction.sender;
  } catch (error) {
    // A key that is no point has no address: a wrong sender like any other.
    if (error instanceof ConsensusError && error.code === 'CONSENSUS_BAD_KEY') return false;
    throw error;
  }
}
