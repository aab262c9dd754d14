import type { MeterReading } from '../../drivers/index.ts';
import { isDisproven, isProven, sleep } from '../clock/clock.ts';
import { type Home, note } from '../home.ts';
import type { Agreed } from './agree.ts';
import { dispatch, dispatchBattery, isCurtailed, letGo, slotPlan, trim } from './dispatch.ts';
import { forecast } from './forecast.ts';
import { type Leaf, newSaltHex } from './leaf.ts';
import { createSlotMeans, learnSlot } from './learn.ts';
import { bestPlan, type DevicePlan, devicePlan, homeProblem, measuredOf } from './optimize.ts';
import { type Snapshot, sense } from './sense.ts';
import { closeFinishedSlots, counterOf, isContinued } from './settle.ts';
import { keepUnplaced } from './unplaced.ts';

const W_PER_KW = 1_000;
const MS_PER_HOUR = 3_600_000;
/** In the last part of a slot a correction would have to be large to matter, and would only unsettle. */
const TRIM_UNTIL_SHARE = 0.9;
/** Plans leave so much room below a promise: nominations are whole watts, and so are set-points. */
const PROMISE_SLACK_KW = 0.02;
/** A set-point outlives its slot by one: a late agent finds its devices as it left them, a dead one does not. */
const REVERT_SLOTS = 2;

/**
 * The day's slots one after the other: look, plan anew from where things stand, tell the devices, hold the
 * meter to what was nominated, and record what the finished slot brought. Ends with the record of the last slot.
 *
 * @param agreed what the home is bound to by now: neighbours that could not be heard may come to terms later.
 */
export async function carryOut(home: Home, agreed: () => Agreed, signal: AbortSignal): Promise<void> {
  const { clock, day, config } = home;
  home.state.phase = 'delivering';
  const slots = day.importPricePerKwh.length;
  for (;;) {
    await clock.waitUntil(day.startMs, signal);
    const slot = slotAt(home, clock.utcMs());
    home.state.slot = Math.min(slot, slots - 1);
    const snapshot = await sense(home.devices, signal);
    await closeFinishedSlots(home, snapshot.meter, slot);
    // A meter that does not answer at the end of the day is waited for: it still knows what it counted.
    if (home.state.journal.boundary?.slot === slots) return;
    if (isDisproven(clock)) await waitForClock(home, signal);
    else if (slot === slots) await sleep(config.timing.senseMs, signal);
    else {
      await runSlot(home, { agreed: agreed(), slot, snapshot }, signal);
      const endMs = day.startMs + (slot + 1) * day.slotMs;
      while (isNow(home, slot)) await pause(home, endMs, signal);
    }
  }
}

/** Not only until it is over: a clock that was ahead goes back, or is found to be wrong. */
const isNow = (home: Home, slot: number) =>
  slotAt(home, home.clock.utcMs()) === slot &&
  home.clock.utcMs() >= home.day.startMs &&
  !isDisproven(home.clock);

/** The slot that a time lies in; the number of slots when the day is over. */
function slotAt({ day }: Home, utcMs: number): number {
  const slot = Math.floor((utcMs - day.startMs) / day.slotMs);
  return Math.min(Math.max(0, slot), day.importPricePerKwh.length);
}

/** By a clock that is wrong for sure the devices are better off by themselves; what the meter says is placed later. */
async function waitForClock(home: Home, signal: AbortSignal): Promise<void> {
  const { clock, config, devices, log } = home;
  log({ event: 'clock-disproven', level: 'warn', aheadOfChainMs: clock.standing?.().aheadOfChainMs });
  await letGo(devices, { signal, log });
  while (isDisproven(clock)) {
    await sleep(config.timing.senseMs, signal);
    const { meter } = await sense(devices, signal);
    if (!isProven(clock)) keepUnplaced(home, meter);
  }
  log({ event: 'clock-believed-again' });
}

type SlotInputs = { readonly agreed: Agreed; readonly slot: number; readonly snapshot: Snapshot };

