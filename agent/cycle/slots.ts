import type { Schedule } from '../../optimizer/index.ts';
import { type Home, note } from '../home.ts';
import type { Agreed } from './agree.ts';
import { dispatch, type SlotPlan, slotPlan, trim } from './dispatch.ts';
import { forecast } from './forecast.ts';
import { type Leaf, newSaltHex } from './leaf.ts';
import { bestPlan, type DevicePlan, devicePlan, homeProblem, measuredOf } from './optimize.ts';
import { type Snapshot, sense } from './sense.ts';
import { boundaryOf, recordSlots } from './settle.ts';

const W_PER_KW = 1_000;
/** A reading later than this share of a slot says nothing exact about the boundary any more. */
const BOUNDARY_LATE_SHARE = 0.25;
/** Where in the slot the meter is held against the nomination and the battery corrected. */
const TRIM_AT_SHARES = [0.3, 0.65];
/** A set-point outlives its slot by one: a late agent finds its devices as it left them, a dead one does not. */
const REVERT_SLOTS = 2;

/**
 * The day's slots one after the other: look, plan anew from where things stand, tell the devices, hold the
 * meter to what was nominated, and record what the finished slot brought. Ends with the record of the last slot.
 */
export async function carryOut(home: Home, agreed: Agreed, signal: AbortSignal): Promise<void> {
  const { clock, day } = home;
  home.state.phase = 'delivering';
  const slots = day.importPricePerKwh.length;
  const startOf = (slot: number) => day.startMs + slot * day.slotMs;
  await clock.waitUntil(day.startMs, signal);

  for (
    let slot = slotAt(home, clock.utcMs());
    slot <= slots;
    slot = Math.max(slot + 1, slotAt(home, clock.utcMs()))
  ) {
    await clock.waitUntil(startOf(slot), signal);
    home.state.slot = Math.min(slot, slots - 1);
    const snapshot = await sense(home.devices, signal);
    await closeFinishedSlots(home, snapshot, slot);
    if (slot < slots) await runSlot(home, { agreed, slot, snapshot }, signal);
  }
}

/** The slot that a time lies in; the number of slots when the day is over. */
function slotAt({ day }: Home, utcMs: number): number {
  const slot = Math.floor((utcMs - day.startMs) / day.slotMs);
  return Math.min(Math.max(0, slot), day.importPricePerKwh.length);
}

async function closeFinishedSlots(home: Home, { meter }: Snapshot, slot: number) {
  const { day } = home;
  const startMs = day.startMs + slot * day.slotMs;
  if (meter === undefined || meter.atMs - startMs > BOUNDARY_LATE_SHARE * day.slotMs) return;
  const boundary = boundaryOf(meter, slot, startMs);
  if (boundary === undefined) return;
  await recordSlots(home, boundary);
}

type SlotInputs = { readonly agreed: Agreed; readonly slot: number; readonly snapshot: Snapshot };

async function runSlot(
  home: Home,
  { agreed, slot, snapshot }: SlotInputs,
  signal: AbortSignal,
): Promise<void> {
  const { clock, day, log } = home;
  const plan = await replan(home, { agreed, slot, snapshot });
  let current = plan && slotPlan(plan, slot);
  if (current === undefined) return;

  const options = {
    pvForecastKw: day.pvForecastKw[slot]!,
    revertMs: REVERT_SLOTS * day.slotMs,
    signal,
    log,
  };
  await dispatch(home.devices, current, options);

  const leaves: Leaf[] = [];
  const startMs = day.startMs + slot * day.slotMs;
  for (const share of TRIM_AT_SHARES) {
    const atMs = startMs + share * day.slotMs;
    if (clock.utcMs() >= startMs + day.slotMs) break;
    await clock.waitUntil(atMs, signal);
    const seen = await sense(home.devices, signal);
    const leaf = leafOf(seen);
    if (leaf !== undefined) leaves.push(leaf);
    const corrected = correct(home, current, seen, agreed.nominatedKw[slot]);
    if (corrected !== undefined) {
      current = corrected;
      await dispatch(home.devices, current, options);
    }
  }
  home.state.leaves = { slot, leaves };
}

/** The rest of the day anew, with the trade as it was agreed and net import held to what was nominated where energy was sold. */
async function replan(home: Home, { agreed, slot, snapshot }: SlotInputs): Promise<DevicePlan | undefined> {
  const { config, day, library, log } = home;
  const problem = homeProblem({
    config,
    outlook: forecast(day, slot),
    measured: measuredOf(snapshot),
    trade: { kind: 'fixed', soldKw: agreed.soldKw.slice(slot) },
    ...(agreed.batteryFinalKwh !== undefined && { batteryFinalKwh: agreed.batteryFinalKwh }),
    ...(agreed.nominatedKw.length > 0 && { netImportKwMax: promisedKw(home, agreed, slot) }),
  });
  const best = bestPlan(library, problem, log);
  const plan = best && devicePlan(problem, best.schedule as Schedule, slot);
  if (plan === undefined) return home.state.journal.schedule;
  await note(home, { schedule: plan });
  return plan;
}

const promisedKw = ({ config }: Home, agreed: Agreed, slot: number): number[] =>
  agreed.nominatedKw
    .slice(slot)
    .map((kw, t) => (agreed.soldKw[slot + t]! > 0 ? kw : config.connection.importWMax / W_PER_KW));

function correct(home: Home, plan: SlotPlan, { meter, battery }: Snapshot, nominatedKw: number | undefined) {
  if (meter?.netImportW === undefined || battery === undefined || home.config.battery === undefined)
    return undefined;
  const held = { ...plan, netImportKw: nominatedKw ?? plan.netImportKw };
  return trim(held, meter.netImportW / W_PER_KW, home.config.battery);
}

const leafOf = ({ meter, battery, hvac }: Snapshot): Leaf | undefined =>
  meter?.netImportW === undefined
    ? undefined
    : {
        saltHex: newSaltHex(),
        atMs: meter.atMs,
        netImportW: meter.netImportW,
        ...(battery?.storedWh !== undefined && { batteryWh: battery.storedWh }),
        ...(hvac?.indoorC !== undefined && { indoorC: hvac.indoorC }),
      };
