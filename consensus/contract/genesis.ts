import { ConsensusError } from '../errors.ts';
import { accounts, startingBalance } from './accounts.ts';
import { checkNetwork, networkEntry } from './parameters.ts';
import { Rejection } from './rejection.ts';
import { type Address, ROLES, type Role } from './types.ts';

const ACCOUNTS_MAX = 10_000;

/** The part of a genesis that the contract reads. */
export type ContractGenesis = {
  /** Length of a settlement slot: whole seconds, a divisor of a day. */
  readonly slotMs: number;
  readonly validators: readonly { readonly address: Address }[];
  readonly accounts: readonly {
    readonly address: Address;
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
  const opened = new Map<Address, { roles: Set<Role>; balanceMicro: bigint }>();
  for (const account of genesis.accounts) {
    if (opened.has(account.address)) throw bad(`account ${account.address} stands twice`);
    opened.set(checkAddress(account.address), {
      roles: new Set(account.roles.map(checkRole)),
      balanceMicro: checkBalance(account.balanceMicro),
    });
  }
  for (const { address } of validators) {
    const account = opened.get(checkAddress(address)) ?? { roles: new Set(), balanceMicro: 0n };
    account.roles.add('validator');
    opened.set(address, account);
  }
  const entries = [...opened].map(([address, { roles, balanceMicro }]): [string, Uint8Array] => [
    accounts.key(address),
    accounts.encode({ roles: ROLES.filter((role) => roles.has(role)), balanceMicro }),
  ]);
  return [...entries, networkEntry(network)].sort(([left], [right]) => (left < right ? -1 : 1));
}

function checkAddress(address: Address): Address {
  if (!/^[0-9a-f]{40}$/.test(address)) throw bad(`${address} is no address: 40 lower-case hex digits`);
  return address;
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
