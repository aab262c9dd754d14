import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Head,
  merkleRoot,
  readDelivery,
  readNetwork,
  readRecord,
  readSession,
} from '../../consensus/index.ts';
import type { MeterReading } from '../../drivers/index.ts';
import { isProven } from '../clock/clock.ts';
import { type Home, note } from '../home.ts';
import type { Journal } from '../journal.ts';
import { submit, trySubmit, untilCurrent, untilHead, untilHeadOrTime } from '../ledger.ts';
import { replaceFile } from '../replace-file.ts';
import { wattHoursToWattSeconds } from '../translate/units.ts';
import type { Agreed } from './agree.ts';
import { newSaltHex } from './leaf.ts';
import { keepUnplaced, takeUnplaced } from './unplaced.ts';

const MS_PER_HOUR = 3_600_000;

/** Energy counters of the meter at a boundary of slots. */
export type Boundary = { readonly slot: number; readonly importWh: number; readonly exportWh: number };

/** Net energy of one slot as the meter counted it. */
export type SlotEnergy = {
  readonly slot: number;
  readonly importWh: number;
  readonly exportWh: number;
  /** Spread over slots that nobody watched, instead of measured slot by slot. */
  readonly substituted: boolean;
};

type Untold = Journal['untold'][number];

/** What the meter's counters say at the moment they are read. */
export type Counter = { readonly atMs: number; readonly importWh: number; readonly exportWh: number };

/** Absent when the reading cannot be trusted. */
export function counterOf({ importWh, exportWh, netImportW, atMs }: MeterReading): Counter | undefined {
  if (importWh === undefined || exportWh === undefined || netImportW === undefined) return undefined;
  return { atMs, importWh, exportWh };
}

/**
 * The counters as they stood when the slot began: a reading comes a little later, and what flowed in between is
 * taken back by the power measured with it. Absent when the reading cannot be trusted.
 */
export function boundaryOf(reading: MeterReading, slot: number, slotStartMs: number): Boundary | undefined {
  const { netImportW = 0, atMs } = reading;
  const counter = counterOf(reading);
  if (counter === undefined) return undefined;
  const sinceHours = Math.max(0, atMs - slotStartMs) / MS_PER_HOUR;
  return {
    slot,
    importWh: counter.importWh - Math.max(0, netImportW) * sinceHours,
    exportWh: counter.exportWh - Math.max(0, -netImportW) * sinceHours,
  };
}

/** A fuse carries more than its rating for a while, and counters have their steps. */
const CONNECTION_HEADROOM = 1.5;
const COUNTER_SLACK_WH = 100;

/**
 * Whether a counter goes on from a boundary: what has gone back, or leapt by more than the connection carries,
 * has begun anew, or is another meter's. The difference says nothing then.
 */
export function isContinued({ config, day }: Home, from: Boundary, to: Counter): boolean {
  const { importWMax, exportWMax } = config.connection;
  const hours = Math.max(0, to.atMs - day.startMs - from.slot * day.slotMs) / MS_PER_HOUR;
  const mostWh = CONNECTION_HEADROOM * Math.max(importWMax, exportWMax) * hours + COUNTER_SLACK_WH;
  const isPossible = (wh: number) => wh >= -COUNTER_SLACK_WH && wh <= mostWh;
  return isPossible(to.importWh - from.importWh) && isPossible(to.exportWh - from.exportWh);
}

/**
 * Energy of the slots between two boundaries. Slots that nobody watched (the agent was away, the meter did not
 * answer) get equal parts of what the counters say flowed meanwhile.
 */
export function energyBetween(from: Boundary, to: Boundary): SlotEnergy[] {
  const slots = to.slot - from.slot;
  if (slots <= 0) return [];
  const importWh = Math.max(0, to.importWh - from.importWh) / slots;
  const exportWh = Math.max(0, to.exportWh - from.exportWh) / slots;
  return Array.from({ length: slots }, (_, index) => ({
    slot: from.slot + index,
    importWh,
    exportWh,
    substituted: slots > 1,
  }));
}

/** A reading later than this share of a slot says nothing exact about the boundary any more. */
const BOUNDARY_LATE_SHARE = 0.25;

/**
 * Last of the six, slot by slot: what the meter counted since the last boundary becomes one signed record a slot. A
 * reading that comes too late for this boundary is left to the next one, which then covers both; only at the end of
 * the day, where there is none, it is taken as that of the slot it came in. A boundary once noted stands: the slot
 * before it is told up to there. None is noted by a clock that the chain does not bear out: what the meter says meanwhile
 * is kept, and placed once it is known when that was.
 */
