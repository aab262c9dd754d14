import { address, amount, bytes, list, oneOf, optional, text } from './fields.ts';
import { method } from './method.ts';
import { record } from './record.ts';
import { reject, require } from './rejection.ts';
import { type Address, type ContractState, ROLES, type Role } from './types.ts';

const roleList = list(oneOf(ROLES), 0, ROLES.length);

/** A hundred million units of money: the most that a genesis gives to one account, or one transfer moves. */
const BALANCE_MICRO_MAX = 10n ** 14n;

export type Account = {
  readonly roles: readonly Role[];
  /** Negative: owed to the others, within the network's credit limit. */
  readonly balanceMicro: bigint;
  /** What it signs with now: compressed, 33 bytes. Null: revoked, and the account can send nothing. */
  readonly publicKey: Uint8Array | null;
};

const INT64_MAX = 2n ** 63n - 1n;

export const accounts = record('accounts', {
  roles: roleList,
  balanceMicro: amount(-INT64_MAX, INT64_MAX),
  publicKey: optional(bytes(33)),
});

/** The energy that passed a home's meter and its trades so far, in W*s. */
export type EnergyAccount = {
  readonly importWs: bigint;
  readonly exportWs: bigint;
  readonly soldWs: bigint;
  readonly boughtWs: bigint;
};

const energy = amount(0n, INT64_MAX);
const energyAccounts = record('energy', {
  importWs: energy,
  exportWs: energy,
  soldWs: energy,
  boughtWs: energy,
});
const NO_ENERGY: EnergyAccount = { importWs: 0n, exportWs: 0n, soldWs: 0n, boughtWs: 0n };

/** Undefined where the address has no account. */
export function readAccount(state: Pick<ContractState, 'get'>, home: Address): Account | undefined {
  return accounts.get(state, home);
}

/** The key that the account signs with now; undefined where there is no account, or its key was revoked. */
export function keyOfAccount(state: Pick<ContractState, 'get'>, address: Address): Uint8Array | undefined {
  return accounts.get(state, address)?.publicKey ?? undefined;
}

/** What the supplier still bills is importWs - exportWs + soldWs - boughtWs: trade is virtual. */
export function readEnergyAccount(state: Pick<ContractState, 'get'>, home: Address): EnergyAccount {
  return energyAccounts.get(state, home) ?? NO_ENERGY;
}

export function addEnergy(state: ContractState, home: Address, added: Partial<EnergyAccount>): void {
  const before = readEnergyAccount(state, home);
  energyAccounts.put(
    state,
    {
      importWs: before.importWs + (added.importWs ?? 0n),
      exportWs: before.exportWs + (added.exportWs ?? 0n),
      soldWs: before.soldWs + (added.soldWs ?? 0n),
      boughtWs: before.boughtWs + (added.boughtWs ?? 0n),
    },
    home,
  );
}

/** Moves a balance up or down; the caller sees to it that all moves of a call add up to zero. */
export function addBalance(state: ContractState, home: Address, addedMicro: bigint): void {
  if (addedMicro === 0n) return;
  const account = accounts.get(state, home);
  if (account === undefined) reject('CONTRACT_UNKNOWN_ACCOUNT', `${home} has no account`);
  accounts.put(state, { ...account, balanceMicro: account.balanceMicro + addedMicro }, home);
}

/** `accounts.transfer(to, amountMicro, memo)`: pays another account, down to the credit limit. */
export const transfer = method({
  fields: { to: address, amountMicro: amount(1n, BALANCE_MICRO_MAX), memo: text(140) },
  run({ state, sender, network, emit }, { to, amountMicro, memo }) {
    require(to !== sender, 'CONTRACT_BAD_ARGUMENTS', 'an account cannot pay itself');
    require(accounts.get(state, to) !== undefined, 'CONTRACT_UNKNOWN_ACCOUNT', `${to} has no account`);
    const balanceMicro = accounts.get(state, sender)?.balanceMicro ?? 0n;
    if (balanceMicro - amountMicro < -network.creditLimitMicro) {
      reject(
        'CONTRACT_INSUFFICIENT_FUNDS',
        `${balanceMicro} micro and the credit do not cover ${amountMicro}`,
      );
    }
    addBalance(state, sender, -amountMicro);
    addBalance(state, to, amountMicro);
    emit('accounts.transferred', { from: sender, to, amountMicro, memo });
  },
});

/**
 * `accounts.skip()`: does nothing, and so never fails. Its nonce takes the place of a call that cannot succeed any
 * more, so that the calls signed after that one need not wait for it or be signed again.
 */
export const skip = method({ fields: {}, run: () => undefined });

/** A balance that a genesis may give. */
export const startingBalance = amount(-BALANCE_MICRO_MAX, BALANCE_MICRO_MAX);
