import { ConsensusError } from '../errors.ts';
import { amount, count } from './fields.ts';
import { record } from './record.ts';
import { Rejection } from './rejection.ts';
import { type ContractState, EPOCH_BLOCKS_DEFAULT } from './types.ts';

const DAY_MS = 86_400_000;

/** The rules of a network that its genesis fixes, with their bounds. */
const fields = {
  /** How far a balance may fall below zero by a transfer; a home beyond it joins no further session. */
  creditLimitMicro: amount(0n, 10n ** 12n),
  /** What a seller pays per kWh that he sold and did not deliver. */
  penaltyMicroPerKwh: amount(0n, 10n ** 8n),
  /** Prices of trading rounds are held within plus and minus this. */
  priceLimitMicroPerKwh: amount(1n, 10n ** 8n),
  /** A slot is delivered if the metered net import exceeds the nominated one by no more than this share of
   * the power sold plus `deliveryToleranceW`. */
  deliveryTolerancePermille: count(0, 1000),
  deliveryToleranceW: count(0, 100_000),
  /** From the end of a session until a missing record counts as a shortfall. */
  recordGraceMs: count(0, 7 * DAY_MS),
  /** How old a slot may be when its record is told; also how many records of a home the state holds. */
  recordWindowMs: count(60_000, 31 * DAY_MS),
  /** At heights that this divides an epoch begins: tallies of votes are cleared, and the height is a checkpoint. */
  epochBlocks: count(2, 1_000_000),
};

const DEFAULTS: Parameters = {
  creditLimitMicro: 100_000_000n,
  penaltyMicroPerKwh: 300_000n,
  priceLimitMicroPerKwh: 10_000_000n,
  deliveryTolerancePermille: 50,
  deliveryToleranceW: 50,
  recordGraceMs: 3_600_000,
  recordWindowMs: 7 * DAY_MS,
  epochBlocks: EPOCH_BLOCKS_DEFAULT,
};

/** More records than this a home are not kept, however short the slot. */
const RECORDS_MAX = 20_000;

type Parameters = {
  readonly creditLimitMicro: bigint;
  readonly penaltyMicroPerKwh: bigint;
  readonly priceLimitMicroPerKwh: bigint;
  readonly deliveryTolerancePermille: number;
  readonly deliveryToleranceW: number;
  readonly recordGraceMs: number;
  readonly recordWindowMs: number;
  readonly epochBlocks: number;
};

/** The parameters together with what else of the genesis every module needs. */
export type Network = Parameters & {
  /** Length of a settlement slot: one metering record each. */
  readonly slotMs: number;
  /** Validators that may be faulty: floor((n - 1) / 3). A deadline outlasts one proposer more. */
  readonly faults: number;
};

const networks = record('network', {
  ...fields,
  slotMs: count(1000, DAY_MS),
  faults: count(0, 1000),
});

/** The genesis' figures, checked; defaults where it is silent. Throws CONSENSUS_BAD_GENESIS. */
export function checkNetwork(genesis: {
  readonly slotMs: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly validators: number;
}): Network {
  const unknown = Object.keys(genesis.parameters).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) throw bad(`unknown parameter ${unknown}`);
  if (!Number.isSafeInteger(genesis.slotMs) || genesis.slotMs < 1000 || genesis.slotMs > DAY_MS) {
    throw bad('slotMs must be from 1000 to 86400000');
  }
  if (genesis.slotMs % 1000 !== 0 || DAY_MS % genesis.slotMs !== 0) {
    throw bad('slotMs must be whole seconds and divide a day');
  }
  const given = Object.entries(fields).map(([name, field]) => {
    const value = genesis.parameters[name] ?? DEFAULTS[name as keyof Parameters];
    try {
      return [name, field.read(asBigint(value), name)];
    } catch (cause) {
      throw bad(cause instanceof Rejection ? cause.message : `${name} must be an integer`, cause);
    }
  });
  const parameters = Object.fromEntries(given) as Parameters;
  if (parameters.recordGraceMs > parameters.recordWindowMs) {
    throw bad('recordGraceMs must not exceed recordWindowMs');
  }
  if (parameters.recordWindowMs / genesis.slotMs > RECORDS_MAX) {
    throw bad(`recordWindowMs must not span more than ${RECORDS_MAX} slots`);
  }
  return { ...parameters, slotMs: genesis.slotMs, faults: faultsOf(genesis.validators) };
}

/** Deadlines go by the committee there is. */
export function setFaults(state: ContractState, validators: number): void {
  networks.put(state, { ...readNetwork(state), faults: faultsOf(validators) });
}

function faultsOf(validators: number): number {
  return Math.floor((validators - 1) / 3);
}

export function networkEntry(network: Network): [key: string, value: Uint8Array] {
  return [networks.key(), networks.encode(network)];
}

export function readNetwork(state: Pick<ContractState, 'get'>): Network {
  const network = networks.get(state);
  if (network === undefined)
    throw new ConsensusError('CONSENSUS_BAD_GENESIS', 'the state has no network record');
  return network;
}

function asBigint(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value;
  return Number.isSafeInteger(value) ? BigInt(value as number) : null;
}

function bad(message: string, cause?: unknown): ConsensusError {
  return new ConsensusError('CONSENSUS_BAD_GENESIS', message, {}, { cause });
}