async function runSlot(home: Home, inputs: SlotInputs, signal: AbortSignal): Promise<void> {
  const { day, log, config, devices } = home;
  const { agreed, slot } = inputs;
  const plan = await replan(home, inputs);
  const planned = plan && slotPlan(plan, slot);
  // A wallbox without a vehicle keeps its power for the plan that will know it.
  const isAwaited = config.ev !== undefined && inputs.snapshot.evse?.state === 'A';
  let current = planned && isAwaited ? { ...planned, evChargeKw: planned.evChargeKw ?? 0 } : planned;
  const options = { revertMs: REVERT_SLOTS * day.slotMs, signal, log };
  if (current !== undefined) await dispatch(devices, current, options);

  const means = createSlotMeans(config);
  means.see(inputs.snapshot);
  const leaves: Leaf[] = [];
  home.state.leaves = { day: day.day, slot, leaves };
  const untilMs = day.startMs + (slot + TRIM_UNTIL_SHARE) * day.slotMs;
  while ((await pause(home, untilMs, signal)) && isNow(home, slot)) {
    const seen = await sense(devices, signal);
    if (!isProven(home.clock)) keepUnplaced(home, seen.meter);
    means.see(seen);
    const leaf = leafOf(seen);
    if (leaf !== undefined) leaves.push(leaf);
    const net = promisedNow(home, agreed, { slot, meter: seen.meter });
    if (current === undefined || config.battery === undefined || net === undefined) continue;
    const corrected = trim({ ...current, netImportKw: net.needed }, net.measured, config.battery);
    if (corrected === undefined) continue;
    current = corrected;
    await dispatchBattery(devices, current, options);
  }
  // Of a slot that has not been, whatever the clock said, nothing is learnt.
  if (isProven(home.clock) && home.clock.utcMs() >= day.startMs + slot * day.slotMs)
    await learnSlot(home, { slot, means, curtailed: planned !== undefined && isCurtailed(planned) });
}

/** Until the next look at the devices. False when the time to look is over before. */
async function pause({ clock, config }: Home, untilMs: number, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const looked = sleep(config.timing.senseMs, stop);
  const ended = clock.waitUntil(untilMs, stop);
  try {
    return await Promise.race([looked.then(() => true), ended.then(() => false)]);
  } finally {
    over.abort();
    await Promise.allSettled([looked, ended]);
  }
}

/**
 * What net import must be from now on for the slot to end at what was nominated, and what it is. Undefined where
 * nothing was sold, and so nothing is owed, or the meter does not say.
 */
function promisedNow(
  home: Home,
  agreed: Agreed,
  { slot, meter }: { slot: number; meter: MeterReading | undefined },
): { needed: number; measured: number } | undefined {
  const { config, day, state } = home;
  const nominatedKw = agreed.nominatedKw[slot];
  const { boundary } = state.journal;
  if (nominatedKw === undefined || agreed.soldKw[slot]! <= 0 || boundary?.slot !== slot) return undefined;
  const now = meter && counterOf(meter);
  if (now === undefined || meter?.netImportW === undefined) return undefined;
  const slotHours = day.slotMs / MS_PER_HOUR;
  const goneHours = (meter.atMs - day.startMs) / MS_PER_HOUR - slot * slotHours;
  if (goneHours >= slotHours || !isContinued(home, boundary, now)) return undefined;
  const soFarKwh = (now.importWh - boundary.importWh - (now.exportWh - boundary.exportWh)) / W_PER_KW;
  const wantedKw = (nominatedKw * slotHours - soFarKwh) / (slotHours - goneHours);
  const { importWMax, exportWMax } = config.connection;
  return {
    // What is missing is made up for, but never by more than the connection may carry.
    needed: Math.min(Math.max(wantedKw, -exportWMax / W_PER_KW), importWMax / W_PER_KW),
    measured: meter.netImportW / W_PER_KW,
  };
}

/** The rest of the day anew, with the trade as it was agreed and net import held to what was nominated where energy was sold. */
async function replan(home: Home, { agreed, slot, snapshot }: SlotInputs): Promise<DevicePlan | undefined> {
  const { config, library, log } = home;
  const problem = homeProblem({
    config,
    outlook: forecast(home, slot, snapshot),
    measured: measuredOf(snapshot),
    trade: { kind: 'fixed', soldKw: agreed.soldKw.slice(slot) },
    ...(agreed.batteryFinalKwh !== undefined && { batteryFinalKwh: agreed.batteryFinalKwh }),
    ...(agreed.nominatedKw.length > 0 && { netImportKwMax: promisedKw(agreed, slot) }),
  });
  const best = bestPlan(library, problem, log);
  const plan = best && devicePlan(problem, best.schedule, slot);
  if (plan === undefined) return home.state.journal.schedule;
  await note(home, { schedule: plan });
  return plan;
}

const promisedKw = (agreed: Agreed, slot: number): number[] =>
  agreed.nominatedKw
    .slice(slot)
    .map((kw, t) => (agreed.soldKw[slot + t]! > 0 ? kw + PROMISE_SLACK_KW : Number.POSITIVE_INFINITY));

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
