import { observeSlot } from '../../optimizer/index.ts';
import { utcOffsetMs } from '../clock/time-zone.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { Home } from '../home.ts';
import type { Snapshot } from './sense.ts';

const W_PER_KW = 1_000;
const MS_PER_HOUR = 3_600_000;
/** Of a slot that was seen for less than this share a mean says little. */
const SEEN_SHARE_MIN = 0.5;

export type SeenSlot = {
  readonly slot: number;
  /** All that was seen in it, in order of time. */
  readonly seen: readonly Snapshot[];
  /** Whether generation was held down. */
  readonly curtailed: boolean;
};

/**
 * Towards the end of a slot: what it brought, for the forecasts to come. Only what was measured, for most of
 * the slot, is learnt from. On disk it is once an hour: a crash costs an hour of weeks, and flash memory is spared.
 */
export async function learnSlot(home: Home, { slot, seen, curtailed }: SeenSlot): Promise<void> {
  const { config, day, state, forecasterFile } = home;
  const startMs = day.startMs + slot * day.slotMs;
  const { newestMs } = state.forecaster;
  // An agent that starts again at the end of a slot has learnt it already.
  if (newestMs !== null && startMs <= newestMs) return;
  const mean = (of: (snapshot: Snapshot) => number | undefined) => meanOverMost(seen, of, day.slotMs);
  const loadKw = mean((snapshot) => baseLoadKw(config, snapshot));
  const pvKw = curtailed ? undefined : mean(generationKw);
  const outdoorC = mean(({ hvac }) => hvac?.outdoorC);
  state.forecaster = observeSlot(state.forecaster, {
    startMs,
    utcOffsetMs: utcOffsetMs(config.timeZone, startMs),
    ...(loadKw !== undefined && { loadKw }),
    ...(pvKw !== undefined && { pvKw }),
    ...(outdoorC !== undefined && { outdoorC }),
  });
  const endsHour = (startMs + day.slotMs) % MS_PER_HOUR === 0;
  const endsDay = slot === day.importPricePerKwh.length - 1;
  if (endsHour || endsDay) await forecasterFile.write(state.forecaster);
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

/** Mean of what was told; undefined unless it spans most of the slot. */
function meanOverMost(
  seen: readonly Snapshot[],
  of: (snapshot: Snapshot) => number | undefined,
  slotMs: number,
): number | undefined {
  const told: { readonly atMs: number; readonly value: number }[] = [];
  for (const snapshot of seen) {
    const value = of(snapshot);
    const atMs = snapshot.meter?.atMs ?? snapshot.pv?.atMs ?? snapshot.hvac?.atMs;
    if (value !== undefined && atMs !== undefined) told.push({ atMs, value });
  }
  const spanMs = (told.at(-1)?.atMs ?? 0) - (told[0]?.atMs ?? 0);
  if (spanMs < SEEN_SHARE_MIN * slotMs) return undefined;
  return told.reduce((sum, { value }) => sum + value, 0) / told.length;
}
