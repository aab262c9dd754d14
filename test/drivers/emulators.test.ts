import { connect } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  flowsOf,
  type HouseInputs,
  type HouseState,
  initialHouse,
  stepHouse,
} from '../../drivers/emulators/house-model.ts';
import { modelImage } from '../../drivers/emulators/register-image.ts';
import { RunningHouse } from '../../drivers/emulators/running-house.ts';
import {
  type AnyDevice,
  type BatteryStorage,
  connectDevice,
  createLinkPool,
  type DeviceEvent,
  type DeviceFault,
  type EmulatedDevice,
  type Evse,
  type HouseEmulator,
  type HouseSpec,
  type HvacUnit,
  type Meter,
  type PvInverter,
  startHouseEmulator,
} from '../../drivers/index.ts';
import { run } from '../peers/processes.ts';
import { pymodbus } from '../peers/pymodbus.ts';

const hourMs = 3_600_000;
const noonMs = Date.UTC(2026, 5, 1, 12);

const house: HouseSpec = {
  home: 'home-1',
  startMs: noonMs,
  slotMs: hourMs,
  baseLoadKw: [0.5, 0.7, 0.4, 1.1],
  pvKw: [3, 4, 0, 1],
  pvRatedKw: 5,
  outdoorC: [30, 32, 28, 26],
  battery: {
    capacityKwh: 10,
    chargeKwMax: 3,
    dischargeKwMax: 4,
    chargeEfficiency: 0.95,
    dischargeEfficiency: 0.94,
    initialKwh: 5,
  },
  ev: {
    capacityKwh: 40,
    chargeKwMax: 7.2,
    chargeEfficiency: 0.9,
    initialKwh: 10,
    present: [1, 0, 0, 1],
    drivenKwh: [0, 0, 0, 6],
  },
  hvac: {
    powerKwMax: 2.5,
    resistanceKPerKw: 6,
    capacitanceKwhPerK: 3,
    cop: 3,
    mode: 'cool',
    indoorCInitial: 25,
    preferredC: 24,
  },
};

