import { observeSlot } from '../../optimizer/index.ts';
import { utcOffsetMs } from '../clock/time-zone.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { Home } from '../home.ts';
import type { Snapshot } from './sense.ts';

const W_PER_KW = 1_000;
const MS_PER_HOUR = 3_600_000;
/** Of a slot that was seen for less than this share a mean says little. */
const SEEN_SHARE_MIN = 0.5;

/** What is seen of a slot while it passes, as running means. */
export type SlotMeans = {
  see(snapshot: Snapshot): void;
  /** Of what was told over most of a slot of this length; the rest is absent. */
  brought(slotMs: number): SlotBrought;
};

type SlotBrought = {
  readonly loadKw?: number | undefined;
  readonly pvKw?: number | undefined;
  readonly outdoorC?: number | undefined;
};

export function createSlotMeans(config: AgentConfig): SlotMeans {
  const load = createMean();
  const pv = createMean();
  const outdoor = createMean();
  return {
    see: (snapshot) => {
      load.add(snapshot.meter?.atMs, baseLoadKw(config, snapshot));
      pv.add(snapshot.pv?.atMs, generationKw(snapshot));
      outdoor.add(snapshot.hvac?.atMs, snapshot.hvac?.outdoorC);
    },
    brought: (slotMs) => ({
      loadKw: load.overMost(slotMs),
      pvKw: pv.overMost(slotMs),
      outdoorC: outdoor.overMost(slotMs),
    }),
  };
}

export type SeenSlot = {
  readonly slot: number;
  readonly means: SlotMeans;
  /** Whether generation was held down. */
  readonly curtailed: boolean;
};

/**
 * Towards the end of a slot: what it brought, for the forecasts to come. Only what was measured, for most of
 * the slot, is learnt from. On disk it is once an hour: a crash costs an hour of weeks, and flash memory is spared.
 * A value that no home has, or a disk that is full, is told of; the day does not end for it.
 */
export async function learnSlot(home: Home, { slot, means, curtailed }: SeenSlot): Promise<void> {
  const { config, day, state, forecasterFile, log } = home;
  const startMs = day.startMs + slot * day.slotMs;
  const { newestMs } = state.forecaster;
  // An agent that starts again at the end of a slot has learnt it already.
  if (newestMs !== null && startMs <= newestMs) return;
  const { loadKw, pvKw, outdoorC } = means.brought(day.slotMs);
  try {
    state.forecaster = observeSlot(state.forecaster, {
      startMs,
      utcOffsetMs: utcOffsetMs(config.timeZone, startMs),
      ...(loadKw !== undefined && { loadKw }),
      ...(pvKw !== undefined && !curtailed && { pvKw }),
      ...(outdoorC !== undefined && { outdoorC }),
    });
    const endsHour = (startMs + day.slotMs) % MS_PER_HOUR === 0;
    const endsDay = slot === day.importPricePerKwh.length - 1;
    if (endsHour || endsDay) await forecasterFile.write(state.forecaster);
  } catch (error) {
    log({ event: 'slot-not-learnt', level: 'warn', slot, error });
  }
}

/**
 * What the home uses beside its battery, vehicle and heat pump, kW: the meter sees all, and what the others told is
 * taken off. Absent where one of them did not tell.
 */
export function baseLoadKw(
  config: AgentConfig,
  { meter, pv, battery, evse, hvac }: Snapshot,
): number | undefined {
  const has = (kind: string) => config.devices.some((device) => device.kind === kind);
  const parts = [
    meter?.netImportW,
    has('pv') ? pv?.generationW : 0,
    has('battery') ? netDischargeW(battery) : 0,
    has('evse') ? negated(evse?.chargeW) : 0,
    has('hvac') ? negated(hvac?.powerW) : 0,
  ];
  let sumW = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    sumW += part;
  }
  // Devices are not read at the same instant: a little below nothing is nothing.
  return Math.max(0, sumW / W_PER_KW);
}

const generationKw = ({ pv }: Snapshot): number | undefined =>
  pv?.generationW === undefined || pv.state === 'throttled' || pv.state === 'fault'
    ? undefined
    : Math.max(0, pv.generationW / W_PER_KW);

const netDischargeW = (battery: Snapshot['battery']): number | undefined =>
  battery?.chargeW === undefined || battery.dischargeW === undefined
    ? undefined
    : battery.dischargeW - battery.chargeW;

const negated = (watts: number | undefined) => (watts === undefined ? undefined : -watts);

function createMean() {
  let [count, sum, firstMs, lastMs] = [0, 0, 0, 0];
  return {
    add: (atMs: number | undefined, value: number | undefined) => {
      if (atMs === undefined || value === undefined) return;
      if (count === 0) firstMs = atMs;
      lastMs = atMs;
      count += 1;
      sum += value;
    },
    overMost: (slotMs: number): number | undefined =>
      count > 0 && lastMs - firstMs >= SEEN_SHARE_MIN * slotMs ? sum / count : undefined,
  };
}
