import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  drawKey,
  type LedgerNode,
  type NodeKey,
  nodeKeyOf,
  readAccount,
  readKeyFile,
  replaceKeyFile,
  rotationTo,
} from '../consensus/index.ts';
import type { AgentConfig } from './config/schema.ts';
import { AgentError } from './errors.ts';
import type { Home } from './home.ts';
import { order } from './ledger.ts';
import { readPassphraseFile } from './passphrase-file.ts';
import { syncFolder } from './replace-file.ts';

/**
 * The key that a home signs with, and its change: the next key lies beside it on disk before the ledger hears of it, and
 * takes its place on disk once the ledger names it. Whenever the agent stops in between, both are at hand at its start.
 */
export type OwnKey = {
  readonly current: NodeKey;
  /** Of a change that an earlier run has begun. */
  readonly next: NodeKey | undefined;
  /** Puts the next key in the place of the one before, if the ledger names it. */
  readonly settle: (node: LedgerNode) => Promise<void>;
  /**
   * Gives the account another key. A change that was broken off is taken up again with the key it had drawn.
   *
   * @throws AgentError AGENT_REFUSED, AGENT_TIMEOUT as `order`; both keys stay at hand.
   */
  readonly rotate: (home: Home) => Promise<Rotated>;
};

export type Rotated = { readonly address: string; readonly publicKey: string; readonly height: number };

type KeyPlace = Pick<AgentConfig, 'keyFile' | 'passphraseFile'>;

/** @throws ConsensusError of the key files, AgentError of the passphrase's. */
export async function openOwnKey(place: KeyPlace): Promise<OwnKey> {
  const nextFile = `${place.keyFile}.next`;
  const passphrase = await passphraseOf(place);
  const current = await readKeyFile(place.keyFile, { passphrase });
  const { address } = current;
  let next = await readNext(nextFile, { address, passphrase });
  /** One change of the files after the other. */
  let changing: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(change: () => Promise<Result>): Promise<Result> => {
    const done = changing.then(change);
    changing = done.catch(() => undefined);
    return done;
  };

  const drawn = () =>
    inTurn(async () => {
      if (next !== undefined) return next;
      const fresh = nodeKeyOf(drawKey().privateKey, address);
      await replaceKeyFile(nextFile, fresh, { passphrase });
      next = fresh;
      return fresh;
    });
  const settle = (node: LedgerNode) =>
    inTurn(async () => {
      if (next === undefined || !isNamed(node, next)) return;
      await rename(nextFile, place.keyFile);
      await syncFolder(dirname(place.keyFile));
      next = undefined;
    });

  return {
    current,
    next,
    settle,
    async rotate({ node, clock, log }) {
      const key = await drawn();
      node.holdKey(key.privateKey);
      const rotation = rotationTo(key.privateKey, { genesis: node.head.genesis, account: address });
      const { height } = await order({ node, clock, log }, 'accounts.rotateKey', rotation).catch(
        (error: unknown) => {
          // The order of an earlier run has been carried out meanwhile: this one came too late, and is done.
          if (isNamed(node, key)) return node.head;
          throw error;
        },
      );
      await settle(node);
      return { address, publicKey: rotation.publicKey, height };
    },
  };
}

/** Undefined where no change of keys is under way. */
async function readNext(
  file: string,
  { address, passphrase }: { readonly address: string; readonly passphrase: string | undefined },
): Promise<NodeKey | undefined> {
  if (!existsSync(file)) return undefined;
  const next = await readKeyFile(file, { passphrase });
  if (next.address === address) return next;
  throw new AgentError('AGENT_BAD_DATA', `${file} is the key of another account: move it away.`, { file });
}

/** Whether the ledger names the key for its account. */
function isNamed({ head }: LedgerNode, { address, publicKey }: NodeKey): boolean {
  const named = readAccount(head.state, address)?.publicKey ?? undefined;
  return named !== undefined && Buffer.compare(named, publicKey) === 0;
}

const passphraseOf = async ({ passphraseFile }: KeyPlace): Promise<string | undefined> =>
  passphraseFile === undefined ? undefined : readPassphraseFile(passphraseFile);