/** Evenly spread, other than fast-check's doubles, of which most are next to nothing. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1_000_000 }).map((part) => min + ((max - min) * part) / 1_000_000);

const inputsArbitrary: fc.Arbitrary<HouseInputs> = fc.record({
  baseLoadKw: real(0, 10),
  pvAvailableKw: real(0, 12),
  pvLimitKw: real(0, 12),
  outdoorC: real(-20, 45),
  batteryNetChargeKw: real(-8, 8),
  evPresent: fc.boolean(),
  evLimitKw: real(0, 11),
  hvacKw: fc.oneof(real(0, 4), fc.constant('thermostat' as const)),
  thermostatC: real(18, 28),
});
const stepsArbitrary = fc.array(fc.tuple(inputsArbitrary, real(0.1, 7_200)), {
  minLength: 1,
  maxLength: 40,
});

t.test('the physics of a house', (t) => {
  const { battery, ev, hvac } = house;
  if (!battery || !ev || !hvac) throw new Error('the house has all devices');

  t.test('energy is conserved, whatever is asked of the devices', (t) => {
    fc.assert(
      fc.property(stepsArbitrary, (steps) => {
        let state = initialHouse(house);
        for (const [inputs, seconds] of steps) {
          const flows = flowsOf(house, state, inputs);
          state = stepHouse(house, state, inputs, seconds);
          if (flows.batteryChargeKw * flows.batteryDischargeKw !== 0) return false;
          if (flows.pvKw > Math.min(inputs.pvAvailableKw, inputs.pvLimitKw)) return false;
          if (
            flows.batteryChargeKw > 3 ||
            flows.batteryDischargeKw > 4 ||
            flows.evChargeKw > 7.2 ||
            flows.hvacKw > 2.5
          )
            return false;
          if (state.batteryKwh < 0 || state.batteryKwh > 10 || state.evKwh > 40) return false;
        }
        const { counters: c } = state;
        const close = (a: number, b: number) => Math.abs(a - b) < 1e-9 * steps.length * 10;
        const used = c.baseLoadKwh + c.hvacKwh + c.evChargedKwh + c.batteryChargedKwh;
        return (
          close(c.importKwh + c.pvKwh + c.batteryDischargedKwh, used + c.exportKwh) &&
          close(state.batteryKwh - 5, c.batteryChargedKwh * 0.95 - c.batteryDischargedKwh / 0.94) &&
          close(state.evKwh - 10, c.evChargedKwh * 0.9)
        );
      }),
      { numRuns: 400 },
    );
    t.end();
  });

  t.test(
    'the thermal step is exact: two halves are one whole, and it is the formula that homes plan with',
    (t) => {
      fc.assert(
        fc.property(
          fc.constantFrom('heat' as const, 'cool' as const),
          inputsArbitrary,
          real(0, 2.5),
          real(1, 86_400),
          (mode, others, hvacKw, seconds) => {
            const spec = { ...house, hvac: { ...hvac, mode } };
            const inputs = { ...others, hvacKw };
            const start = initialHouse(spec);
            const whole = stepHouse(spec, start, inputs, seconds).indoorC;
            const half = stepHouse(spec, start, inputs, seconds / 2);
            const halves = stepHouse(spec, half, inputs, seconds / 2).indoorC;
            const keeps = Math.exp(-seconds / 3_600 / (6 * 3));
            const gainKPerKw = (mode === 'heat' ? 1 : -1) * 6 * 3 * (1 - keeps);
            const planned = inputs.outdoorC - (inputs.outdoorC - 25) * keeps + gainKPerKw * hvacKw;
            return Math.abs(whole - halves) < 1e-9 && Math.abs(whole - planned) < 1e-9;
          },
        ),
      );
      t.end();
    },
  );

  t.test('a step is what a thousand small ones come to, whatever fills up or is reached on the way', (t) => {
    const begun = (storedShare: number, indoorC: number): HouseState => ({
      ...initialHouse(house),
      batteryKwh: 10 * storedShare,
      evKwh: 40 * storedShare,
      indoorC,
    });
    const share = real(0, 1);
    const indoor = real(18, 30);
    const seconds = real(1, 36_000);
    const numbersOf = ({ counters, ...rest }: HouseState) => [
      ...Object.values(counters),
      ...Object.values(rest),
    ];
    fc.assert(
      fc.property(share, indoor, inputsArbitrary, seconds, share, (stored, indoorC, inputs, dt, cut) => {
        const start = begun(stored, indoorC);
        const whole = stepHouse(house, start, inputs, dt);
        const parts = stepHouse(house, stepHouse(house, start, inputs, cut * dt), inputs, (1 - cut) * dt);
        const others = numbersOf(parts);
        return numbersOf(whole).every((number, i) => Math.abs(number - others[i]!) < 1e-8);
      }),
      { numRuns: 500 },
    );
    // Battery empty, vehicle full, thermostat reached, and on.
    const inputs: HouseInputs = {
      baseLoadKw: 1,
      pvAvailableKw: 0,
      pvLimitKw: 0,
      outdoorC: 30,
      batteryNetChargeKw: -2,
      evPresent: true,
      evLimitKw: 7.2,
      hvacKw: 'thermostat',
      thermostatC: 24,
    };
    const { counters, ...end } = stepHouse(house, begun(0.2, 25), inputs, 36 * 3_600);
    t.same(
      { ...end, indoorC: Math.round(end.indoorC * 1e9) / 1e9 },
      { batteryKwh: 0, evKwh: 40, indoorC: 24 },
    );
    t.ok(Math.abs(counters.batteryDischargedKwh - 2 * 0.94) < 1e-9);
    t.ok(Math.abs(counters.evChargedKwh - 32 / 0.9) < 1e-9);
    // The same physics by small steps, with nothing but limits: no events, no exponentials.
    fc.assert(
      fc.property(share, indoor, inputsArbitrary, seconds, (stored, indoorC, inputs, dt) => {
        const start = begun(stored, indoorC);
        const exact = stepHouse(house, start, inputs, dt);
        const pieces = 5_000;
        const h = dt / 3_600 / pieces;
        let { batteryKwh, evKwh } = start;
        let { importKwh, exportKwh } = start.counters;
        let roomC = indoorC;
        for (let i = 0; i < pieces; i += 1) {
          const inKw = Math.min(Math.max(inputs.batteryNetChargeKw, 0), 3, (10 - batteryKwh) / (0.95 * h));
          const outKw = Math.min(Math.max(-inputs.batteryNetChargeKw, 0), 4, (batteryKwh * 0.94) / h);
          const evKw = inputs.evPresent ? Math.min(inputs.evLimitKw, 7.2, (40 - evKwh) / (0.9 * h)) : 0;
          const holdingKw =
            (inputs.outdoorC - inputs.thermostatC) / 18 + ((roomC - inputs.thermostatC) * 3) / (3 * h);
          const wantedKw = inputs.hvacKw === 'thermostat' ? holdingKw : inputs.hvacKw;
          const hvacKw = Math.min(Math.max(wantedKw, 0), 2.5);
          roomC += ((inputs.outdoorC - roomC) / 6 - 3 * hvacKw) * (h / 3);
          batteryKwh += (0.95 * inKw - outKw / 0.94) * h;
          evKwh += 0.9 * evKw * h;
          const pvKw = Math.min(inputs.pvAvailableKw, inputs.pvLimitKw);
          const netKwh = (inputs.baseLoadKw + inKw - outKw + evKw + hvacKw - pvKw) * h;
          importKwh += Math.max(netKwh, 0);
          exportKwh += Math.max(-netKwh, 0);
        }
        return (
          Math.abs(roomC - exact.indoorC) < 0.01 &&
          Math.abs(batteryKwh - exact.batteryKwh) < 1e-6 &&
          Math.abs(evKwh - exact.evKwh) < 1e-6 &&
          Math.abs(importKwh - exact.counters.importKwh) < 0.02 &&
          Math.abs(exportKwh - exact.counters.exportKwh) < 0.02
        );
      }),
      { numRuns: 60 },
    );
    t.end();
  });

  t.test('its course does not depend on how often anybody looks', (t) => {
    const looks = fc.array(fc.integer({ min: -hourMs, max: 5 * hourMs }), { maxLength: 30 });
    fc.assert(
      fc.property(looks, real(-4, 3), fc.integer({ min: 1 - hourMs, max: 4 * hourMs }), (at, kw, untilMs) => {
        const course = (moments: readonly number[]) => {
          const running = new RunningHouse(house, noonMs - hourMs);
          running.orders.batteryNetChargeKw = { value: kw, untilMs: noonMs + untilMs };
          for (const moment of moments) running.advanceTo(noonMs + moment);
          running.advanceTo(noonMs + 5 * hourMs);
          running.advanceTo(noonMs);
          return running.snapshot();
        };
        const rarely = course([]);
        const often = course([...at].sort((a, b) => a - b));
        const near = (a: number, b: number) => Math.abs(a - b) < 1e-9;
        return (
          rarely.utcMs === often.utcMs &&
          near(rarely.batteryKwh, often.batteryKwh) &&
          near(rarely.evKwh, often.evKwh) &&
          near(rarely.indoorC, often.indoorC) &&
          near(rarely.counters.importKwh, often.counters.importKwh) &&
          near(rarely.counters.exportKwh, often.counters.exportKwh) &&
          // Plugged in for three of the five hours, and a drive of 6 kWh between; the last slot goes on.
          near(rarely.evKwh, 10 + 3 * 7.2 * 0.9 - 6) &&
          near(rarely.evSessionKwh, 2 * 7.2) &&
          near(rarely.counters.baseLoadKwh, 0.5 + 0.7 + 0.4 + 2 * 1.1)
        );
      }),
      { numRuns: 60 },
    );
    t.end();
  });

  t.test(
    'a vehicle below its least current pauses, one that drove more than it had comes home empty',
    (t) => {
      const shy = new RunningHouse({ ...house, ev: { ...ev, chargeKwMin: 1.38, drivenKwh: [0, 0, 0, 99] } });
      shy.orders.evLimitKw = { value: 1.3, untilMs: Number.POSITIVE_INFINITY };
      t.equal(shy.snapshot().flows.evChargeKw, 0);
      shy.orders.evLimitKw = { value: 1.4, untilMs: Number.POSITIVE_INFINITY };
      t.equal(shy.snapshot().flows.evChargeKw, 1.4);
      shy.advanceTo(noonMs + 3 * hourMs);
      t.equal(shy.snapshot().evKwh, 0);
      const early = { ...ev, drivenKwh: [2.5, 0, 0, 0] };
      t.equal(new RunningHouse({ ...house, ev: early }).snapshot().evKwh, 7.5, 'back at the very start');
      t.end();
    },
  );
  t.end();
});

function clockAt(startMs: number) {
  let nowMs = startMs;
  return {
    utcMs: () => nowMs,
    nowMs: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

async function emulated(t: Test, spec: HouseSpec = house) {
  const clock = clockAt(spec.startMs);
  const emulator = await startHouseEmulator({ house: spec, clock, host: '127.0.0.1' });
  t.teardown(() => emulator.stop());
  return { clock, emulator };
}

function deviceOf(emulator: HouseEmulator, kind: EmulatedDevice['kind']): EmulatedDevice {
  const found = emulator.devices.find((device) => device.kind === kind);
  if (!found) throw new Error(`no ${kind}`);
  return found;
}

t.test('pymodbus reads and steers the SunSpec devices, from the published offsets', async (t) => {
  const { clock, emulator } = await emulated(t);
  const walkOf = async (kind: EmulatedDevice['kind']) => {
    const [walk] = await pymodbus(deviceOf(emulator, kind), [{ walk: true }]);
    return (walk as { models: Record<string, { address: number; length: number }> }).models;
  };

  const pv = await walkOf('pv');
  t.strictSame(
    Object.entries(pv).map(([id, { length }]) => [id, length]),
    [
      ['1', 66],
      ['103', 50],
      ['120', 26],
      ['123', 24],
    ],
  );
  const inverter = pv[103]?.address ?? 0;
  const nameplate = pv[120]?.address ?? 0;
  const controls = pv[123]?.address ?? 0;
  const answers = await pymodbus(deviceOf(emulator, 'pv'), [
    { read: 'holding', address: inverter + 14, count: 2 },
    { read: 'holding', address: inverter + 38, count: 1 },
    { read: 'holding', address: nameplate + 3, count: 2 },
    { write: controls + 5, values: [4_000, 0, 120, 0, 1] },
    { read: 'holding', address: inverter + 14, count: 2 },
    { read: 'holding', address: inverter + 38, count: 1 },
    { read: 'holding', address: controls + 23, count: 1 },
    { read: 'holding', address: controls + 2, count: 3 },
    { write: controls + 5, values: [10_001] },
    { write: inverter + 14, values: [0] },
  ]);
  t.strictSame(answers, [
    [3_000, 0],
    [4],
    [5_000, 0],
    null,
    [2_000, 0],
    [5],
    [0xfffe],
    [0xffff, 0xffff, 0xffff],
    { exception: 3 },
    { exception: 2 },
  ]);
  t.equal(emulator.state().flows.pvKw, 2);

  const battery = await walkOf('battery');
  t.strictSame(Object.keys(battery), ['1', '124', '802']);
  const storage = battery[124]?.address ?? 0;
  const bank = battery[802]?.address ?? 0;
  t.strictSame(
    await pymodbus(deviceOf(emulator, 'battery'), [
      { read: 'holding', address: storage + 2, count: 1 },
      { read: 'holding', address: bank + 3, count: 3 },
      // 40 % of 4 kW into the battery: InWRte 40, OutWRte -40.
      { write: storage + 12, values: [0x1_0000 - 4_000, 4_000, 0, 120] },
      { write: storage + 5, values: [3] },
      { read: 'holding', address: bank + 47, count: 1 },
      { read: 'holding', address: bank + 16, count: 1 },
    ]),
    [[4_000], [10_000, 3_000, 4_000], null, null, [0x1_0000 - 1_600], [4]],
  );
  t.match(emulator.state().flows, { batteryChargeKw: 1.6, batteryDischargeKw: 0 });

  const meter = await walkOf('meter');
  const power = { read: 'holding', address: (meter[203]?.address ?? 0) + 18, count: 1 } as const;
  const before = emulator.state().flows;
  const [[watts]] = (await pymodbus(deviceOf(emulator, 'meter'), [power])) as [[number]];
  t.equal(watts, Math.round(before.netImportKw * 1_000));

  clock.pass(119_999);
  t.match(emulator.state().flows, { pvKw: 2, batteryChargeKw: 1.6 }, 'in force to the last millisecond');
  clock.pass(1);
  t.match(emulator.state().flows, { pvKw: 3, batteryChargeKw: 0 }, 'and then both fall back by themselves');
  t.strictSame(
    await pymodbus(deviceOf(emulator, 'battery'), [
      { read: 'holding', address: storage + 5, count: 1 },
      { read: 'holding', address: bank + 16, count: 1 },
    ]),
    [[0], [1]],
  );
});

t.test('mbpoll reads and steers wallbox and heat pump by their register maps', async (t) => {
  const { clock, emulator } = await emulated(t);
  const mbpoll = async (device: EmulatedDevice, table: '3' | '4', first: number, ...rest: string[]) => {
    const args = [
      '-m',
      'tcp',
      '-p',
      String(device.port),
      '-a',
      '1',
      '-t',
      table,
      '-r',
      String(first + 1),
      '-1',
      '-q',
    ];
    const [count, ...values] = rest;
    const { stdout } = await run('mbpoll', [
      ...args,
      ...(values.length ? [] : ['-c', count ?? '1']),
      device.host,
      ...values,
    ]);
    return [...stdout.matchAll(/^\[\d+\]:\s+(\d+)/gm)].map((match) => Number(match[1]));
  };
  const wallbox = deviceOf(emulator, 'evse');
  t.strictSame(await mbpoll(wallbox, '3', 0, '10'), [2, 7_200, 0, 0, 0, 10_000, 7_200, 0, 7_200, 1]);
  await mbpoll(wallbox, '4', 0, '', '3000', '60');
  t.equal(emulator.state().flows.evChargeKw, 3);
  t.strictSame(await mbpoll(wallbox, '4', 0, '3'), [3_000, 60, 7_200]);
  clock.pass(59_999);
  t.equal(emulator.state().flows.evChargeKw, 3);
  clock.pass(1);
  t.equal(
    emulator.state().flows.evChargeKw,
    7.2,
    'without a sign of life it falls back to its fail-safe limit',
  );
  t.strictSame(await mbpoll(wallbox, '4', 0, '3'), [7_200, 0, 7_200]);

  const pump = deviceOf(emulator, 'hvac');
  await mbpoll(pump, '4', 0, '', '800', '600');
  t.equal(emulator.state().flows.hvacKw, 0.8);
  t.strictSame(await mbpoll(pump, '3', 1, '6'), [800, 250, 300, 0, 2_500, 800]);
  clock.pass(300_000);
  await mbpoll(pump, '4', 0, '', '900');
  clock.pass(599_999);
  t.equal(emulator.state().flows.hvacKw, 0.9, 'a new set-point starts the timer anew');
  await mbpoll(pump, '4', 1, '', '0');
  t.not(emulator.state().flows.hvacKw, 0.9, 'released, it follows its own thermostat');
});

t.test("before its day a home answers, takes set-points in the clock's time and stands still", async (t) => {
  const clock = clockAt(noonMs - 2 * hourMs);
  const emulator = await startHouseEmulator({ house, clock, host: '127.0.0.1' });
  t.teardown(() => emulator.stop());
  const devices = new Map<string, AnyDevice>();
  for (const description of emulator.devices) {
    const device = await connectDevice(description, { clock, settleMs: 0 });
    devices.set(device.kind, device);
  }
  t.teardown(() => Promise.all([...devices.values()].map((device) => device.close())));
  const { meter, pv, battery, evse, hvac } = Object.fromEntries(devices) as {
    meter: Meter;
    pv: PvInverter;
    battery: BatteryStorage;
    evse: Evse;
    hvac: HvacUnit;
  };
  const reading = async () => ({
    meter: await meter.read(),
    pv: await pv.read(),
    battery: await battery.read(),
    evse: await evse.read(),
    hvac: await hvac.read(),
  });
  const atRest = {
    meter: { quality: 'good', netImportW: 0, importWh: 1_000_000, exportWh: 100_000 },
    pv: { quality: 'good', generationW: 0, state: 'sleeping' },
    battery: { quality: 'good', chargeW: 0, dischargeW: 0, storedWh: 5_000 },
    evse: { quality: 'good', state: 'B', chargeW: 0, vehicleWh: 10_000 },
    hvac: { quality: 'good', powerW: 0, indoorC: 25 },
  };
  t.match(await reading(), atRest);
  t.match(await pv.limitGeneration({ powerW: 2_000, revertMs: 2.5 * hourMs }), { ok: true, appliedW: 2_000 });
  t.match(await battery.charge({ powerW: 1_000, revertMs: 2.5 * hourMs }), { ok: true, appliedW: 1_000 });
  t.match(await evse.charge({ powerW: 3_600, revertMs: 2.5 * hourMs }), { ok: true, appliedW: 3_600 });
  t.match(await hvac.setPower({ powerW: 1_200, revertMs: hourMs }), { ok: true, appliedW: 1_200 });
  clock.pass(hourMs);
  t.match(await reading(), atRest, 'an hour before');
  clock.pass(hourMs);
  t.match(
    await reading(),
    {
      pv: { generationW: 2_000, state: 'throttled' },
      battery: { chargeW: 1_000 },
      evse: { state: 'C', chargeW: 3_600 },
      // Its set-point ran out an hour ago.
      hvac: { powerW: 2_500 },
      meter: { netImportW: 500 + 1_000 + 3_600 + 2_500 - 2_000 },
    },
    'the day begins',
  );
  clock.pass(hourMs);
  const { meter: after, battery: charged } = await reading();
  t.equal(charged.storedWh, 5_000 + 475, 'charged for the half hour that was left');
  const { counters } = emulator.state();
  t.ok(Math.abs((after.importWh ?? 0) - 1_000_000 - 1_000 * counters.importKwh) <= 0.01, 'to 0.01 Wh');
  t.ok(Math.abs((after.exportWh ?? 0) - 100_000 - 1_000 * counters.exportKwh) <= 0.01);
});

t.test('large devices and long counts fit their registers', async (t) => {
  const { battery, ev, hvac } = house as Required<HouseSpec>;
  const large: HouseSpec = {
    ...house,
    home: 'farm',
    baseLoadKw: [50, 0, 0, 0],
    pvKw: [0, 50, 31.0004, 50],
    pvRatedKw: 50,
    battery: { ...battery, capacityKwh: 600, chargeKwMax: 50, dischargeKwMax: 50 },
    ev: { ...ev, chargeKwMax: 50, chargeKwMin: 4.1, capacityKwh: 1_000 },
    hvac: { ...hvac, powerKwMax: 50 },
  };
  const clock = clockAt(noonMs);
  const emulator = await startHouseEmulator({ house: large, clock, host: '127.0.0.1' });
  t.teardown(() => emulator.stop());
  const open = (kind: AnyDevice['kind']) =>
    connectDevice(deviceOf(emulator, kind), { clock, settleMs: 0 }) as Promise<unknown>;
  const meter = (await open('meter')) as Meter;
  const pv = (await open('pv')) as PvInverter;
  const store = (await open('battery')) as BatteryStorage;
  const evse = (await open('evse')) as Evse;
  const unit = (await open('hvac')) as HvacUnit;
  t.teardown(() => Promise.all([meter, pv, store, evse, unit].map((device) => device.close())));
  t.match({ ...pv, ...store, ...evse, ...unit }, { ratedW: 50_000, capacityWh: 600_000, chargeWMax: 50_000 });
  t.match(await store.charge({ powerW: 50_000, revertMs: hourMs }), { ok: true, appliedW: 50_000 });
  t.match(await unit.setPower({ powerW: 50_000, revertMs: hourMs }), { ok: true, appliedW: 50_000 });
  t.match(await meter.read(), { quality: 'good', netImportW: 200_000 });
  t.match(await evse.charge({ powerW: 4_000, revertMs: 2 * hourMs }), { ok: true, appliedW: 0 });
  t.match(await evse.read(), { state: 'B', chargeW: 0 });
  const limitW = { read: 'input', address: 6, count: 1 } as const;
  const bare = { write: 0, values: [4_000] } as const;
  t.strictSame(await pymodbus(deviceOf(emulator, 'evse'), [bare, limitW]), [null, [0]], 'a pause');
  clock.pass(hourMs);
  t.match(await pv.read(), { quality: 'good', generationW: 50_000, state: 'producing' });
  t.match(await store.discharge({ powerW: 50_000, revertMs: hourMs }), { ok: true, appliedW: 50_000 });
  t.match(await meter.read(), { quality: 'good', netImportW: -100_000 });
  clock.pass(1_000);
  t.match(await pv.read(), { generatedWh: 500_000 + 13.88 }, 'what has passed in full of 13.888...');

  const exact: HouseSpec = { ...house, pvKw: [3.0004, 3, 3, 3] };
  const { battery: _battery, ev: _ev, hvac: _hvac, pvRatedKw: _rated, ...small } = exact;
  const other = await startHouseEmulator({ house: small, clock: clockAt(noonMs), host: '127.0.0.1' });
  t.teardown(() => other.stop());
  t.strictSame(
    other.devices.map(({ kind }) => kind),
    ['meter', 'pv'],
  );
  const inverter = await connectDevice(deviceOf(other, 'pv'), { clock, settleMs: 0 });
  t.match(inverter, { ratedW: 3_001 }, 'a rating never cuts off what the sun offers');
  await inverter.close();

  const counter = { model: 203, values: { TotWh_SF: -2, TotWhImp: 2 ** 32 / 100 + 7.5 } };
  t.strictSame(modelImage(counter).slice(46, 48), [0, 750], 'a counter begins anew');
});

t.test('a house that could not be is refused, and no two devices share a serial number', async (t) => {
  const start = (changed: Partial<HouseSpec>) =>
    startHouseEmulator({ house: { ...house, ...changed }, clock: clockAt(noonMs), host: '127.0.0.1' });
  const { battery, ev, hvac } = house as Required<HouseSpec>;
  const impossible: [string, Partial<HouseSpec>][] = [
    ['home.length', { home: '' }],
    ['slotMs', { slotMs: 0 }],
    ['baseLoadKw.length', { baseLoadKw: [] }],
    ['baseLoadKw.1', { baseLoadKw: [1, Number.NaN, 1, 1] }],
    ['pvKw.length', { pvKw: [1, 2] }],
    ['outdoorC.0', { outdoorC: [300, 0, 0, 0] }],
    ['pvRatedKw', { pvRatedKw: Number.POSITIVE_INFINITY }],
    ['battery.initialKwh', { battery: { ...battery, initialKwh: 11 } }],
    ['battery.chargeEfficiency', { battery: { ...battery, chargeEfficiency: 0 } }],
    ['ev.chargeKwMin', { ev: { ...ev, chargeKwMin: 8 } }],
    ['ev.drivenKwh.3', { ev: { ...ev, drivenKwh: [0, 0, 0, -1] } }],
    ['hvac.cop', { hvac: { ...hvac, cop: Number.NaN } }],
    ['hvac.preferredC', { hvac: { ...hvac, preferredC: 99 } }],
  ];
  for (const [field, changed] of impossible)
    await t.rejects(start(changed), { code: 'DRIVERS_BAD_REQUEST', details: { field } }, field);

  const serials = new Set<string>();
  let devices = 0;
  for (const home of ['house-north-1', 'house-south-1', 'Zürich 3', 'h1']) {
    const emulator = await start({ home });
    for (const description of emulator.devices) {
      const device = await connectDevice(description, { clock: clockAt(noonMs), settleMs: 0 });
      serials.add(device.make.serial);
      devices += 1;
      await device.close();
    }
    await emulator.stop();
  }
  t.equal(serials.size, devices);
});

/** One exchange on a connection of its own; undefined when the server says nothing and hangs up. */
function ask(port: number, bytes: readonly number[]): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', (data) => {
      resolve(data);
      socket.destroy();
    });
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
    socket.end(Buffer.from(bytes));
  });
}

