import {
  flowsOf,
  type HouseFlows,
  type HouseInputs,
  type HouseState,
  initialHouse,
  returnFromDrive,
  stepHouse,
} from './house-model.ts';
import { type HouseSpec, pvRatedKwOf } from './house-spec.ts';

/** What a device was told, until when: after that it goes back to what it does by itself. */
type Order<Value> = { readonly value: Value; readonly untilMs: number };

export type HouseOrders = {
  pvLimitKw: Order<number> | undefined;
  /** Positive charges, negative discharges. */
  batteryNetChargeKw: Order<number> | undefined;
  evLimitKw: Order<number> | undefined;
  hvacKw: Order<number> | undefined;
};

/** `evSessionKwh`: what the vehicle drew since it was plugged in. */
export type HouseSnapshot = HouseState & {
  readonly utcMs: number;
  readonly flows: HouseFlows;
  readonly evSessionKwh: number;
};

/** Before the first slot. */
const standstill: HouseFlows = {
  baseLoadKw: 0,
  pvKw: 0,
  batteryChargeKw: 0,
  batteryDischargeKw: 0,
  evChargeKw: 0,
  hvacKw: 0,
  netImportKw: 0,
};

/**
 * A house that lives in simulated time: it is advanced to a moment, in steps that end where a slot ends
 * or an order runs out, so that its course does not depend on how often anybody looks. Before the first slot
 * nothing moves but the time in which orders run out.
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
  #pluggedInKwh = 0;

  constructor(spec: HouseSpec, utcMs = spec.startMs) {
    this.spec = spec;
    this.#utcMs = Math.min(utcMs, spec.startMs);
    this.#state = initialHouse(spec);
    this.evFallbackKw = spec.ev?.chargeKwMax ?? 0;
    this.thermostatC = spec.hvac?.preferredC ?? 0;
    this.pvRatedKw = pvRatedKwOf(spec);
    if (this.#utcMs === spec.startMs) this.#enterSlot(0);
  }

  get utcMs(): number {
    return this.#utcMs;
  }

  get evPresent(): boolean {
    return this.#presentIn(this.#slot());
  }

  get started(): boolean {
    return this.#utcMs >= this.spec.startMs;
  }

  get outdoorC(): number {
    return at(this.spec.outdoorC, this.#slot());
  }

  get pvAvailableKw(): number {
    return this.pvAsleep || !this.started ? 0 : at(this.spec.pvKw, this.#slot());
  }

  /** A clock that goes back is ignored: what has happened has happened. */
  advanceTo(utcMs: number): void {
    while (this.#utcMs < utcMs) {
      const ends = Object.values(this.orders).map((order) => order?.untilMs ?? Number.POSITIVE_INFINITY);
      const nextMs = Math.max(this.#utcMs, Math.min(utcMs, this.#nextSlotMs(), ...ends));
      const seconds = (nextMs - this.#utcMs) / 1_000;
      if (this.started) this.#state = stepHouse(this.spec, this.#state, this.#inputs(), seconds);
      const entersSlot = nextMs === this.#nextSlotMs();
      this.#utcMs = nextMs;
      if (entersSlot) this.#enterSlot(this.#slot());
      this.#dropOrders();
    }
  }

  snapshot(): HouseSnapshot {
    const flows = this.started ? flowsOf(this.spec, this.#state, this.#inputs()) : standstill;
    const evSessionKwh = this.#state.counters.evChargedKwh - this.#pluggedInKwh;
    return { ...this.#state, utcMs: this.#utcMs, flows, evSessionKwh };
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

  /** The slot whose values hold: the first before the day, the last after it. */
  #slot(): number {
    const slot = Math.floor((this.#utcMs - this.spec.startMs) / this.spec.slotMs);
    return Math.min(Math.max(slot, 0), this.spec.baseLoadKw.length - 1);
  }

  #nextSlotMs(): number {
    const { startMs, slotMs, baseLoadKw } = this.spec;
    if (!this.started) return startMs;
    const next = this.#slot() + 1;
    return next < baseLoadKw.length ? startMs + next * slotMs : Number.POSITIVE_INFINITY;
  }

  #presentIn(slot: number): boolean {
    return this.spec.ev !== undefined && at(this.spec.ev.present, slot) > 0;
  }

  #enterSlot(slot: number): void {
    const { ev } = this.spec;
    if (!ev) return;
    this.#state = returnFromDrive(this.#state, at(ev.drivenKwh, slot));
    const pluggedIn = this.#presentIn(slot) && !(slot > 0 && this.#presentIn(slot - 1));
    if (pluggedIn) this.#pluggedInKwh = this.#state.counters.evChargedKwh;
  }

  #dropOrders(): void {
    for (const key of Object.keys(this.orders) as (keyof HouseOrders)[]) {
      const order = this.orders[key];
      if (order && order.untilMs <= this.#utcMs) this.orders[key] = undefined;
    }
  }
}

/** 0 where a series is empty, as that of a home without PV. */
function at(series: ArrayLike<number>, slot: number): number {
  return series[slot] ?? 0;
}
