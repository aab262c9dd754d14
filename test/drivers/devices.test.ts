import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createArbiter } from '../../drivers/devices/arbiter.ts';
import type {
  AnyDevice,
  BatteryStorage,
  Evse,
  HvacUnit,
  Meter,
  PvInverter,
} from '../../drivers/devices/capabilities.ts';
import { connectDevice } from '../../drivers/devices/connect.ts';
import type {
  DeviceContext,
  DeviceDescription,
  DeviceEvent,
  LinkPool,
} from '../../drivers/devices/description.ts';
import { createLinkPool } from '../../drivers/devices/link-pool.ts';
import { watchCounter } from '../../drivers/devices/plausible.ts';
import { loadProfile } from '../../drivers/profiles/load.ts';
import { until } from '../peers/processes.ts';
import {
  exceptionPdu,
  type MisbehavingServer,
  type Registers,
  rightReply,
  send,
  serveRegisters,
  startMisbehavingServer,
} from './misbehaving-server.ts';
import { batteryMap, inverterMap, meterMap, type TestMap, testMap, textWords } from './sunspec-maps.ts';

type Rig<D> = { device: D; server: MisbehavingServer; clock: { now: number }; events: DeviceEvent[] };

async function rig<D extends AnyDevice>(
  t: Test,
  registers: Registers,
  description: Partial<DeviceDescription> & Pick<DeviceDescription, 'kind'>,
  context: Partial<DeviceContext> = {},
): Promise<Rig<D>> {
  const server = await startMisbehavingServer();
  t.teardown(() => server.stop());
  serveRegisters(server, registers);
  const clock = { now: Date.UTC(2026, 5, 1) };
  const events: DeviceEvent[] = [];
  const device = await connectDevice(
    {
      id: 'd1',
      driver: 'sunspec',
      host: '127.0.0.1',
      port: server.port,
      unitId: 1,
      timeoutMs: 100,
      ...description,
    },
    { clock: { nowMs: () => clock.now }, log: (event) => events.push(event), settleMs: 0, ...context },
  );
  t.teardown(() => device.close());
  return { device: device as D, server, clock, events };
}

const minute = 60_000;

t.test('a meter', async (t) => {
  const map = meterMap();
  const { device, clock } = await rig<Meter>(t, map, { kind: 'meter' });
  t.same(device.make, { manufacturer: 'Acme', model: 'Sun 5', serial: 'S-0001' });
  t.strictSame(await device.read(), {
    atMs: clock.now,
    quality: 'good',
    faults: [],
    netImportW: 1234,
    importWh: 1_000_000,
    exportWh: 200_000,
    voltageV: 230.1,
    frequencyHz: 50.02,
  });

  map.put(203, 18, -1500);
  t.equal((await device.read()).netImportW, -1500);
  map.put(203, 18, 0x8000);
  t.match(await device.read(), {
    quality: 'partial',
    netImportW: undefined,
    faults: ['netImportW: not available'],
  });
  map.put(203, 18, 32000, 0, 0, 0, 2);
  t.match(await device.read(), { netImportW: undefined, faults: [/netImportW: implausible/] }, 'a spike');
  map.put(203, 18, 1234, 0, 0, 0, 0x8000);
  t.match(await device.read(), { netImportW: undefined }, 'no scale factor, no value');
  map.put(203, 22, 0);

  map.put(203, 46, 0, 0);
  t.match(await device.read(), { importWh: undefined, faults: [/importWh: went back/] }, 'a counter of zero');
  map.put(203, 46, 100010 >>> 16, 100010 & 0xffff);
  clock.now += minute;
  t.match(await device.read(), { quality: 'good', importWh: 1_000_100 });
  for (let offset = 2; offset < 107; offset += 1) map.put(203, offset, 0xffff);
  const after = await device.read();
  t.equal(after.quality, 'bad', 'nothing but sentinels, as after a restart');
  t.same(Object.keys(after).sort(), ['atMs', 'faults', 'quality']);
});

t.test('a meter of floats, longer than one request, mounted the other way', async (t) => {
  const map = testMap([
    [1, 66],
    [213, 124],
  ]);
  const float = (value: number) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return [view.getUint16(0), view.getUint16(2)];
  };
  for (let offset = 2; offset < 126; offset += 2) map.put(213, offset, ...float(Number.NaN));
  map.put(213, 28, ...float(-321.5));
  map.put(213, 60, ...float(7000));
  map.put(213, 68, ...float(9000));
  const { device } = await rig<Meter>(t, map, { kind: 'meter', direction: 'export-positive' });
  t.match(await device.read(), { quality: 'good', netImportW: 321.5, exportWh: 7000, importWh: 9000 });
});

