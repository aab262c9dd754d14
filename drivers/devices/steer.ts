import { setTimeout as pause } from 'node:timers/promises';
import { DriversError } from '../errors.ts';
import type { SetPoint, SetPointOutcome, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';

const pollMs = 100;
const closeTimeoutMs = 2000;

export type Refusal = { readonly ok: false; readonly code: string; readonly reason: string };

/** A set-point held to what the device can do; refused when it is no power or no time at all. */
export function clampSetPoint(
  setPoint: SetPoint,
  maxW: number,
):
  | { readonly ok: true; readonly powerW: number; readonly clamped: boolean; readonly revertS: number }
  | Refusal {
  const { powerW, revertMs } = setPoint;
  if (!Number.isFinite(powerW) || !Number.isFinite(revertMs) || revertMs <= 0) {
    const reason = `a set-point of ${powerW} W for ${revertMs} ms`;
    return { ok: false, code: 'DRIVERS_SETPOINT_OUT_OF_RANGE', reason };
  }
  const held = Math.min(Math.max(powerW, 0), maxW);
  // 0 would mean "for ever" to some devices, 65535 "unimplemented" to all.
  const revertS = Math.min(Math.max(Math.ceil(revertMs / 1000), 1), 65534);
  return { ok: true, powerW: held, clamped: held !== powerW, revertS };
}

/**
 * Looks until what is seen is right or the time for it is over. `look` gives the fault it sees, or undefined;
 * it is called at least once, and a few times a second after that.
 */
export async function settled(
  look: () => Promise<string | undefined>,
  settleMs: number,
  wait: Wait = {},
): Promise<Refusal | undefined> {
  const looksMax = Math.ceil(settleMs / pollMs) + 1;
  let fault: string | undefined;
  for (let looks = 0; looks < looksMax; looks += 1) {
    if (looks > 0)
      await pause(pollMs, undefined, { ...(wait.signal && { signal: wait.signal }) }).catch(aborted);
    fault = await look();
    if (fault === undefined) return undefined;
  }
  return { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason: fault ?? 'no effect' };
}

function aborted(cause: unknown): never {
  throw new DriversError('DRIVERS_ABORTED', 'given up while the effect was awaited', {}, { cause });
}

/**
 * Runs a set-point to its outcome: what the device itself refuses, or cannot hold, is an outcome; what the wire
 * does not carry stays an exception.
 */
export async function outcomeOf(attempt: () => Promise<SetPointOutcome>): Promise<SetPointOutcome> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof DriversError)) throw error;
    if (!isRefusal(error)) throw error;
    const { code, message: reason } = error;
    return {
      ok: false,
      code: code === 'DRIVERS_MODBUS_EXCEPTION' ? 'DRIVERS_SETPOINT_REFUSED' : code,
      reason,
    };
  }
}

/** The device said no, or nothing could be said to it: exceptions from 10 on are a gateway's. */
function isRefusal({ code, details }: DriversError): boolean {
  if (code === 'DRIVERS_MODBUS_EXCEPTION') return Number(details.exception) < 10;
  return code === 'DRIVERS_SETPOINT_OUT_OF_RANGE';
}

/** Remembers whether we steer a device, so that closing gives it back and leaves others' control alone. */
export function holdOf(wire: Wire) {
  let held = false;
  return {
    get held() {
      return held;
    },
    /** Writes what takes control. A write without an answer may have been carried out: only a refusal leaves all as it was. */
    async take(write: () => Promise<void>): Promise<void> {
      try {
        await write();
        held = true;
      } catch (error) {
        if (!(error instanceof DriversError && isRefusal(error))) held = true;
        throw error;
      }
    },
    drop: () => {
      held = false;
    },
    /** Gives control back where we have it, within the time of a few requests, and frees the link in any case. */
    async close(release: (wait?: Wait) => Promise<SetPointOutcome>): Promise<void> {
      try {
        const outcome = held ? await release({ timeoutMs: closeTimeoutMs }) : undefined;
        if (outcome && !outcome.ok)
          wire.log({ event: 'release-failed', device: wire.description.id, ...failure(outcome) });
      } catch (error) {
        if (!(error instanceof DriversError)) throw error;
        // It falls back by itself when its revert time is over.
        const { code, message: reason } = error;
        wire.log({ event: 'release-failed', device: wire.description.id, code, reason });
      } finally {
        await wire.release();
      }
    },
  };
}

function failure({ code, reason }: Refusal): { code: string; reason: string } {
  return { code, reason };
}
