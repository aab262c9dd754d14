import type { Battery, ElectricVehicle, Hvac } from '../../optimizer/index.ts';

/**
 * The homes of one network and the weather and prices they share, over one or more days. All series have
 * one value per `slotMinutes`, from `firstSlotMs` on, without gaps; power in kW (constant within the slot),
 * prices in money per kWh, temperatures in degrees Celsius.
 */
export type Neighbourhood = {
  /** Where it comes from, for people: a directory or the generator with its seed. */
  readonly source: string;
  readonly currency: string;
  /** Days with every slot present, `YYYY-MM-DD`, ascending; never empty. */
  readonly days: readonly string[];
  readonly slotMinutes: number;
  /** Time of the first value. The data's local clock is taken as UTC. */
  readonly firstSlotMs: number;
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  readonly outdoorC: readonly number[];
  /** By name, ascending by code unit. */
  readonly homes: readonly HomeDescription[];
};

/** One home: what it used and could have generated, and what stands in it. */
export type HomeDescription = {
  readonly home: string;
  readonly baseLoadKw: readonly number[];
  /** Available generation; zeros without PV. */
  readonly pvKw: readonly number[];
  readonly pvRatedKw?: number;
  readonly battery?: Battery;
  readonly ev?: EvDescription;
  readonly hvac?: HvacDescription;
};

/** A vehicle that leaves and returns at the same hours every day. */
export type EvDescription = {
  readonly capacityKwh: number;
  readonly chargeKwMax: number;
  readonly chargeEfficiency: number;
  /** Local clock hours, 0 < departureHour < returnHour < 24. */
  readonly departureHour: number;
  readonly returnHour: number;
  /** Stored energy at midnight, and asked for again by the next one as far as the charger can. */
  readonly midnightKwh: number;
  /** Stored energy asked for at departure. */
  readonly targetKwh: number;
  readonly drivenKwh: number;
  readonly wearPerKwh: number;
};

/** A reversible heat pump and the house around it, as one thermal resistance and one capacitance. */
export type HvacDescription = {
  readonly powerKwMax: number;
  readonly resistanceKPerKw: number;
  readonly capacitanceKwhPerK: number;
  /** Heat moved per electricity used, either way. */
  readonly coefficientOfPerformance: number;
  readonly heatingPreferredC: number;
  readonly coolingPreferredC: number;
  /** Comfort reaches so far to either side of the preferred temperature. */
  readonly comfortK: number;
  readonly discomfortPerK2h: number;
};

/** One day of a neighbourhood in the slots it is run in. Plain data: it survives JSON. */
export type DayData = {
  readonly day: string;
  /** Midnight of the day's local clock taken as UTC, in milliseconds. */
  readonly startMs: number;
  readonly slotMs: number;
  readonly slots: number;
  readonly currency: string;
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  readonly outdoorC: readonly number[];
  readonly homes: readonly HomeDay[];
};

/** One home's day as it truly happens: the emulated house lives it, the optimizer plans with it. */
export type HomeDay = {
  readonly home: string;
  readonly baseLoadKw: readonly number[];
  readonly pvKw: readonly number[];
  readonly importKwMax: number;
  readonly pvRatedKw?: number;
  readonly battery?: Battery;
  readonly ev?: EvDay;
  readonly hvac?: HvacDay;
};

export type EvDay = ElectricVehicle & {
  readonly present: readonly number[];
  readonly energyKwhMin: readonly number[];
  readonly drivenKwh: readonly number[];
  /** First slot away; absent when the vehicle stays past the horizon. */
  readonly departureSlot?: number;
  /** First slot back; absent when it returns after the horizon. */
  readonly returnSlot?: number;
};

export type HvacDay = Hvac & {
  readonly outdoorC: readonly number[];
  readonly mode: 'heating' | 'cooling';
  readonly coefficientOfPerformance: number;
};