t.test('an inverter: reading', async (t) => {
  const map = inverterMap();
  const { device, events } = await rig<PvInverter>(t, map, { kind: 'pv' });
  t.equal(device.ratedW, 5000);
  t.match(await device.read(), {
    quality: 'good',
    faults: [],
    generationW: 2304.5,
    generatedWh: 12_345_678,
    state: 'producing',
  });
  map.put(103, 14, -80, 0);
  t.match(await device.read(), { quality: 'good', generationW: 0 }, 'its own consumption is no generation');
  map.put(103, 14, -3000, 0);
  t.match(await device.read(), { quality: 'partial', generationW: undefined });
  map.put(103, 14, 0x8000, 0);
  map.put(103, 38, 2);
  t.match(await device.read(), { quality: 'good', generationW: 0, state: 'sleeping' });
  map.put(103, 38, 7);
  map.put(103, 40, 0, 1);
  t.match(await device.read(), { quality: 'partial', state: 'fault', generationW: undefined });
  t.match(events.at(-1), { event: 'inverter-events', flags: 'GROUND_FAULT' });
});

/** Lets the inverter obey its limit as soon as it is written. */
function obey(map: TestMap): void {
  map.onWrite = () => {
    const limited = map.get(123, 9) === 1 ? (map.get(123, 5) * 5000) / 10_000 : 5000;
    map.put(103, 14, Math.min(2304, limited), 0);
  };
}

t.test('an inverter: limiting', async (t) => {
  const map = inverterMap();
  obey(map);
  const { device, server } = await rig<PvInverter>(t, map, { kind: 'pv' });
  t.strictSame(await device.limitGeneration({ powerW: 1500, revertMs: 90_500 }), {
    ok: true,
    appliedW: 1500,
    clamped: false,
  });
  const write = server.requests.find((request) => request.functionCode === 16)!;
  t.same(write.values, [3000, 0, 91, 0, 1], 'limit, window, revert, ramp and enable in one request');
  t.equal((await device.read()).generationW, 1500);

  t.match(await device.limitGeneration({ powerW: 9000, revertMs: 1000 }), {
    ok: true,
    appliedW: 5000,
    clamped: true,
  });
  t.match(await device.limitGeneration({ powerW: -1, revertMs: 1000 }), {
    ok: true,
    appliedW: 0,
    clamped: true,
  });
  t.equal(map.get(123, 5), 0, 'a negative limit is none at all, never a very high one');
  for (const bad of [
    { powerW: Number.NaN, revertMs: 1000 },
    { powerW: 1, revertMs: 0 },
    { powerW: 1, revertMs: Infinity },
  ]) {
    t.match(await device.limitGeneration(bad), { ok: false, code: 'DRIVERS_SETPOINT_OUT_OF_RANGE' });
  }
  t.match(await device.release(), { ok: true });
  t.equal(map.get(123, 9), 0);

  await device.limitGeneration({ powerW: 100, revertMs: 1000 });
  await device.close();
  t.equal(map.get(123, 9), 0, 'closing gives control back');
});

t.test('a limit that is not ours stays, one of an earlier run of ours does not', async (t) => {
  const map = inverterMap();
  map.put(123, 5, 7000, 0, 0, 0, 1);
  const { device, server } = await rig<PvInverter>(t, map, { kind: 'pv' });
  const writes = () => server.requests.filter(({ functionCode }) => functionCode === 16).length;
  t.match(await device.release(), { ok: true });
  t.same([map.get(123, 9), writes()], [1, 0], 'the feed-in limit of the installer');
  map.put(123, 7, 90);
  t.match(await device.release(), { ok: true });
  t.equal(map.get(123, 9), 0, 'one that would have ended by itself');
  t.match(await device.release(), { ok: true });
  t.equal(writes(), 1, 'what is free is not freed again');
});

