import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { fromHex, toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';

/** 32 MB and some tenths of a second on a small board, for whoever guesses as for whoever knows. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** A private key under a passphrase; all hex. */
export type Sealed = {
  readonly salt: string;
  readonly nonce: string;
  readonly ciphertext: string;
  readonly tag: string;
};

/** What is told openly is bound to what is sealed: a file whose address was changed does not open. */
type SealingKey = { readonly passphrase: string; readonly address: string; readonly publicKey: string };

export async function seal(
  privateKey: Uint8Array,
  { passphrase, address, publicKey }: SealingKey,
): Promise<Sealed> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await stretched(passphrase, salt), nonce);
  cipher.setAAD(fromHex(address + publicKey));
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  return {
    salt: toHex(salt),
    nonce: toHex(nonce),
    ciphertext: toHex(ciphertext),
    tag: toHex(cipher.getAuthTag()),
  };
}

export async function unseal(
  sealed: Sealed,
  { passphrase, address, publicKey }: SealingKey,
): Promise<Uint8Array> {
  const decipher = createDecipheriv(
    'aes-256-gcm',
    await stretched(passphrase, fromHex(sealed.salt)),
    fromHex(sealed.nonce),
  );
  decipher.setAAD(fromHex(address + publicKey));
  decipher.setAuthTag(fromHex(sealed.tag));
  try {
    return Uint8Array.from(Buffer.concat([decipher.update(fromHex(sealed.ciphertext)), decipher.final()]));
  } catch {
    // The tag does not match; which of passphrase and file is wrong cannot be told.
    throw locked('the passphrase is wrong, or the file was changed');
  }
}

function stretched(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, 32, SCRYPT, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

export function locked(reason: string): ConsensusError {
  return new ConsensusError('CONSENSUS_KEY_LOCKED', `the key file stays closed: ${reason}`, { reason });
}
