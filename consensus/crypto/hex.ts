import { ConsensusError } from '../errors.ts';

/** Lower-case hex, two digits a byte, without prefix. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * Reads lower-case hex without prefix. One spelling a value, so that two texts name the same hash or address
 * only when they are equal. @throws ConsensusError CONSENSUS_BAD_ENCODING
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new ConsensusError('CONSENSUS_BAD_ENCODING', 'not lower-case hex of whole bytes', {
      digits: text.length,
    });
  }
  // A copy of its own: Buffer.from may hand out a window on a pool shared with other values.
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
