import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { addressOf, generateKey, publicKeyOf, toHex } from '../../consensus/index.ts';
import { AgentError } from '../errors.ts';
import type { CliIo, KeysNewOptions } from './actions.ts';

/**
 * Writes a new private key as 64 hex digits, readable by its owner only, and prints address and public key as
 * JSON. @throws AgentError AGENT_BAD_OPTION when the file is there already or cannot be made.
 */
export async function keysNew(options: KeysNewOptions, io: CliIo): Promise<void> {
  const privateKey = generateKey(randomBytes(32));
  const publicKey = publicKeyOf(privateKey);
  try {
    await writeFile(options.file, `${toHex(privateKey)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    const what = reason === 'EEXIST' ? 'is there already' : `cannot be made (${reason})`;
    throw new AgentError(
      'AGENT_BAD_OPTION',
      `${options.file} ${what}: give --out another place.`,
      { file: options.file },
      { cause },
    );
  }
  io.stdout.write(`${JSON.stringify({ address: addressOf(publicKey), publicKey: toHex(publicKey) })}\n`);
}
