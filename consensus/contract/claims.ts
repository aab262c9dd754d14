import { readAccount, readEnergyAccount } from './accounts.ts';
import { readFields } from './fields.ts';
import { readRecord, recordSlot } from './metering.ts';
import { Rejection } from './rejection.ts';
import { findSession, seats, trades } from './session.ts';
import type { Address, Call, ContractState, Role } from './types.ts';

/** What a light proof can be about. */
export type Claim =
  | { readonly kind: 'balance'; readonly account: Address }
  | { readonly kind: 'reading'; readonly home: Address; readonly slotStartMs: number }
  | { readonly kind: 'trade'; readonly session: string; readonly home: Address }
  /** Any entry of the state, by its key. */
  | { readonly kind: 'entry'; readonly key: string };

export type Facts =
  | {
      readonly kind: 'balance';
      readonly balanceMicro: bigint;
      readonly roles: readonly Role[];
      readonly isRevoked: boolean;
      /** So far, W*s. */
      readonly importWs: bigint;
      readonly exportWs: bigint;
      readonly soldWs: bigint;
      readonly boughtWs: bigint;
    }
  | {
      readonly kind: 'reading';
      readonly slotStartMs: number;
      readonly importWs: bigint;
      readonly exportWs: bigint;
      /** Of the tree of finer readings, which stay at the meter. */
      readonly leavesRoot: string;
    }
  | {
      readonly kind: 'trade';
      readonly status: 'final' | 'settled';
      readonly startMs: number;
      readonly slotMs: number;
      /** By slot, W; negative: bought. */
      readonly soldW: readonly number[];
      /** Received; negative: paid. */
      readonly paymentMicro: bigint;
    }
  | { readonly kind: 'entry'; readonly value: Uint8Array };

/** Every one of these reads little, since a proof takes a way to the root for each entry. Null: there is no such thing. */
export function readClaim(state: Pick<ContractState, 'get'>, claim: Claim): Facts | null {
  switch (claim.kind) {
    case 'balance': {
      const account = readAccount(state, claim.account);
      const energy = readEnergyAccount(state, claim.account);
      if (account === undefined) return null;
      const { balanceMicro, roles, publicKey } = account;
      return { kind: 'balance', balanceMicro, roles, isRevoked: publicKey === null, ...energy };
    }
    case 'reading': {
      const found = readRecord(state, claim.home, claim.slotStartMs);
      return found === undefined ? null : { kind: 'reading', ...found };
    }
    case 'trade':
      return readTrade(state, claim.session, claim.home);
    case 'entry': {
      const value = state.get(claim.key);
      return value === undefined ? null : { kind: 'entry', value };
    }
  }
}

/** What a transaction that stands in a block says of the claim: a reading stays there when the state has let go of it. */
export function readClaimInCall({ sender, method, args }: Call, claim: Claim): Facts | null {
  if (claim.kind !== 'reading' || method !== 'metering.record' || sender !== claim.home) return null;
  try {
    const told = readFields(recordSlot.fields, args);
    return told.slotStartMs === claim.slotStartMs ? { kind: 'reading', ...told } : null;
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}

function readTrade(state: Pick<ContractState, 'get'>, id: string, home: Address): Facts | null {
  const session = findSession(state, id);
  const seat = seats.get(state, home, id);
  if (session === undefined || seat === undefined) return null;
  const { status } = session.head;
  const trade = trades.get(state, seat.index, id);
  if (status === 'rounds' || trade === undefined) return null;
  const { startMs, slotMs } = session.terms;
  return { kind: 'trade', status, startMs, slotMs, ...trade };
}
