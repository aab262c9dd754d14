import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawKey, toHex, writeKeyFile } from '../../consensus/index.ts';
import { defaultSessionParameters, profileForecast } from '../../optimizer/index.ts';
import type { DeviceConfig } from '../config/schema.ts';
import { socketPath } from '../diagnostics/local-api.ts';
import type { DayData, HomeDay } from '../neighbourhood/index.ts';
import { microToPricePerKwh, milliwattsToKw } from '../translate/units.ts';
import { houseOf } from './house.ts';

/** Standard deviation of the demo's forecasts, as a share of the day's true profile. */
const FORECAST_ERROR = 0.05;
/** Each account may owe this much before it is refused new sessions, and starts with nothing. */
const CREDIT_LIMIT_MICRO = 100_000_000;
/** Simulated: all clocks of a demo follow one, and a validator that comes late waits twice as long until it votes. */
const ALLOWED_SKEW_MS = 10_000;
const W_PER_KW = 1_000;
const MW_PER_W = 1_000n;
/** The ledger's clock at the start of the run: the evening before. */
export const EVENING_BEFORE_MS = 6 * 3_600_000;

export type DemoShape = {
  readonly directory: string;
  readonly validators: number;
  readonly form: 'pool' | 'pairwise';
  readonly seed: number;
};

export type HomePlace = {
  readonly home: string;
  readonly address: string;
  readonly directory: string;
  readonly configFile: string;
};

export type Layout = {
  readonly network: string;
  readonly genesisFile: string;
  readonly emulatorFile: string;
  /** Imbalance per home at which rounds end. */
  readonly toleranceKw: number;
  readonly homes: readonly HomePlace[];
};

/** Writes all that the processes of a demo find before they start: keys, genesis, the day as each home expects it. */
export async function layOut(data: DayData, shape: DemoShape, brokers: readonly string[]): Promise<Layout> {
  // A broker may serve more than one demo at a time: none must hear another's clock.
  const network = `demo-${randomBytes(4).toString('hex')}`;
  const identities = await Promise.all(data.homes.map((home, index) => makeHome(data, home, index, shape)));

  const genesisFile = join(shape.directory, 'genesis.json');
  await writeJson(genesisFile, {
    network,
    currency: data.currency,
    timeMs: data.startMs - EVENING_BEFORE_MS,
    slotMs: data.slotMs,
    validators: identities
      .slice(0, shape.validators)
      .map(({ address, publicKeyHex }) => ({ address, publicKey: publicKeyHex })),
    accounts: identities.map(({ address, publicKeyHex }, index) => ({
      address,
      publicKey: publicKeyHex,
      roles: [
        'prosumer',
        ...(index < shape.validators ? ['validator'] : []),
        ...(index === 0 ? ['aggregator', 'dso'] : []),
      ],
      balanceMicro: 0,
    })),
    parameters: { creditLimitMicro: CREDIT_LIMIT_MICRO, recordGraceMs: 4 * data.slotMs },
  });

  const emulatorFile = join(shape.directory, 'emulator.json');
  await writeJson(emulatorFile, {
    brokers,
    network,
    startMs: data.startMs - EVENING_BEFORE_MS,
    houses: data.homes.map((home) => houseOf(data, home)),
  });
  const { tolerancePrimalMw } = defaultSessionParameters({ homes: data.homes.length, form: shape.form });
  return {
    network,
    genesisFile,
    emulatorFile,
    toleranceKw: milliwattsToKw(tolerancePrimalMw),
    homes: identities,
  };
}

