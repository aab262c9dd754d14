import type { SetPointOutcome } from '../../drivers/index.ts';
import type { Devices } from '../devices.ts';
import type { Log } from '../log.ts';
import type { DevicePlan } from './optimize.ts';

const W_PER_KW = 1_000;
/** Generation planned below this share of what is expected is a wish to curtail, not a rounding. */
const CURTAIL_BELOW = 0.98;
/** A battery idles below this: converters do not hold a few watts. */
const IDLE_BELOW_W = 20;

/** What the devices are to do in one slot, kW. */
export type SlotPlan = {
  readonly batteryNetChargeKw: number;
  readonly evChargeKw: number;
  readonly hvacKw: number;
  readonly pvUsedKw: number;
  readonly netImportKw: number;
};

export function slotPlan(plan: DevicePlan, slot: number): SlotPlan | undefined {
  const t = slot - plan.fromSlot;
  if (t < 0 || t >= plan.netImportKw.length) return undefined;
  return {
    batteryNetChargeKw: plan.batteryNetChargeKw[t]!,
    evChargeKw: plan.evChargeKw[t]!,
    hvacKw: plan.hvacKw[t]!,
    pvUsedKw: plan.pvUsedKw[t]!,
    netImportKw: plan.netImportKw[t]!,
  };
}

export type DispatchOptions = {
  readonly pvForecastKw: number;
  /** After this long on the device's own clock it falls back by itself, if nothing new is said. */
  readonly revertMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
};

/**
 * Fifth of the six: tell each device its part of the slot. Every set-point carries a time after which the
 * device falls back by itself; one that is refused or has no effect is told, and the others go on.
 */
export async function dispatch(devices: Devices, plan: SlotPlan, options: DispatchOptions): Promise<void> {
  const { revertMs, signal, log } = options;
  const wait = { signal };
  const say = async (deviceId: string, outcome: Promise<SetPointOutcome>) => {
    try {
      const result = await outcome;
      if (!result.ok)
        log({
          event: 'set-point-refused',
          level: 'warn',
          device: deviceId,
          code: result.code,
          reason: result.reason,
        });
    } catch (error) {
      if (signal.aborted) throw error;
      devices.mark(deviceId, (error as Error).message);
    }
  };

  const battery = devices.find('battery');
  const evse = devices.find('evse');
  const hvac = devices.find('hvac');
  const pv = devices.find('pv');
  await Promise.all([
    battery && say(battery.id, setBattery(battery, plan.batteryNetChargeKw * W_PER_KW, revertMs, wait)),
    evse && say(evse.id, evse.charge({ powerW: plan.evChargeKw * W_PER_KW, revertMs }, wait)),
    hvac && say(hvac.id, hvac.setPower({ powerW: plan.hvacKw * W_PER_KW, revertMs }, wait)),
    pv &&
      say(
        pv.id,
        plan.pvUsedKw < CURTAIL_BELOW * options.pvForecastKw
          ? pv.limitGeneration({ powerW: plan.pvUsedKw * W_PER_KW, revertMs }, wait)
          : pv.release(wait),
      ),
  ]);
}

type BatteryDevice = NonNullable<ReturnType<typeof findBattery>>;
const findBattery = (devices: Devices) => devices.find('battery');

function setBattery(
  battery: BatteryDevice,
  netChargeW: number,
  revertMs: number,
  wait: { signal: AbortSignal },
): Promise<SetPointOutcome> {
  if (Math.abs(netChargeW) < IDLE_BELOW_W) return battery.charge({ powerW: 0, revertMs }, wait);
  return netChargeW > 0
    ? battery.charge({ powerW: netChargeW, revertMs }, wait)
    : battery.discharge({ powerW: -netChargeW, revertMs }, wait);
}

/**
 * Holds the meter to what was nominated: what the forecast missed, the battery makes up for, as far as it can.
 *
 * @returns the plan with the battery's new part, or undefined where nothing is to change.
 */
export function trim(
  plan: SlotPlan,
  measuredNetImportKw: number,
  battery: { readonly chargeKwMax: number; readonly dischargeKwMax: number },
): SlotPlan | undefined {
  const missedKw = measuredNetImportKw - plan.netImportKw;
  const wantedKw = plan.batteryNetChargeKw - missedKw;
  const batteryNetChargeKw = Math.min(Math.max(wantedKw, -battery.dischargeKwMax), battery.chargeKwMax);
  const changeW = Math.abs(batteryNetChargeKw - plan.batteryNetChargeKw) * W_PER_KW;
  return changeW < IDLE_BELOW_W ? undefined : { ...plan, batteryNetChargeKw };
}
