export type DriversErrorCode =
  | 'DRIVERS_TIMEOUT'
  | 'DRIVERS_CONNECTION_REFUSED'
  | 'DRIVERS_CONNECTION_LOST'
  | 'DRIVERS_BAD_REPLY'
  | 'DRIVERS_MODBUS_EXCEPTION'
  | 'DRIVERS_BAD_REQUEST'
  | 'DRIVERS_BAD_PROFILE'
  | 'DRIVERS_NOT_SUNSPEC'
  | 'DRIVERS_MODEL_MISSING'
  | 'DRIVERS_POINT_UNAVAILABLE'
  | 'DRIVERS_IMPLAUSIBLE_VALUE'
  | 'DRIVERS_SETPOINT_OUT_OF_RANGE'
  | 'DRIVERS_SETPOINT_WITHOUT_EFFECT'
  | 'DRIVERS_SETPOINT_REFUSED'
  | 'DRIVERS_QUEUE_FULL'
  | 'DRIVERS_BROKER_UNREACHABLE'
  | 'DRIVERS_BROKER_REFUSED'
  | 'DRIVERS_BAD_CREDENTIALS'
  | 'DRIVERS_CERTIFICATE_EXPIRED'
  | 'DRIVERS_CERTIFICATE_UNTRUSTED'
  | 'DRIVERS_CERTIFICATE_WRONG_NAME'
  | 'DRIVERS_CERTIFICATE_REFUSED'
  | 'DRIVERS_TLS_FAILED'
  | 'DRIVERS_BAD_TOPIC'
  | 'DRIVERS_PORT_IN_USE'
  | 'DRIVERS_ABORTED';

/** A failure on a wire. `details` carries address, register, unit id, exception code: what a field engineer asks first. */
export class DriversError extends Error {
  override readonly name = 'DriversError';
  readonly code: DriversErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: DriversErrorCode,
    message: string,
    details: Record<string, string | number> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}
