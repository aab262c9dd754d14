import type { AnyDevice, SetPointOutcome } from '../../drivers/index.ts';
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
  /** Undefined: planned without, so it is left to itself. */
  readonly evChargeKw: number | undefined;
  readonly hvacKw: number | undefined;
  readonly pvUsedKw: number;
  readonly pvExpectedKw: number;
  readonly netImportKw: number;
};

export function slotPlan(plan: DevicePlan, slot: number): SlotPlan | undefined {
  const t = slot - plan.fromSlot;
  if (t < 0 || t >= plan.netImportKw.length) return undefined;
  return {
    batteryNetChargeKw: plan.batteryNetChargeKw[t]!,
    evChargeKw: plan.evChargeKw[t],
    hvacKw: plan.hvacKw[t],
    pvUsedKw: plan.pvUsedKw[t]!,
    pvExpectedKw: plan.pvExpectedKw[t] ?? plan.pvUsedKw[t]!,
    netImportKw: plan.netImportKw[t]!,
  };
}

/** Whether the plan holds generation down; what is measured then says nothing of what the sky would give. */
export const isCurtailed = ({ pvUsedKw, pvExpectedKw }: SlotPlan): boolean =>
  pvUsedKw < CURTAIL_BELOW * pvExpectedKw;

export type DispatchOptions = {
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
  const { revertMs, signal } = options;
  const { evChargeKw, hvacKw } = plan;
  const evse = devices.find('evse');
  const hvac = devices.find('hvac');
  const pv = devices.find('pv');
  await Promise.all([
    dispatchBattery(devices, plan, options),
    // A plan that knew neither charge nor temperature is no reason to leave a vehicle empty or a house cold.
    steer(devices, evse, options, (unit) =>
      evChargeKw === undefined
        ? unit.release({ signal })
        : unit.charge({ powerW: evChargeKw * W_PER_KW, revertMs }, { signal }),
    ),
    steer(devices, hvac, options, (unit) =>
      hvacKw === undefined
        ? unit.release({ signal })
        : unit.setPower({ powerW: hvacKw * W_PER_KW, revertMs }, { signal }),
    ),
    steer(devices, pv, options, (unit) =>
      isCurtailed(plan)
        ? unit.limitGeneration({ powerW: plan.pvUsedKw * W_PER_KW, revertMs }, { signal })
        : unit.release({ signal }),
    ),
  ]);
}

/** The battery's part alone. Below a few watts it idles, and keeps its set-point so that it goes on idling. */
export async function dispatchBattery(
  devices: Devices,
  { batteryNetChargeKw }: SlotPlan,
  options: DispatchOptions,
): Promise<void> {
  const { revertMs, signal } = options;
  const netChargeW = batteryNetChargeKw * W_PER_KW;
  const powerW = Math.abs(netChargeW) < IDLE_BELOW_W ? 0 : Math.abs(netChargeW);
  await steer(devices, devices.find('battery'), options, (unit) =>
    netChargeW < 0 && powerW > 0
      ? unit.discharge({ powerW, revertMs }, { signal })
      : unit.charge({ powerW, revertMs }, { signal }),
  );
}

/** Gives every device back to its own control, as at the end. One that cannot be reached falls back by itself. */
export async function letGo(
  devices: Devices,
  options: Pick<DispatchOptions, 'signal' | 'log'>,
): Promise<void> {
  const { signal } = options;
  await Promise.all(
    (['battery', 'evse', 'hvac', 'pv'] as const).map((kind) =>
      steer(devices, devices.find(kind), options, (unit) => unit.release({ signal })),
    ),
  );
}

/** Says a device what to do, if it is there; tells when it would not, and marks it when it did not answer. */
async function steer<Unit extends AnyDevice>(
  devices: Devices,
  unit: Unit | undefined,
  { signal, log }: Pick<DispatchOptions, 'signal' | 'log'>,
  say: (unit: Unit) => Promise<SetPointOutcome>,
): Promise<void> {
  if (unit === undefined) return;
  try {
    const outcome = await say(unit);
    if (outcome.ok) return;
    const { code, reason } = outcome;
    log({ event: 'set-point-refused', level: 'warn', device: unit.id, code, reason });
  } catch (error) {
    if (signal.aborted) throw error;
    devices.mark(unit.id, (error as Error).message);
  }
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
