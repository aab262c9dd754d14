import type { Hash } from '../contract/types.ts';
import { domainHash, fromHex, toHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { certificateFields, decodeCertificateFields } from './certificate.ts';
import { readAddress, readArray, readBytes, readCount, readHash } from './fields.ts';
import { merkleRoot } from './merkle.ts';
import { decodeTransaction, encodeTransaction } from './transaction.ts';
import type { Block, Certificate, FinalBlock, Header, SignedTransaction, Validator } from './types.ts';

/** Of a block's encoding, without certificate. */
export const BLOCK_BYTES_MAX = 1024 * 1024;
export const BLOCK_TRANSACTIONS_MAX = 2000;
/** What the frame of a block takes besides its transactions: header, heads and their lengths. */
export const BLOCK_FRAME_BYTES = 512;
const CERTIFICATE_BYTES_MAX = 64 * 1024;

/** Names a block. Whoever seals, seals this together with height and round. */
export function blockDigest(header: Header): Hash {
  return toHex(domainHash('block', encode(headerFields(header))));
}

export function transactionsRoot(transactions: readonly SignedTransaction[]): Hash {
  return merkleRoot('transaction', transactions.map(encodeTransaction));
}

/** Names a committee: who is in it and what each signs with. @param validators sorted by address */
export function validatorsHash(validators: readonly Validator[]): Hash {
  return toHex(
    domainHash(
      'validators',
      encode(validators.map(({ address, publicKey }) => [fromHex(address), publicKey])),
    ),
  );
}

export function encodeBlock(block: Block): Uint8Array {
  return encode(blockFields(block));
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeBlock(bytes: Uint8Array): Block {
  return openBlock(decodeClosedBlock(bytes));
}

export function encodeFinalBlock({ block, certificate }: FinalBlock): Uint8Array {
  return encode([blockFields(block), certificateFields(certificate)]);
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeFinalBlock(bytes: Uint8Array): FinalBlock {
  const { certificate, ...closed } = decodeClosedFinalBlock(bytes);
  return { block: openBlock(closed), certificate };
}

/**
 * A block as it came: its transactions are still closed. Whoever sends rubbish should not be able to have two thousand
 * of them opened: first see that the header is one that somebody signed.
 */
export type ClosedBlock = { readonly header: Header; readonly encodedTransactions: readonly Uint8Array[] };

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeClosedBlock(bytes: Uint8Array): ClosedBlock {
  return readClosedBlock(decode(bytes, { maxBytes: BLOCK_BYTES_MAX }));
}

export type ClosedFinalBlock = ClosedBlock & { readonly certificate: Certificate };

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function decodeClosedFinalBlock(bytes: Uint8Array): ClosedFinalBlock {
  const maxBytes = BLOCK_BYTES_MAX + CERTIFICATE_BYTES_MAX;
  const fields = readArray(decode(bytes, { maxBytes }), 'finalBlock', 2);
  return { ...readClosedBlock(fields[0]), certificate: decodeCertificateFields(fields[1]) };
}

/** Whether these are the transactions that the header means. */
export function holdsTogether({ header, encodedTransactions }: ClosedBlock): boolean {
  return merkleRoot('transaction', encodedTransactions) === header.transactionsRoot;
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE */
export function openBlock({ header, encodedTransactions }: ClosedBlock): Block {
  return { header, transactions: encodedTransactions.map(decodeTransaction) };
}

function blockFields({ header, transactions }: Block): CborValue {
  return [headerFields(header), transactions.map(encodeTransaction)];
}

function readClosedBlock(value: CborValue | undefined): ClosedBlock {
  const fields = readArray(value, 'block', 2);
  const transactions = readArray(fields[1], 'transactions');
  if (transactions.length > BLOCK_TRANSACTIONS_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'the block has too many transactions', {
      transactions: transactions.length,
    });
  }
  return {
    header: readHeader(fields[0]),
    encodedTransactions: transactions.map((bytes) => readBytes(bytes, 'transaction')),
  };
}

export function headerFields(header: Header): CborValue {
  return [
    BigInt(header.version),
    BigInt(header.height),
    fromHex(header.parent),
    fromHex(header.proposer),
    BigInt(header.timeMs),
    fromHex(header.transactionsRoot),
    fromHex(header.stateRoot),
    fromHex(header.receiptsRoot),
    fromHex(header.validatorsHash),
  ];
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING */
export function readHeader(value: CborValue | undefined): Header {
  const fields = readArray(value, 'header', 9);
  if (fields[0] !== 1n) {
    throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'unknown version of a header', { field: 'version' });
  }
  return {
    version: 1,
    height: readCount(fields[1], 'height'),
    parent: readHash(fields[2], 'parent'),
    proposer: readAddress(fields[3], 'proposer'),
    timeMs: readCount(fields[4], 'timeMs'),
    transactionsRoot: readHash(fields[5], 'transactionsRoot'),
    stateRoot: readHash(fields[6], 'stateRoot'),
    receiptsRoot: readHash(fields[7], 'receiptsRoot'),
    validatorsHash: readHash(fields[8], 'validatorsHash'),
  };
}
