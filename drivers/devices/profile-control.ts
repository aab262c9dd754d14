import { DriversError } from '../errors.ts';
import { readPoints, writeProfilePoints } from '../profiles/interpreter.ts';
import type { Profile } from '../profiles/schema.ts';
import { createArbiter } from './arbiter.ts';
import type { SetPoint, SetPointOutcome, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';
import { clampSetPoint, holdOf, outcomeOf, settled } from './steer.ts';

export type ProfileControl = {
  readonly maxW: number;
  set(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  release(wait?: Wait): Promise<SetPointOutcome>;
  close(): Promise<void>;
};

const writesPerDay = { ram: Number.POSITIVE_INFINITY, flash: 200, unknown: 5000 } as const;

/**
 * The control of a profile: set-points in W become the register's unit, never more than asked; they are written
 * together with their time-out, read back, repeated where the device's own watchdog is shorter than the time
 * asked for, and given back at the end. Rejects with DRIVERS_POINT_UNAVAILABLE when the device tells no bounds.
 */
export async function openProfileControl(wire: Wire, profile: Profile, wait?: Wait): Promise<ProfileControl> {
  const { link, unitId } = wire;
  const { control } = profile;
  const { watchdog } = control;
  const bounds = await readBounds(wire, profile, wait);
  const wattsPerUnit = control.unit === 'W' ? 1 : control.voltageV * bounds.phases;
  const maxW = bounds.max * wattsPerUnit;
  const setPoint = profile.points[control.setPoint]!;
  const isFloat = setPoint.type === 'float32' || setPoint.type === 'float64';
  const step = isFloat ? 0 : Math.abs(setPoint.scale);
  const hold = holdOf(wire);
  const arbiter = createArbiter({
    intervalMsMin: control.intervalMsMin,
    writesPerDayMax: control.writesPerDayMax ?? writesPerDay[control.storage],
    refreshMs: 0,
    claimMsMax: Number.POSITIVE_INFINITY,
  });
  let keeping: NodeJS.Timeout | undefined;

  /** In the register's unit, rounded down to its step: an upper limit that is met is better than one that is near. */
  function inUnit(powerW: number): number {
    const wanted = powerW / wattsPerUnit;
    if (wanted < bounds.min) return 0;
    return step === 0 ? wanted : Math.floor(wanted / step + 1e-9) * step;
  }

  async function set(asked: SetPoint, wait?: Wait): Promise<SetPointOutcome> {
    const held = clampSetPoint(asked, maxW);
    if (!held.ok) return held;
    const value = inUnit(held.powerW);
    const permit = arbiter.permit(value, wire.nowMs());
    if (!permit.ok) {
      const reason = `${permit.reason}, again in ${permit.retryInMs} ms`;
      return { ok: false, code: 'DRIVERS_SETPOINT_REFUSED', reason };
    }
    const timeout = timeoutOf(profile, held.revertS);
    // Whatever becomes of this one: the one before is not repeated over it.
    stopKeeping();
    const orders = { [control.setPoint]: value, ...timeout };
    await hold.take(() => writeProfilePoints(link, unitId, profile, orders, wait));
    arbiter.wrote(value, wire.nowMs());
    const fault = await settled(() => misled(value, timeout, wait), wire.settleMs, wait);
    if (fault) return fault;
    if ('fixedS' in watchdog) keep(value, held.revertS);
    const appliedW = value * wattsPerUnit;
    const clamped = held.clamped || Math.abs(appliedW - asked.powerW) > Math.max(1, step * wattsPerUnit);
    return { ok: true, appliedW, clamped };
  }

  async function misled(value: number, timeout: Readonly<Record<string, number>>, wait?: Wait) {
    const names = [control.setPoint, ...Object.keys(timeout), ...(control.effect ? [control.effect] : [])];
    const told = await readPoints(link, unitId, profile, names, wait);
    const expected = { [control.setPoint]: value, ...(control.effect && { [control.effect]: value }) };
    for (const [name, wanted] of Object.entries(expected)) {
      const seen = told.get(name)?.value;
      if (typeof seen !== 'number') return `${name} ${told.get(name)?.fault ?? 'is missing'}`;
      if (Math.abs(seen - wanted) > control.tolerance + step / 2)
        return `${name} reads ${seen}, not ${wanted}`;
    }
    for (const [name, wanted] of Object.entries(timeout)) {
      const seen = told.get(name)?.value;
      // It may be counting down already, but 0 would be no fall-back.
      if (typeof seen !== 'number' || seen <= 0 || seen > wanted)
        return 'the device would not fall back by itself';
    }
    return undefined;
  }

  /** Repeats a set-point to a watchdog of fixed length until its time is over, then gives control back. */
  function keep(value: number, revertS: number): void {
    stopKeeping();
    if (!('fixedS' in watchdog)) return;
    const untilMs = wire.nowMs() + 1000 * revertS;
    const turn = async () => {
      if (wire.nowMs() >= untilMs) {
        stopKeeping();
        await release();
      } else if (arbiter.permit(value, wire.nowMs()).ok) {
        await writeProfilePoints(link, unitId, profile, { [control.setPoint]: value });
        arbiter.wrote(value, wire.nowMs());
      }
    };
    keeping = setInterval(() => {
      turn().catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        wire.log({ event: 'refresh-failed', device: wire.description.id, reason });
      });
    }, 1000 * watchdog.refreshS);
    keeping.unref();
  }

  function stopKeeping(): void {
    clearInterval(keeping);
    keeping = undefined;
  }

  /** Whoever else steers it goes on. */
  const notHeld = async (): Promise<SetPointOutcome> => ({ ok: true, appliedW: maxW, clamped: false });

  async function release(wait?: Wait): Promise<SetPointOutcome> {
    stopKeeping();
    await writeProfilePoints(link, unitId, profile, control.release, wait);
    arbiter.forget();
    const told = await readPoints(link, unitId, profile, Object.keys(control.release), wait);
    for (const [name, wanted] of Object.entries(control.release)) {
      const seen = told.get(name)?.value;
      if (typeof seen === 'number' && Math.abs(seen - wanted) <= Math.abs(profile.points[name]!.scale))
        continue;
      const reason = `${name} reads ${seen}, not ${wanted}`;
      return { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason };
    }
    hold.drop();
    return { ok: true, appliedW: maxW, clamped: false };
  }

  return {
    maxW,
    set: (setPoint, wait) => outcomeOf(() => set(setPoint, wait)),
    release: (wait) => outcomeOf(() => (hold.held ? release(wait) : notHeld())),
    async close() {
      stopKeeping();
      await hold.close(release);
    },
  };
}

function timeoutOf(profile: Profile, revertS: number): Readonly<Record<string, number>> {
  const { watchdog } = profile.control;
  if (!('timeout' in watchdog)) return {};
  const wanted = watchdog.unit === 'ms' ? 1000 * revertS : revertS;
  return { [watchdog.timeout]: Math.min(wanted, watchdog.max) };
}

async function readBounds(wire: Wire, profile: Profile, wait?: Wait) {
  const { min, max, phases } = profile.control;
  const names = [min, max, phases].filter((bound) => typeof bound === 'string');
  const told = await readPoints(wire.link, wire.unitId, profile, names, wait);
  const resolve = (bound: number | string): number => {
    const value = typeof bound === 'number' ? bound : told.get(bound)?.value;
    if (typeof value === 'number' && value >= 0) return value;
    const details = { ...wire.link.target, unitId: wire.unitId, device: wire.description.id, point: bound };
    throw new DriversError(
      'DRIVERS_POINT_UNAVAILABLE',
      `${wire.description.id} does not tell ${bound}`,
      details,
    );
  };
  return { min: resolve(min), max: resolve(max), phases: resolve(phases) };
}
