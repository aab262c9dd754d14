import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { domainHash } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { syncDirectory } from './directory.ts';
import { isMissingFile, storeFailure } from './failure.ts';
import {
  decodeVoteHeader,
  decodeVotes,
  encodeVoteHeader,
  type KeptVote,
  type VoteHeader,
} from './vote-record.ts';

/**
 * One copy of the record of own votes:
 *
 *     "gqvotes1", then frames, then zeros up to the size that the first frame names
 *     frame = length of payload (4 bytes, big-endian, above 0), chain hash (32), payload
 *     chain hash = domainHash('vote-frame', chain hash of the frame before or zeros, payload)
 *
 * The size is fixed when the file is made, so that a file cut anywhere, even between two frames, is seen to be cut; and
 * a synced write changes no length, which spares the file system its journal.
 */
const MAGIC = Uint8Array.from('gqvotes1', (letter) => letter.charCodeAt(0));
const FRAME_HEAD_BYTES = 36;
/** Stands where there is no frame before. */
export const NO_HASH = new Uint8Array(32);

/** What is found at a path. `clean` copies have zeros after their last frame. */
export type FoundCopy =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | ReadCopy;

export type ReadCopy = {
  readonly kind: 'read';
  readonly header: VoteHeader;
  /** Chain hashes of all whole frames, the header's first. */
  readonly hashes: readonly Uint8Array[];
  readonly votes: readonly KeptVote[];
  /** Where the next frame goes. */
  readonly end: number;
  readonly clean: boolean;
  readonly rightSize: boolean;
  /** The file as it is. */
  readonly bytes: Uint8Array;
};

/** Bytes that a frame with this payload takes. */
export function frameBytes(payload: Uint8Array): number {
  return FRAME_HEAD_BYTES + payload.length;
}

/** Never fails on content, whatever it is. @throws ConsensusError, naming the file, when it cannot be read at all */
export async function readCopy(path: string): Promise<FoundCopy> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (isMissingFile(error)) return { kind: 'missing' };
    if ((error as NodeJS.ErrnoException).code === 'EISDIR')
      throw new ConsensusError(
        'CONSENSUS_STORE_FAILED',
        `${path} is a directory: move it away and start again`,
        { path },
        { cause: error },
      );
    throw storeFailure(error, `reading ${path}`);
  }
  return parseCopy(bytes);
}

export function parseCopy(bytes: Uint8Array): FoundCopy {
  if (!MAGIC.every((byte, index) => bytes[index] === byte))
    return { kind: 'unreadable', reason: 'no such file type' };
  const hashes: Uint8Array[] = [];
  const votes: KeptVote[] = [];
  let header: VoteHeader | null = null;
  let end = MAGIC.length;
  for (;;) {
    const frame = parseFrame(bytes, end, hashes.at(-1) ?? NO_HASH);
    if (frame === null) break;
    try {
      if (header === null) header = decodeVoteHeader(frame.payload);
      else votes.push(...decodeVotes(frame.payload));
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error;
      return { kind: 'unreadable', reason: error.message };
    }
    hashes.push(frame.hash);
    end += frameBytes(frame.payload);
  }
  if (header === null) return { kind: 'unreadable', reason: 'its first frame is damaged' };
  const clean = bytes.subarray(end).every((byte) => byte === 0);
  return {
    kind: 'read',
    header,
    hashes,
    votes,
    end,
    clean,
    rightSize: bytes.length === header.capacity,
    bytes,
  };
}

/** Writes a whole new copy beside the old one, synced, and puts it in its place. */
export async function replaceCopy(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.new`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (error) {
    // On a full disk every byte is wanted.
    await rm(beside, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  await syncDirectory(dirname(path));
}

export type CopyImage = { readonly bytes: Uint8Array; readonly end: number; readonly tip: Uint8Array };

/** A copy of this header and at most one frame, ready to be written. */
export function copyImage(header: VoteHeader, payload: Uint8Array | null): CopyImage {
  const bytes = new Uint8Array(header.capacity);
  bytes.set(MAGIC, 0);
  let end = MAGIC.length;
  let tip: Uint8Array = NO_HASH;
  for (const content of payload === null ? [encodeVoteHeader(header)] : [encodeVoteHeader(header), payload]) {
    const frame = buildFrame(content, tip);
    bytes.set(frame.bytes, end);
    end += frame.bytes.length;
    tip = frame.hash;
  }
  return { bytes, end, tip };
}

export function buildFrame(
  payload: Uint8Array,
  previous: Uint8Array,
): { bytes: Uint8Array; hash: Uint8Array } {
  const hash = domainHash('vote-frame', previous, payload);
  const bytes = new Uint8Array(frameBytes(payload));
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes.set(hash, 4);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return { bytes, hash };
}

/** Where the two copies lie. */
export type Paths = { readonly a: string; readonly b: string };

/** Both, open for appending. */
export type Copies = { readonly a: FileHandle; readonly b: FileHandle };

export async function openCopies(paths: Paths): Promise<Copies> {
  const a = await openForAppending(paths.a);
  try {
    return { a, b: await openForAppending(paths.b) };
  } catch (error) {
    await a.close();
    throw error;
  }
}

/** Every write is on the disk when it returns, with the data alone (O_DSYNC). */
async function openForAppending(path: string): Promise<FileHandle> {
  return open(path, constants.O_WRONLY | constants.O_DSYNC);
}

/** @param position in bytes, from the beginning of the file */
export async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

function parseFrame(
  bytes: Uint8Array,
  offset: number,
  previous: Uint8Array,
): { hash: Uint8Array; payload: Uint8Array } | null {
  const body = offset + FRAME_HEAD_BYTES;
  if (body > bytes.length) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
  if (length === 0 || length > bytes.length - body) return null;
  const payload = bytes.subarray(body, body + length);
  const hash = domainHash('vote-frame', previous, payload);
  return hash.every((byte, index) => bytes[offset + 4 + index] === byte) ? { hash, payload } : null;
}
