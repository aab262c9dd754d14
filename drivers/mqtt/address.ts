import { DriversError } from '../errors.ts';

export type Address = {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** The address as it may be shown: without name and password. */
  readonly shown: string;
  readonly username?: string;
  readonly password?: string;
};

/** Reads a broker's address. Throws DRIVERS_BAD_REQUEST where it is none. */
export function addressOf(given: string): Address {
  const parsed = URL.canParse(given) ? new URL(given) : undefined;
  const [username, password] = [parsed?.username, parsed?.password].map(plain);
  const malformed = username === false || password === false;
  if (
    parsed === undefined ||
    malformed ||
    !['mqtt:', 'mqtts:'].includes(parsed.protocol) ||
    parsed.hostname === ''
  ) {
    // A password in it is nobody's business who reads the message.
    const url = given.replace(/\/\/.*@/, '//***@');
    throw new DriversError('DRIVERS_BAD_REQUEST', `Not the address of a broker: "${url}".`, { url });
  }
  const secure = parsed.protocol === 'mqtts:';
  const port = parsed.port === '' ? (secure ? 8_883 : 1_883) : Number(parsed.port);
  return {
    ...{ secure, port },
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    shown: `${parsed.protocol}//${parsed.hostname}:${port}`,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

/** A part of an address as it was before it was made fit for one; undefined where there is none, false where it is malformed. */
function plain(part: string | undefined): string | undefined | false {
  if (part === undefined || part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    return false;
  }
}
