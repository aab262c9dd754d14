import { type FaultView, obeys, swallowsWrites } from './device-fault.ts';
import { modbusException, type RegisterDevice } from './modbus-server.ts';
import type { ModelValues } from './register-image.ts';
import type { RunningHouse } from './running-house.ts';
import {
  type ControlBlock,
  commonModel,
  createSunSpecUnit,
  notImplemented,
  seconds,
} from './sunspec-unit.ts';

const state = { sleeping: 2, mppt: 4, throttled: 5 };
const enabled = 1;
const counterStartWh = 500_000;

/** An inverter: SunSpec models 1, 103, 120 and 123; the limit of 123 is in percent of 120 `WRtg`. */
export function createPvUnit(house: RunningHouse, serial: string, faults: FaultView): RegisterDevice {
  const ratedW = Math.max(1, Math.ceil(house.pvRatedKw * 1_000 - 1e-6));
  const powerScale = ratedW > 31_000 ? 1 : 0;
  const limit = limitBlock(house, ratedW, faults);
  return createSunSpecUnit({
    models: () => [
      commonModel('Emulated inverter', serial),
      inverterModel(house, ratedW, powerScale, faults),
      nameplateModel(ratedW, powerScale),
      limit.model(),
    ],
    controls: [limit.block],
    allAbsent: () => faults.fault?.kind === 'sentinels',
  });
}

function inverterModel(
  house: RunningHouse,
  ratedW: number,
  powerScale: number,
  faults: FaultView,
): ModelValues {
  const { flows, counters } = house.snapshot();
  const generationW = flows.pvKw * 1_000;
  const sleeps = house.pvAvailableKw <= 0;
  const limitKw = house.orders.pvLimitKw?.value;
  const throttled = limitKw !== undefined && house.pvAvailableKw > limitKw;
  const scales = {
    A_SF: -2,
    V_SF: -1,
    W_SF: powerScale,
    Hz_SF: -2,
    VA_SF: powerScale,
    VAr_SF: powerScale,
    PF_SF: -1,
    WH_SF: -2,
    DCW_SF: powerScale,
    Tmp_SF: -1,
  };
  const status = { St: sleeps ? state.sleeping : throttled ? state.throttled : state.mppt, Evt1: 0, Evt2: 0 };
  const counter = { WH: counterStartWh + counters.pvKwh * 1_000 };
  if (faults.fault?.kind === 'asleep') return { model: 103, values: { ...scales, ...status, ...counter } };
  const phaseA = generationW / 3 / 230;
  const measured = {
    A: 3 * phaseA,
    AphA: phaseA,
    AphB: phaseA,
    AphC: phaseA,
    PPVphAB: 398.4,
    PPVphBC: 398.4,
    PPVphCA: 398.4,
    PhVphA: 230,
    PhVphB: 230,
    PhVphC: 230,
    W: generationW,
    Hz: 50,
    VA: generationW,
    VAr: 0,
    PF: 100,
    DCW: generationW / 0.97,
    TmpCab: 25 + (20 * generationW) / ratedW,
  };
  return { model: 103, values: { ...scales, ...status, ...counter, ...measured } };
}

function nameplateModel(ratedW: number, powerScale: number): ModelValues {
  const scales = {
    WRtg_SF: powerScale,
    VARtg_SF: powerScale,
    VArRtg_SF: powerScale,
    ARtg_SF: -2,
    PFRtg_SF: -2,
  };
  const ratings = { DERTyp: 4, WRtg: ratedW, VARtg: ratedW, ARtg: ratedW / 690, PFRtgQ1: 0.8, PFRtgQ4: -0.8 };
  return { model: 120, values: { ...scales, ...ratings } };
}

function limitBlock(house: RunningHouse, ratedW: number, faults: FaultView) {
  // WMaxLimPct, its window, revert and ramp times, WMaxLim_Ena.
  let held: readonly number[] = [10_000, 0, 0, 0, 0];
  let revertsAtMs = Number.POSITIVE_INFINITY;
  const read = () => {
    if (house.utcMs >= revertsAtMs) held = [...held.slice(0, 4), 0];
    return held;
  };
  const block: ControlBlock = {
    model: 123,
    firstPoint: 'WMaxLimPct',
    read,
    write: (registers) => {
      const [percent = 0, , revertSeconds = 0, , enable = 0] = registers;
      if (percent > 10_000 || enable > enabled) return modbusException.illegalDataValue;
      if (swallowsWrites(faults)) return 0;
      held = registers;
      const reverts = enable === enabled && revertSeconds !== 0 && revertSeconds !== notImplemented;
      revertsAtMs = reverts ? house.utcMs + revertSeconds * 1_000 : Number.POSITIVE_INFINITY;
      if (!obeys(faults)) return 0;
      const limitKw = ((percent / 10_000) * ratedW) / 1_000;
      house.orders.pvLimitKw = enable === enabled ? { value: limitKw, untilMs: revertsAtMs } : undefined;
      return 0;
    },
  };
  const model = (): ModelValues => {
    const [percent = 0, windowSeconds = 0, revertSeconds = 0, rampSeconds = 0, enable = 0] = read();
    const values = {
      WMaxLimPct: percent / 100,
      WMaxLimPct_SF: -2,
      WMaxLim_Ena: enable,
      ...seconds('WMaxLimPct_WinTms', windowSeconds),
      ...seconds('WMaxLimPct_RvrtTms', revertSeconds),
      ...seconds('WMaxLimPct_RmpTms', rampSeconds),
    };
    return { model: 123, values };
  };
  return { block, model };
}