export async function closeFinishedSlots(
  home: Home,
  meter: MeterReading | undefined,
  slot: number,
): Promise<void> {
  if (!isProven(home.clock)) {
    keepUnplaced(home, meter);
    return askTheTime(home);
  }
  const { day, state } = home;
  for (const reading of takeUnplaced(home)) {
    const readIn = Math.floor((reading.atMs - day.startMs) / day.slotMs);
    // Of a slot the first is the nearest to its beginning.
    if (readIn >= 0 && readIn <= slot && readIn > (state.journal.boundary?.slot ?? -1))
      await closeUpTo(home, reading, readIn);
  }
  await closeUpTo(home, meter, slot);
}

/**
 * A block shows what time it is; where nobody else makes one, and all may be waiting for it, a call that does nothing
 * does. Once a slot: no more than the record that would be told.
 */
async function askTheTime(home: Home): Promise<void> {
  const { node, clock, state, day } = home;
  const { connected, ownPending } = node.status();
  const sinceMs = Math.abs(clock.utcMs() - (state.askedTimeMs ?? Number.NEGATIVE_INFINITY));
  if (!connected || ownPending > 0 || sinceMs < day.slotMs || node.isCatchingUp()) return;
  state.askedTimeMs = clock.utcMs();
  await submit(home, 'accounts.skip', {});
}

async function closeUpTo(home: Home, meter: MeterReading | undefined, slot: number): Promise<void> {
  const { day, log, state } = home;
  const { boundary: before } = state.journal;
  if (before !== undefined && slot <= before.slot) return tellRecords(home);
  const counter = meter && counterOf(meter);
  if (meter === undefined || counter === undefined) return;
  const slots = day.importPricePerKwh.length;
  const lateSlots = (meter.atMs - day.startMs) / day.slotMs - slot;
  if (lateSlots > BOUNDARY_LATE_SHARE && slot < slots) return;
  const readIn = slot < slots ? slot : slot + Math.max(0, Math.floor(lateSlots));
  const boundary = boundaryOf(meter, readIn, day.startMs + readIn * day.slotMs)!;
  const goesOn = before !== undefined && isContinued(home, before, counter);
  if (before !== undefined && !goesOn) log({ event: 'meter-restarted', level: 'warn', slot });
  const finished = goesOn ? energyBetween(before, boundary).filter((energy) => energy.slot < slots) : [];
  await recordSlots(home, { ...boundary, slot }, finished);
}

/** The journal has them first, and until the ledger has them: neither a crash nor a full outbox loses one. */
async function recordSlots(home: Home, boundary: Boundary, finished: readonly SlotEnergy[]): Promise<void> {
  const { state, day } = home;
  const { journal } = state;
  const untold = finished.map((energy) => ({
    ...energy,
    day: day.day,
    slotStartMs: day.startMs + energy.slot * day.slotMs,
  }));
  await note(home, {
    boundary,
    realised: [...journal.realised, ...finished],
    untold: [...journal.untold, ...untold],
  });
  await tellRecords(home);
}

/**
 * The contract will not take such a record at any later time either. Whether it is too late for one is told by the
 * chain's time alone: a call is rehearsed at the own clock's, which may be wrong.
 */
function isRefusedForGood({ node }: Home, code: string, slotStartMs: number): boolean {
  const { state, header } = node.head;
  if (code === 'CONTRACT_TOO_LATE') return slotStartMs + readNetwork(state).recordWindowMs <= header.timeMs;
  return code === 'CONTRACT_IMPLAUSIBLE' || code === 'CONTRACT_BAD_ARGUMENTS';
}

/** Hands over what the ledger has not been told yet, as far as its outbox has room; what it holds is done with. */
async function tellRecords(home: Home): Promise<void> {
  const { state, address, node } = home;
  if (!isProven(home.clock) || node.isCatchingUp()) return;
  const isKnown = (slotStartMs: number) => readRecord(node.head.state, address, slotStartMs) !== undefined;
  const refused = new Set<number>();
  // Neither waiting nor held by the ledger: what was handed over has failed since.
  if (node.status().ownPending === 0) state.handedOver.clear();
  for (const untold of state.journal.untold) {
    const { slotStartMs, importWh, exportWh } = untold;
    if (isKnown(slotStartMs) || state.handedOver.has(slotStartMs)) continue;
    const outcome = await trySubmit(home, 'metering.record', {
      slotStartMs,
      importWs: wattHoursToWattSeconds(importWh),
      exportWs: wattHoursToWattSeconds(exportWh),
      leavesRoot: merkleRoot('reading', await keepLeaves(home, untold)),
    });
    // One that an earlier run has handed over is refused here while it waits: it stays until the ledger shows it.
    if (outcome.ok || outcome.code === 'CONTRACT_ALREADY_EXISTS') state.handedOver.add(slotStartMs);
    else if (isRefusedForGood(home, outcome.code, slotStartMs)) refused.add(slotStartMs);
    // One that is too late by the own clock alone keeps nobody from telling the younger ones.
    else if (outcome.code !== 'CONTRACT_TOO_LATE') break;
  }
  const left = state.journal.untold.filter(
    ({ slotStartMs }) => !isKnown(slotStartMs) && !refused.has(slotStartMs),
  );
  if (left.length < state.journal.untold.length) await note(home, { untold: left });
}

