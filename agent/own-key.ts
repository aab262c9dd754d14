import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import {
  ConsensusError,
  drawKey,
  type LedgerNode,
  type NodeKey,
  nodeKeyOf,
  readAccount,
  replaceKeyFile,
  rotationTo,
} from '../consensus/index.ts';
import type { AgentConfig } from './config/schema.ts';
import { AgentError } from './errors.ts';
import type { Home } from './home.ts';
import { type Opening, openKeyFile } from './key-file.ts';
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
  /** Whether a change of keys has been begun and not finished. */
  readonly isChanging: () => boolean;
  /** Why a next key that lies there cannot be used; the agent goes on with the current one. */
  readonly doubt: string | undefined;
  /** Puts the next key in the place of the one before, if the ledger names it. */
  readonly settle: (node: LedgerNode) => Promise<void>;
  /**
   * Gives the account another key. A change that was broken off is taken up again with the key it had drawn; two at
   * once are one.
   *
   * @throws AgentError AGENT_REFUSED, AGENT_TIMEOUT as `order`. Both keys stay at hand, but for a next one that was drawn
   * for this and that the ledger has refused.
   */
  readonly rotate: (home: Home) => Promise<Rotated>;
};

export type Rotated = { readonly address: string; readonly publicKey: string; readonly height: number };

/** An order to change the key says nothing more. @throws AgentError AGENT_BAD_DATA for anything but an empty object. */
export function parseRotation(asked: unknown): void {
  if (!z.strictObject({}).safeParse(asked).success)
    throw new AgentError('AGENT_BAD_DATA', 'A change of keys is ordered with {}, and nothing else.');
}

type KeyPlace = Pick<AgentConfig, 'keyFile' | 'passphraseFile'>;

/** @throws ConsensusError of the key file, naming it; AgentError of the passphrase's. */
export async function openOwnKey(place: KeyPlace): Promise<OwnKey> {
  const nextFile = `${place.keyFile}.next`;
  const passphrase = await passphraseOf(place);
  const current = await openKeyFile(place.keyFile, { passphrase, ...place });
  const { address } = current;
  const found = await readNext(nextFile, { address, passphrase, ...place });
  let { next } = found;
  const { doubt } = found;
  /** One change of the files after the other. */
  let changing: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(change: () => Promise<Result>): Promise<Result> => {
    const done = changing.then(change);
    changing = done.catch(() => undefined);
    return done;
  };

  const drawn = () =>
    inTurn(async () => {
      if (next !== undefined) return { key: next, isFresh: false };
      // What lies there may be the very key that the ledger names: only a person may move it.
      if (doubt !== undefined && existsSync(nextFile)) throw new AgentError('AGENT_REFUSED', doubt);
      const fresh = nodeKeyOf(drawKey().privateKey, address);
      await replaceKeyFile(nextFile, fresh, { passphrase });
      next = fresh;
      return { key: fresh, isFresh: true };
    });
  /** A key that was refused as it was drawn can become nobody's. */
  const discard = (node: LedgerNode) =>
    inTurn(async () => {
      if (next === undefined || isNamed(node, next)) return;
      await rm(nextFile, { force: true });
      await syncFolder(dirname(nextFile));
      next = undefined;
    });
  const settle = (node: LedgerNode) =>
    inTurn(async () => {
      if (next === undefined || !isNamed(node, next)) return;
      await rename(nextFile, place.keyFile);
      await syncFolder(dirname(place.keyFile));
      next = undefined;
    });

  const change = async ({ node, clock, log }: Home): Promise<Rotated> => {
    const { key, isFresh } = await drawn();
    node.holdKey(key.privateKey);
    const rotation = rotationTo(key.privateKey, { genesis: node.head.genesis, account: address });
    const { height } = await order({ node, clock, log }, 'accounts.rotateKey', rotation).catch(
      async (error: unknown) => {
        // The order of an earlier run has been carried out meanwhile: this one came too late, and is done.
        if (isNamed(node, key)) return node.head;
        if (isFresh && error instanceof AgentError && error.code === 'AGENT_REFUSED') await discard(node);
        throw error;
      },
    );
    await settle(node);
    return { address, publicKey: rotation.publicKey, height };
  };

  let rotating: Promise<Rotated> | undefined;
  return {
    current,
    next,
    isChanging: () => next !== undefined,
    doubt,
    settle,
    rotate: (home) => {
      rotating ??= change(home).finally(() => {
        rotating = undefined;
      });
      return rotating;
    },
  };
}

type Next = { readonly next?: NodeKey | undefined; readonly doubt?: string | undefined };

/** Empty where no change of keys is under way. */
async function readNext(
  file: string,
  { address, ...opening }: { readonly address: string } & Opening,
): Promise<Next> {
  if (!existsSync(file)) return {};
  const doubtful = (reason: string): Next => ({
    doubt: `${reason}; the agent signs with the key that it had before. Mend ${file} and start again, or, if the ledger never took that key, move it away.`,
  });
  try {
    const next = await openKeyFile(file, opening);
    if (next.address === address) return { next };
    return doubtful(`${file} is the key of another account`);
  } catch (error) {
    if (!(error instanceof ConsensusError)) throw error;
    return doubtful(error.message);
  }
}

/** Whether the ledger names the key for its account. */
function isNamed({ head }: LedgerNode, { address, publicKey }: NodeKey): boolean {
  const named = readAccount(head.state, address)?.publicKey ?? undefined;
  return named !== undefined && Buffer.compare(named, publicKey) === 0;
}

const passphraseOf = async ({ passphraseFile }: KeyPlace): Promise<string | undefined> =>
  passphraseFile === undefined ? undefined : readPassphraseFile(passphraseFile);