t.test('a set-point given up while its write was under way is given back', async (t) => {
  const map = inverterMap();
  const { device, server } = await rig<PvInverter>(t, map, { kind: 'pv' });
  const stopping = new AbortController();
  const answering = server.behave;
  server.behave = (request) => {
    if (request.functionCode !== 16) return answering(request);
    map.put(123, 5, ...request.values);
    stopping.abort();
  };
  const limiting = device.limitGeneration(
    { powerW: 0, revertMs: 3_600_000 },
    { signal: stopping.signal, timeoutMs: 5_000 },
  );
  await t.rejects(limiting, { code: 'DRIVERS_ABORTED' });
  t.equal(map.get(123, 9), 1, 'the inverter took it');
  server.behave = answering;
  await device.close();
  t.equal(map.get(123, 9), 0);
});

t.test('an inverter that takes a limit and does nothing, or the wrong thing', async (t) => {
  const cases: [name: string, sabotage: (map: TestMap) => void, reason: RegExp][] = [
    ['goes on generating', () => undefined, /still generates 2305 W under a limit of 1000 W/],
    ['forgets to enable', (map) => map.put(123, 9, 0), /not enabled/],
    ['keeps its old limit', (map) => map.put(123, 5, 10_000), /reads 100 %, not 20 %/],
    ['has no revert timer', (map) => map.put(123, 7, 0), /fall back/],
    ['says nothing of its revert timer', (map) => map.put(123, 7, 0xffff), /fall back/],
  ];
  for (const [name, sabotage, reason] of cases) {
    const map = inverterMap();
    map.onWrite = () => sabotage(map);
    const { device } = await rig<PvInverter>(t, map, { kind: 'pv' });
    const outcome = await device.limitGeneration({ powerW: 1000, revertMs: 60_000 });
    t.match(outcome, { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason }, name);
  }
  const map = inverterMap();
  const { device, server } = await rig<PvInverter>(t, map, { kind: 'pv' });
  const serve = server.behave;
  server.behave = (request) =>
    request.functionCode === 16
      ? send(request, rightReply(request, { pdu: exceptionPdu(request, 2) }))
      : serve(request);
  t.match(await device.limitGeneration({ powerW: 1000, revertMs: 60_000 }), {
    ok: false,
    code: 'DRIVERS_SETPOINT_REFUSED',
  });
  map.put(123, 23, 0x8000);
  server.behave = serve;
  t.match(await device.limitGeneration({ powerW: 1000, revertMs: 60_000 }), {
    ok: false,
    code: 'DRIVERS_SETPOINT_OUT_OF_RANGE',
  });

  t.test('an effect that takes its time is waited for', async (t) => {
    const slow = inverterMap();
    const { device } = await rig<PvInverter>(t, slow, { kind: 'pv' }, { settleMs: 2000 });
    slow.onWrite = () => void setTimeout(() => slow.put(103, 14, 900, 0), 150);
    t.match(await device.limitGeneration({ powerW: 1000, revertMs: 60_000 }), { ok: true, appliedW: 1000 });
  });
});

/** Lets the battery run at the rates as they are written; W is positive when discharging. */
function runBattery(map: TestMap, sign = 1): void {
  map.onWrite = () => {
    const signed = (word: number) => (word > 0x7fff ? word - 0x10000 : word);
    const outW = map.get(124, 5) === 3 ? (signed(map.get(124, 12)) * 4000) / 10_000 : 0;
    map.put(802, 47, sign * Math.round(outW));
    map.put(802, 16, outW > 0 ? 3 : outW < 0 ? 4 : 6);
  };
}

