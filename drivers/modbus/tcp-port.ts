import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';

/** Why a stream can no longer be trusted: where the next frame begins, or whose it is, is unknown. */
export type StreamFault =
  | 'bad-protocol-id'
  | 'bad-length'
  | 'unknown-transaction'
  | 'wrong-unit'
  | 'wrong-function';

const headerBytes = 7;
const transactionIdMax = 0xffff;
/** The key under which modbus-serial keeps the one request in flight: matching is done here, with 16 bits. */
const libraryKey = 1;

/**
 * The TCP port under modbus-serial, stricter than its own: transaction ids use all 16 bits and are never
 * used twice on one connection, a reply is handed on only if it carries the id, unit and function of the one
 * request in flight, and a header that no Modbus server would send breaks the connection at once instead of
 * stalling it (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3 and 4.4.2.2).
 *
 * Replies to earlier ids are late or duplicates: unmistakable, so they are dropped and counted.
 * Emits 'data' (unit id, PDU, CRC as the library expects), 'close' and 'fault' (StreamFault).
 */
export class StrictTcpPort extends EventEmitter {
  readonly _transactionIdWrite = libraryKey;
  readonly _transactionIdRead = libraryKey;
  discardedFrames = 0;
  private readonly target: { host: string; port: number };
  private readonly socket = new Socket();
  private received: Buffer = Buffer.alloc(0);
  private transactionId = 0;
  private inFlight: { unitId: number; functionCode: number } | undefined;
  private connected = false;

  constructor(target: { host: string; port: number }) {
    super();
    this.target = target;
  }

  get isOpen(): boolean {
    return this.connected;
  }

  /** All ids of this connection are used up: make a new one, so that no late reply can ever fit again. */
  get exhausted(): boolean {
    return this.transactionId >= transactionIdMax;
  }

  /** Part of a frame has come and the rest has not: what follows may not begin where it seems to. */
  get midFrame(): boolean {
    return this.received.length > 0;
  }

  open(callback: (error?: Error) => void): void {
    let settled = false;
    const settle = (error?: Error) => {
      if (settled) return;
      settled = true;
      callback(error);
    };
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => {
      this.connected = true;
      settle();
    });
    this.socket.on('data', (chunk) => this.receive(chunk));
    this.socket.on('error', (error) => {
      settle(error);
      if (this.connected) this.emit('lost', error);
    });
    this.socket.on('end', () => this.emit('lost', new Error('closed by the other side')));
    this.socket.on('close', () => {
      this.connected = false;
      settle(new Error('closed while connecting'));
      this.emit('close');
    });
    this.socket.connect(this.target);
  }

  /** Called by modbus-serial with a whole RTU frame: unit id, PDU, CRC. */
  write(frame: Buffer): void {
    this.transactionId += 1;
    this.inFlight = { unitId: frame[0]!, functionCode: frame[1]! };
    const adu = Buffer.alloc(6 + frame.length - 2);
    adu.writeUInt16BE(this.transactionId, 0);
    adu.writeUInt16BE(frame.length - 2, 4);
    frame.copy(adu, 6, 0, frame.length - 2);
    this.socket.write(adu);
  }

  destroy(callback?: () => void): void {
    this.connected = false;
    this.inFlight = undefined;
    this.socket.removeAllListeners('data');
    this.socket.destroy();
    callback?.();
  }

  close(callback?: () => void): void {
    this.destroy(callback);
  }

  private receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    while (this.received.length >= headerBytes) {
      const length = this.received.readUInt16BE(4);
      let fault: StreamFault | undefined;
      if (this.received.readUInt16BE(2) !== 0) fault = 'bad-protocol-id';
      else if (length < 3 || length > 254) fault = 'bad-length';
      else if (this.received.length < 6 + length) break;
      else {
        const frame = this.received.subarray(0, 6 + length);
        this.received = this.received.subarray(6 + length);
        fault = this.take(frame);
      }
      if (fault) {
        this.fault(fault);
        break;
      }
    }
  }

  private take(frame: Buffer): StreamFault | undefined {
    const id = frame.readUInt16BE(0);
    if (id === 0 || id > this.transactionId) return 'unknown-transaction';
    if (id < this.transactionId || !this.inFlight) {
      this.discardedFrames += 1;
      return undefined;
    }
    if (frame[6] !== this.inFlight.unitId) return 'wrong-unit';
    if ((frame[7]! & 0x7f) !== this.inFlight.functionCode) return 'wrong-function';
    this.inFlight = undefined;
    const body = frame.subarray(6);
    const crc = Buffer.alloc(2);
    crc.writeUInt16LE(crc16(body), 0);
    this.emit('data', Buffer.concat([body, crc]));
    return undefined;
  }

  private fault(fault: StreamFault): void {
    this.discardedFrames += 1;
    this.received = Buffer.alloc(0);
    this.destroy();
    this.emit('fault', fault);
  }
}

/** CRC of Modbus over serial line V1.02, 2.5.1.2; modbus-serial checks it on every frame it is handed. */
function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
