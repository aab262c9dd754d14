import type { DayGrid } from './day-grid.ts';
import type { EvDay, EvDescription } from './types.ts';

/**
 * The vehicle's day on a grid. Plugged in from midnight to the departure and from the return on. What is asked
 * for - the target at departure, the midnight energy again at the end - is lowered where charging at full power
 * could not reach it, so charging at full power whenever plugged in, up to each demand, is always a plan. A
 * horizon that ends before the departure asks at its end for what still makes the departure possible.
 */
export function evDay(ev: EvDescription, grid: DayGrid): EvDay {
  const { slots } = grid;
  const slotHours = grid.slotMs / 3_600_000;
  const departureSlot = Math.round(ev.departureHour / slotHours);
  const returnSlot = Math.round(ev.returnHour / slotHours);
  const storedPerSlotKwh = ev.chargeKwMax * ev.chargeEfficiency * slotHours;
  const after = (energyKwh: number, slotsPlugged: number): number =>
    Math.min(ev.capacityKwh, energyKwh + slotsPlugged * storedPerSlotKwh);

  const targetKwh = Math.min(ev.targetKwh, after(ev.midnightKwh, departureSlot));
  const backKwh = Math.max(0, targetKwh - ev.drivenKwh);
  const midnightKwh = Math.min(ev.midnightKwh, after(backKwh, Math.round(24 / slotHours) - returnSlot));

  const present = fill(slots, (slot) => (slot < departureSlot || slot >= returnSlot ? 1 : 0));
  const energyKwhMin = fill(slots, (slot) => (slot === departureSlot - 1 ? targetKwh : 0));
  const lacking = (goalKwh: number, slotsLeft: number): number =>
    Math.max(0, goalKwh - slotsLeft * storedPerSlotKwh);
  const last = slots - 1;
  if (slots < departureSlot) energyKwhMin[last] = lacking(targetKwh, departureSlot - slots);
  if (slots > returnSlot) {
    energyKwhMin[last] = lacking(midnightKwh, Math.round(24 / slotHours) - slots);
  }
  return {
    capacityKwh: ev.capacityKwh,
    chargeKwMax: ev.chargeKwMax,
    dischargeKwMax: 0,
    chargeEfficiency: ev.chargeEfficiency,
    dischargeEfficiency: ev.chargeEfficiency,
    initialKwh: ev.midnightKwh,
    present,
    energyKwhMin,
    drivenKwh: fill(slots, (slot) => (slot === returnSlot ? Math.min(ev.drivenKwh, targetKwh) : 0)),
    wearPerKwh: ev.wearPerKwh,
    ...(departureSlot < slots ? { departureSlot } : {}),
    ...(returnSlot < slots ? { returnSlot } : {}),
  };
}

function fill(length: number, value: (slot: number) => number): number[] {
  return Array.from({ length }, (_, slot) => value(slot));
}