t.test('a battery', async (t) => {
  const map = batteryMap();
  runBattery(map);
  const { device, server } = await rig<BatteryStorage>(t, map, { kind: 'battery' });
  t.match(device, { chargeWMax: 4000, dischargeWMax: 4000, capacityWh: 10_000 });
  t.match(await device.read(), {
    quality: 'good',
    faults: [],
    chargeW: 0,
    dischargeW: 0,
    storedWh: 5550,
    capacityWh: 10_000,
  });

  t.strictSame(await device.charge({ powerW: 1600, revertMs: 30_000 }), {
    ok: true,
    appliedW: 1600,
    clamped: false,
  });
  const writes = () => server.requests.filter((request) => request.functionCode === 16);
  t.same(
    writes().map(({ values }) => values),
    [[0x10000 - 4000, 4000, 0, 30], [3]],
    'rates and revert first, then in force',
  );
  t.match(await device.read(), { chargeW: 1600, dischargeW: 0 });
  t.match(await device.discharge({ powerW: 5000, revertMs: 30_000 }), {
    ok: true,
    appliedW: 4000,
    clamped: true,
  });
  t.equal(writes().length, 3, 'the mode stands already');
  t.match(await device.read(), { chargeW: 0, dischargeW: 4000 });
  t.match(await device.charge({ powerW: 0, revertMs: 30_000 }), { ok: true, appliedW: 0 });
  t.same([map.get(124, 12), map.get(124, 13)], [0, 0], 'hold');
  t.match(await device.release(), { ok: true });
  t.equal(map.get(124, 5), 0);

  map.put(802, 11, 20_000);
  t.match(await device.read(), {
    quality: 'partial',
    storedWh: undefined,
    faults: [/stateOfCharge: implausible 200/],
  });
  map.put(802, 47, 30_000);
  t.match(await device.read(), { quality: 'bad', chargeW: undefined, dischargeW: undefined });
});

t.test(
  'a battery that discharges faster than it charges is asked for no more than can be told',
  async (t) => {
    const map = batteryMap();
    map.put(802, 5, 6000);
    runBattery(map, 1);
    const { device } = await rig<BatteryStorage>(t, map, { kind: 'battery' });
    t.match(device, { chargeWMax: 4000, dischargeWMax: 4000 });
    t.match(await device.discharge({ powerW: 6000, revertMs: 5000 }), {
      ok: true,
      appliedW: 4000,
      clamped: true,
    });
    t.same([map.get(124, 12), map.get(124, 13)], [10_000, 0x10000 - 10_000]);
  },
);

t.test('a battery whose maker counts charging as positive', async (t) => {
  const map = batteryMap();
  runBattery(map, -1);
  const { device } = await rig<BatteryStorage>(t, map, { kind: 'battery' });
  t.match(await device.charge({ powerW: 2000, revertMs: 5000 }), { ok: true });
  t.match(await device.read(), { chargeW: 2000, dischargeW: 0 });
});

/** Charging with 3900 W. */
function overshoot(map: TestMap): number[] {
  map.put(802, 16, 4);
  return [3900];
}

