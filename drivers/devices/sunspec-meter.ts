import type { Meter, Wait } from './capabilities.ts';
import type { Wire } from './description.ts';
import { judgePower, judgeWithin, present, readingHead, watchCounter } from './plausible.ts';
import { openSunSpec } from './sunspec-device.ts';

const meterModels = [203, 204, 202, 201, 213, 214, 212, 211];
/** A house connection of three times 250 A: no home's meter shows more. */
const connectionWMax = 172_500;

/** A meter of models 201-204 (integers) or 211-214 (floats). Without a serial number two meters cannot be told apart. */
export async function openSunSpecMeter(wire: Wire, wait?: Wait): Promise<Meter> {
  const device = await openSunSpec(wire, wait);
  await device.read(meterModels, wait);
  const importWatch = watchCounter(connectionWMax);
  const exportWatch = watchCounter(connectionWMax);
  const sign = wire.description.direction === 'export-positive' ? -1 : 1;
  return {
    id: wire.description.id,
    kind: 'meter',
    make: device.make,
    async read(wait) {
      const seen = await device.read(meterModels, wait);
      const atMs = wire.nowMs();
      const power = seen.number('W');
      const voltage = seen.number('PhVphA') ?? seen.number('PhV');
      const frequency = seen.number('Hz');
      const judged = {
        netImportW: judgePower(power === undefined ? undefined : sign * power || 0, connectionWMax),
        importWh: importWatch(seen.number('TotWhImp'), atMs),
        exportWh: exportWatch(seen.number('TotWhExp'), atMs),
        voltageV: voltage === undefined ? undefined : judgeWithin(voltage, 50, 600),
        frequencyHz: frequency === undefined ? undefined : judgeWithin(frequency, 40, 70),
      };
      return {
        ...readingHead(atMs, judged, ['netImportW', 'importWh', 'exportWh']),
        ...present({
          netImportW: judged.netImportW.value,
          importWh: judged.importWh.value,
          exportWh: judged.exportWh.value,
          voltageV: judged.voltageV?.value,
          frequencyHz: judged.frequencyHz?.value,
        }),
      };
    },
    close: wire.release,
  };
}
