import { createReadStream } from 'node:fs';

/**
 * A file to its end, or undefined once it turns out to be longer than `bytesMax`. It counts what it reads: a device
 * or a pipe tells a size of 0 and may never end.
 *
 * @param file a path, or `-` for standard input.
 * @throws what the file system says.
 */
export async function readBounded(file: string, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of file === '-' ? process.stdin : createReadStream(file)) {
    bytes += (piece as Buffer).length;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}
