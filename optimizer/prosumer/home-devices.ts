import type { HomeDraft } from './home-draft.ts';
import { finalIndoorLimitC, keptShare } from './house.ts';
import { absent, type Entry, negated } from './qp-draft.ts';
import type { Battery, ElectricVehicle, Hvac, MissedLimit, ShiftableLoad } from './types.ts';

/** Columns and dynamics rows of a store of energy, by slot; -1 where it cannot charge or discharge. */
export type StorageLayout = {
  readonly chargeKw: Int32Array;
  readonly dischargeKw: Int32Array;
  readonly energyKwh: Int32Array;
  readonly dynamicsRow: Int32Array;
};

/** Energy between its bounds; at the end at least the initial energy unless told otherwise. */
export function addBattery(draft: HomeDraft, battery: Battery): StorageLayout {
  const last = draft.problem.slots - 1;
  const finalKwhMin = battery.finalKwhMin ?? battery.initialKwh;
  return addStorage(draft, {
    ...battery,
    limit: 'battery energy minimum',
    isConnected: () => true,
    energyKwhMin: (t) => (t === last ? Math.max(battery.energyKwhMin, finalKwhMin) : battery.energyKwhMin),
    drivenKwh: () => 0,
  });
}

/** Charges (and discharges, where the charger can) only while present; driving takes energy on return. */
export function addVehicle(draft: HomeDraft, ev: ElectricVehicle): StorageLayout {
  return addStorage(draft, {
    ...ev,
    limit: 'EV energy minimum',
    isConnected: (t) => ev.present[t]! > 0,
    energyKwhMin: (t) => ev.energyKwhMin[t]!,
    drivenKwh: (t) => ev.drivenKwh[t]!,
  });
}

/**
 * The house of house.ts. A column holds the difference from the preferred temperature: some 20 degrees in every
 * row would hide a tolerance in kW.
 */
export function addHvac(draft: HomeDraft, hvac: Hvac): { powerKw: Int32Array; indoorOffsetK: Int32Array } {
  const { qp, problem } = draft;
  const { slots, slotHours } = problem;
  const kept = keptShare(problem, hvac);
  const powerKw = new Int32Array(slots);
  const indoorOffsetK = new Int32Array(slots);
  for (let t = 0; t < slots; t += 1) {
    const power = qp.variable();
    const offset = qp.variable({ curvature: 2 * slotHours * hvac.discomfortPerK2h });
    powerKw[t] = power;
    indoorOffsetK[t] = offset;
    qp.row([[power, 1]], 0, hvac.powerKwMax);
    const lower = hvac.indoorCMin - hvac.preferredC;
    const upper = hvac.indoorCMax - hvac.preferredC;
    const under = draft.miss('indoor temperature minimum', t, 'K');
    const over = draft.miss('indoor temperature maximum', t, 'K');
    if (under.length === 0) {
      qp.row([[offset, 1]], lower, upper);
    } else {
      qp.row([[offset, 1], ...under], lower, Infinity);
      qp.row([[offset, 1], ...over.map(([column]): Entry => [column, -1])], -Infinity, upper);
    }
    const drift = (1 - kept) * (hvac.outdoorC[t]! - hvac.preferredC);
    if (t === 0) {
      const carried = kept * (hvac.indoorCInitial - hvac.preferredC) + hvac.gainKPerKw * hvac.powerKwInitial;
      qp.row([[offset, 1]], drift + carried, drift + carried);
    } else {
      qp.row(
        [
          [offset, 1],
          [indoorOffsetK[t - 1]!, -kept],
          [powerKw[t - 1]!, -hvac.gainKPerKw],
        ],
        drift,
        drift,
      );
    }
    draft.balance[t]!.push([power, -1]);
  }
  addHouseAtEnd(draft, hvac, [
    [indoorOffsetK[slots - 1]!, kept],
    [powerKw[slots - 1]!, hvac.gainKPerKw],
  ]);
  return { powerKw, indoorOffsetK };
}

