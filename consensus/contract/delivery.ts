import { packed } from './fields.ts';
import { type Network, readNetwork } from './parameters.ts';
import { record } from './record.ts';
import {
  endMs,
  findSession,
  nominations,
  readOpenSessions,
  readRoster,
  type Session,
  seats,
  slotStartMs,
  terms,
  trades,
} from './session.ts';
import type { Address, ContractState } from './types.ts';

type Readable = Pick<ContractState, 'get'>;

/**
 * What a home's records add up to in the slots of a session: net import in W*s, and how many settlement slots
 * of each were told. Kept as records come in, so that settling reads one entry a home and not one a slot.
 */
const tallies = record('delivery/tally', { netImportWs: packed, told: packed });

/** Counts a new record in the session, settled ones apart, that trades its slot. */
export function tally(
  state: ContractState,
  read: { readonly home: Address; readonly slotStartMs: number; readonly netImportWs: number },
): void {
  const at = read.slotStartMs;
  const session = readOpenSessions(state).find(({ startMs, endMs: end }) => startMs <= at && at < end);
  if (session === undefined) return;
  const index = seats.get(state, read.home, session.id)?.index;
  const found = terms.get(state, session.id);
  if (index === undefined || found === undefined) return;
  const before = tallies.get(state, index, session.id);
  const netImportWs = before ? [...before.netImportWs] : new Array<number>(found.slots).fill(0);
  const told = before ? [...before.told] : new Array<number>(found.slots).fill(0);
  const slot = Math.floor((at - found.startMs) / found.slotMs);
  netImportWs[slot]! += read.netImportWs;
  told[slot]! += 1;
  tallies.put(state, { netImportWs, told }, index, session.id);
}

/** One slot in which a home sold, and what became of it. Power in W, energy in W*s over the slot. */
export type Obligation = {
  readonly home: Address;
  /** The device that measured, or should have. */
  readonly meterId: string;
  readonly slot: number;
  readonly slotStartMs: number;
  readonly soldW: number;
  /** The net import that the home is held to: nominated, or else to put out exactly what it sold. */
  readonly boundNetImportW: number;
  /** Undefined while a record is missing. The supplier's energy of the slot is this plus the energy sold. */
  readonly netImportWs: number | undefined;
  readonly outcome: 'met' | 'short' | 'pending';
  /** Energy sold and not delivered; all of it where the record stays missing. */
  readonly shortWs: number;
};

export type Delivery = {
  readonly obligations: number;
  readonly met: number;
  readonly short: number;
  readonly pending: number;
  /** By home in address order, then slot. */
  readonly slots: readonly Obligation[];
};

/**
 * Obligations of a session against its records. A missing record is pending until `timeMs` lies beyond the end
 * of the session and the grace, or the session is settled. Undefined before the trades are fixed.
 */
export function readDelivery(state: Readable, id: string, timeMs = 0): Delivery | undefined {
  const session = findSession(state, id);
  if (session === undefined || session.head.status === 'rounds') return undefined;
  const network = readNetwork(state);
  const final = session.head.status === 'settled' || timeMs >= endMs(session.terms) + network.recordGraceMs;
  const slots = readRoster(state, id).flatMap((home) => judgeHome(state, session, { home, network, final }));
  const counted = (outcome: Obligation['outcome']) => slots.filter((slot) => slot.outcome === outcome).length;
  return {
    obligations: slots.length,
    met: counted('met'),
    short: counted('short'),
    pending: counted('pending'),
    slots,
  };
}

function judgeHome(
  state: Readable,
  { id, terms: of }: Session,
  { home, network, final }: { home: Address; network: Network; final: boolean },
): Obligation[] {
  const { index, meterId } = seats.get(state, home, id)!;
  const nomination = nominations.get(state, index, id);
  const tallied = tallies.get(state, index, id);
  const seconds = of.slotMs / 1000;
  const obligations: Obligation[] = [];
  for (const [slot, soldW] of trades.get(state, index, id)!.soldW.entries()) {
    if (soldW <= 0) continue;
    const startMs = slotStartMs(of, slot);
    // A nomination binds ahead of a slot, never in hindsight.
    const inTime = nomination !== undefined && nomination.atMs <= startMs;
    const boundNetImportW = inTime ? nomination.netImportW[slot]! : -soldW;
    const complete = tallied?.told[slot] === of.slotMs / network.slotMs;
    const netImportWs = complete ? tallied.netImportWs[slot]! : undefined;
    const soldWs = soldW * seconds;
    const toleranceW =
      Math.floor((soldW * network.deliveryTolerancePermille) / 1000) + network.deliveryToleranceW;
    const judged = judge({
      soldWs,
      excessWs: netImportWs === undefined ? undefined : netImportWs - boundNetImportW * seconds,
      toleranceWs: toleranceW * seconds,
      final,
    });
    obligations.push({
      home,
      meterId,
      slot,
      slotStartMs: startMs,
      soldW,
      boundNetImportW,
      netImportWs,
      ...judged,
    });
  }
  return obligations;
}

/** Beyond the tolerance the whole excess counts, up to all that was sold. */
function judge({
  soldWs,
  excessWs,
  toleranceWs,
  final,
}: {
  soldWs: number;
  /** Net import above what was nominated; undefined without a record. */
  excessWs: number | undefined;
  toleranceWs: number;
  final: boolean;
}): Pick<Obligation, 'outcome' | 'shortWs'> {
  if (excessWs === undefined) {
    return final ? { outcome: 'short', shortWs: soldWs } : { outcome: 'pending', shortWs: 0 };
  }
  if (excessWs <= toleranceWs) return { outcome: 'met', shortWs: 0 };
  return { outcome: 'short', shortWs: Math.min(excessWs, soldWs) };
}
