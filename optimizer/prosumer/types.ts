/**
 * One home's problem and its plan, by name. The DERs Cost Minimization of Yang & Wang with the errata
 * that docs/decisions.md lists. All series have `slots` entries; power in kW, energy in kWh, money in the
 * network's currency, temperatures in degrees Celsius.
 */

export type Battery = {
  readonly capacityKwh: number;
  readonly energyKwhMin: number;
  readonly chargeKwMax: number;
  readonly dischargeKwMax: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  readonly initialKwh: number;
  /** Energy at the end of the horizon at least; the initial energy unless told otherwise. */
  readonly finalKwhMin?: number;
  readonly wearPerKwh: number;
};

export type ElectricVehicle = {
  readonly capacityKwh: number;
  readonly chargeKwMax: number;
  /** 0 where the charger cannot feed back. */
  readonly dischargeKwMax: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  /** Energy at the start of slot 0 (at arrival, if it is not there yet in slot 0). */
  readonly initialKwh: number;
  /** 1 where the vehicle is plugged in. */
  readonly present: ArrayLike<number>;
  /** Energy at least, at the end of each slot: the target at departure, 0 elsewhere. */
  readonly energyKwhMin: ArrayLike<number>;
  /** Energy used by driving, taken at the start of the slot in which the vehicle returns. */
  readonly drivenKwh: ArrayLike<number>;
  readonly wearPerKwh: number;
};

export type Hvac = {
  readonly powerKwMax: number;
  /** Thermal resistance, K per kW, and capacitance, kWh per K, of the house. */
  readonly resistanceKPerKw: number;
  readonly capacitanceKwhPerK: number;
  /** Kelvin that one kW of electric power held over one slot adds by the next (negative when cooling). */
  readonly gainKPerKw: number;
  readonly outdoorC: ArrayLike<number>;
  readonly preferredC: number;
  readonly indoorCMin: number;
  readonly indoorCMax: number;
  /**
   * Wished for at the end of the horizon, a slot after the last one begins: what heats leaves the house as warm at
   * least, what cools as cool at most, as far as power and the other limits allow. A wish: no plan fails for it.
   * Without it a plan has no reason to heat for the hour after its end.
   */
  readonly finalIndoorC?: number;
  /** Measured before slot 0. */
  readonly indoorCInitial: number;
  readonly powerKwInitial: number;
  /** Money per K^2 per hour away from the preferred temperature. */
  readonly discomfortPerK2h: number;
};

export type ShiftableLoad = {
  /** First slot and one past the last slot of the window in which it may run. */
  readonly fromSlot: number;
  readonly toSlot: number;
  readonly powerKwMax: number;
  /** Preferred power by slot, over the whole horizon; read inside the window, where its sum is kept. */
  readonly preferredKw: ArrayLike<number>;
  /** Money per kW^2 per hour away from the preferred power. */
  readonly discomfortPerKw2h: number;
};

/**
 * 'opt-in': import + reduction <= baseline in called slots; `import` is what is really imported and the
 * reduction only counts what stays below the baseline. 'as-published': 0 <= reduction <= import, where
 * `import` is planned and import - reduction is what is really imported.
 */
export type DemandResponse = {
  readonly form: 'opt-in' | 'as-published';
  /** Reward by slot; 0 where nothing is called. */
  readonly rewardPerKwh: ArrayLike<number>;
  /** Baseline by slot, from the contract; read with 'opt-in' only. */
  readonly baselineKw: ArrayLike<number>;
};

export type Trade =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed'; readonly soldKw: ArrayLike<number> }
  | {
      /** dt * ( -price * p + penalty/2 * (p - target)^2 ), p in kW sold. */
      readonly kind: 'priced';
      readonly pricePerKwh: ArrayLike<number>;
      readonly penaltyPerKwhPerKw: number;
      readonly targetSoldKw: ArrayLike<number>;
    };

