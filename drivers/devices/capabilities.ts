/**
 * What a device can do, whatever its make. Every reading carries its time and quality: a wrong value is
 * worse than none, so a value that cannot be trusted is absent (`undefined`) and named in `faults`.
 * Directions are in the names; powers are >= 0 unless the name says `net`.
 */

export type Wait = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/** Fields every reading shares. `atMs` is UTC of the clock the driver was given. */
export type ReadingBase = {
  readonly atMs: number;
  readonly quality: 'good' | 'partial' | 'bad';
  readonly faults: readonly string[];
};

export type MeterReading = ReadingBase & {
  /** Positive into the home. */
  readonly netImportW?: number;
  /** Energy counters since installation. */
  readonly importWh?: number;
  readonly exportWh?: number;
  readonly voltageV?: number;
  readonly frequencyHz?: number;
};

export type PvReading = ReadingBase & {
  readonly generationW?: number;
  readonly generatedWh?: number;
  readonly state?: 'off' | 'sleeping' | 'producing' | 'throttled' | 'fault';
};

export type BatteryReading = ReadingBase & {
  readonly chargeW?: number;
  readonly dischargeW?: number;
  readonly storedWh?: number;
  readonly capacityWh?: number;
};

export type EvseReading = ReadingBase & {
  /** IEC 61851 state: A no vehicle, B plugged in, C charging, F fault. */
  readonly state?: 'A' | 'B' | 'C' | 'F';
  readonly chargeW?: number;
  readonly chargedWh?: number;
  /** Where the vehicle tells it. */
  readonly vehicleWh?: number;
};

export type HvacReading = ReadingBase & {
  readonly powerW?: number;
  readonly indoorC?: number;
  readonly outdoorC?: number;
};

/** Outcome of a set-point after it was written, read back and its effect looked at. */
export type SetPointOutcome =
  | { readonly ok: true; readonly appliedW: number; readonly clamped: boolean }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** A set-point falls back by itself after `revertMs` of the device's own time, unless it is repeated. */
export type SetPoint = { readonly powerW: number; readonly revertMs: number };

type Device = {
  readonly id: string;
  readonly make: { readonly manufacturer: string; readonly model: string; readonly serial: string };
  close(): Promise<void>;
};

export type Meter = Device & { readonly kind: 'meter'; read(wait?: Wait): Promise<MeterReading> };
export type PvInverter = Device & {
  readonly kind: 'pv';
  readonly ratedW: number;
  read(wait?: Wait): Promise<PvReading>;
  /** Upper limit of generation. */
  limitGeneration(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  release(wait?: Wait): Promise<SetPointOutcome>;
};
export type BatteryStorage = Device & {
  readonly kind: 'battery';
  readonly chargeWMax: number;
  readonly dischargeWMax: number;
  readonly capacityWh: number;
  read(wait?: Wait): Promise<BatteryReading>;
  charge(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  discharge(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  release(wait?: Wait): Promise<SetPointOutcome>;
};
export type Evse = Device & {
  readonly kind: 'evse';
  readonly chargeWMax: number;
  read(wait?: Wait): Promise<EvseReading>;
  charge(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  release(wait?: Wait): Promise<SetPointOutcome>;
};
export type HvacUnit = Device & {
  readonly kind: 'hvac';
  readonly powerWMax: number;
  read(wait?: Wait): Promise<HvacReading>;
  setPower(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome>;
  release(wait?: Wait): Promise<SetPointOutcome>;
};

export type AnyDevice = Meter | PvInverter | BatteryStorage | Evse | HvacUnit;
