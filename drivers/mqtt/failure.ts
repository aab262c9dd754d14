import { DriversError, type DriversErrorCode } from '../errors.ts';
import type { Address } from './address.ts';

/** Why there is no connection, in words that end in what to do; `code` is for programs. */
export type LinkFailure = { readonly code: DriversErrorCode; readonly reason: string };

/** How the connection was: not there yet, there for a moment, or for so long that it counts as good. */
export type Was = 'down' | 'up' | 'stable';

/** What a field engineer needs to know of an error of socket, TLS or MQTT. `error` undefined: closed without a word. */
export function explain(error: unknown, { shown, host, secure }: Address, was: Was): LinkFailure {
  if (error instanceof DriversError) return { code: error.code, reason: error.message };
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  const failure = (kind: DriversErrorCode, reason: string) => ({ code: kind, reason });
  if (typeof code === 'number') return refusal(code, message, shown);
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return failure(
        'DRIVERS_CERTIFICATE_EXPIRED',
        `The certificate of ${shown} has expired: its operator has to renew it. Is the clock of this computer right?`,
      );
    case 'CERT_NOT_YET_VALID':
      return failure(
        'DRIVERS_CERTIFICATE_EXPIRED',
        `The certificate of ${shown} is not valid yet: is the clock of this computer right?`,
      );
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'CERT_SIGNATURE_FAILURE':
    case 'INVALID_PURPOSE':
      return failure(
        'DRIVERS_CERTIFICATE_UNTRUSTED',
        `The certificate of ${shown} is not from an authority known here: set caFile to its authority's certificate, or this is not your broker.`,
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failure(
        'DRIVERS_CERTIFICATE_WRONG_NAME',
        `The certificate of ${shown} is not for "${host}": correct the url, or it needs this name in its subjectAltName.`,
      );
    case 'ECONNREFUSED':
      return failure('DRIVERS_CONNECTION_REFUSED', `Nothing listens at ${shown} (ECONNREFUSED).`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failure(
        'DRIVERS_BROKER_UNREACHABLE',
        `No address is known for "${host}" (${code}): is the name right, and does DNS work here?`,
      );
    case 'PACKET_TOO_LARGE':
      return failure('DRIVERS_BAD_REPLY', `${shown}: ${message}`);
    default:
      return otherwise(code, message, { shown, secure, was });
  }
}

/** TLS alerts come under the names that OpenSSL gives them; those about a certificate are about ours. */
function otherwise(
  code: unknown,
  message: string,
  { shown, secure, was }: { shown: string; secure: boolean; was: Was },
): LinkFailure {
  const name = typeof code === 'string' ? code : '';
  if (/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(name))
    return {
      code: 'DRIVERS_CERTIFICATE_REFUSED',
      reason: `${shown} asks for a certificate: set certFile and keyFile (${name}).`,
    };
  const about = /ALERT_(?:BAD_|UNSUPPORTED_)?(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)(?:_(\w+))?/.exec(name);
  if (about !== null) {
    const why =
      about[2]?.toLowerCase() ?? (about[1] === 'UNKNOWN_CA' ? 'from an authority unknown there' : '');
    return {
      code: 'DRIVERS_CERTIFICATE_REFUSED',
      reason: `${shown} refuses our certificate${why === '' ? '' : `: ${why}`}: ask its operator for a new one (${name}).`,
    };
  }
  if (name.startsWith('ERR_SSL_') || name === 'EPROTO')
    return {
      code: 'DRIVERS_TLS_FAILED',
      reason: `No TLS 1.2 or newer with ${shown} (${name}): is it the port for mqtts?`,
    };
  if (was === 'down' && secure && name === 'ECONNRESET')
    return {
      code: 'DRIVERS_TLS_FAILED',
      reason: `${shown} hung up during the handshake: does it speak TLS there, and does it accept our certificate?`,
    };
  // MQTT 3.1.1 has no word for it, and Mosquitto 2.0.11 says none in 5 either.
  const silence =
    was === 'up'
      ? 'closed by the other side soon after it came up: if that goes on, does another agent use this identity?'
      : 'closed by the other side';
  const why = message || name || silence;
  return was !== 'down'
    ? { code: 'DRIVERS_CONNECTION_LOST', reason: `${shown}: ${why}` }
    : { code: 'DRIVERS_BROKER_UNREACHABLE', reason: `${shown}: ${why}` };
}

/** Reason codes of CONNACK and DISCONNECT: 1 to 5 of MQTT 3.1.1, from 128 on of MQTT 5. */
function refusal(code: number, message: string, shown: string): LinkFailure {
  const step =
    code === 1 || code === 132
      ? 'set protocolVersion to what it speaks, 4 (MQTT 3.1.1) or 5'
      : code === 2 || code === 133
        ? 'it does not take our client id'
        : [4, 5, 134, 135].includes(code)
          ? 'name and password in the url, or the certificate, are not accepted there'
          : code === 142
            ? 'session taken over: another agent uses this identity; does this home run twice?'
            : 'ask its operator';
  return { code: 'DRIVERS_BROKER_REFUSED', reason: `${shown}: ${message} (${code}): ${step}.` };
}
