import type { Genesis, Head, SignedTransaction } from '../../consensus/chain/index.ts';
import { addressOf, fromHex, publicKeyOf } from '../../consensus/crypto/index.ts';
import type { CborValue } from '../../consensus/encoding/index.ts';
import type { Subject } from './subject.ts';

export type KeyPair = { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };

/** Who takes part. Keys cost time, so they are made once a process; one number, one key, on every machine. */
export type Actor = KeyPair & {
  readonly address: string;
  /** What it changes to, by itself or by the others' vote. */
  readonly next: () => KeyPair;
};

/** Members of the largest committee, and some who may be voted in. */
const ACTORS_MAX = 34;
const actors: Actor[] = [];

/** Sorted by address. */
function actorsOf(count: number): readonly Actor[] {
  for (let number = actors.length + 1; number <= Math.min(count, ACTORS_MAX); number += 1) {
    const first = keyPairOf(number);
    let next: KeyPair | null = null;
    actors.push({
      ...first,
      address: addressOf(first.publicKey),
      next() {
        next ??= keyPairOf(ACTORS_MAX + number);
        return next;
      },
    });
  }
  return actors.slice(0, count).sort((a, b) => (a.address < b.address ? -1 : 1));
}

function keyPairOf(number: number): KeyPair {
  const privateKey = fromHex(number.toString(16).padStart(64, '0'));
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

/** When every story begins, UTC. */
export const START_MS = 1_767_225_600_000;
const DAY_MS = 86_400_000;
const BALANCE_MICRO = 1_000_000_000n;

/** A chain that depends on the numbers alone, so that what was signed for it in one story holds in the next. */
export type World = {
  readonly actors: readonly Actor[];
  /** Places of those that the genesis names validators. */
  readonly founders: readonly number[];
  readonly genesis: Genesis;
  readonly start: Head;
  readonly signed: (actor: Actor, nonce: number, call: Call, key: KeyPair) => SignedTransaction;
  /** Takes the place of a call that cannot succeed any more. */
  readonly skip: (actor: Actor, nonce: number, key: KeyPair) => SignedTransaction;
  /** The same call by the key that the ledger names now. */
  readonly again: (actor: Actor, transaction: SignedTransaction, key: KeyPair) => SignedTransaction;
};

export type Size = { readonly founders: number; readonly others: number; readonly epochBlocks: number };

export type Call = {
  readonly method: string;
  readonly args: readonly CborValue[];
  /** A day after the beginning where nothing is said. */
  readonly expiresMs?: number;
};

export function worldOf(subject: Subject, size: Size): World {
  const kept = worldsOf(subject);
  const name = `${size.founders} ${size.others} ${size.epochBlocks}`;
  const known = kept.get(name) ?? createWorld(subject, size);
  kept.set(name, known);
  return known;
}

const worlds = new WeakMap<Subject, Map<string, World>>();

function worldsOf(subject: Subject): Map<string, World> {
  const known = worlds.get(subject) ?? new Map<string, World>();
  worlds.set(subject, known);
  return known;
}

function createWorld({ chain, contract }: Subject, { founders, others, epochBlocks }: Size): World {
  const actors = actorsOf(founders + others);
  // Those to be voted in stand between the founders, so that a change of the committee moves everybody's place.
  const places = actors.map((_, place) => place);
  const outside = new Set(Array.from({ length: others }, (_, index) => 2 * index + 1));
  const founding = places.filter((place) => !outside.has(place)).slice(0, founders);
  const genesis: Genesis = {
    network: 'simulated-street',
    currency: 'EUR',
    timeMs: START_MS,
    slotMs: 300_000,
    validators: founding.map((place) => {
      const { address, publicKey } = actors[place]!;
      return { address, publicKey };
    }),
    accounts: actors.map(({ address, publicKey }) => ({
      address,
      publicKey,
      roles: ['prosumer'],
      balanceMicro: BALANCE_MICRO,
    })),
    parameters: { epochBlocks: BigInt(epochBlocks) },
  };
  const start = chain.genesisHead(genesis, contract);
  const made = new Map<string, SignedTransaction>();
  const sign = (actor: Actor, content: Content, key: KeyPair) => {
    const { nonce, method, args, expiresMs } = content;
    const by = key.publicKey === actor.publicKey ? 'first' : 'next';
    const name = `${actor.address} ${by} ${nonce} ${expiresMs} ${method} ${args.map(nameOf).join(' ')}`;
    const { genesis } = start;
    const whole = { genesis, sender: actor.address, nonce, method, args, expiresMs };
    const transaction = made.get(name) ?? chain.signTransaction(whole, key.privateKey, key.publicKey);
    made.set(name, transaction);
    return transaction;
  };
  return {
    actors,
    founders: founding,
    genesis,
    start,
    signed: (actor, nonce, call, key) =>
      sign(actor, { nonce, ...call, expiresMs: call.expiresMs ?? START_MS + DAY_MS }, key),
    skip: (actor, nonce, key) =>
      sign(actor, { nonce, method: 'accounts.skip', args: [], expiresMs: START_MS + 2 * DAY_MS }, key),
    again: sign,
  };
}

type Content = Pick<SignedTransaction, 'nonce' | 'method' | 'args' | 'expiresMs'>;

function nameOf(value: CborValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left === right || left.every((byte, index) => byte === right[index]);
}
