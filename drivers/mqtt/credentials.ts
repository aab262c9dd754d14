import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { DriversError } from '../errors.ts';
import { idPattern } from './topics.ts';

/** Files in PEM. Certificate and key of the own name go together; without a `caFile` the system's authorities count. */
export type CredentialFiles = {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
};

export type Credentials = Readonly<Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>>;

const fileBytesMax = 1_048_576;

/**
 * Reads what a connection with TLS proves itself by. Read anew for every connection: a renewed certificate
 * counts from the next one on. The private key must be its owner's alone (mode 0600), and the certificate's
 * common name the node's: brokers grant topics by it, and most of them drop what is not granted without a word.
 *
 * Throws DRIVERS_BAD_CREDENTIALS, naming the file and what to do; never what is in the key.
 */
export function readCredentials(files: CredentialFiles, nodeId: string): Credentials {
  const { caFile, certFile, keyFile } = files;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw bad('A certificate and its key go together: give certFile and keyFile, or neither.', '');
  const ca = caFile === undefined ? undefined : read(caFile);
  if (caFile !== undefined) certificateOf(caFile, ca as Buffer);
  if (certFile === undefined || keyFile === undefined) return ca === undefined ? {} : { ca };

  const cert = read(certFile);
  requireName(certFile, certificateOf(certFile, cert), nodeId);
  requirePrivate(keyFile);
  const key = read(keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const why = String((cause as NodeJS.ErrnoException).code).includes('MISMATCH')
      ? `${keyFile} is not the key of ${certFile}`
      : `${keyFile} is no private key in PEM that can be read without a passphrase`;
    throw bad(`${why}: give the files that were made together.`, keyFile);
  }
  return { cert, key, ...(ca !== undefined && { ca }) };
}

function read(file: string): Buffer {
  try {
    const found = statSync(file);
    // A pipe that nobody writes into would stop the whole process, and a device may never end.
    if (!found.isFile()) throw bad(`${file} is no file: name one in PEM.`, file);
    if (found.size > fileBytesMax) throw bad(`${file} is too large for a certificate.`, file);
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof DriversError) throw cause;
    throw bad(`Cannot read ${file}: does it exist, and may you read it?`, file, cause);
  }
}

function certificateOf(file: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw bad(`${file} is no certificate in PEM.`, file, cause);
  }
}

function requirePrivate(keyFile: string): void {
  const mode = modeOf(keyFile) & 0o777;
  if ((mode & 0o077) === 0) return;
  const octal = mode.toString(8).padStart(4, '0');
  throw bad(`Others may read ${keyFile} (mode ${octal}): chmod 600 ${keyFile}`, keyFile);
}

function modeOf(file: string): number {
  try {
    return statSync(file).mode;
  } catch (cause) {
    throw bad(`Cannot read ${file}: does it exist, and may you read it?`, file, cause);
  }
}

function requireName(certFile: string, certificate: X509Certificate, nodeId: string): void {
  const names = certificate.subject
    .split('\n')
    .filter((part) => part.startsWith('CN='))
    .map((part) => part.slice('CN='.length));
  const [name = ''] = names;
  if (names.length === 1 && name === nodeId) return;
  const shown = names.map((one) => `"${one.replace(/\p{C}/gu, '?').slice(0, 64)}"`).join(' and ');
  const wanted = idPattern.test(name) ? '' : ' (names are made of a-z, 0-9 and hyphens)';
  throw bad(
    `${certFile} is issued to ${shown === '' ? 'no common name' : shown}${wanted}, and this node is "${nodeId}": ask for one with CN=${nodeId}.`,
    certFile,
  );
}

function bad(message: string, file: string, cause?: unknown): DriversError {
  const options = cause === undefined ? {} : { cause };
  return new DriversError('DRIVERS_BAD_CREDENTIALS', message, file === '' ? {} : { file }, options);
}
