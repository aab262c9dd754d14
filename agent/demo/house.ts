import type { HouseSpec } from '../../drivers/index.ts';
import type { DayData, HomeDay } from '../neighbourhood/index.ts';

/** The emulated house: the day as it truly happens. */
export const houseOf = (data: DayData, home: HomeDay): HouseSpec => ({
  home: home.home,
  startMs: data.startMs,
  slotMs: data.slotMs,
  baseLoadKw: home.baseLoadKw,
  pvKw: home.pvKw,
  outdoorC: data.outdoorC,
  ...(home.pvRatedKw !== undefined && { pvRatedKw: home.pvRatedKw }),
  ...(home.battery && {
    battery: {
      capacityKwh: home.battery.capacityKwh,
      chargeKwMax: home.battery.chargeKwMax,
      dischargeKwMax: home.battery.dischargeKwMax,
      chargeEfficiency: home.battery.chargeEfficiency,
      dischargeEfficiency: home.battery.dischargeEfficiency,
      initialKwh: home.battery.initialKwh,
    },
  }),
  ...(home.ev && {
    ev: {
      capacityKwh: home.ev.capacityKwh,
      chargeKwMax: home.ev.chargeKwMax,
      chargeEfficiency: home.ev.chargeEfficiency,
      initialKwh: home.ev.initialKwh,
      present: home.ev.present,
      drivenKwh: home.ev.drivenKwh,
    },
  }),
  ...(home.hvac && {
    hvac: {
      powerKwMax: home.hvac.powerKwMax,
      resistanceKPerKw: home.hvac.resistanceKPerKw,
      capacitanceKwhPerK: home.hvac.capacitanceKwhPerK,
      cop: home.hvac.coefficientOfPerformance,
      mode: home.hvac.mode === 'heating' ? 'heat' : 'cool',
      indoorCInitial: home.hvac.indoorCInitial,
      preferredC: home.hvac.preferredC,
    },
  }),
});
