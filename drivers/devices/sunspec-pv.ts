import { flagsAt } from '../sunspec/points.ts';
import type { PvInverter, PvReading, SetPoint, SetPointOutcome, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';
import { type Judged, judgePower, present, readingHead, watchCounter } from './plausible.ts';
import { clampSetPoint, holdOf, outcomeOf, settled } from './steer.ts';
import { openSunSpec, rating } from './sunspec-device.ts';

const inverterModels = [103, 102, 101, 113, 112, 111];

const states: Readonly<Record<string, NonNullable<PvReading['state']>>> = {
  OFF: 'off',
  SLEEPING: 'sleeping',
  STANDBY: 'sleeping',
  STARTING: 'off',
  SHUTTING_DOWN: 'off',
  MPPT: 'producing',
  THROTTLED: 'throttled',
  FAULT: 'fault',
};

/** An inverter of models 101-103 or 111-113, limited by model 123 in percent of 121 `WMax`, else of 120 `WRtg`. */
export async function openSunSpecPv(wire: Wire, wait?: Wait): Promise<PvInverter> {
  const device = await openSunSpec(wire, wait);
  const nameplate = await device.read([120], wait);
  const ratedW = rating(wire, '120.WRtg', nameplate.number('WRtg'));
  const settings = device.has([121]) ? (await device.read([121], wait)).number('WMax') : undefined;
  const wholeW = rating(wire, 'WMax', settings ?? ratedW);
  const counter = watchCounter(ratedW);
  const hold = holdOf(wire);
  let lastFlags = '';

  async function read(wait?: Wait): Promise<PvReading> {
    const seen = await device.read(inverterModels, wait);
    const atMs = wire.nowMs();
    const symbol = seen.symbol('St');
    const state = symbol === undefined ? undefined : states[symbol];
    const judged = {
      generationW: judgeGeneration(seen.number('W'), ratedW, state),
      generatedWh: counter(seen.number('WH'), atMs),
      state: state ? {} : { fault: 'unknown' },
    };
    const flags = flagsAt(seen.model, seen.image, 'Evt1').join(' ');
    if (flags !== lastFlags) wire.log({ event: 'inverter-events', device: wire.description.id, flags });
    lastFlags = flags;
    return {
      ...readingHead(atMs, judged, ['generationW', 'generatedWh']),
      ...present({
        generationW: judged.generationW.value,
        generatedWh: judged.generatedWh.value,
        state,
      }),
    };
  }

  async function limit(setPoint: SetPoint, wait?: Wait): Promise<SetPointOutcome> {
    const held = clampSetPoint(setPoint, wholeW);
    if (!held.ok) return held;
    const before = await device.read([123], wait);
    const percent = (100 * held.powerW) / wholeW;
    const orders = [
      ['WMaxLimPct', percent],
      ['WMaxLimPct_WinTms', 0],
      ['WMaxLimPct_RvrtTms', held.revertS],
      ['WMaxLimPct_RmpTms', 0],
      ['WMaxLim_Ena', 1],
    ] as const;
    await hold.take(() => device.write(before, orders, wait));
    let appliedW = held.powerW;
    const stepPercent = 10 ** (before.number('WMaxLimPct_SF') ?? 0);
    const fault = await settled(
      async () => {
        const after = await device.read([123], wait);
        const told = after.number('WMaxLimPct');
        const revertS = after.number('WMaxLimPct_RvrtTms');
        if (after.number('WMaxLim_Ena') !== 1) return 'the limit is not enabled';
        if (told === undefined || Math.abs(told - percent) > stepPercent)
          return `the limit reads ${told} %, not ${percent} %`;
        if (!revertS || revertS > held.revertS) return 'the device would not fall back by itself';
        appliedW = (told * wholeW) / 100;
        const seen = await device.read(inverterModels, wait);
        const generationW = seen.number('W');
        const boundW = 1.03 * appliedW + 0.01 * ratedW;
        return generationW !== undefined && generationW > boundW
          ? `still generates ${Math.round(generationW)} W under a limit of ${Math.round(appliedW)} W`
          : undefined;
      },
      wire.settleMs,
      wait,
    );
    return fault ?? { ok: true, appliedW, clamped: held.clamped };
  }

  async function release(wait?: Wait): Promise<SetPointOutcome> {
    const before = await device.read([123], wait);
    // Ours, of an earlier run too, end by themselves. One without an end is the installer's or the operator's.
    const isOurs = hold.held || (before.number('WMaxLimPct_RvrtTms') ?? 0) > 0;
    if (before.number('WMaxLim_Ena') === 0 || !isOurs) {
      hold.drop();
      return { ok: true, appliedW: wholeW, clamped: false };
    }
    await device.write(before, [['WMaxLim_Ena', 0]], wait);
    const after = await device.read([123], wait);
    if (after.number('WMaxLim_Ena') === 0) {
      hold.drop();
      return { ok: true, appliedW: wholeW, clamped: false };
    }
    return { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason: 'the limit stays enabled' };
  }

  return {
    id: wire.description.id,
    kind: 'pv',
    make: device.make,
    ratedW,
    read,
    limitGeneration: (setPoint, wait) => outcomeOf(() => limit(setPoint, wait)),
    release: (wait) => outcomeOf(() => release(wait)),
    close: () => hold.close(release),
  };
}

/** A few watts into the inverter at night are its own consumption; asleep, no value is no power. */
function judgeGeneration(valueW: number | undefined, ratedW: number, state: PvReading['state']): Judged {
  if (valueW === undefined && (state === 'sleeping' || state === 'off')) return { value: 0 };
  const judged = judgePower(valueW, ratedW);
  if (judged.value === undefined || judged.value >= 0) return judged;
  return judged.value >= -0.05 * ratedW
    ? { value: 0 }
    : { fault: `implausible ${Math.round(judged.value)} W` };
}
