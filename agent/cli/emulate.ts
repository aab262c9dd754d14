import { once } from 'node:events';
import { startHouseEmulator } from '../../drivers/index.ts';
import { simulatedClock } from '../clock/simulated.ts';
import { houseOf } from '../demo/index.ts';
import { loadNeighbourhood, selectDay } from '../neighbourhood/index.ts';
import { untilAskedToEnd } from '../process/lifetime.ts';
import type { CliIo, EmulateOptions } from './actions.ts';

/** Emulates homes' devices until asked to stop; prints where each answers, one line of JSON a device. */
export async function emulate(options: EmulateOptions, io: CliIo): Promise<void> {
  const asked = untilAskedToEnd();
  const neighbourhood = await loadNeighbourhood(options);
  const data = selectDay(neighbourhood, { ...options, slots: 24 });
  const clock = simulatedClock(data.startMs);
  clock.adjust({ utcMs: data.startMs, wallMs: Date.now(), speed: options.speed });

  let nextPort = options.port;
  const emulators = [];
  try {
    for (const home of data.homes.slice(0, options.homes)) {
      const emulator = await startHouseEmulator({
        house: houseOf(data, home),
        clock,
        host: options.host,
        firstPort: nextPort,
      });
      emulators.push(emulator);
      if (nextPort > 0) nextPort += emulator.devices.length;
      for (const device of emulator.devices)
        io.stdout.write(`${JSON.stringify({ home: home.home, ...device })}\n`);
    }
    if (!asked.aborted) await once(asked, 'abort');
  } finally {
    await Promise.all(emulators.map((emulator) => emulator.stop()));
  }
}
