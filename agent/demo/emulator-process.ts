import { readFile } from 'node:fs/promises';
import { connectMqtt, type HouseSpec, startHouseEmulator } from '../../drivers/index.ts';
import { followClock } from '../clock/follow.ts';
import { simulatedClock } from '../clock/simulated.ts';
import { jsonLog } from '../log.ts';
import { tellReady, untilAskedToEnd } from '../process/lifetime.ts';

/** What the conductor asks of the process that emulates every home's devices. */
export type EmulatorOrder = {
  readonly brokers: readonly string[];
  readonly network: string;
  readonly startMs: number;
  readonly houses: readonly HouseSpec[];
};

/** Emulates the devices of all homes, in the time that the conductor tells. */
async function main(orderFile: string) {
  const asked = untilAskedToEnd();
  const log = jsonLog((line) => process.stderr.write(line), {
    level: 'info',
    fields: { process: 'emulator' },
  });
  const order = JSON.parse(await readFile(orderFile, 'utf8')) as EmulatorOrder;
  const clock = simulatedClock(order.startMs);
  const transport = connectMqtt({
    brokers: order.brokers.map((url) => ({ url, protocolVersion: 4 })),
    clientId: 'emulator',
    network: order.network,
    nodeId: 'emulator',
    log,
  });
  followClock(clock, { transport, network: order.network, log });

  const emulators = await Promise.all(
    order.houses.map((house) => startHouseEmulator({ house, clock, host: '127.0.0.1' })),
  );
  tellReady({
    devices: Object.fromEntries(
      emulators.map((emulator, index) => [order.houses[index]!.home, emulator.devices]),
    ),
  });
  asked.addEventListener('abort', async () => {
    await Promise.all(emulators.map((emulator) => emulator.stop()));
    await transport.stop();
  });
}

await main(process.argv[2] ?? '');
