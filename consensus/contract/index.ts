export { type Account, type EnergyAccount, readAccount, readEnergyAccount } from './accounts.ts';
export { type Claim, type Facts, readClaim, readClaimInCall } from './claims.ts';
export { type Committee, readCommittee, validatorsOf } from './committee.ts';
export { type ArgumentsOf, applyCall, buildCall, contract, type MethodName } from './contract.ts';
export type { OfferedMw } from './coordination.ts';
export { type Delivery, type Obligation, readDelivery } from './delivery.ts';
export { type ContractGenesis, genesisEntries } from './genesis.ts';
export { readVotes, tallyVote } from './governance.ts';
export { ownerOfKey, rotationTo } from './keys.ts';
export { type MeterRecord, readRecord } from './metering.ts';
export { type Network, readNetwork } from './parameters.ts';
export { type Device, readDevice, readDevices, readMembers } from './registry.ts';
export { type OpenSession, type RoundReport, readOpenSessions } from './session.ts';
export { readSettlement, type Settlement, type SettlementShare } from './settlement.ts';
export type { Motion, Tally, Vote } from './tally.ts';
export type {
  Address,
  BlockContext,
  Call,
  CborValue,
  ContractEvent,
  ContractState,
  Hash,
  Outcome,
  RejectionCode,
  Role,
  Validator,
} from './types.ts';
export { VALIDATORS_MAX } from './types.ts';
export {
  type HomeTrade,
  type PairTrade,
  readNomination,
  readSession,
  readTrades,
  readTurn,
  type SessionView,
  type Turn,
} from './views.ts';