t.test('the server keeps the limits and exceptions of the standard', async (t) => {
  const { emulator } = await emulated(t);
  const { port } = deviceOf(emulator, 'evse');
  const pdu = async (unit: number, ...request: number[]) => {
    const asked = [0x12, 0x34, 0, 0, 0, request.length + 1, unit, ...request];
    const answer = (await ask(port, asked)) ?? Buffer.alloc(7);
    t.strictSame([...answer.subarray(0, 4)], [0x12, 0x34, 0, 0]);
    t.equal(answer.readUInt16BE(4), answer.length - 6);
    return [...answer.subarray(7)];
  };
  t.strictSame(await pdu(1, 3, 0, 0, 0, 3), [3, 6, 0x1c, 0x20, 0, 0, 0x1c, 0x20]);
  t.strictSame(await pdu(1, 3, 0, 0, 0, 126), [0x83, 3], 'no more than 125 registers');
  t.strictSame(await pdu(1, 3, 0, 0, 0, 0), [0x83, 3]);
  t.strictSame(await pdu(1, 3, 0, 1, 0, 3), [0x83, 2]);
  t.strictSame(await pdu(1, 4, 0xff, 0xff, 0, 2), [0x84, 2]);
  t.strictSame(await pdu(1, 1, 0, 0, 0, 1), [0x81, 1]);
  t.strictSame(await pdu(9, 3, 0, 0, 0, 1), [0x83, 11]);
  t.strictSame(await pdu(1, 6, 0, 0, 0x10, 0), [6, 0, 0, 0x10, 0]);
  t.strictSame(await pdu(1, 6, 0, 0, 0xff, 0), [0x86, 3], 'more than it can');
  t.strictSame(await pdu(1, 16, 0, 0, 0, 2, 4, 0x10, 0, 0, 60), [16, 0, 0, 0, 2]);
  t.strictSame(await pdu(1, 16, 0, 0, 0, 2, 2, 0x10, 0, 0, 60), [0x90, 3]);
  t.strictSame(await pdu(1, 16, 0, 2, 0, 2, 4, 0, 1, 0, 60), [0x90, 2]);
  t.strictSame(await pdu(1, 3), [0x83, 3]);

  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (noise) => {
      await ask(port, [...noise]);
    }),
    { numRuns: 150 },
  );
  t.strictSame(await pdu(1, 3, 0, 2, 0, 1), [3, 2, 0x1c, 0x20], 'garbage leaves it well');
  const told: DeviceEvent[] = [];
  const telling = await startHouseEmulator({
    house,
    clock: clockAt(noonMs),
    host: '127.0.0.1',
    log: (event) => told.push(event),
  });
  t.teardown(() => telling.stop());
  const { id, port: tellingPort } = deviceOf(telling, 'evse');
  t.equal(await ask(tellingPort, [0, 1, 0, 7, 0, 6, 1, 3, 0, 0, 0, 1]), undefined, 'another protocol');
  await telling.setFault(id, { kind: 'silent' });
  t.same(told, [
    { event: 'emulator-garbage', device: id },
    { event: 'emulator-fault', device: id, fault: 'silent' },
  ]);
  const deaf = connect({ port, host: '127.0.0.1' }).pause();
  const question = Buffer.from([0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 40]);
  const endless = Buffer.concat(new Array<Buffer>(150_000).fill(question));
  const letGo = new Promise((resolve) => deaf.on('error', resolve).on('close', resolve));
  deaf.write(endless);
  // Who does not read hears of a broken connection only when he speaks.
  const nudge = setInterval(() => deaf.write(question), 20);
  await letGo;
  clearInterval(nudge);
  t.pass('who asks on and never reads is let go');
  await t.rejects(startHouseEmulator({ house, clock: clockAt(noonMs), host: '127.0.0.1', firstPort: port }), {
    code: 'DRIVERS_PORT_IN_USE',
  });
});