t.test('a battery that does not do as it is told', async (t) => {
  const cases: [name: string, wrong: (map: TestMap) => void, reason: RegExp][] = [
    ['runs the other way', (map) => map.put(802, 47, 1000), /runs the other way/],
    ['overshoots', (map) => map.put(802, 47, ...overshoot(map)), /when 2000 W were asked/],
    ['does nothing', (map) => map.put(802, 16, 4), /does nothing/],
    ['lets go', (map) => map.put(124, 5, 0), /not in force/],
    ['changes a rate', (map) => map.put(124, 13, 100), /a rate reads 1 %/],
    ['has no revert timer', (map) => map.put(124, 15, 0), /fall back/],
  ];
  for (const [name, wrong, reason] of cases) {
    const map = batteryMap();
    map.onWrite = () => {
      map.put(802, 16, 1);
      wrong(map);
    };
    const { device } = await rig<BatteryStorage>(t, map, { kind: 'battery' });
    const outcome = await device.charge({ powerW: 2000, revertMs: 60_000 });
    t.match(outcome, { ok: false, code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT', reason }, name);
  }
  const full = batteryMap();
  full.onWrite = () => full.put(802, 16, 5);
  const { device } = await rig<BatteryStorage>(t, full, { kind: 'battery' });
  t.match(await device.charge({ powerW: 2000, revertMs: 60_000 }), { ok: true }, 'a full one has its reason');
});

function wallboxMap(): Registers {
  const input = new Map<number, number>();
  for (let i = 0; i < 40; i += 1) input.set(i, 0);
  for (const [i, word] of [2, 3680, 0, 5400, 0, 41_000, 11_000, 1380, 11_000, 3].entries())
    input.set(i, word);
  for (const [i, word] of [...textWords('Acme', 8), ...textWords('Wall', 8), ...textWords('W7', 8)].entries())
    input.set(16 + i, word);
  const holding = new Map([
    [0, 11_000],
    [1, 0],
    [2, 11_000],
  ]);
  return {
    holding,
    input,
    onWrite: () => input.set(6, holding.get(1)! > 0 ? holding.get(0)! : holding.get(2)!),
  };
}

t.test('a wallbox by profile', async (t) => {
  const map = wallboxMap();
  const { device, server } = await rig<Evse>(t, map, {
    kind: 'evse',
    driver: 'profile',
    profile: 'wallbox-generic',
  });
  t.match(device, { chargeWMax: 11_000, make: { manufacturer: 'Acme', model: 'Wall', serial: 'W7' } });
  t.strictSame(
    { ...(await device.read()), atMs: 0 },
    { atMs: 0, quality: 'good', faults: [], state: 'C', chargeW: 3680, chargedWh: 5400, vehicleWh: 41_000 },
  );
  map.input.set(4, 0xffff).set(5, 0xffff);
  t.match(
    await device.read(),
    { quality: 'good', vehicleWh: undefined },
    'a vehicle that tells nothing is no fault',
  );
  map.input.set(0, 9);
  map.input.set(1, 0xffff);
  t.match(await device.read(), {
    quality: 'bad',
    state: undefined,
    chargeW: undefined,
    faults: [/state: unknown code 9/, /chargeW/],
  });

  t.strictSame(await device.charge({ powerW: 3000.7, revertMs: 60_000 }), {
    ok: true,
    appliedW: 3000,
    clamped: false,
  });
  t.same(server.requests.find((request) => request.functionCode === 16)!.values, [3000, 60]);
  t.match(
    await device.charge({ powerW: 1000, revertMs: 60_000 }),
    { ok: true, appliedW: 0, clamped: true },
    'too little to charge',
  );
  t.match(await device.charge({ powerW: 99_000, revertMs: 60_000 }), {
    ok: true,
    appliedW: 11_000,
    clamped: true,
  });
  t.match(await device.release(), { ok: true });
  t.equal(map.holding.get(1), 0);
  map.onWrite = () => undefined;
  map.input.set(6, 7000);
  t.match(await device.charge({ powerW: 3000, revertMs: 60_000 }), {
    ok: false,
    code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT',
    reason: /appliedLimitW reads 7000, not 3000/,
  });
  await device.close();
  t.equal(map.holding.get(1), 0, 'closing gives control back');
});

t.test('an HVAC unit by profile', async (t) => {
  const input = new Map<number, number>();
  for (let i = 0; i < 40; i += 1) input.set(i, 0);
  for (const [i, word] of [1, 900, 215, 0x10000 - 53, 300, 2500, 900].entries()) input.set(i, word);
  const holding = new Map([
    [0, 0],
    [1, 0],
    [2, 210],
  ]);
  const map: Registers = {
    holding,
    input,
    onWrite: () => input.set(6, holding.get(1)! > 0 ? holding.get(0)! : 900),
  };
  const { device } = await rig<HvacUnit>(t, map, {
    kind: 'hvac',
    driver: 'profile',
    profile: 'hvac-generic',
  });
  t.equal(device.powerWMax, 2500);
  t.match(await device.read(), { quality: 'good', powerW: 900, indoorC: 21.5, outdoorC: -5.3 });
  input.set(2, 0x8000);
  t.match(await device.read(), {
    quality: 'partial',
    indoorC: undefined,
    faults: ['indoorC: not available'],
  });
  input.set(2, 4000);
  t.match(await device.read(), { indoorC: undefined, faults: ['indoorC: implausible 400'] });
  t.match(await device.setPower({ powerW: 1200, revertMs: 900_000 }), {
    ok: true,
    appliedW: 1200,
    clamped: false,
  });
  t.same([holding.get(0), holding.get(1)], [1200, 900]);
  t.match(await device.setPower({ powerW: 100, revertMs: 1000 }), { ok: true, appliedW: 0, clamped: true });
  t.match(await device.release(), { ok: true });
});

t.test('a wallbox limited in A, with a watchdog of its own', async (t) => {
  const view = new DataView(new ArrayBuffer(4));
  const float = (value: number) => {
    view.setFloat32(0, value);
    return [view.getUint16(0), view.getUint16(2)];
  };
  const holding = new Map<number, number>();
  for (const [i, word] of textWords('C2', 5).entries()) holding.set(1201 + i, word);
  for (const [i, word] of float(4140).entries()) holding.set(344 + i, word);
  for (const [i, word] of float(16).entries()) holding.set(1210 + i, word);
  const { device, clock } = await rig<Evse>(
    t,
    { holding, input: new Map() },
    { kind: 'evse', driver: 'profile', profile: 'alfen-ng9xx' },
  );
  t.equal(device.chargeWMax, 16 * 3 * 230);
  t.match(await device.read(), { quality: 'good', state: 'C', chargeW: 4140 });
  t.match(await device.charge({ powerW: 6900, revertMs: 600_000 }), { ok: true, appliedW: 6900 });
  t.same([holding.get(1210), holding.get(1211)], float(10));
  t.match(await device.charge({ powerW: 5000, revertMs: 1000 }), {
    ok: false,
    code: 'DRIVERS_SETPOINT_REFUSED',
    reason: /too-soon/,
  });
  clock.now += 2000;
  t.match(
    await device.charge({ powerW: 4000, revertMs: 1000 }),
    { ok: true, appliedW: 0, clamped: true },
    'less than 6 A is a pause',
  );
  await device.close();
  t.same([holding.get(1210), holding.get(1211)], float(16));
});

t.test('a set-point is repeated to a watchdog of fixed length until its time is over', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'watchdog-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const profile = join(folder, 'own.json');
  const { control, ...rest } = structuredClone(loadProfile('wallbox-generic'));
  const watchdog = { fixedS: 1, refreshS: 0.01 };
  writeFileSync(profile, JSON.stringify({ ...rest, control: { ...control, effect: undefined, watchdog } }));
  const map = wallboxMap();
  let limits = 0;
  let releases = 0;
  map.onWrite = (address) => {
    if (address === 0) limits += 1;
    else releases += 1;
  };
  const { device, clock } = await rig<Evse>(t, map, { kind: 'evse', driver: 'profile', profile });
  t.match(await device.charge({ powerW: 3000, revertMs: 60_000 }), { ok: true });
  await until('the set-point is repeated', () => limits >= 4);
  t.equal(releases, 0);
  clock.now += 60_000;
  await until('control is given back', () => releases === 1);
  const repeated = limits;
  await new Promise((resolve) => setTimeout(resolve, 40));
  t.same([limits, releases], [repeated, 1], 'and then there is silence');
});

t.test('a set-point is not repeated over a later one that failed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'watchdog-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const profile = join(folder, 'own.json');
  const { control, ...rest } = structuredClone(loadProfile('wallbox-generic'));
  const watchdog = { fixedS: 1, refreshS: 0.01 };
  writeFileSync(profile, JSON.stringify({ ...rest, control: { ...control, effect: undefined, watchdog } }));
  const map = wallboxMap();
  const { device, server } = await rig<Evse>(t, map, { kind: 'evse', driver: 'profile', profile });
  t.match(await device.release(), { ok: true });
  t.same(
    server.requests.filter(({ functionCode }) => functionCode === 16),
    [],
    'what was never taken is not given back',
  );
  t.match(await device.charge({ powerW: 9000, revertMs: 60_000 }), { ok: true });
  map.onWrite = () => {
    if (map.holding.get(0) === 1500) map.holding.set(0, 1400);
  };
  t.match(await device.charge({ powerW: 1500, revertMs: 60_000 }), {
    ok: false,
    code: 'DRIVERS_SETPOINT_WITHOUT_EFFECT',
  });
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.equal(map.holding.get(0), 1400, 'the fuse may be why there was a later one');
});

