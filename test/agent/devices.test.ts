import t from 'tap';
import { systemClock } from '../../agent/clock/system.ts';
import type { DeviceConfig } from '../../agent/config/schema.ts';
import { openDevices } from '../../agent/devices.ts';
import { startHouseEmulator } from '../../drivers/index.ts';
import { serveRegisters, startMisbehavingServer } from '../drivers/misbehaving-server.ts';
import { inverterMap, meterMap } from '../drivers/sunspec-maps.ts';

t.test('two that look for the devices at once find each on one connection', async (t) => {
  const clock = systemClock({ toleranceMs: 1_000 });
  const hourMs = 3_600_000;
  const house = await startHouseEmulator({
    house: {
      home: 'home1',
      startMs: Math.floor(clock.utcMs() / hourMs) * hourMs,
      slotMs: hourMs,
      baseLoadKw: [1, 1],
      pvKw: [2, 2],
      outdoorC: [20, 20],
    },
    clock,
    host: '127.0.0.1',
  });
  t.teardown(() => house.stop());
  let connects = 0;
  const devices = openDevices(
    house.devices.map((device): DeviceConfig => ({ ...device, timeoutMs: 1_000 })),
    {
      clock,
      log: ({ event }) => {
        if (event === 'modbus-connected') connects += 1;
      },
    },
  );
  t.teardown(() => devices.close());
  const { signal } = new AbortController();
  const reaching = [devices.reach(signal), devices.reach(signal)];
  await Promise.all(reaching);
  t.ok(devices.find('meter'), 'the second waits for the first attempt, too');
  t.ok(devices.find('pv'));
  t.equal(connects, house.devices.length);
});

t.test('units behind one gateway share its one connection', async (t) => {
  const server = await startMisbehavingServer();
  t.teardown(() => server.stop());
  serveRegisters(server, meterMap());
  const meterUnit = server.behave;
  serveRegisters(server, inverterMap());
  const inverterUnit = server.behave;
  server.behave = (request) => (request.unitId === 1 ? inverterUnit(request) : meterUnit(request));
  const place = { host: '127.0.0.1', port: server.port, driver: 'sunspec', timeoutMs: 1_000 } as const;
  const devices = openDevices(
    [
      { ...place, id: 'pv', kind: 'pv', unitId: 1 },
      { ...place, id: 'meter', kind: 'meter', unitId: 240 },
    ],
    { clock: systemClock({ toleranceMs: 1_000 }), log: () => undefined },
  );
  t.teardown(() => devices.close());
  await devices.reach(new AbortController().signal);
  t.ok(devices.find('pv') && devices.find('meter'));
  t.same([server.connections, server.mostInFlight], [1, 1]);
});
