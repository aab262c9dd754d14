import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * A socket whose inbound MQTT packets are bounded. The parser of mqtt-packet collects whatever length a
 * peer announces (up to 256 MB), so the announced length is checked here, before anything is collected.
 * A longer packet destroys the stream with an error whose `code` is 'PACKET_TOO_LARGE'.
 */
export class BoundedPackets extends Duplex {
  readonly #socket: Socket;
  readonly #framing: (chunk: Uint8Array) => boolean;

  constructor(socket: Socket, packetBytesMax: number) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#framing = packetLengthGuard(packetBytesMax);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk, packetBytesMax));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  #receive(chunk: Buffer, packetBytesMax: number): void {
    if (!this.#framing(chunk)) {
      const message = `A packet of more than ${packetBytesMax} bytes was announced.`;
      this.destroy(Object.assign(new Error(message), { code: 'PACKET_TOO_LARGE' }));
    } else if (!this.push(chunk)) {
      this.#socket.pause();
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#socket.write(chunk)) done();
    else this.#socket.once('drain', done);
  }

  // One TCP segment for the small writes of one packet: Nagle's algorithm is off.
  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#socket.cork();
    let open = true;
    for (const { chunk } of chunks) open = this.#socket.write(chunk);
    this.#socket.uncork();
    if (open) done();
    else this.#socket.once('drain', done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/**
 * Follows the packet boundaries of an MQTT byte stream (MQTT 3.1.1 section 2.2: one byte of type, then a
 * remaining length in one to four bytes of seven bits). Returns false once a packet is longer than the
 * limit or its length is malformed.
 */
export function packetLengthGuard(packetBytesMax: number): (chunk: Uint8Array) => boolean {
  let expecting: 'type' | 'length' | 'body' = 'type';
  let remaining = 0;
  let lengthBytes = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      switch (expecting) {
        case 'type':
          at += 1;
          remaining = 0;
          lengthBytes = 0;
          expecting = 'length';
          break;
        case 'length': {
          const byte = chunk[at] as number;
          at += 1;
          remaining += (byte & 0x7f) * 128 ** lengthBytes;
          lengthBytes += 1;
          if (byte & 0x80) {
            if (lengthBytes === 4) return false;
            break;
          }
          if (1 + lengthBytes + remaining > packetBytesMax) return false;
          expecting = remaining === 0 ? 'type' : 'body';
          break;
        }
        case 'body': {
          const taken = Math.min(remaining, chunk.length - at);
          at += taken;
          remaining -= taken;
          if (remaining === 0) expecting = 'type';
          break;
        }
        default:
          expecting satisfies never;
      }
    }
    return true;
  };
}