t.test('devices that cannot be connected', async (t) => {
  const attempt = (
    map: Registers,
    description: Partial<DeviceDescription> & Pick<DeviceDescription, 'kind'>,
  ) => rig(t, map, description);
  await t.rejects(attempt(meterMap(), { kind: 'pv' }), {
    code: 'DRIVERS_MODEL_MISSING',
    details: { wanted: '120', found: '1 203', device: 'd1' },
  });
  const unrated = inverterMap();
  unrated.put(120, 3, 0xffff);
  await t.rejects(attempt(unrated, { kind: 'pv' }), { code: 'DRIVERS_POINT_UNAVAILABLE' });
  await t.rejects(attempt({ holding: new Map(), input: new Map() }, { kind: 'meter' }), {
    code: 'DRIVERS_NOT_SUNSPEC',
  });
  await t.rejects(attempt(meterMap(), { kind: 'evse' }), { code: 'DRIVERS_BAD_REQUEST' });
  await t.rejects(attempt(meterMap(), { kind: 'meter', driver: 'profile', profile: 'hvac-generic' }), {
    code: 'DRIVERS_BAD_REQUEST',
  });
  await t.rejects(attempt(wallboxMap(), { kind: 'evse', driver: 'profile', profile: 'hvac-generic' }), {
    code: 'DRIVERS_BAD_PROFILE',
  });
  await t.rejects(attempt(wallboxMap(), { kind: 'evse', driver: 'profile', profile: 'nothing' }), {
    code: 'DRIVERS_BAD_PROFILE',
  });
});

