import { type FaultView, obeys, swallowsWrites } from './device-fault.ts';
import type { BatterySpec } from './house-spec.ts';
import { modbusException, type RegisterDevice } from './modbus-server.ts';
import type { ModelValues } from './register-image.ts';
import type { HouseSnapshot, RunningHouse } from './running-house.ts';
import {
  type ControlBlock,
  commonModel,
  createSunSpecUnit,
  notImplemented,
  seconds,
} from './sunspec-unit.ts';

const chargeState = { off: 1, empty: 2, discharging: 3, charging: 4, full: 5, holding: 6 };
const chargeBit = 0b01;
const dischargeBit = 0b10;
const nominalV = 400;

/** A battery: SunSpec models 1, 124 and 802. Rates of 124 are in percent of `WChaMax`, to a hundredth. */
export function createBatteryUnit(
  house: RunningHouse,
  battery: BatterySpec,
  serial: string,
  faults: FaultView,
): RegisterDevice {
  const wholeW = Math.max(1, Math.round(Math.max(battery.chargeKwMax, battery.dischargeKwMax) * 1_000));
  const control = rateBlocks(house, wholeW, faults);
  return createSunSpecUnit({
    models: () => {
      const now = house.snapshot();
      const state = chargeStateOf(now, battery, control.inForce());
      return [
        commonModel('Emulated battery', serial),
        storageModel(control, wholeW, socPercent(now, battery), state),
        bankModel(now, battery, state),
      ];
    },
    controls: control.blocks,
    allAbsent: () => faults.fault?.kind === 'sentinels',
  });
}

type Rates = ReturnType<typeof rateBlocks>;

function rateBlocks(house: RunningHouse, wholeW: number, faults: FaultView) {
  let mode = 0;
  // OutWRte, InWRte, their window, revert and ramp times.
  let rates: readonly number[] = [10_000, 10_000, 0, 0, 0];
  let revertsAtMs = Number.POSITIVE_INFINITY;

  const modeNow = () => {
    if (house.utcMs >= revertsAtMs) mode = 0;
    return mode;
  };
  const rateOf = (register = 0) => (register >= 0x8000 ? register - 0x1_0000 : register) / 100;

  /** The rates bound the power, a negative one forces the other way; by itself the battery rests. */
  function take(nextMode: number, nextRates: readonly number[]): number {
    const out = rateOf(nextRates[0]);
    const into = rateOf(nextRates[1]);
    if (Math.abs(out) > 100 || Math.abs(into) > 100 || nextMode > (chargeBit | dischargeBit))
      return modbusException.illegalDataValue;
    if (swallowsWrites(faults)) return 0;
    mode = nextMode;
    rates = nextRates;
    const revertSeconds = rates[3] ?? 0;
    const reverts = mode !== 0 && revertSeconds !== 0 && revertSeconds !== notImplemented;
    revertsAtMs = reverts ? house.utcMs + revertSeconds * 1_000 : Number.POSITIVE_INFINITY;
    if (!obeys(faults)) return 0;
    const chargePercentMax = mode & chargeBit ? into : 100;
    const chargePercentMin = mode & dischargeBit ? -out : -100;
    const percent =
      chargePercentMin > chargePercentMax ? 0 : Math.min(Math.max(0, chargePercentMin), chargePercentMax);
    const value = ((percent / 100) * wholeW) / 1_000;
    house.orders.batteryNetChargeKw = mode === 0 ? undefined : { value, untilMs: revertsAtMs };
    return 0;
  }

  const blocks: ControlBlock[] = [
    {
      model: 124,
      firstPoint: 'StorCtl_Mod',
      read: () => [modeNow()],
      write: ([next = 0]) => take(next, rates),
    },
    { model: 124, firstPoint: 'OutWRte', read: () => rates, write: (next) => take(modeNow(), next) },
  ];
  return {
    blocks,
    inForce: () => modeNow() !== 0 && obeys(faults),
    values: (): Record<string, number> => ({
      StorCtl_Mod: modeNow(),
      OutWRte: rateOf(rates[0]),
      InWRte: rateOf(rates[1]),
      ...seconds('InOutWRte_WinTms', rates[2] ?? 0),
      ...seconds('InOutWRte_RvrtTms', rates[3] ?? 0),
      ...seconds('InOutWRte_RmpTms', rates[4] ?? 0),
    }),
  };
}

function storageModel(control: Rates, wholeW: number, soc: number, state: number): ModelValues {
  const scale = wholeW > 65_000 ? 1 : 0;
  const scales = { WChaMax_SF: scale, WChaDisChaGra_SF: 0, ChaState_SF: -2, InOutWRte_SF: -2, InBatV_SF: -1 };
  const told = {
    WChaMax: wholeW,
    WChaGra: 100,
    WDisChaGra: 100,
    ChaState: soc,
    InBatV: nominalV,
    ChaSt: state,
  };
  return { model: 124, values: { ...scales, ...told, ChaGriSet: 1, ...control.values() } };
}

function bankModel(now: HouseSnapshot, battery: BatterySpec, state: number): ModelValues {
  const dischargeW = (now.flows.batteryDischargeKw - now.flows.batteryChargeKw) * 1_000;
  const capacityWh = battery.capacityKwh * 1_000;
  const powerScale = Math.max(battery.chargeKwMax, battery.dischargeKwMax) > 32 ? 1 : 0;
  const soc = socPercent(now, battery);
  const scales = {
    AHRtg_SF: 0,
    WHRtg_SF: capacityWh > 65_000 ? 1 : 0,
    WChaDisChaMax_SF: powerScale,
    SoC_SF: -2,
    DoD_SF: -2,
    SoH_SF: 0,
    V_SF: -1,
    A_SF: -1,
    W_SF: powerScale,
  };
  const ratings = {
    AHRtg: capacityWh / nominalV,
    WHRtg: capacityWh,
    WChaRteMax: battery.chargeKwMax * 1_000,
    WDisChaRteMax: battery.dischargeKwMax * 1_000,
    SoCMax: 100,
    SoCMin: 0,
  };
  const measured = {
    SoC: soc,
    DoD: 100 - soc,
    SoH: 100,
    ChaSt: state,
    LocRemCtl: 0,
    Typ: 4,
    State: 3,
    Evt1: 0,
    Evt2: 0,
    V: nominalV,
    A: dischargeW / nominalV,
    W: dischargeW,
    ReqW: 0,
  };
  return { model: 802, values: { ...scales, ...ratings, ...measured } };
}

function socPercent(now: HouseSnapshot, battery: BatterySpec): number {
  return Math.min(100, (100 * now.batteryKwh) / battery.capacityKwh);
}

function chargeStateOf(now: HouseSnapshot, battery: BatterySpec, inForce: boolean): number {
  const { batteryChargeKw, batteryDischargeKw } = now.flows;
  const shownKw = 0.0005;
  if (batteryChargeKw >= shownKw) return chargeState.charging;
  if (batteryDischargeKw >= shownKw) return chargeState.discharging;
  if (now.batteryKwh >= battery.capacityKwh * 0.999) return chargeState.full;
  if (now.batteryKwh <= battery.capacityKwh * 0.001) return chargeState.empty;
  return inForce ? chargeState.holding : chargeState.off;
}
