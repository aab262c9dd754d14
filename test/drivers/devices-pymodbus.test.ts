import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { BatteryStorage, Evse, Meter, PvInverter } from '../../drivers/devices/capabilities.ts';
import { connectDevice } from '../../drivers/devices/connect.ts';
import type { DeviceDescription } from '../../drivers/devices/description.ts';
import { createLinkPool } from '../../drivers/devices/link-pool.ts';
import { end, freePort, until } from '../peers/processes.ts';
import type { Registers } from './misbehaving-server.ts';
import { batteryMap, inverterMap, meterMap, textWords } from './sunspec-maps.ts';

/** Compiled tests run from dist/test/drivers; the script stays where it was written. */
const script = fileURLToPath(new URL('../../../test/peers/pymodbus-server.py', import.meta.url));

const wallbox: Registers = {
  holding: new Map([
    [0, 11_000],
    [1, 0],
    [2, 11_000],
  ]),
  input: new Map([
    ...[1, 0, 0, 0, 0xffff, 0xffff, 3000, 1380, 11_000, 3, 0, 0, 0, 0, 0, 0].entries(),
    ...[...textWords('Acme', 8), ...textWords('Wall', 8), ...textWords('W7', 8)].map(
      (word, i): [number, number] => [16 + i, word],
    ),
  ]),
};

t.test('against a server that is not ours', async (t) => {
  const port = await freePort();
  const peer = spawn('/usr/bin/python3', [script], { stdio: ['pipe', 'pipe', 'pipe'] });
  t.teardown(() => end(peer));
  let said = '';
  let complaints = '';
  peer.stdout.on('data', (chunk) => {
    said += chunk;
  });
  peer.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const units = Object.entries({ 1: inverterMap(), 2: batteryMap(), 3: meterMap(), 4: wallbox }).map(
    ([unit, { holding, input }]) => [
      unit,
      { holding: Object.fromEntries(holding), input: Object.fromEntries(input) },
    ],
  );
  peer.stdin.write(`${JSON.stringify({ port, units: Object.fromEntries(units) })}\n`);
  await until('the peer is ready', () => said.startsWith('ready')).catch((error) => {
    throw new Error(`${error.message}: ${complaints}`);
  });

  const links = createLinkPool();
  const connect = (
    id: string,
    unitId: number,
    rest: Partial<DeviceDescription> & Pick<DeviceDescription, 'kind'>,
  ) =>
    connectDevice(
      { id, driver: 'sunspec', host: '127.0.0.1', port, unitId, timeoutMs: 2000, ...rest },
      { clock: { nowMs: () => 0 }, links, settleMs: 0 },
    );
  const pv = (await connect('pv', 1, { kind: 'pv' })) as PvInverter;
  const battery = (await connect('battery', 2, { kind: 'battery' })) as BatteryStorage;
  const meter = (await connect('meter', 3, { kind: 'meter' })) as Meter;
  const evse = (await connect('evse', 4, {
    kind: 'evse',
    driver: 'profile',
    profile: 'wallbox-generic',
  })) as Evse;

  t.match(await pv.read(), {
    quality: 'good',
    generationW: 2304.5,
    generatedWh: 12_345_678,
    state: 'producing',
  });
  t.match(await battery.read(), { quality: 'good', storedWh: 5550, chargeW: 0 });
  t.match(await meter.read(), { quality: 'good', netImportW: 1234, importWh: 1_000_000, frequencyHz: 50.02 });
  t.match(await evse.read(), { quality: 'good', state: 'B', chargeW: 0, vehicleWh: undefined });

  t.match(await pv.limitGeneration({ powerW: 4000, revertMs: 60_000 }), { ok: true, appliedW: 4000 });
  t.match(await battery.discharge({ powerW: 0, revertMs: 60_000 }), { ok: true, appliedW: 0 });
  t.match(await evse.charge({ powerW: 3000, revertMs: 60_000 }), { ok: true, appliedW: 3000 });
  for (const device of [pv, battery, meter, evse]) await device.close();

  const writes = said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  const pv123 = 40_002 + 68 + 52 + 28;
  t.same(writes, [
    { unit: 1, address: pv123 + 5, values: [8000, 0, 60, 0, 1] },
    { unit: 2, address: 40_070 + 12, values: [0, 0, 0, 60] },
    { unit: 2, address: 40_070 + 5, values: [3] },
    { unit: 4, address: 0, values: [3000, 60] },
    { unit: 1, address: pv123 + 9, values: [0] },
    { unit: 2, address: 40_070 + 5, values: [0] },
    { unit: 4, address: 1, values: [0] },
  ]);
});
