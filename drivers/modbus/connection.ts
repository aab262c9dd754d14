import type modbusSerial from 'modbus-serial';
import { DriversError } from '../errors.ts';
import { type StreamFault, StrictTcpPort } from './tcp-port.ts';

export type Target = { readonly host: string; readonly port: number };
type RegisterTable = 'holding' | 'input';
export type ReadRequest = {
  readonly unitId: number;
  readonly table: RegisterTable;
  readonly address: number;
  readonly count: number;
};
/** `functionCode` 6 writes one register; 16, the default, any number in one request. */
export type WriteRequest = {
  readonly unitId: number;
  readonly address: number;
  readonly values: readonly number[];
  readonly functionCode?: 6 | 16;
};

/** One TCP connection and the modbus-serial client on it. Once `lost` it is never used again. */
export type Connection = {
  readonly lost: DriversError | undefined;
  /** Nothing has been answered on it yet: some devices swallow the first request after a connect. */
  readonly fresh: boolean;
  readonly exhausted: boolean;
  readonly midFrame: boolean;
  readonly discardedFrames: number;
  read(request: ReadRequest): Promise<readonly number[]>;
  write(request: WriteRequest): Promise<readonly number[]>;
  /** Rejects what is in flight with `error` and frees the socket. */
  destroy(error: DriversError): void;
};

/** Opens a connection; rejects with a DriversError when refused, unreachable, too slow or aborted. */
export async function connect(target: Target, timeoutMs: number, signal?: AbortSignal): Promise<Connection> {
  const { default: ModbusClient } = await loadClient();
  const port = new StrictTcpPort(target);
  const client = new ModbusClient(port);
  const where = { host: target.host, port: target.port };
  let lost: DriversError | undefined;
  let fresh = true;
  let rejectInFlight: ((error: DriversError) => void) | undefined;

  const destroy = (error: DriversError) => {
    if (lost) return;
    lost = error;
    port.destroy();
    rejectInFlight?.(error);
  };
  port.on('fault', (fault: StreamFault) =>
    destroy(
      new DriversError('DRIVERS_BAD_REPLY', `${place(target)}: ${fault} in a reply`, { ...where, fault }),
    ),
  );
  port.on('lost', (cause: Error) =>
    destroy(
      new DriversError('DRIVERS_CONNECTION_LOST', `${place(target)}: ${cause.message}`, where, { cause }),
    ),
  );
  port.on('close', () =>
    destroy(new DriversError('DRIVERS_CONNECTION_LOST', `${place(target)}: connection closed`, where)),
  );

  await opened(client, port, target, timeoutMs, signal);

  const exchange = <T>(send: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (lost) return reject(lost);
      rejectInFlight = reject;
      send().then(
        (result) => {
          fresh = false;
          resolve(result);
        },
        (cause: unknown) => {
          if (isException(cause)) fresh = false;
          reject(replyError(cause, target));
        },
      );
    });

  return {
    get lost() {
      return lost;
    },
    get fresh() {
      return fresh;
    },
    get exhausted() {
      return port.exhausted;
    },
    get midFrame() {
      return port.midFrame;
    },
    get discardedFrames() {
      return port.discardedFrames;
    },
    read: (request) =>
      exchange(async () => {
        client.setID(request.unitId);
        const { data } = await (request.table === 'holding'
          ? client.readHoldingRegisters(request.address, request.count)
          : client.readInputRegisters(request.address, request.count));
        if (data.length !== request.count) {
          throw new Error(`asked for ${request.count} registers, was told ${data.length}`);
        }
        return data;
      }),
    write: (request) =>
      exchange(async () => {
        client.setID(request.unitId);
        const echo = await writeRegisters(client, request);
        if (!echo) throw new Error('the reply to a write names other registers');
        return [];
      }),
    destroy,
  };
}

/** Only where there is a device to talk to: it brings the natives of serial ports with it, and takes 4 MB. */
async function loadClient() {
  return (await import('modbus-serial')).default;
}

type Client = InstanceType<typeof modbusSerial.default>;

/** True when the reply repeats what was asked, as it must (Modbus Application Protocol V1.1b3, 6.6 and 6.12). */
async function writeRegisters(client: Client, request: WriteRequest): Promise<boolean> {
  if (request.functionCode === 6) {
    const reply = await client.writeRegister(request.address, request.values[0]!);
    return reply.address === request.address && reply.value === request.values[0];
  }
  const reply = await client.writeRegisters(request.address, [...request.values]);
  return reply.address === request.address && reply.length === request.values.length;
}

function opened(
  client: Client,
  port: StrictTcpPort,
  target: Target,
  timeoutMs: number,
  signal?: AbortSignal,
) {
  const where = { host: target.host, port: target.port, phase: 'connect' };
  return new Promise<void>((resolve, reject) => {
    const settle = (error?: DriversError) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (!error) return resolve();
      port.destroy();
      reject(error);
    };
    const onAbort = () =>
      settle(new DriversError('DRIVERS_ABORTED', `${place(target)}: connecting was given up`, where));
    const timer = setTimeout(
      () =>
        settle(
          new DriversError(
            'DRIVERS_TIMEOUT',
            `${place(target)}: no connection within ${timeoutMs} ms`,
            where,
          ),
        ),
      timeoutMs,
    );
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    client.open((cause?: NodeJS.ErrnoException) =>
      settle(
        cause &&
          new DriversError(
            'DRIVERS_CONNECTION_REFUSED',
            `${place(target)}: ${cause.message}`,
            { ...where, ...(cause.code && { errno: cause.code }) },
            { cause },
          ),
      ),
    );
  });
}

function isException(cause: unknown): cause is { modbusCode: number } {
  return typeof (cause as { modbusCode?: unknown } | undefined)?.modbusCode === 'number';
}

function replyError(cause: unknown, target: Target): DriversError {
  if (cause instanceof DriversError) return cause;
  const where = { host: target.host, port: target.port };
  if (isException(cause)) {
    const exception = cause.modbusCode;
    return new DriversError(
      'DRIVERS_MODBUS_EXCEPTION',
      `${place(target)}: the device refused, exception ${exception}`,
      { ...where, exception },
      { cause },
    );
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return new DriversError('DRIVERS_BAD_REPLY', `${place(target)}: ${text}`, where, { cause });
}

export function place(target: Target): string {
  return `${target.host}:${target.port}`;
}
