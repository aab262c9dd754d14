import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod';
import { addressOf, fromHex, generateKey, publicKeyOf, toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { guarded } from './failure.ts';

export type NodeKey = {
  readonly privateKey: Uint8Array;
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array;
  readonly address: string;
};

/** 32 MB and some tenths of a second on a small board, for whoever guesses as for whoever knows. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const FILE_BYTES_MAX = 4096;

/** A fresh key from the system's random source. */
export function drawKey(): NodeKey {
  return nodeKeyOf(generateKey(Uint8Array.from(randomBytes(32))));
}

/** @throws ConsensusError CONSENSUS_BAD_KEY */
export function nodeKeyOf(privateKey: Uint8Array): NodeKey {
  const publicKey = publicKeyOf(privateKey);
  return { privateKey, publicKey, address: addressOf(publicKey) };
}

/**
 * Writes a key for its owner alone (mode 0600), synced, sealed under `passphrase` if there is one (scrypt, RFC 7914,
 * and AES-256-GCM). An existing file is never written over.
 * @throws ConsensusError CONSENSUS_BAD_KEY, CONSENSUS_STORE_FULL, CONSENSUS_STORE_FAILED also when it exists
 */
export async function writeKeyFile(
  path: string,
  privateKey: Uint8Array,
  { passphrase }: { readonly passphrase?: string | undefined } = {},
): Promise<void> {
  const { address } = nodeKeyOf(privateKey);
  const secret =
    passphrase === undefined
      ? { privateKey: toHex(privateKey) }
      : { sealed: await seal(privateKey, { passphrase, address }) };
  await guarded('writing the key file', async () => {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ version: 1, address, ...secret }, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/**
 * @throws ConsensusError CONSENSUS_KEY_EXPOSED when others than the owner may touch the file, CONSENSUS_KEY_LOCKED when
 * the passphrase is missing or wrong, CONSENSUS_BAD_KEY when it is no key file, CONSENSUS_STORE_FAILED
 */
export async function readKeyFile(
  path: string,
  { passphrase }: { readonly passphrase?: string | undefined } = {},
): Promise<NodeKey> {
  const text = await guarded('reading the key file', async () => {
    const handle = await open(path, 'r');
    try {
      await assertPrivate(handle, path);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  });
  const file = parseFile(text);
  const key = nodeKeyOf(await secretOf(file, passphrase));
  if (key.address !== file.address) throw badFile('the key is not the one of the address in the file');
  return key;
}

const hexText = z.string().regex(/^[0-9a-f]*$/);
const common = { version: z.literal(1), address: hexText.length(40) };
const document = z.union([
  z.strictObject({ ...common, privateKey: hexText.length(64) }),
  z.strictObject({
    ...common,
    sealed: z.strictObject({
      salt: hexText.length(32),
      nonce: hexText.length(24),
      ciphertext: hexText.length(64),
      tag: hexText.length(32),
    }),
  }),
]);
type KeyDocument = z.infer<typeof document>;
type Sealed = Extract<KeyDocument, { sealed: unknown }>['sealed'];

/** Looks at the open file, not at its name, which could mean another file by then. */
async function assertPrivate(handle: FileHandle, path: string): Promise<void> {
  const { mode, size } = await handle.stat();
  const permissions = mode & 0o777;
  if ((permissions & 0o077) !== 0) {
    throw new ConsensusError('CONSENSUS_KEY_EXPOSED', `others may touch ${path}: chmod 600 it`, {
      path,
      mode: permissions.toString(8),
    });
  }
  if (size > FILE_BYTES_MAX) throw badFile('it is too large');
}

/** The parser's own words could quote the key: they are not passed on. */
function parseFile(text: string): KeyDocument {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw badFile('it is no JSON');
  }
  const parsed = document.safeParse(content);
  if (!parsed.success) throw badFile('it has not the fields of a key file');
  return parsed.data;
}

async function secretOf(file: KeyDocument, passphrase: string | undefined): Promise<Uint8Array> {
  if ('privateKey' in file) return fromHex(file.privateKey);
  if (passphrase === undefined) throw locked('it is sealed and needs its passphrase');
  return unseal(file.sealed, { passphrase, address: file.address });
}

type SealingKey = { readonly passphrase: string; readonly address: string };

async function seal(privateKey: Uint8Array, { passphrase, address }: SealingKey): Promise<Sealed> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await stretched(passphrase, salt), nonce);
  cipher.setAAD(fromHex(address));
  const ciphertext = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  return {
    salt: toHex(salt),
    nonce: toHex(nonce),
    ciphertext: toHex(ciphertext),
    tag: toHex(cipher.getAuthTag()),
  };
}

async function unseal(sealed: Sealed, { passphrase, address }: SealingKey): Promise<Uint8Array> {
  const decipher = createDecipheriv(
    'aes-256-gcm',
    await stretched(passphrase, fromHex(sealed.salt)),
    fromHex(sealed.nonce),
  );
  decipher.setAAD(fromHex(address));
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

function badFile(reason: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_KEY', `the key file is not usable: ${reason}`, { reason });
}

function locked(reason: string): ConsensusError {
  return new ConsensusError('CONSENSUS_KEY_LOCKED', `the key file stays closed: ${reason}`, { reason });
}
