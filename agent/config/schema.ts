import { z } from 'zod';
import { isTimeZone } from '../clock/time-zone.ts';

/**
 * The one schema of a home's configuration. Unknown keys are refused, units stand in the keys, and every
 * default is visible here. `agent/config/example.yaml` shows each key with its reason.
 */

const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, underscores and hyphens, at most 64');
const port = z.int().min(1).max(65_535);
const watts = z.int().min(0).max(1_000_000);
const efficiency = z.number().gt(0).max(1);

const brokerSchema = z.strictObject({
  url: z
    .url({ protocol: /^mqtts?$/ })
    .describe('mqtt or mqtts; user:password@ before the host where needed.'),
  protocolVersion: z
    .union([z.literal(4), z.literal(5)])
    .default(4)
    .describe('4 is MQTT 3.1.1.'),
  caFile: z.string().min(1).optional().describe("The authority of the broker's certificate, in PEM."),
  certFile: z.string().min(1).optional().describe("The home's own certificate, with its address as CN."),
  keyFile: z.string().min(1).optional().describe("The certificate's key, mode 0600."),
  reconnectMsMin: z.int().min(10).max(60_000).default(1_000),
  reconnectMsMax: z.int().min(10).max(600_000).default(60_000),
});

const deviceSchema = z.strictObject({
  id,
  kind: z.enum(['meter', 'pv', 'battery', 'evse', 'hvac']),
  driver: z.enum(['sunspec', 'profile']),
  profile: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Name of the device profile, with driver "profile".'),
  host: z.string().min(1).max(253),
  port,
  unitId: z.int().min(0).max(247),
  timeoutMs: z.int().min(50).max(60_000).default(2_000),
});

const batterySchema = z.strictObject({
  capacityKwh: z.number().positive().max(10_000),
  energyKwhMin: z.number().min(0),
  chargeKwMax: z.number().positive(),
  dischargeKwMax: z.number().positive(),
  chargeEfficiency: efficiency,
  dischargeEfficiency: efficiency,
  wearPerKwh: z.number().min(0).describe('Money per kWh charged or discharged.'),
});

const evSchema = z.strictObject({
  capacityKwh: z.number().positive().max(1_000),
  chargeKwMax: z.number().positive(),
  chargeEfficiency: efficiency,
  wearPerKwh: z.number().min(0),
  present: z.array(z.union([z.literal(0), z.literal(1)])).describe('1 where plugged in, by slot of the day.'),
  energyKwhMin: z.array(z.number().min(0)).describe('Target at departure, by slot of the day; 0 elsewhere.'),
  drivenKwh: z.array(z.number().min(0)).describe('Used by driving, in the slot of the return.'),
});

const hvacSchema = z.strictObject({
  powerKwMax: z.number().positive(),
  resistanceKPerKw: z.number().positive(),
  capacitanceKwhPerK: z.number().positive(),
  gainKPerKw: z.number().describe('Kelvin that one kW held over a slot adds; negative when it cools.'),
  preferredC: z.number().min(-50).max(60),
  indoorCMin: z.number().min(-50).max(60),
  indoorCMax: z.number().min(-50).max(60),
  discomfortPerK2h: z.number().min(0),
});

const marketSchema = z.strictObject({
  form: z.enum(['pool', 'pairwise']).default('pool'),
  penaltyPerKwhPerKw: z.number().positive().describe('Of the first round; it grows to its greatest.'),
  penaltyPerKwhPerKwMax: z.number().positive(),
  penaltyGrowthPermille: z.int().min(1_000).max(10_000),
  relaxationPermille: z.int().min(100).max(1_900),
  tolerancePrimalW: z.int().min(0),
  toleranceDualW: z.int().min(0),
  roundsMax: z.int().min(1).max(1_000),
  memoryRounds: z.int().min(0).max(5).describe('Rounds that acceleration looks back on; 0: none.'),
  roundMs: z.int().min(1_000).describe("Time for offers of a round, on the ledger's clock."),
  membersMin: z.int().min(1).describe('The day is opened once this many homes are qualified.'),
});

