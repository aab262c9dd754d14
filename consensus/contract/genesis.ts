import { ConsensusError } from '../errors.ts';
import { accounts, startingBalance } from './accounts.ts';
import { committeeEntry } from './committee.ts';
import { keyEntry } from './keys.ts';
import { checkNetwork, networkEntry } from './parameters.ts';
import { Rejection } from './rejection.ts';
import { type Address, ROLES, type Role, VALIDATORS_MAX, type Validator } from './types.ts';

const ACCOUNTS_MAX = 10_000;

/** The part of a genesis that the contract reads. */
export type ContractGenesis = {
  /** Length of a settlement slot: whole seconds, a divisor of a day. */
  readonly slotMs: number;
  readonly validators: readonly Validator[];
  readonly accounts: readonly {
    readonly address: Address;
    readonly publicKey: Uint8Array;
    readonly roles: readonly string[];
    readonly balanceMicro: bigint | number;
  }[];
  /** Integers by the names in parameters.ts; what is absent has its default, what is unknown is refused. */
  readonly parameters: Readonly<Record<string, unknown>>;
};

/**
 * The state before the first block, as entries sorted by key. A validator without an account of its own gets
 * one with that role and nothing on it. Throws ConsensusError CONSENSUS_BAD_GENESIS.
 */
export function genesisEntries(genesis: ContractGenesis): [key: string, value: Uint8Array][] {
  const { slotMs, parameters, validators } = genesis;
  const network = checkNetwork({ slotMs, parameters, validators: validators.length });
  if (genesis.accounts.length > ACCOUNTS_MAX) throw bad(`more than ${ACCOUNTS_MAX} accounts`);
  if (validators.length < 1 || validators.length > VALIDATORS_MAX) {
    throw bad(`a committee has 1 to ${VALIDATORS_MAX} members`);
  }
  const opened = new Map<Address, { roles: Set<Role>; balanceMicro: bigint; publicKey: Uint8Array }>();
  for (const { address, publicKey, roles, balanceMicro } of genesis.accounts) {
    if (opened.has(address)) throw bad(`account ${address} stands twice`);
    opened.set(checkAddress(address), {
      roles: new Set(roles.map(checkRole)),
      balanceMicro: checkBalance(balanceMicro),
      publicKey: checkKey(publicKey, address),
    });
  }
  for (const { address, publicKey } of validators) {
    const account = opened.get(checkAddress(address)) ?? {
      roles: new Set(),
      balanceMicro: 0n,
      publicKey: checkKey(publicKey, address),
    };
    account.roles.add('validator');
    opened.set(address, account);
  }
  const seatless = genesis.accounts.find(
    ({ address, roles }) =>
      roles.includes('validator') && !validators.some((member) => member.address === address),
  );
  if (seatless !== undefined) throw bad(`${seatless.address} has the role of a validator and no seat`);
  const entries = [...opened].flatMap(([address, { roles, ...rest }]): [string, Uint8Array][] => [
    [accounts.key(address), accounts.encode({ roles: ROLES.filter((role) => roles.has(role)), ...rest })],
    keyEntry(rest.publicKey, address),
  ]);
  const seats = committeeEntry(validators.map(({ address }) => address));
  return [...entries, seats, networkEntry(network)].sort(([left], [right]) => (left < right ? -1 : 1));
}

function checkAddress(address: Address): Address {
  if (!/^[0-9a-f]{40}$/.test(address)) throw bad(`${address} is no address: 40 lower-case hex digits`);
  return address;
}

function checkKey(publicKey: Uint8Array, address: Address): Uint8Array {
  if (publicKey.length !== 33) throw bad(`${address}: a public key has 33 bytes`);
  return publicKey;
}

function checkRole(name: string): Role {
  const role = ROLES.find((candidate) => candidate === name);
  if (role === undefined) throw bad(`unknown role ${name}`);
  return role;
}

function checkBalance(balanceMicro: bigint | number): bigint {
  if (typeof balanceMicro === 'number' && !Number.isSafeInteger(balanceMicro)) {
    throw bad('balanceMicro must be an integer');
  }
  try {
    return startingBalance.read(BigInt(balanceMicro), 'balanceMicro');
  } catch (cause) {
    throw cause instanceof Rejection ? bad(cause.message) : cause;
  }
}

function bad(message: string): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_GENESIS', message);
}
