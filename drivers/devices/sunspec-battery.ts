import type { BatteryReading, BatteryStorage, SetPoint, SetPointOutcome, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';
import { type Judged, judgePower, judgeWithin, present, readingHead } from './plausible.ts';
import { clampSetPoint, holdOf, outcomeOf, settled } from './steer.ts';
import { openSunSpec, rating, type Snapshot } from './sunspec-device.ts';

const storageModel = [124];
const bankModel = [802];
/** StorCtl_Mod: bit 0 the charge rate is in force, bit 1 the discharge rate is. */
const bothRates = 0b11;

/**
 * A battery steered by model 124 and measured by 802. The two rates of 124 bound its power, and a negative rate
 * forces the other direction: charging at 40 % is InWRte 40 with OutWRte -40, so that the bounds meet.
 */
export async function openSunSpecBattery(wire: Wire, wait?: Wait): Promise<BatteryStorage> {
  const device = await openSunSpec(wire, wait);
  const storage = await device.read(storageModel, wait);
  const bank = await device.read(bankModel, wait);
  const wholeW = rating(wire, '124.WChaMax', storage.number('WChaMax'));
  const chargeWMax = Math.min(wholeW, bank.number('WChaRteMax') ?? wholeW);
  const dischargeWRated = bank.number('WDisChaRteMax') ?? wholeW;
  // Both rates are told in percent of the whole: more than all of it cannot be told.
  const dischargeWMax = Math.min(wholeW, dischargeWRated);
  const capacityWh = rating(wire, '802.WHRtg', bank.number('WHRtg'));
  const ratedW = Math.max(wholeW, dischargeWRated);
  const hold = holdOf(wire);

  async function read(wait?: Wait): Promise<BatteryReading> {
    const seen = await device.read(bankModel, wait);
    const atMs = wire.nowMs();
    const dischargeW = netDischarge(seen);
    const percent = judgeWithin(seen.number('SoC'), 0, 100.5);
    const power = judgePower(dischargeW, ratedW);
    const judged: Record<string, Judged> = { power, stateOfCharge: percent };
    const storedWh =
      percent.value === undefined ? undefined : (Math.min(percent.value, 100) * capacityWh) / 100;
    return {
      ...readingHead(atMs, judged, ['power', 'stateOfCharge']),
      capacityWh,
      ...present({
        chargeW: power.value === undefined ? undefined : Math.max(0, -power.value),
        dischargeW: power.value === undefined ? undefined : Math.max(0, power.value),
        storedWh,
      }),
    };
  }

  async function steer(
    direction: 'charge' | 'discharge',
    setPoint: SetPoint,
    wait?: Wait,
  ): Promise<SetPointOutcome> {
    const held = clampSetPoint(setPoint, direction === 'charge' ? chargeWMax : dischargeWMax);
    if (!held.ok) return held;
    const percent = (100 * held.powerW) / wholeW;
    const rates = direction === 'charge' ? { in: percent, out: -percent } : { in: -percent, out: percent };
    const before = await device.read(storageModel, wait);
    const orders = [
      ['OutWRte', rates.out || 0],
      ['InWRte', rates.in || 0],
      ['InOutWRte_WinTms', 0],
      ['InOutWRte_RvrtTms', held.revertS],
    ] as const;
    await hold.take(() => device.write(before, orders, wait));
    if (before.number('StorCtl_Mod') !== bothRates)
      await device.write(before, [['StorCtl_Mod', bothRates]], wait);
    const stepPercent = 10 ** (before.number('InOutWRte_SF') ?? 0);
    let appliedW = held.powerW;
    const fault = await settled(
      async () => {
        const after = await device.read(storageModel, wait);
        const told = { in: after.number('InWRte'), out: after.number('OutWRte') };
        const revertS = after.number('InOutWRte_RvrtTms');
        if (after.number('StorCtl_Mod') !== bothRates) return 'the rates are not in force';
        for (const way of ['in', 'out'] as const) {
          const rate = told[way];
          if (rate === undefined || Math.abs(rate - rates[way]) > stepPercent) {
            return `a rate reads ${rate} %, not ${rates[way]} %`;
          }
        }
        if (!revertS || revertS > held.revertS) return 'the device would not fall back by itself';
        appliedW = (Math.abs(told.in ?? percent) * wholeW) / 100;
        const seen = await device.read(bankModel, wait);
        return misled(seen, direction === 'charge' ? -appliedW : appliedW, ratedW);
      },
      wire.settleMs,
      wait,
    );
    return fault ?? { ok: true, appliedW, clamped: held.clamped };
  }

  async function release(wait?: Wait): Promise<SetPointOutcome> {
    const before = await device.read(storageModel, wait);
    await device.write(before, [['StorCtl_Mod', 0]], wait);
    const after = await device.read(storageModel, wait);
    if (after.number('StorCtl_Mod') !== 0) {
      return { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason: 'the rates stay in force' };
    }
    hold.drop();
    return { ok: true, appliedW: 0, clamped: false };
  }

  return {
    id: wire.description.id,
    kind: 'battery',
    make: device.make,
    chargeWMax,
    dischargeWMax,
    capacityWh,
    read,
    charge: (setPoint, wait) => outcomeOf(() => steer('charge', setPoint, wait)),
    discharge: (setPoint, wait) => outcomeOf(() => steer('discharge', setPoint, wait)),
    release: (wait) => outcomeOf(() => release(wait)),
    close: () => hold.close(release),
  };
}

/** Makers differ in the sign of 802 `W`: the state of charging tells the direction, the sign only where it does not. */
function netDischarge(seen: Snapshot): number | undefined {
  const power = seen.number('W');
  const state = seen.symbol('ChaSt');
  if (power === undefined) return undefined;
  if (state === 'CHARGING') return -Math.abs(power) || 0;
  if (state === 'DISCHARGING') return Math.abs(power);
  return power;
}

/**
 * Less than asked may have its reason (nearly full or empty, too cold); nothing at all may have one only
 * where the battery says so. The wrong direction, or more than asked, has none.
 */
function misled(seen: Snapshot, wantedW: number, ratedW: number): string | undefined {
  const dischargeW = netDischarge(seen);
  if (dischargeW === undefined) return undefined;
  const noiseW = 0.02 * ratedW + 20;
  const alongW = wantedW < 0 ? -dischargeW : dischargeW;
  const askedW = Math.abs(wantedW);
  if (alongW < -noiseW) return `runs the other way with ${Math.round(-alongW)} W`;
  if (alongW > 1.1 * askedW + noiseW)
    return `runs with ${Math.round(alongW)} W when ${Math.round(askedW)} W were asked`;
  const atLimit = ['FULL', 'EMPTY', 'HOLDING'].includes(seen.symbol('ChaSt') ?? '');
  if (askedW > 2 * noiseW && alongW < noiseW && !atLimit) return 'does nothing';
  return undefined;
}