export const configSchema = z.strictObject({
  home: id,
  directory: z.string().min(1).describe('Where the ledger, the votes and the plan are kept.'),
  keyFile: z.string().min(1),
  passphraseFile: z
    .string()
    .min(1)
    .optional()
    .describe('Its first line opens an encrypted key; mode 0600. Left out: the key is not encrypted.'),
  genesisFile: z.string().min(1),
  checkpointFile: z
    .string()
    .min(1)
    .optional()
    .describe('A later height than the genesis at which the committee is trusted; see docs/light-proofs.md.'),
  storage: z
    .strictObject({
      keepDays: z
        .union([z.int().min(1).max(36_500), z.literal('all')])
        .optional()
        .describe('Age up to which blocks are kept. Default: all for an aggregator or dso, else 35.'),
    })
    .prefault({}),
  brokers: z
    .array(brokerSchema)
    .min(1)
    .max(3)
    .describe('All are used at once: with two, either may vanish, freeze or lie.'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  clock: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('system') }),
      z.strictObject({ kind: z.literal('simulated'), startMs: z.int().nonnegative() }),
    ])
    .default({ kind: 'system' }),
  roles: z
    .array(z.enum(['prosumer', 'aggregator', 'dso']))
    .min(1)
    .default(['prosumer']),
  location: z
    .strictObject({
      latitudeDeg: z.number().min(-90).max(90),
      longitudeDeg: z.number().min(-180).max(180),
    })
    .optional()
    .describe('Where forecasts look for the sun. Without it a clear day is known by the days before alone.'),
  timeZone: z
    .string()
    .refine(isTimeZone, 'no time zone of the IANA database, like Europe/Zurich')
    .default('UTC')
    .describe('The clock that people here live by, which their load follows.'),
  connection: z.strictObject({ importWMax: watts, exportWMax: watts }),
  dayFile: z.string().min(1).describe('Prices, weather and forecasts of the day to trade, by slot.'),
  devices: z.array(deviceSchema).max(32),
  battery: batterySchema.optional(),
  ev: evSchema.optional(),
  hvac: hvacSchema.optional(),
  market: marketSchema,
  timing: z
    .strictObject({
      baseTimeoutMs: z.int().min(50).default(1_000),
      maxTimeoutMs: z.int().min(50).default(60_000),
      blockIntervalMs: z.int().min(0).default(50),
      allowedSkewMs: z.int().min(0).default(2_000),
      heartbeatMs: z.int().min(0).default(3_600_000).describe('0: no block when there is nothing to say.'),
      senseMs: z.int().min(20).default(5_000).describe('Real time between looks at the devices.'),
    })
    .prefault({}),
});

export type AgentConfig = Readonly<z.infer<typeof configSchema>>;
export type DeviceConfig = AgentConfig['devices'][number];

/** Wide enough for any currency, and for the ledger's integers; the same bounds as those of power. */
const pricePerKwh = z.number().min(-100_000).max(100_000);
const forecastKw = z.number().min(0).max(1_000);

/**
 * What is known of the day before it begins, by slot: what the utility tells, and forecasts of weather, load and
 * generation where somebody made them; the home makes its own of those that are not there. In the demo the forecasts
 * are the day's true profile with a stated error.
 */
export const daySchema = z
  .strictObject({
    day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
    startMs: z.int().nonnegative(),
    slotMs: z.int().min(60_000).max(86_400_000),
    importPricePerKwh: z.array(pricePerKwh).min(1).max(2_016),
    feedInPricePerKwh: z.array(pricePerKwh),
    outdoorC: z.array(z.number().min(-90).max(70)).optional(),
    loadForecastKw: z.array(forecastKw).optional(),
    pvForecastKw: z.array(forecastKw).optional(),
  })
  .refine(
    (day) =>
      [day.feedInPricePerKwh, day.outdoorC, day.loadForecastKw, day.pvForecastKw].every(
        (series) => series === undefined || series.length === day.importPricePerKwh.length,
      ),
    'all series need the same number of slots',
  );

export type DayAhead = Readonly<z.infer<typeof daySchema>>;
