/**
 * What a demo found out. Money in `currency`, energy in kWh, power in kW, series with `slots` entries. Costs
 * under `cost` and in `perHome` are planned; realised ones stand apart.
 */
export type DemoReport = {
  readonly source: string;
  readonly day: string;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
  readonly currency: string;
  readonly homes: number;
  readonly slots: number;
  readonly slotMinutes: number;
  /** Trading rounds until the session ended. */
  readonly rounds: number;
  readonly cost: {
    readonly alone: number;
    readonly together: number;
    readonly centralised: number;
    /** (together - centralised) / sum of |alone| by home. */
    readonly gap: number;
  };
  readonly realised: { readonly alone?: number; readonly together: number };
  /** Most |sum of trades| of any slot after clearing: 0 exactly. */
  readonly maxImbalanceW: number;
  /** 0 exactly. */
  readonly paymentsSum: number;
  /** Agreed price by slot; in the pairwise form the mean weighted by energy. */
  readonly pricesPerKwh: readonly number[];
  readonly importPricePerKwh: readonly number[];
  readonly feedInPricePerKwh: readonly number[];
  /** What all meters together draw (positive) or feed in (negative), as planned. */
  readonly netImportKw: { readonly alone: readonly number[]; readonly together: readonly number[] };
  readonly perHome: readonly HomeReport[];
  readonly blocks: { readonly count: number; readonly p50Ms: number; readonly p95Ms: number };
  /** By validator. */
  readonly heights: Readonly<Record<string, number>>;
  readonly stateRoots: Readonly<Record<string, string>>;
  readonly delivery: Delivery;
  readonly killed: readonly { readonly validator: number; readonly slot: number }[];
  readonly wallSeconds: number;
  /** Resident memory by process, at its most. */
  readonly rssMb: Readonly<Record<string, number>>;
};

export type HomeReport = {
  readonly home: string;
  readonly alone: number;
  readonly together: number;
  readonly soldKwh: number;
  readonly boughtKwh: number;
  readonly delivery: Delivery;
};

/** Obligations by slot and home: how many there were, were met, fell short. */
export type Delivery = { readonly obligations: number; readonly met: number; readonly short: number };
