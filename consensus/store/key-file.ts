import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { addressOf, fromHex, generateKey, publicKeyOf, toHex } from '../crypto/index.ts';
import { ConsensusError } from '../errors.ts';
import { syncDirectory } from './directory.ts';
import { guarded, isMissingFile } from './failure.ts';
import { locked, seal, unseal } from './key-seal.ts';

export type NodeKey = {
  readonly privateKey: Uint8Array;
  /** Compressed, 33 bytes. */
  readonly publicKey: Uint8Array;
  /** Of the account that it signs for: its own address, or that of the account's first key. */
  readonly address: string;
};

const FILE_BYTES_MAX = 4096;

/** A fresh key from the system's random source. */
export function drawKey(): NodeKey {
  return nodeKeyOf(generateKey(Uint8Array.from(randomBytes(32))));
}

/** @throws ConsensusError CONSENSUS_BAD_KEY */
export function nodeKeyOf(privateKey: Uint8Array, address?: string): NodeKey {
  const publicKey = publicKeyOf(privateKey);
  return { privateKey, publicKey, address: address ?? addressOf(publicKey) };
}

type Passphrase = { readonly passphrase?: string | undefined };

/**
 * Writes a key for its owner alone (mode 0600), synced, sealed under `passphrase` if there is one (scrypt, RFC 7914,
 * and AES-256-GCM). An existing file is never written over.
 * @throws ConsensusError CONSENSUS_STORE_FULL, CONSENSUS_STORE_FAILED also when it exists
 */
export async function writeKeyFile(
  path: string,
  key: NodeKey,
  { passphrase }: Passphrase = {},
): Promise<void> {
  const text = await documentOf(key, passphrase);
  await guarded('writing the key file', () => writeNew(path, text));
}

/**
 * Puts a key in the place of the file's, or the same one under another passphrase (without one: open). A cut leaves the
 * file as it was or as it is to be.
 * @throws ConsensusError as `writeKeyFile`
 */
export async function replaceKeyFile(
  path: string,
  key: NodeKey,
  { passphrase }: Passphrase = {},
): Promise<void> {
  const text = await documentOf(key, passphrase);
  const draft = `${path}.draft`;
  await guarded('writing the key file', async () => {
    await rm(draft, { force: true });
    await writeNew(draft, text);
    await rename(draft, path);
    await syncDirectory(dirname(path));
  });
}

/**
 * @throws ConsensusError CONSENSUS_KEY_EXPOSED when others than the owner may touch the file, CONSENSUS_KEY_LOCKED when
 * the passphrase is missing or wrong, CONSENSUS_BAD_KEY when there is none or it is no key file, CONSENSUS_STORE_FAILED
 */
export async function readKeyFile(path: string, { passphrase }: Passphrase = {}): Promise<NodeKey> {
  const file = await readDocument(path);
  const key = nodeKeyOf(await secretOf(file, passphrase), file.address);
  if (toHex(key.publicKey) !== file.publicKey) throw badFile('its private key is not that of its public key');
  return key;
}

/** What a key file says without its passphrase. @throws ConsensusError as `readKeyFile`, but for the passphrase */
export async function inspectKeyFile(
  path: string,
): Promise<{ readonly address: string; readonly publicKey: string; readonly sealed: boolean }> {
  const file = await readDocument(path);
  return { address: file.address, publicKey: file.publicKey, sealed: 'sealed' in file };
}

async function documentOf({ privateKey, publicKey, address }: NodeKey, passphrase: string | undefined) {
  const open = { version: 2, address, publicKey: toHex(publicKey) };
  const secret =
    passphrase === undefined
      ? { privateKey: toHex(privateKey) }
      : { sealed: await seal(privateKey, { passphrase, ...open }) };
  return `${JSON.stringify({ ...open, ...secret }, null, 2)}\n`;
}

async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    // Half a key would stand in the way of a whole one.
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await syncDirectory(dirname(path));
}

async function readDocument(path: string): Promise<KeyDocument> {
  return guarded('reading the key file', async () => {
    const handle = await openExisting(path);
    try {
      await assertPrivate(handle, path);
      return parseFile(await readText(handle));
    } finally {
      await handle.close();
    }
  });
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (!isMissingFile(cause)) throw cause;
    throw new ConsensusError('CONSENSUS_BAD_KEY', `there is no key file ${path}`, { path }, { cause });
  }
}

const hexText = z.string().regex(/^[0-9a-f]*$/);
const common = { version: z.literal(2), address: hexText.length(40), publicKey: hexText.length(66) };
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

/** Looks at the open file, not at its name, which could mean another file by then. */
async function assertPrivate(handle: FileHandle, path: string): Promise<void> {
  const { mode } = await handle.stat();
  const permissions = mode & 0o777;
  if ((permissions & 0o077) !== 0) {
    throw new ConsensusError('CONSENSUS_KEY_EXPOSED', `others may touch ${path}: chmod 600 it`, {
      path,
      mode: permissions.toString(8),
    });
  }
}

/** Counts what it reads: a pipe or a device tells no size and may never end. */
async function readText(handle: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(FILE_BYTES_MAX + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) return bytes.toString('utf8', 0, length);
    length += bytesRead;
  }
  throw badFile('it is too large');
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
  return unseal(file.sealed, { ...file, passphrase });
}

function badFile(reason: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_KEY', `the key file is not usable: ${reason}`, { reason });
}
