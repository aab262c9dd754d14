import {
  flowsOf,
  type HouseFlows,
  type HouseInputs,
  type HouseSpec,
  type HouseState,
  initialHouse,
  returnFromDrive,
  stepHouse,
} from './house-model.ts';

/** What a device was told, until when: after that it goes back to what it does by itself. */
type Order<Value> = { readonly value: Value; readonly untilMs: number };

export type HouseOrders = {
  pvLimitKw: Order<number> | undefined;
  /** Positive charges, negative discharges. */
  batteryNetChargeKw: Order<number> | undefined;
  evLimitKw: Order<number> | undefined;
  hvacKw: Order<number> | undefined;
};

export type HouseSnapshot = HouseState & { readonly utcMs: number; readonly flows: HouseFlows };

/** Longest step: how late a full battery may be noticed. A leap of the clock is taken in at most `stepsMax`. */
const stepMsMax = 60_000;
const stepsMax = 50_000;
/** A meter shows the mean of its last second. */
const meterSeconds = 1;

/**
 * A house that lives in simulated time: it is advanced to a moment, in steps that end where a slot ends
 * or an order runs out, so that its course does not depend on how often anybody looks.
 */
export class RunningHouse {
  readonly spec: HouseSpec;
  readonly orders: HouseOrders = {
    pvLimitKw: undefined,
    batteryNetChargeKw: undefined,
    evLimitKw: undefined,
    hvacKw: undefined,
  };
  readonly pvRatedKw: number;
  /** What the wallbox allows, and the thermostat holds, while nobody controls them. */
  evFallbackKw: number;
  thermostatC: number;
  /** An inverter asleep generates nothing, sun or not. */
  pvAsleep = false;
  #utcMs: number;
  #state: HouseState;

  constructor(spec: HouseSpec) {
    this.spec = spec;
    this.#utcMs = spec.startMs;
    this.#state = initialHouse(spec);
    this.evFallbackKw = spec.ev?.chargeKwMax ?? 0;
    this.thermostatC = spec.hvac?.preferredC ?? 0;
    this.pvRatedKw = spec.pvRatedKw ?? Math.max(0, ...Array.from(spec.pvKw));
  }

  get utcMs(): number {
    return this.#utcMs;
  }

  get evPresent(): boolean {
    return this.#presentIn(this.#slot());
  }

  get outdoorC(): number {
    return at(this.spec.outdoorC, this.#slot());
  }

  get pvAvailableKw(): number {
    return this.pvAsleep ? 0 : at(this.spec.pvKw, this.#slot());
  }

  /** A clock that goes back is ignored: what has happened has happened. */
  advanceTo(utcMs: number): void {
    const stepMs = Math.max(stepMsMax, Math.ceil((utcMs - this.#utcMs) / stepsMax));
    while (this.#utcMs < utcMs) {
      const slotEndMs = this.spec.startMs + (this.#slot() + 1) * this.spec.slotMs;
      const ends = Object.values(this.orders).flatMap((order) =>
        order && order.untilMs > this.#utcMs ? [order.untilMs] : [],
      );
      const nextMs = Math.min(utcMs, slotEndMs, this.#utcMs + stepMs, ...ends);
      const seconds = (nextMs - this.#utcMs) / 1_000;
      this.#state = stepHouse(this.spec, this.#state, this.#inputs(), seconds).state;
      this.#utcMs = nextMs;
      if (nextMs === slotEndMs) this.#enterSlot();
      this.#dropOrders();
    }
  }

  snapshot(): HouseSnapshot {
    const flows = flowsOf(this.spec, this.#state, this.#inputs(), meterSeconds);
    return { ...this.#state, utcMs: this.#utcMs, flows };
  }

  #inputs(): HouseInputs {
    const slot = this.#slot();
    return {
      baseLoadKw: at(this.spec.baseLoadKw, slot),
      pvAvailableKw: this.pvAvailableKw,
      pvLimitKw: this.orders.pvLimitKw?.value ?? this.pvRatedKw,
      outdoorC: at(this.spec.outdoorC, slot),
      batteryNetChargeKw: this.orders.batteryNetChargeKw?.value ?? 0,
      evPresent: this.#presentIn(slot),
      evLimitKw: this.orders.evLimitKw?.value ?? this.evFallbackKw,
      hvacKw: this.orders.hvacKw?.value ?? 'thermostat',
      thermostatC: this.thermostatC,
    };
  }

  #slot(): number {
    return Math.floor((this.#utcMs - this.spec.startMs) / this.spec.slotMs);
  }

  #presentIn(slot: number): boolean {
    return this.spec.ev !== undefined && at(this.spec.ev.present, slot) !== 0;
  }

  #enterSlot(): void {
    const slot = this.#slot();
    const { ev } = this.spec;
    if (ev && this.#presentIn(slot)) this.#state = returnFromDrive(this.#state, at(ev.drivenKwh, slot));
  }

  #dropOrders(): void {
    for (const key of Object.keys(this.orders) as (keyof HouseOrders)[]) {
      const order = this.orders[key];
      if (order && order.untilMs <= this.#utcMs) this.orders[key] = undefined;
    }
  }
}

/** Curves repeat: the day after the last is like the first. */
function at(curve: ArrayLike<number>, slot: number): number {
  return curve.length === 0 ? 0 : (curve[slot % curve.length] as number);
}