t.test('a device that vanishes and comes back', async (t) => {
  const map = meterMap();
  const { device, server } = await rig<Meter>(t, map, { kind: 'meter' });
  t.equal((await device.read()).quality, 'good');
  await server.stop();
  const failure = await device.read().catch((error) => error);
  t.match(failure, { name: 'DriversError', code: /DRIVERS_CONNECTION_(LOST|REFUSED)/ });
  t.match(
    await device.read().catch((error) => error),
    { details: { retryInMs: Number } },
    'left alone for a while',
  );
  const again = await startMisbehavingServer(server.port);
  serveRegisters(again, map);
  t.teardown(() => again.stop());
  let reading: Awaited<ReturnType<Meter['read']>> | undefined;
  for (let tries = 0; tries < 100 && !reading; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    reading = await device.read().catch(() => undefined);
  }
  t.equal(reading?.quality, 'good', 'without being connected anew');

  // Another firmware, another map: the models are looked for again.
  const moved = testMap([
    [1, 66],
    [64001, 4],
    [203, 105],
  ]);
  moved.put(203, 18, 77, 0, 0, 0, 0);
  serveRegisters(again, moved);
  await t.rejects(device.read(), { code: 'DRIVERS_BAD_REPLY', details: { moved: 1 } });
  t.equal((await device.read()).netImportW, 77);
});

t.test('two units behind one gateway share one connection', async (t) => {
  const server = await startMisbehavingServer();
  const maps = new Map([
    [1, inverterMap()],
    [2, meterMap()],
  ]);
  server.behave = (request) => {
    const one = { ...server };
    serveRegisters(one, maps.get(request.unitId)!);
    one.behave(request);
  };
  const context = { clock: { nowMs: () => 0 }, links: createLinkPool() };
  const at = { host: '127.0.0.1', port: server.port, driver: 'sunspec' as const };
  const [pv, meter] = await Promise.all([
    connectDevice({ id: 'pv', kind: 'pv', unitId: 1, ...at }, context),
    connectDevice({ id: 'meter', kind: 'meter', unitId: 2, ...at }, context),
  ]);
  t.equal(server.connections, 1);
  await pv.close();
  t.equal((await (meter as Meter).read()).quality, 'good', 'the other one stays');
  await meter.close();
  await meter.close();
  await t.rejects((meter as Meter).read(), { code: 'DRIVERS_ABORTED' });
  await server.stop();
});

t.test('whatever is in the registers: no crash, and nothing impossible is called good', async (t) => {
  const word = fc.oneof(
    fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff),
    fc.integer({ min: 0, max: 0xffff }),
  );
  const changes = fc.array(fc.tuple(fc.nat(), word), { minLength: 1, maxLength: 12 });
  const kinds = [
    ['pv', inverterMap, (r: Record<string, number>) => inside(r.generationW, 0, 7600)],
    ['meter', meterMap, (r: Record<string, number>) => inside(r.netImportW, -258_850, 258_850)],
    [
      'battery',
      batteryMap,
      (r: Record<string, number>) =>
        inside(r.chargeW, 0, 6100) && inside(r.dischargeW, 0, 6100) && inside(r.storedWh, 0, 10_000),
    ],
  ] as const;
  for (const [kind, make, possible] of kinds) {
    const map = make();
    const { device, server } = await rig<PvInverter>(t, map, { kind }, { links: withoutPauses });
    const clean = new Map(map.holding);
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        for (const [address, register] of clean) map.holding.set(address, register);
        // Identity and lengths stay: a device that moves is another test's.
        const values = [...clean.keys()].filter((address) => address > 40_072);
        for (const [at, register] of list) map.holding.set(values[at % values.length]!, register);
        const reading = await device.read().catch((error: unknown) => error);
        if (reading instanceof Error) return reading.name === 'DriversError';
        const { quality, faults } = reading as { quality: string; faults: readonly string[] };
        const fields = reading as Record<string, number>;
        return (
          possible(fields) && (quality !== 'good' || faults.length === 0) && Object.values(fields).every(sane)
        );
      }),
      { numRuns: 150 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 9, maxLength: 60 }), async (garbage) => {
        server.behave = (request) => send(request, garbage);
        const reading = await device.read({ timeoutMs: 15 }).catch((error: unknown) => error);
        return reading instanceof Error && reading.name === 'DriversError';
      }),
      { numRuns: 30 },
    );
  }
});

