import { addEnergy } from './accounts.ts';
import { tally } from './delivery.ts';
import { amount, hex, timeMs } from './fields.ts';
import { method } from './method.ts';
import { type Network, readNetwork } from './parameters.ts';
import { record } from './record.ts';
import { POWER_W_MAX, qualifiedMeter } from './registry.ts';
import { reject, require } from './rejection.ts';
import type { Address, ContractState } from './types.ts';

/** What a meter may read beyond its registered capacity, per mille: class limits and short peaks. */
const CAPACITY_PERMILLE = 1100n;

const energyWs = amount(0n, BigInt(POWER_W_MAX) * 86_400n * 2n);
const fields = {
  slotStartMs: timeMs,
  importWs: energyWs,
  exportWs: energyWs,
  /** Root of the tree of salted leaves that hold everything finer; they stay at the meter. */
  leavesRoot: hex(32),
};

/** By home and place in a ring: a slot's record stands until one a whole window younger takes its place. */
const records = record('metering/record', fields);
export type MeterRecord = NonNullable<ReturnType<typeof records.get>>;

/** A home's record of one settlement slot; undefined when it was not told, or is older than the window. */
export function readRecord(
  state: Pick<ContractState, 'get'>,
  home: Address,
  slotStartMs: number,
): MeterRecord | undefined {
  const found = records.get(state, home, ringPlace(slotStartMs, readNetwork(state)));
  return found?.slotStartMs === slotStartMs ? found : undefined;
}

/**
 * `metering.record(slotStartMs, importWs, exportWs, leavesRoot)`: what passed the home's meter in one finished
 * settlement slot, in both directions. Once a slot; a home that was out of reach tells its slots later, in any
 * order, while they are younger than the window.
 */
export const recordSlot = method({
  roles: ['prosumer'],
  fields,
  run({ state, sender, timeMs: nowMs, network, emit }, told) {
    const { slotStartMs, importWs, exportWs } = told;
    const meter = qualifiedMeter(state, sender);
    if (meter === undefined) reject('CONTRACT_NOT_QUALIFIED', `${sender} has no qualified meter`);
    require(slotStartMs % network.slotMs === 0, 'CONTRACT_BAD_ARGUMENTS', `slots last ${network.slotMs} ms`);
    require(slotStartMs + network.slotMs <= nowMs, 'CONTRACT_TOO_EARLY', 'the slot is not over');
    require(slotStartMs + network.recordWindowMs >
      nowMs, 'CONTRACT_TOO_LATE', 'the slot is older than the window');
    const known = readRecord(state, sender, slotStartMs);
    require(known === undefined, 'CONTRACT_ALREADY_EXISTS', `slot ${slotStartMs} has its record`);
    const withinImport = importWs <= mostWs(meter.importWMax, network);
    const withinExport = exportWs <= mostWs(meter.exportWMax, network);
    require(withinImport && withinExport, 'CONTRACT_IMPLAUSIBLE', 'more than the connection can carry');
    records.put(state, told, sender, ringPlace(slotStartMs, network));
    addEnergy(state, sender, { importWs, exportWs });
    tally(state, { home: sender, slotStartMs, netImportWs: Number(importWs - exportWs) });
    emit('metering.recorded', { home: sender, slotStartMs, importWs, exportWs });
  },
});

/** Whole W*s, rounded down. */
function mostWs(powerWMax: number, { slotMs }: Network): bigint {
  return (BigInt(powerWMax) * BigInt(slotMs) * CAPACITY_PERMILLE) / 1_000_000n;
}

function ringPlace(slotStartMs: number, { recordWindowMs, slotMs }: Network): number {
  return (slotStartMs / slotMs) % Math.ceil(recordWindowMs / slotMs);
}