t.test('faults by switch, as the drivers see them', async (t) => {
  const { clock, emulator } = await emulated(t);
  const links = createLinkPool();
  const wait = { timeoutMs: 300 };
  const open = async (kind: EmulatedDevice['kind']) => {
    const description = { ...deviceOf(emulator, kind), timeoutMs: 300 };
    return connectDevice(description, { clock, links, settleMs: 0 }, wait);
  };
  const pvId = deviceOf(emulator, 'pv').id;
  const batteryId = deviceOf(emulator, 'battery').id;

  const codeUnder = async (fault: DeviceFault) => {
    await emulator.setFault(pvId, fault);
    const outcome = await open('pv').then(
      async (pv) => {
        await pv.close();
        return 'opened';
      },
      (error: { code?: string }) => error.code,
    );
    await emulator.setFault(pvId, undefined);
    return outcome;
  };
  t.equal(await codeUnder({ kind: 'refuse' }), 'DRIVERS_CONNECTION_REFUSED');
  t.equal(await codeUnder({ kind: 'silent' }), 'DRIVERS_TIMEOUT');
  t.equal(await codeUnder({ kind: 'late', delayMs: 600 }), 'DRIVERS_TIMEOUT');
  t.equal(await codeUnder({ kind: 'reset' }), 'DRIVERS_CONNECTION_LOST');
  t.equal(await codeUnder({ kind: 'exception', code: 4 }), 'DRIVERS_MODBUS_EXCEPTION');
  t.equal(await codeUnder({ kind: 'late', delayMs: 10 }), 'opened');

  const pv = await open('pv');
  const battery = await open('battery');
  if (pv.kind !== 'pv' || battery.kind !== 'battery') throw new Error('of another kind');
  t.match(await pv.read(), { quality: 'good', generationW: 3_000, state: 'producing' });
  await emulator.setFault(pvId, { kind: 'sentinels' });
  t.match(await pv.read(), { quality: 'bad', generationW: undefined });
  await emulator.setFault(pvId, { kind: 'asleep' });
  t.match(await pv.read(), { state: 'sleeping', generationW: 0 });
  t.equal(emulator.state().flows.pvKw, 0);
  await emulator.setFault(pvId, undefined);
  t.match(await pv.read(), { quality: 'good', generationW: 3_000 });

  for (const readsBack of [true, false]) {
    await emulator.setFault(pvId, { kind: 'deaf', readsBack });
    await emulator.setFault(batteryId, { kind: 'deaf', readsBack });
    const setPoint = { powerW: 1_500, revertMs: 60_000 };
    t.match(await pv.limitGeneration(setPoint), { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT' });
    t.match(await battery.discharge(setPoint), { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT' });
    t.match(emulator.state().flows, { pvKw: 3, batteryDischargeKw: 0 });
  }
  await emulator.setFault(pvId, undefined);
  await emulator.setFault(batteryId, undefined);
  t.match(await battery.discharge({ powerW: 1_500, revertMs: 60_000 }), { ok: true, appliedW: 1_500 });
  t.equal(emulator.state().flows.batteryDischargeKw, 1.5);
  await pv.close();
  await battery.close();
  t.equal(emulator.state().flows.batteryDischargeKw, 0, 'closed, the driver has let go');
  await t.rejects(emulator.setFault('nobody', undefined), { code: 'DRIVERS_BAD_REQUEST' });
  await t.rejects(emulator.setFault(batteryId, { kind: 'asleep' }), { code: 'DRIVERS_BAD_REQUEST' });
});

t.test('fifty homes with five devices each in one process', async (t) => {
  const clock = clockAt(noonMs);
  const emulators = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      startHouseEmulator({ house: { ...house, home: `home-${i + 1}` }, clock, host: '127.0.0.1' }),
    ),
  );
  t.teardown(() => Promise.all(emulators.map((emulator) => emulator.stop())));
  const devices = emulators.flatMap((emulator) => emulator.devices);
  t.equal(new Set(devices.map(({ id }) => id)).size, 250);
  t.equal(new Set(devices.map(({ port }) => port)).size, 250);
  const readAll = () =>
    Promise.all(
      devices.map(async (device) => {
        const opened = await connectDevice({ ...device, timeoutMs: 10_000 }, { clock, settleMs: 0 });
        const reading = await opened.read();
        await opened.close();
        return reading.quality;
      }),
    );
  t.strictSame([...new Set(await readAll())], ['good']);
  clock.pass(24 * hourMs);
  t.strictSame([...new Set(await readAll())], ['good'], 'a day later, too');
});
