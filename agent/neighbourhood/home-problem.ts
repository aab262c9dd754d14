import type { HomeProblem, Trade } from '../../optimizer/index.ts';
import type { DayData, HomeDay } from './types.ts';

/** The home's whole day with perfect foresight: what alone, together and centralised costs are compared by. */
export function homeProblem(day: DayData, home: HomeDay, trade: Trade): HomeProblem {
  return {
    slots: day.slots,
    slotHours: day.slotMs / 3_600_000,
    importPricePerKwh: day.importPricePerKwh,
    feedInPricePerKwh: day.feedInPricePerKwh,
    importKwMax: home.importKwMax,
    baseLoadKw: home.baseLoadKw,
    pvKw: home.pvKw,
    ...(home.battery === undefined ? {} : { battery: home.battery }),
    ...(home.ev === undefined ? {} : { ev: home.ev }),
    ...(home.hvac === undefined ? {} : { hvac: home.hvac }),
    trade,
  };
}