/** @param offsetK the house's difference from the preferred temperature at the end, but for the weather's part. */
function addHouseAtEnd({ problem, qp, missWish }: HomeDraft, hvac: Hvac, offsetK: readonly Entry[]): void {
  const limitC = finalIndoorLimitC(problem, hvac);
  if (limitC === undefined) return;
  const last = problem.slots - 1;
  const drift = (1 - keptShare(problem, hvac)) * (hvac.outdoorC[last]! - hvac.preferredC);
  const limit = limitC - hvac.preferredC - drift;
  const heats = hvac.gainKPerKw > 0;
  const missed = missWish('indoor temperature at the end', last, 'K', 1 / Math.abs(hvac.gainKPerKw));
  qp.row(
    [...offsetK, ...(heats ? missed : negated(missed))],
    heats ? limit : -Infinity,
    heats ? Infinity : limit,
  );
}

/**
 * Runs inside its window only. A column holds the distance from the preferred power, which is what its discomfort is
 * about: were it the power itself, a dear discomfort would be a large cost that is taken off again, and hide the rest.
 */
export function addShiftableLoad(
  { problem, qp, balance, useKw, miss }: HomeDraft,
  load: ShiftableLoad,
): Int32Array {
  const { slots, slotHours } = problem;
  const offsetKw = absent(slots);
  const entries: Entry[] = [];
  for (let t = load.fromSlot; t < load.toSlot; t += 1) {
    const preferredKw = load.preferredKw[t]!;
    const column = qp.variable({ curvature: 2 * slotHours * load.discomfortPerKw2h });
    offsetKw[t] = column;
    qp.row([[column, 1]], -preferredKw, load.powerKwMax - preferredKw);
    balance[t]!.push([column, -1]);
    useKw[t]! += preferredKw;
    entries.push([column, 1]);
  }
  if (entries.length > 0) {
    qp.row([...entries, ...miss('shiftable load sum', load.toSlot - 1, 'kW')], 0, 0);
  }
  return offsetKw;
}

type Storage = {
  readonly capacityKwh: number;
  readonly chargeKwMax: number;
  readonly dischargeKwMax: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  readonly initialKwh: number;
  readonly wearPerKwh: number;
  readonly limit: MissedLimit['limit'];
  readonly isConnected: (slot: number) => boolean;
  readonly energyKwhMin: (slot: number) => number;
  readonly drivenKwh: (slot: number) => number;
};

/** e[t] = e[t-1] - driven + dt * (chargeEfficiency * charge - discharge / dischargeEfficiency). */
function addStorage(draft: HomeDraft, storage: Storage): StorageLayout {
  const { qp, problem } = draft;
  const { slots, slotHours } = problem;
  const layout: StorageLayout = {
    chargeKw: absent(slots),
    dischargeKw: absent(slots),
    energyKwh: new Int32Array(slots),
    dynamicsRow: new Int32Array(slots),
  };
  for (let t = 0; t < slots; t += 1) {
    const dynamics: Entry[] = [];
    const energy = qp.variable();
    layout.energyKwh[t] = energy;
    dynamics.push([energy, 1]);
    if (t > 0) dynamics.push([layout.energyKwh[t - 1]!, -1]);
    const addFlow = (columns: Int32Array, kwMax: number, kwhPerKw: number, supply: 1 | -1): void => {
      if (kwMax === 0 || !storage.isConnected(t)) return;
      const column = qp.variable({ linear: slotHours * storage.wearPerKwh });
      columns[t] = column;
      qp.row([[column, 1]], 0, kwMax);
      dynamics.push([column, -slotHours * kwhPerKw]);
      draft.balance[t]!.push([column, supply]);
    };
    addFlow(layout.chargeKw, storage.chargeKwMax, storage.chargeEfficiency, -1);
    addFlow(layout.dischargeKw, storage.dischargeKwMax, -1 / storage.dischargeEfficiency, 1);
    const short = draft.miss(storage.limit, t, 'kWh');
    if (short.length === 0) {
      qp.row([[energy, 1]], storage.energyKwhMin(t), storage.capacityKwh);
    } else {
      qp.row([[energy, 1], ...short], storage.energyKwhMin(t), Infinity);
      qp.row([[energy, 1]], -Infinity, storage.capacityKwh);
    }
    const found = (t === 0 ? storage.initialKwh : 0) - storage.drivenKwh(t);
    layout.dynamicsRow[t] = qp.row(dynamics, found, found);
  }
  return layout;
}
