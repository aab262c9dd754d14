import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const PIECE_BYTES = 65_536;
/** Whoever writes into a pipe has so long to say something. */
const SILENCE_MS_MAX = 5_000;
const LOOK_AGAIN_MS = 20;

export type Abortable = { readonly signal?: AbortSignal | undefined };

/**
 * A file to its end, or undefined once it turns out to be longer than `bytesMax`. It counts what it reads: a device
 * or a pipe tells a size of 0 and may never end, or never begin.
 *
 * @param file a path, or `-` for standard input.
 * @throws what the file system says; ETIMEDOUT for a pipe that is silent for five seconds, ABORT_ERR where `signal`
 * fires while one is waited for.
 */
export async function readBounded(
  file: string,
  bytesMax: number,
  { signal }: Abortable = {},
): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of file === '-' ? process.stdin : piecesOf(file, signal)) {
    bytes += (piece as Buffer).length;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

/** A thread that waits in the system for a pipe cannot be called back, not even to end: none waits there. */
async function* piecesOf(file: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const isPipe = (await handle.stat()).isFIFO();
    let hasBegun = false;
    let silentSinceMs = performance.now();
    while (true) {
      const piece = await readPiece(handle);
      if (piece !== undefined && piece.length > 0) {
        hasBegun = true;
        silentSinceMs = performance.now();
        yield piece;
        continue;
      }
      // A pipe into which nobody writes yet looks like an empty file.
      if (piece !== undefined && (hasBegun || !isPipe)) return;
      if (performance.now() - silentSinceMs > SILENCE_MS_MAX)
        throw Object.assign(new Error('the pipe is silent'), { code: 'ETIMEDOUT' });
      await pause(LOOK_AGAIN_MS, undefined, { signal });
    }
  } finally {
    await handle.close();
  }
}

/** Undefined when there is nothing yet; empty at the end. */
async function readPiece(handle: FileHandle): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    return undefined;
  }
}