export type HomeProblem = {
  readonly slots: number;
  readonly slotHours: number;
  readonly importPricePerKwh: ArrayLike<number>;
  readonly feedInPricePerKwh: ArrayLike<number>;
  /** Of import from the supplier. What flows at the meter, trade included, is bounded by netImportKwMax. */
  readonly importKwMax: number;
  readonly demandCharge?: { readonly pricePerKw: number; readonly meteredPeakKw: number };
  readonly baseLoadKw: ArrayLike<number>;
  /** Available generation; absent or zeros without PV. */
  readonly pvKw?: ArrayLike<number>;
  readonly battery?: Battery;
  readonly ev?: ElectricVehicle;
  readonly hvac?: Hvac;
  readonly shiftableLoads?: readonly ShiftableLoad[];
  readonly demandResponse?: DemandResponse;
  /** Limits of the operator on net import at the meter (positive into the home). */
  readonly netImportKwMin?: ArrayLike<number>;
  readonly netImportKwMax?: ArrayLike<number>;
  readonly trade: Trade;
};

/** What each device and the meter are to do, by slot. */
export type Schedule = {
  readonly importKw: Float64Array;
  readonly feedInKw: Float64Array;
  readonly pvUsedKw: Float64Array;
  readonly batteryChargeKw: Float64Array;
  readonly batteryDischargeKw: Float64Array;
  /** At the end of each slot. */
  readonly batteryKwh: Float64Array;
  readonly evChargeKw: Float64Array;
  readonly evDischargeKw: Float64Array;
  readonly evKwh: Float64Array;
  readonly hvacKw: Float64Array;
  readonly indoorC: Float64Array;
  readonly shiftableKw: readonly Float64Array[];
  readonly demandReductionKw: Float64Array;
  readonly soldKw: Float64Array;
  /** soldKw less the fixed trade: zeros unless a fixed trade cannot be kept as it stands. */
  readonly tradeDeviationKw: Float64Array;
  /**
   * import - feed-in - sold, less the reduction in the published form of demand response: what the meter
   * will see, positive into the home.
   */
  readonly netImportKw: Float64Array;
  readonly peakKw: number;
};

/** The parts of the cost, in money over the horizon; `total` leaves the trade term out. */
export type CostParts = {
  readonly importCost: number;
  readonly demandCharge: number;
  readonly feedInRevenue: number;
  readonly wear: number;
  readonly thermalDiscomfort: number;
  readonly shiftDiscomfort: number;
  readonly demandResponseReward: number;
  readonly total: number;
};

/**
 * Marginal values in money per kWh. A positive value means that one more unit, received as a gift, would
 * lower the cost by that much.
 */
export type Multipliers = {
  /** Of the home's balance: its own price of energy in each slot. One more kWh of load costs this. */
  readonly energyPerKwh: Float64Array;
  /** Of one more kWh found in the battery during each slot. */
  readonly batteryStoredPerKwh: Float64Array;
  readonly evStoredPerKwh: Float64Array;
  /** Of one kW more of import allowed in every slot at the same peak, money per kW. */
  readonly peakPerKw: number;
};

/** A limit that no plan can keep, and by how much the nearest plan misses it. */
export type MissedLimit = {
  readonly limit:
    | 'indoor temperature minimum'
    | 'indoor temperature maximum'
    | 'indoor temperature at the end'
    | 'battery energy minimum'
    | 'EV energy minimum'
    | 'shiftable load sum'
    | 'import maximum'
    | 'net import minimum'
    | 'net import maximum';
  readonly slot: number;
  readonly by: number;
  readonly unit: 'K' | 'kW' | 'kWh';
};

export type HomePlan =
  | {
      readonly status: 'solved';
      readonly schedule: Schedule;
      readonly cost: CostParts;
      readonly multipliers: Multipliers;
      /** Whether the home opted in to demand response, when it was offered in that form. */
      readonly optedIn: boolean;
      /** Which solver found it: the one that knows a home's shape, or the general one where that one failed. */
      readonly solver: 'stages' | 'general';
      readonly iterations: number;
    }
  | {
      readonly status: 'infeasible';
      /** Which limit cannot be met and by how much, in words. */
      readonly reason: string;
      /** Every limit missed by the nearest plan, largest miss first. */
      readonly missed: readonly MissedLimit[];
      /** The plan that misses the limits by as little as it can: what to carry out meanwhile. */
      readonly nearest?: { readonly schedule: Schedule; readonly cost: CostParts };
    }
  | { readonly status: 'unsolved'; readonly reason: string };
