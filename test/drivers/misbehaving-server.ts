import { createServer, type Server, type Socket } from 'node:net';

/** A Modbus TCP server written from the specification for these tests alone: it shares no code with the driver. */
export type Request = {
  readonly transactionId: number;
  readonly unitId: number;
  readonly functionCode: number;
  readonly address: number;
  readonly count: number;
  readonly values: readonly number[];
  readonly socket: Socket;
  /** Counts from 1 over the server's life, and over the connection's. */
  readonly number: number;
  readonly numberOnConnection: number;
};

/** What is on register `address`: never the same for two addresses or units, so that a mix-up is seen. */
export const registerAt = (address: number, unitId = 1): number => (address * 7 + unitId * 4099) & 0xffff;

export type MisbehavingServer = {
  readonly port: number;
  readonly requests: Request[];
  connections: number;
  open: number;
  mostInFlight: number;
  /** Decides what happens to a request; the default answers rightly. */
  behave: (request: Request) => void;
  stop(): Promise<void>;
};

export async function startMisbehavingServer(port = 0): Promise<MisbehavingServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    self.connections += 1;
    self.open += 1;
    let pending = Buffer.alloc(0);
    let numberOnConnection = 0;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      self.open -= 1;
    });
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      let inThisChunk = 0;
      while (pending.length >= 6 && pending.length >= 6 + pending.readUInt16BE(4)) {
        const frame = pending.subarray(0, 6 + pending.readUInt16BE(4));
        pending = pending.subarray(frame.length);
        inThisChunk += 1;
        self.mostInFlight = Math.max(self.mostInFlight, inThisChunk);
        numberOnConnection += 1;
        const request = parse(frame, socket, self.requests.length + 1, numberOnConnection);
        self.requests.push(request);
        self.behave(request);
      }
    });
  });
  const self: MisbehavingServer = {
    port: 0,
    requests: [],
    connections: 0,
    open: 0,
    mostInFlight: 0,
    behave: (request) => send(request, rightReply(request)),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return Object.assign(self, { port: typeof address === 'object' && address ? address.port : 0 });
}

function parse(frame: Buffer, socket: Socket, number: number, numberOnConnection: number): Request {
  const functionCode = frame[7]!;
  const second = frame.readUInt16BE(10);
  const values =
    functionCode === 16
      ? Array.from({ length: second }, (_, i) => frame.readUInt16BE(13 + 2 * i))
      : functionCode === 6
        ? [second]
        : [];
  return {
    transactionId: frame.readUInt16BE(0),
    unitId: frame[6]!,
    functionCode,
    address: frame.readUInt16BE(8),
    count: functionCode === 6 ? 1 : second,
    values,
    socket,
    number,
    numberOnConnection,
  };
}

export type ReplyParts = {
  transactionId?: number;
  protocolId?: number;
  unitId?: number;
  pdu?: readonly number[];
};

/** The right reply, or one with parts of it changed. */
export function rightReply(request: Request, changed: ReplyParts = {}): Buffer {
  const pdu = changed.pdu ?? rightPdu(request);
  const frame = Buffer.alloc(7 + pdu.length);
  frame.writeUInt16BE(changed.transactionId ?? request.transactionId, 0);
  frame.writeUInt16BE(changed.protocolId ?? 0, 2);
  frame.writeUInt16BE(1 + pdu.length, 4);
  frame[6] = changed.unitId ?? request.unitId;
  frame.set(pdu, 7);
  return frame;
}

function rightPdu(request: Request): number[] {
  const { functionCode, address, count, values, unitId } = request;
  const bytes = (word: number) => [word >> 8, word & 0xff];
  if (functionCode === 6) return [6, ...bytes(address), ...bytes(values[0]!)];
  if (functionCode === 16) return [16, ...bytes(address), ...bytes(count)];
  const words = Array.from({ length: count }, (_, i) => registerAt(address + i, unitId));
  return [functionCode, 2 * count, ...words.flatMap(bytes)];
}

export function exceptionPdu(request: Request, exception: number): number[] {
  return [request.functionCode | 0x80, exception];
}

export function send(request: Request, bytes: Uint8Array): void {
  if (!request.socket.destroyed) request.socket.write(bytes);
}

export type Registers = {
  readonly holding: Map<number, number>;
  readonly input: Map<number, number>;
  /** Called after a write has been taken. */
  onWrite?: (address: number, values: readonly number[]) => void;
};

/** Makes the server answer from `registers`, exception 2 for what is not there; writes are kept. */
export function serveRegisters(server: MisbehavingServer, registers: Registers): void {
  server.behave = (request) => {
    const table = request.functionCode === 4 ? registers.input : registers.holding;
    const span = Array.from({ length: request.count }, (_, i) => table.get(request.address + i));
    if (span.some((register) => register === undefined)) {
      return send(request, rightReply(request, { pdu: exceptionPdu(request, 2) }));
    }
    if (request.functionCode === 6 || request.functionCode === 16) {
      for (const [i, value] of request.values.entries()) table.set(request.address + i, value);
      registers.onWrite?.(request.address, request.values);
      return send(request, rightReply(request));
    }
    const bytes = span.flatMap((word) => [word! >> 8, word! & 0xff]);
    send(request, rightReply(request, { pdu: [request.functionCode, bytes.length, ...bytes] }));
  };
}