/** After the day: waits until the ledger has every record, and hands over what it had no room for before. */
export async function untilAllTold(home: Home, signal: AbortSignal): Promise<void> {
  while (home.state.journal.untold.length > 0) {
    const { height } = home.node.head;
    const newBlock = (head: Head) => head.height > height || undefined;
    const timeMs = home.clock.utcMs() + home.day.slotMs;
    await untilHeadOrTime(home, newBlock, { timeMs, signal });
    await untilCurrent(home.node, signal);
    await tellRecords(home);
  }
}

/**
 * The fine readings of a slot stay here, in a file; the ledger gets the root of their tree. Leaves once written are
 * the ones that were told of, perhaps by a run that a crash has ended.
 */
async function keepLeaves(
  { config, state }: Home,
  { day, slot, substituted }: Untold,
): Promise<Uint8Array[]> {
  const folder = join(config.directory, 'readings', day);
  const file = join(folder, `${slot}.jsonl`);
  const measured = state.leaves?.slot === slot && state.leaves.day === day ? state.leaves.leaves : [];
  const fresh = [...measured, { saltHex: newSaltHex(), substituted }].map((leaf) => JSON.stringify(leaf));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lines = (await writtenBefore(file)) ?? fresh;
  // On disk before anybody is told of it: a root whose leaves a power cut has taken proves nothing.
  if (lines === fresh) await replaceFile(file, `${fresh.join('\n')}\n`);
  return lines.map((leaf) => new TextEncoder().encode(leaf));
}

/** Undefined where there is none, or one that a crash has cut: that one was never told of. */
async function writtenBefore(file: string): Promise<string[] | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    return text.endsWith('\n') ? text.slice(0, -1).split('\n') : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * After the last slot: settlement, which anyone may call. The opener of the session does so as soon as every
 * record is in or the time of grace is over; the others only if nobody has done it some slots later.
 */
export async function settleDay(home: Home, { sessionId }: Agreed, signal: AbortSignal): Promise<void> {
  const { node, address, day } = home;
  await untilCurrent(node, signal);
  const settled = () => readSession(node.head.state, sessionId)?.status === 'settled';
  const session = readSession(node.head.state, sessionId);
  if (session === undefined) return;

  const finished = new AbortController();
  const stop = AbortSignal.any([signal, finished.signal]);
  const patienceMs = address === session.openedBy ? 0 : (1 + session.homes.indexOf(address)) * day.slotMs;
  const caller = callSettlement(home, sessionId, { patienceMs, stop }).catch((error) => {
    if (!stop.aborted) home.log({ event: 'calling-settlement-failed', level: 'error', error });
  });
  try {
    await untilHead(node, () => (settled() ? true : undefined), signal);
  } finally {
    finished.abort();
    await caller;
  }
}

type Calling = { readonly patienceMs: number; readonly stop: AbortSignal };

/**
 * Asks for settlement once nothing is pending any more, and again a slot later if that came to nothing. Whoever
 * did not open the session waits its turn first, so that as a rule one asks.
 */
async function callSettlement(home: Home, sessionId: string, { patienceMs, stop }: Calling): Promise<void> {
  const { node, clock, day } = home;
  const status = () => readSession(node.head.state, sessionId)?.status;
  const isDue = () => readDelivery(node.head.state, sessionId, clock.utcMs())?.pending === 0;
  await clock.waitUntil(day.startMs + day.importPricePerKwh.length * day.slotMs, stop);
  while (status() === 'final') {
    const { height } = node.head;
    if (isDue()) {
      await clock.waitUntil(clock.utcMs() + patienceMs, stop);
      await untilCurrent(node, stop);
      if (status() === 'final') await submit(home, 'settlement.settle', { sessionId });
      await untilSettledOr(home, sessionId, clock.utcMs() + day.slotMs, stop);
    } else {
      const newBlock = (head: Head) => head.height > height || undefined;
      await untilHeadOrTime(home, newBlock, { timeMs: clock.utcMs() + day.slotMs, signal: stop });
    }
  }
}

function untilSettledOr(home: Home, sessionId: string, timeMs: number, signal: AbortSignal) {
  const settled = ({ state }: Head) => readSession(state, sessionId)?.status === 'settled' || undefined;
  return untilHeadOrTime(home, settled, { timeMs, signal });
}
