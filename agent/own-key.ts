import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  drawKey,
  type LedgerNode,
  type NodeKey,
  nodeKeyOf,
  readAccount,
  readKeyFile,
  rotationTo,
  writeKeyFile,
} from '../consensus/index.ts';
import type { AgentConfig } from './config/schema.ts';
import { AgentError } from './errors.ts';
import type { Home } from './home.ts';
import { order } from './ledger.ts';
import { readPassphraseFile } from './passphrase-file.ts';

/**
 * The key that a home signs with, and its change: the next key lies beside it on disk before the ledger hears of it, and
 * takes its place on disk once the ledger names it. Whenever the agent stops in between, both are at hand at its start.
 */
export type OwnKey = {
  readonly current: NodeKey;
  readonly next?: NodeKey;
};

type KeyPlace = Pick<AgentConfig, 'keyFile' | 'passphraseFile'>;

const nextFileOf = ({ keyFile }: KeyPlace) => `${keyFile}.next`;

/** @throws ConsensusError of the key files, AgentError of the passphrase's. */
export async function openOwnKey(place: KeyPlace): Promise<OwnKey> {
  const passphrase = await passphraseOf(place);
  const current = await readKeyFile(place.keyFile, { passphrase });
  const next = await readNext(place, current.address, passphrase);
  return { current, ...(next !== undefined && { next }) };
}

/** Undefined where no change of keys is under way. */
async function readNext(place: KeyPlace, address: string, passphrase: string | undefined) {
  const path = nextFileOf(place);
  if (!(await exists(path))) return undefined;
  const next = await readKeyFile(path, { passphrase });
  if (next.address === address) return next;
  throw new AgentError(
    'AGENT_BAD_DATA',
    `${path} is for another account than ${place.keyFile}: move it away.`,
    {
      file: path,
    },
  );
}

export type Rotated = { readonly address: string; readonly publicKey: string; readonly height: number };

/**
 * Gives the account another key. A change that was broken off is taken up again with the key it had drawn.
 *
 * @throws AgentError AGENT_REFUSED, AGENT_TIMEOUT as `order`; both keys stay at hand.
 */
export async function rotateKey({ config, node, clock, log, address }: Home): Promise<Rotated> {
  const passphrase = await passphraseOf(config);
  const next = (await readNext(config, address, passphrase)) ?? (await drawNext(config, address, passphrase));
  node.holdKey(next.privateKey);
  const rotation = rotationTo(next.privateKey, { genesis: node.head.genesis, account: address });
  const { height } = await order({ node, clock, log }, 'accounts.rotateKey', rotation);
  await settleKeys(config, node, address);
  return { address, publicKey: rotation.publicKey, height };
}

/** Puts the next key in the place of the one before, if the ledger names it. Safe to call at any time. */
export async function settleKeys(place: KeyPlace, node: LedgerNode, address: string): Promise<boolean> {
  const path = nextFileOf(place);
  if (!(await exists(path))) return false;
  const { publicKey } = await readKeyFile(path, { passphrase: await passphraseOf(place) });
  const named = readAccount(node.head.state, address)?.publicKey ?? undefined;
  if (named === undefined || Buffer.compare(named, publicKey) !== 0) return false;
  await rename(path, place.keyFile);
  const folder = await open(dirname(place.keyFile), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return true;
}

async function drawNext(place: KeyPlace, address: string, passphrase: string | undefined): Promise<NodeKey> {
  const next = nodeKeyOf(drawKey().privateKey, address);
  await writeKeyFile(nextFileOf(place), next, { passphrase });
  return next;
}

const passphraseOf = async ({ passphraseFile }: KeyPlace): Promise<string | undefined> =>
  passphraseFile === undefined ? undefined : readPassphraseFile(passphraseFile);

async function exists(path: string): Promise<boolean> {
  try {
    await (await open(path, 'r')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
