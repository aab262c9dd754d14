import t from 'tap';
import { systemClock } from '../../agent/clock/clock.ts';
import type { DeviceConfig } from '../../agent/config/schema.ts';
import { openDevices } from '../../agent/devices.ts';
import { startHouseEmulator } from '../../drivers/index.ts';

t.test('two that look for the devices at once find each on one connection', async (t) => {
  const clock = systemClock();
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
