import type { Hash } from '../contract/types.ts';
import { domainHash, fromHex, sign, toHex, verify } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { readAddress, readArray, readBytes, readCount, readHash, readText } from './fields.ts';
import type { SignedTransaction, TransactionFault } from './types.ts';

/** Encoded, signature included. */
const TRANSACTION_BYTES_MAX = 64 * 1024;
const METHOD_LENGTH_MAX = 64;

/** @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE above 64 kB */
export function signTransaction(
  content: Omit<SignedTransaction, 'signature'>,
  privateKey: Uint8Array,
  /** Where it is known, the signature need not be verified by whoever made it. */
  publicKey?: Uint8Array,
): SignedTransaction {
  const signature = sign(signedDigest(content), privateKey, publicKey);
  const transaction = { ...content, signature };
  const bytes = encodeTransaction(transaction).length;
  if (bytes > TRANSACTION_BYTES_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'the transaction is above 64 kB', { bytes });
  }
  return transaction;
}

/**
 * Names what was signed. The signature is left out, so no one can make a second name for the same transaction, and one
 * that is signed again with its sender's new key keeps its name. A block commits to the signatures too, by the leaves of
 * its transactions' root.
 */
export function transactionId(transaction: Omit<SignedTransaction, 'signature'>): Hash {
  return toHex(signedDigest(transaction));
}

/**
 * Whether chain, sender, size and signature are right.
 * @param publicKey the sender's, by the state that the transaction is held against; undefined when that names none
 */
export function checkTransaction(
  transaction: SignedTransaction,
  { genesis, publicKey }: { readonly genesis: Hash; readonly publicKey: Uint8Array | undefined },
): TransactionFault | null {
  if (transaction.genesis !== genesis) return 'CHAIN_WRONG_CHAIN';
  if (publicKey === undefined) return 'CHAIN_UNKNOWN_SENDER';
  if (encodeTransaction(transaction).length > TRANSACTION_BYTES_MAX) return 'CHAIN_TOO_LARGE';
  const isGood = verify(signedDigest(transaction), transaction.signature, publicKey);
  return isGood ? null : 'CHAIN_BAD_SIGNATURE';
}

/** The same bytes each time it is asked for: not to be written to. */
export function encodeTransaction(transaction: SignedTransaction): Uint8Array {
  const known = encodings.get(transaction);
  if (known !== undefined) return known;
  const bytes = encode([...signedFields(transaction), transaction.signature]);
  encodings.set(transaction, bytes);
  return bytes;
}

/**
 * A transaction is asked for its encoding and its digest by pool, block, roots and store: each is made once, and goes
 * when the transaction does.
 */
const encodings = new WeakMap<SignedTransaction, Uint8Array>();
const digests = new WeakMap<Unsigned, Uint8Array>();

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeTransaction(bytes: Uint8Array): SignedTransaction {
  const fields = readArray(decode(bytes, { maxBytes: TRANSACTION_BYTES_MAX }), 'transaction', 7);
  const transaction = {
    genesis: readHash(fields[0], 'genesis'),
    sender: readAddress(fields[1], 'sender'),
    nonce: readCount(fields[2], 'nonce'),
    method: readText(fields[3], 'method', METHOD_LENGTH_MAX),
    args: readArray(fields[4], 'args'),
    expiresMs: readCount(fields[5], 'expiresMs'),
    signature: readBytes(fields[6], 'signature', 64),
  };
  // There is one encoding of a value. A copy: whose these are may write to them again.
  encodings.set(transaction, Uint8Array.from(bytes));
  return transaction;
}

type Unsigned = Omit<SignedTransaction, 'signature'>;

function signedDigest(transaction: Unsigned): Uint8Array {
  const known = digests.get(transaction);
  if (known !== undefined) return known;
  const digest = domainHash('transaction', encode(signedFields(transaction)));
  digests.set(transaction, digest);
  return digest;
}

function signedFields(transaction: Unsigned): CborValue[] {
  const { genesis, sender, nonce, method, args, expiresMs } = transaction;
  return [fromHex(genesis), fromHex(sender), BigInt(nonce), method, args, BigInt(expiresMs)];
}