async function makeHome(data: DayData, home: HomeDay, index: number, shape: DemoShape) {
  const directory = join(shape.directory, 'homes', home.home);
  // Found out now, it is one clear line; found out by ten agents later, it would not be.
  socketPath(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = drawKey();
  await writeKeyFile(join(directory, 'key.json'), key);

  const forecastOf = (trueKw: readonly number[], salt: number) =>
    Array.from(
      profileForecast({
        trueKw,
        relativeError: FORECAST_ERROR,
        seed: shape.seed * 10_007 + index * 2 + salt,
      }),
    );
  await writeJson(join(directory, 'day.json'), {
    day: data.day,
    startMs: data.startMs,
    slotMs: data.slotMs,
    importPricePerKwh: data.importPricePerKwh,
    feedInPricePerKwh: data.feedInPricePerKwh,
    outdoorC: data.outdoorC,
    loadForecastKw: forecastOf(home.baseLoadKw, 0),
    pvForecastKw: forecastOf(home.pvKw, 1),
  });
  return {
    home: home.home,
    address: key.address,
    publicKeyHex: toHex(key.publicKey),
    directory,
    configFile: join(directory, 'config.yaml'),
  };
}

export type ConfigInputs = {
  readonly data: DayData;
  readonly home: HomeDay;
  readonly place: HomePlace;
  readonly layout: Layout;
  readonly shape: DemoShape;
  readonly brokers: readonly string[];
  readonly devices: readonly DeviceConfig[];
  /** The first home also opens the session and qualifies devices. */
  readonly leads: boolean;
};

/** Writes one home's configuration, once it is known where its devices answer. */
export async function writeConfig({
  data,
  home,
  place,
  layout,
  shape,
  brokers,
  devices,
  leads,
}: ConfigInputs) {
  const parameters = defaultSessionParameters({ homes: data.homes.length, form: shape.form });
  await writeJson(place.configFile, {
    home: home.home,
    directory: place.directory,
    keyFile: join(place.directory, 'key.json'),
    genesisFile: layout.genesisFile,
    dayFile: join(place.directory, 'day.json'),
    brokers: brokers.map((url) => ({ url, reconnectMsMin: 100, reconnectMsMax: 2_000 })),
    clock: { kind: 'simulated', startMs: data.startMs - EVENING_BEFORE_MS },
    roles: leads ? ['prosumer', 'aggregator', 'dso'] : ['prosumer'],
    connection: connectionOf(home),
    devices,
    ...(home.battery && { battery: batteryConfig(home.battery) }),
    ...(home.ev && { ev: vehicleConfig(home.ev) }),
    ...(home.hvac && { hvac: hvacConfig(home.hvac) }),
    market: {
      form: shape.form,
      penaltyPerKwhPerKw: microToPricePerKwh(parameters.penaltyMicroPerKwhPerKw),
      penaltyPerKwhPerKwMax: microToPricePerKwh(parameters.penaltyMicroPerKwhPerKwMax),
      penaltyGrowthPermille: Number(parameters.penaltyGrowthPermille),
      memoryRounds: parameters.memoryRounds,
      relaxationPermille: Number(parameters.relaxationPermille),
      tolerancePrimalW: Number(parameters.tolerancePrimalMw / MW_PER_W),
      toleranceDualW: Number(parameters.toleranceDualMw / MW_PER_W),
      roundsMax: parameters.maxRounds,
      roundMs: 120_000,
      membersMin: data.homes.length,
    },
    timing: {
      baseTimeoutMs: 2_000,
      maxTimeoutMs: 10_000,
      blockIntervalMs: 20,
      allowedSkewMs: ALLOWED_SKEW_MS,
      heartbeatMs: 0,
      senseMs: 200,
    },
  });
}

const connectionOf = (home: HomeDay) => ({
  importWMax: Math.round(home.importKwMax * W_PER_KW),
  exportWMax: Math.round(((home.pvRatedKw ?? 0) + (home.battery?.dischargeKwMax ?? 0)) * W_PER_KW),
});

const batteryConfig = ({ initialKwh: _, finalKwhMin: __, ...battery }: NonNullable<HomeDay['battery']>) =>
  battery;

const vehicleConfig = (ev: NonNullable<HomeDay['ev']>) => ({
  capacityKwh: ev.capacityKwh,
  chargeKwMax: ev.chargeKwMax,
  chargeEfficiency: ev.chargeEfficiency,
  wearPerKwh: ev.wearPerKwh,
  present: ev.present,
  energyKwhMin: ev.energyKwhMin,
  drivenKwh: ev.drivenKwh,
});

const hvacConfig = (hvac: NonNullable<HomeDay['hvac']>) => ({
  powerKwMax: hvac.powerKwMax,
  resistanceKPerKw: hvac.resistanceKPerKw,
  capacitanceKwhPerK: hvac.capacitanceKwhPerK,
  gainKPerKw: hvac.gainKPerKw,
  preferredC: hvac.preferredC,
  indoorCMin: hvac.indoorCMin,
  indoorCMax: hvac.indoorCMax,
  discomfortPerK2h: hvac.discomfortPerK2h,
});

const writeJson = (file: string, value: unknown) =>
  writeFile(file, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