/** Every read reaches the wire, however many failed before. */
const withoutPauses: LinkPool = {
  acquire: (options) => createLinkPool().acquire({ ...options, backoff: { firstMs: 0, maxMs: 0 } }),
};

const inside = (value: number | undefined, min: number, max: number) =>
  value === undefined || (value >= min && value <= max);
const sane = (value: unknown) => typeof value !== 'number' || Number.isFinite(value);

t.test('a counter that restarts is believed again after five readings that agree', (t) => {
  const watch = watchCounter(10_000);
  t.strictSame(watch(5000, 0), { value: 5000 });
  t.match(watch(5e9, minute), { value: undefined, fault: /leapt/ });
  t.strictSame(watch(5100, 2 * minute), { value: 5100 }, 'one spike changes nothing');
  const seen = [0, 1, 2, 3, 4, 5].map((wh) => watch(wh, 3 * minute + wh));
  t.same(
    seen.map(({ value }) => value),
    [undefined, undefined, undefined, undefined, 4, 5],
  );
  t.equal(seen[4]!.fault, 'restarted');
  t.equal(seen[5]!.fault, undefined);
  fc.assert(
    fc.property(fc.array(fc.nat(1e9), { maxLength: 30 }), (values) => {
      const watch = watchCounter(10_000);
      let last = Number.NEGATIVE_INFINITY;
      return values.every((value, i) => {
        const { value: told, fault } = watch(value, i * minute);
        if (told === undefined || fault) {
          if (told !== undefined) last = told;
          return fault !== undefined;
        }
        const grows = told >= last;
        last = told;
        return grows;
      });
    }),
  );
  t.end();
});

t.test('the arbiter', (t) => {
  const rules = { intervalMsMin: 1000, writesPerDayMax: 3, refreshMs: 5000, claimMsMax: 60_000 };
  const arbiter = createArbiter(rules);
  const plan = { who: 'plan', rank: 2 } as const;
  t.same(arbiter.claim(plan, 1e9, 0), { ok: true, untilMs: 60_000 }, 'no claim for ever');
  t.same(arbiter.claim({ who: 'hand', rank: 3 }, 10, 1), { ok: false, heldBy: 'plan', untilMs: 60_000 });
  t.match(arbiter.claim(plan, 1000, 2), { ok: true });
  t.match(arbiter.claim({ who: 'operator', rank: 1 }, 1000, 3), { ok: true }, 'the better rank takes over');
  t.match(arbiter.claim(plan, 1000, 4), { ok: false, heldBy: 'operator' });
  t.match(arbiter.claim(plan, 1000, 1003), { ok: true }, 'when its time is over');
  arbiter.letGo('somebody');
  t.match(arbiter.claim({ who: 'hand', rank: 3 }, 10, 1004), { ok: false });
  arbiter.letGo('plan');
  t.match(arbiter.claim({ who: 'hand', rank: 3 }, 10, 1004), { ok: true });

  t.same(arbiter.permit(10, 0), { ok: true, write: true });
  arbiter.wrote(10, 0);
  t.same(arbiter.permit(10, 4999), { ok: true, write: false }, 'it stands there already');
  t.same(arbiter.permit(10, 5000), { ok: true, write: true }, 'but the watchdog wants to hear it');
  t.same(arbiter.permit(11, 400), { ok: false, reason: 'too-soon', retryInMs: 600 });
  arbiter.wrote(11, 1000);
  arbiter.forget();
  t.same(arbiter.permit(11, 2500), { ok: true, write: true });
  arbiter.wrote(11, 2500);
  t.same(arbiter.permit(12, 4000), { ok: false, reason: 'budget-spent', retryInMs: 86_396_000 });
  t.same(arbiter.permit(12, 86_400_000), { ok: true, write: true });
  t.end();
});
