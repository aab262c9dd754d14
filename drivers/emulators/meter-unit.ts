import type { FaultView } from './device-fault.ts';
import type { RegisterDevice } from './modbus-server.ts';
import type { ModelValues } from './register-image.ts';
import type { RunningHouse } from './running-house.ts';
import { commonModel, createSunSpecUnit } from './sunspec-unit.ts';

const importStartWh = 1_000_000;
const exportStartWh = 100_000;
/** What the line to the house drops, a volt for each few kilowatts: enough to see direction and size. */
const ohmPerPhase = 0.15;

/** The meter of the connection: SunSpec models 1 and 203, import positive, power spread evenly over three phases. */
export function createMeterUnit(house: RunningHouse, serial: string, faults: FaultView): RegisterDevice {
  const scale = connectionKwOf(house) > 32 ? 1 : 0;
  return createSunSpecUnit({
    models: () => [commonModel('Emulated meter', serial), meterModel(house, scale)],
    allAbsent: () => faults.fault?.kind === 'sentinels',
  });
}

function meterModel(house: RunningHouse, scale: 0 | 1): ModelValues {
  const { flows, counters } = house.snapshot();
  const importW = flows.netImportKw * 1_000;
  const phaseA = importW / 3 / 230;
  const volts = 230 - ohmPerPhase * phaseA;
  const between = volts * Math.sqrt(3);
  const scales = {
    A_SF: -1,
    V_SF: -1,
    Hz_SF: -2,
    W_SF: scale,
    VA_SF: scale,
    VAR_SF: scale,
    PF_SF: -1,
    TotWh_SF: -2,
    TotVAh_SF: 0,
    TotVArh_SF: 0,
  };
  const measured = {
    A: 3 * phaseA,
    AphA: phaseA,
    AphB: phaseA,
    AphC: phaseA,
    PhV: volts,
    PhVphA: volts,
    PhVphB: volts,
    PhVphC: volts,
    PPV: between,
    PhVphAB: between,
    PhVphBC: between,
    PhVphCA: between,
    Hz: 50,
    W: importW,
    WphA: importW / 3,
    WphB: importW / 3,
    WphC: importW / 3,
    VA: Math.abs(importW),
    VAR: 0,
    PF: 100,
    TotWhImp: importStartWh + counters.importKwh * 1_000,
    TotWhExp: exportStartWh + counters.exportKwh * 1_000,
    Evt: 0,
  };
  return { model: 203, values: { ...scales, ...measured } };
}

/** The most that may flow either way. */
function connectionKwOf({ spec: { baseLoadKw, battery, ev, hvac }, pvRatedKw }: RunningHouse): number {
  const loadKw = Math.max(...Array.from(baseLoadKw)) + (ev?.chargeKwMax ?? 0) + (hvac?.powerKwMax ?? 0);
  return Math.max(loadKw + (battery?.chargeKwMax ?? 0), pvRatedKw + (battery?.dischargeKwMax ?? 0));
}
