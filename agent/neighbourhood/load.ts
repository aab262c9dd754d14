import { AgentError } from '../errors.ts';
import { batteryOf, evOf, feedInPricePerKwh, hvacOf } from './defaults.ts';
import { generateNeighbourhood } from './generator.ts';
import { type CsvHome, readCsvNeighbourhood } from './read-csv.ts';
import type { HomeDescription, Neighbourhood } from './types.ts';

export type NeighbourhoodChoice = {
  /** Directory of CSV files (see read-csv.ts); homes are generated without it. */
  readonly dataDirectory?: string | undefined;
  readonly homes: number;
  readonly seed: number;
  /** Whether some homes get the heat pump and the vehicle that data lack. */
  readonly hvac: boolean;
  readonly ev: boolean;
};

/**
 * The neighbourhood a run is about: read or generated, with defaults for what the data lack.
 *
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA, or AGENT_BAD_OPTION for more homes than there are.
 */
export async function loadNeighbourhood(choice: NeighbourhoodChoice): Promise<Neighbourhood> {
  if (choice.dataDirectory === undefined) return generateNeighbourhood(choice);
  const read = await readCsvNeighbourhood(choice.dataDirectory, choice.homes);
  const hours = read.importPricePerKwh.length;
  return {
    source: choice.dataDirectory,
    currency: 'USD',
    days: wholeDays(choice.dataDirectory, read.firstHourMs, hours),
    slotMinutes: 60,
    firstSlotMs: read.firstHourMs,
    importPricePerKwh: read.importPricePerKwh,
    feedInPricePerKwh: read.wholesalePerKwh.map((wholesale, hour) =>
      feedInPricePerKwh(wholesale, read.importPricePerKwh[hour] ?? 0),
    ),
    outdoorC: read.outdoorC,
    homes: read.homes.map((home) => describe(home, choice)),
  };
}

function describe(home: CsvHome, choice: NeighbourhoodChoice): HomeDescription {
  const hvac = choice.hvac ? hvacOf(choice.seed, home.home) : undefined;
  const ev = choice.ev ? evOf(choice.seed, home.home) : undefined;
  return {
    home: home.home,
    baseLoadKw: home.loadKw,
    pvKw: home.pvKw,
    // An inverter never gives more than its rating, so measured peaks above the nominal one raise it.
    ...(home.pvRatedKw === 0
      ? {}
      : { pvRatedKw: home.pvKw.reduce((most, kw) => Math.max(most, kw), home.pvRatedKw) }),
    ...(home.batteryKwh === 0
      ? {}
      : {
          battery: batteryOf({
            capacityKwh: home.batteryKwh,
            powerKw: home.batteryKw,
            ...(home.batteryRoundTrip === undefined ? {} : { roundTripEfficiency: home.batteryRoundTrip }),
          }),
        }),
    ...(hvac === undefined ? {} : { hvac }),
    ...(ev === undefined ? {} : { ev }),
  };
}

function wholeDays(directory: string, firstHourMs: number, hours: number): string[] {
  const dayMs = 86_400_000;
  const endMs = firstHourMs + hours * 3_600_000;
  const days: string[] = [];
  for (let ms = Math.ceil(firstHourMs / dayMs) * dayMs; ms + dayMs <= endMs; ms += dayMs) {
    days.push(new Date(ms).toISOString().slice(0, 10));
  }
  if (days.length === 0) {
    throw new AgentError('AGENT_BAD_DATA', `${directory} has no whole day of 24 hours: add the hours.`, {
      file: directory,
    });
  }
  return days;
}
