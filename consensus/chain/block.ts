import type { Hash } from '../contract/types.ts';
import { domainHash, fromHex, toHex } from '../crypto/index.ts';
import { type CborValue, decode, encode } from '../encoding/index.ts';
import { ConsensusError } from '../errors.ts';
import { certificateFields, decodeCertificateFields } from './certificate.ts';
import { readAddress, readArray, readBytes, readCount, readHash } from './fields.ts';
import { merkleRoot } from './merkle.ts';
import { decodeTransaction, encodeTransaction } from './transaction.ts';
import type { Block, FinalBlock, Header, SignedTransaction, Validator } from './types.ts';

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

/** @param validators sorted by address */
export function validatorsHash(validators: readonly Validator[]): Hash {
  return toHex(domainHash('validators', encode(validators.map(({ publicKey }) => publicKey))));
}

export function encodeBlock(block: Block): Uint8Array {
  return encode(blockFields(block));
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE, CONSENSUS_BAD_KEY */
export function decodeBlock(bytes: Uint8Array): Block {
  return readBlock(decode(bytes, { maxBytes: BLOCK_BYTES_MAX }));
}

export function encodeFinalBlock({ block, certificate }: FinalBlock): Uint8Array {
  return encode([blockFields(block), certificateFields(certificate)]);
}

/** @throws ConsensusError CONSENSUS_BAD_ENCODING, CONSENSUS_TOO_LARGE, CONSENSUS_BAD_KEY */
export function decodeFinalBlock(bytes: Uint8Array): FinalBlock {
  const maxBytes = BLOCK_BYTES_MAX + CERTIFICATE_BYTES_MAX;
  const fields = readArray(decode(bytes, { maxBytes }), 'finalBlock', 2);
  return { block: readBlock(fields[0]), certificate: decodeCertificateFields(fields[1]) };
}

function blockFields({ header, transactions }: Block): CborValue {
  return [headerFields(header), transactions.map(encodeTransaction)];
}

function readBlock(value: CborValue | undefined): Block {
  const fields = readArray(value, 'block', 2);
  const transactions = readArray(fields[1], 'transactions');
  if (transactions.length > BLOCK_TRANSACTIONS_MAX) {
    throw new ConsensusError('CONSENSUS_TOO_LARGE', 'the block has too many transactions', {
      transactions: transactions.length,
    });
  }
  return {
    header: readHeader(fields[0]),
    transactions: transactions.map((bytes) => decodeTransaction(readBytes(bytes, 'transaction'))),
  };
}

function headerFields(header: Header): CborValue {
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

function readHeader(value: CborValue | undefined): Header {
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
