import { createServer, type Server, type Socket } from 'node:net';
import { DriversError } from '../errors.ts';

/** Modbus exception codes that devices give here (Application Protocol V1.1b3, section 7). */
export const modbusException = {
  illegalFunction: 1,
  illegalDataAddress: 2,
  illegalDataValue: 3,
  deviceFailure: 4,
  gatewayTargetFailed: 11,
} as const;

type RegisterTable = 'holding' | 'input';

/** A device's registers. Answers are registers, or the code of an exception. */
export type RegisterDevice = {
  read(table: RegisterTable, address: number, count: number): readonly number[] | number;
  /** 0: written. A write is carried out as a whole or not at all. */
  write(address: number, values: readonly number[]): number;
};

/** How a server misbehaves on the wire. */
export type WireFault =
  | { readonly kind: 'silent' }
  /** Nobody listens. */
  | { readonly kind: 'refuse' }
  | { readonly kind: 'late'; readonly delayMs: number }
  | { readonly kind: 'exception'; readonly code: number }
  /** The connection is reset by each request. */
  | { readonly kind: 'reset' };

export type ModbusServer = {
  readonly port: number;
  setFault(fault: WireFault | undefined): Promise<void>;
  stop(): Promise<void>;
};

const readRegistersMax = 125;
const writeRegistersMax = 123;
const headerBytes = 7;
/** MBAP header and a protocol data unit of 253 bytes. */
const frameBytesMax = 260;
const connectionsMax = 16;
const unreadBytesMax = 65_536;
const lateRepliesMax = 64;
/** A client that says nothing for so long is gone. */
const idleMsMax = 600_000;

/**
 * A Modbus TCP server of one unit or several behind one port: functions 3, 4, 6 and 16, with the limits and
 * exceptions of the standard (the library's own server answers 126 registers). Rejects with
 * DRIVERS_PORT_IN_USE, or DRIVERS_CONNECTION_REFUSED where it cannot listen.
 */
export async function startModbusServer(options: {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly units: ReadonlyMap<number, RegisterDevice>;
  /** A connection was ended for a header that no client sends: nothing after it can be trusted. */
  readonly onGarbage?: () => void;
}): Promise<ModbusServer> {
  const { host, units, onGarbage } = options;
  const sockets = new Set<Socket>();
  let fault: WireFault | undefined;
  let lateReplies = 0;

  function onSocket(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that goes in mid-sentence is its own business: 'close' follows.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMsMax, () => socket.destroy());
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      const taken = takeFrames(pending, (frame) => answer(socket, frame));
      if (taken === undefined) onGarbage?.();
      // A client that asks on and never reads the answers is let go, too.
      if (taken === undefined || socket.writableLength > unreadBytesMax) socket.destroy();
      else pending = pending.subarray(taken);
    });
  }

  function answer(socket: Socket, frame: Buffer): void {
    switch (fault?.kind) {
      case 'silent':
        return;
      case 'reset':
        socket.resetAndDestroy();
        return;
      case 'exception':
        socket.write(reply(frame, exceptionTo(frame, fault.code)));
        return;
      case 'late': {
        const late = reply(frame, respond(units, frame));
        if (lateReplies >= lateRepliesMax) return;
        lateReplies += 1;
        const send = () => {
          lateReplies -= 1;
          if (socket.writable) socket.write(late);
        };
        setTimeout(send, fault.delayMs).unref();
        return;
      }
      case 'refuse':
      case undefined:
        socket.write(reply(frame, respond(units, frame)));
        return;
      default:
        fault satisfies never;
    }
  }

  let server = await listen(host, options.port, onSocket);
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    setFault: async (next) => {
      const before = fault;
      fault = next;
      if (next?.kind === 'refuse' && before?.kind !== 'refuse') await close();
      if (next?.kind !== 'refuse' && before?.kind === 'refuse') server = await listen(host, port, onSocket);
    },
    stop: async () => {
      if (fault?.kind !== 'refuse') await close();
    },
  };
}

function listen(host: string, port: number, onSocket: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, onSocket);
    server.maxConnections = connectionsMax;
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const code = inUse ? 'DRIVERS_PORT_IN_USE' : 'DRIVERS_CONNECTION_REFUSED';
      const message = `cannot listen on ${host}:${port}: ${cause.code ?? cause.message}`;
      reject(new DriversError(code, message, { host, port }, { cause }));
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** Hands over each whole frame; returns the bytes consumed, or undefined when the stream is no Modbus TCP. */
function takeFrames(bytes: Buffer, onFrame: (frame: Buffer) => void): number | undefined {
  let from = 0;
  while (bytes.length - from >= headerBytes) {
    const length = bytes.readUInt16BE(from + 4);
    if (bytes.readUInt16BE(from + 2) !== 0 || length < 2 || length > frameBytesMax - 6) return undefined;
    const end = from + 6 + length;
    if (bytes.length < end) break;
    onFrame(bytes.subarray(from, end));
    from = end;
  }
  return from;
}

function respond(units: ReadonlyMap<number, RegisterDevice>, frame: Buffer): Buffer {
  const device = units.get(frame.readUInt8(6));
  if (!device) return exceptionTo(frame, modbusException.gatewayTargetFailed);
  const request = frame.subarray(headerBytes);
  const done = carryOut(device, request);
  return typeof done === 'number' ? exceptionTo(frame, done) : done;
}

/** The reply's protocol data unit, or the code of an exception. */
function carryOut(device: RegisterDevice, request: Buffer): Buffer | number {
  const { illegalFunction, illegalDataAddress, illegalDataValue } = modbusException;
  const code = request[0];
  if (code !== 3 && code !== 4 && code !== 6 && code !== 16) return illegalFunction;
  if (request.length < 5) return illegalDataValue;
  const address = request.readUInt16BE(1);
  const word = request.readUInt16BE(3);
  if (code === 6) {
    if (request.length !== 5) return illegalDataValue;
    return device.write(address, [word]) || request;
  }
  const countMax = code === 16 ? writeRegistersMax : readRegistersMax;
  if (word < 1 || word > countMax) return illegalDataValue;
  if (address + word > 0x10000) return illegalDataAddress;
  if (code === 16) {
    if (request[5] !== 2 * word || request.length !== 6 + 2 * word) return illegalDataValue;
    const values = Array.from({ length: word }, (_, i) => request.readUInt16BE(6 + 2 * i));
    return device.write(address, values) || request.subarray(0, 5);
  }
  if (request.length !== 5) return illegalDataValue;
  const registers = device.read(code === 3 ? 'holding' : 'input', address, word);
  if (typeof registers === 'number') return registers;
  const data = Buffer.alloc(2 + 2 * word);
  data[0] = code;
  data[1] = 2 * word;
  for (const [i, register] of registers.entries()) data.writeUInt16BE(register, 2 + 2 * i);
  return data;
}

function exceptionTo(frame: Buffer, code: number): Buffer {
  return Buffer.from([(frame[headerBytes] as number) | 0x80, code]);
}

function reply(frame: Buffer, data: Buffer): Buffer {
  const header = Buffer.from(frame.subarray(0, headerBytes));
  header.writeUInt16BE(data.length + 1, 4);
  return Buffer.concat([header, data]);
}
