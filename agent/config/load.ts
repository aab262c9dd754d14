import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Abortable } from '../bounded-file.ts';
import { AgentError } from '../errors.ts';
import { readInputText } from '../input-text.ts';
import { type AgentConfig, configSchema, type DayAhead, daySchema } from './schema.ts';

/** A configuration is a page, not a book: what is larger was not meant. */
const FILE_BYTES_MAX = 1_048_576;

/**
 * Reads a home's configuration (YAML, of which JSON is a part), checks it once and freezes it. Relative paths in
 * it count from the file's own folder.
 *
 * @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA when it is too long, AGENT_BAD_CONFIG, naming the file and each
 * wrong key, or AGENT_ABORTED.
 */
export async function loadConfig(file: string, abortable?: Abortable): Promise<AgentConfig> {
  const config = parse(await readYaml(file, abortable), configSchema, file);
  const base = dirname(resolve(file));
  checkAcross(config, file);
  return deepFreeze({
    ...config,
    directory: resolve(base, config.directory),
    keyFile: resolve(base, config.keyFile),
    ...(config.passphraseFile !== undefined && { passphraseFile: resolve(base, config.passphraseFile) }),
    genesisFile: resolve(base, config.genesisFile),
    ...(config.checkpointFile && { checkpointFile: resolve(base, config.checkpointFile) }),
    dayFile: resolve(base, config.dayFile),
    brokers: config.brokers.map(({ caFile, certFile, keyFile, ...broker }) => ({
      ...broker,
      ...(caFile !== undefined && { caFile: resolve(base, caFile) }),
      ...(certFile !== undefined && { certFile: resolve(base, certFile) }),
      ...(keyFile !== undefined && { keyFile: resolve(base, keyFile) }),
    })),
  });
}

/** Reads the file of the day to trade. @throws like {@link loadConfig}. */
export const loadDay = async (file: string, abortable?: Abortable): Promise<DayAhead> =>
  deepFreeze(parse(await readYaml(file, abortable), daySchema, file));

/** @throws AgentError AGENT_FILE_MISSING, AGENT_BAD_DATA when it is too long, AGENT_BAD_CONFIG. */
async function readYaml(file: string, abortable?: Abortable): Promise<unknown> {
  const text = await readInputText(file, { bytesMax: FILE_BYTES_MAX, ...abortable });
  const refuse = (reason: string, cause?: unknown) =>
    new AgentError('AGENT_BAD_CONFIG', `${file}: ${reason}`, { file }, { cause });
  try {
    const document = parseDocument(text, { maxAliasCount: 0 } as object);
    const [problem] = document.errors;
    if (problem !== undefined) throw refuse(tooDeep(problem) ?? problem.message.split('\n')[0]!);
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw refuse(tooDeep(cause) ?? 'aliases are not allowed.', cause);
  }
}

/** The reader goes down a call for each level, and says so when there are none left. */
const tooDeep = (problem: unknown): string | undefined =>
  problem instanceof Error && problem.message.startsWith('Maximum call stack')
    ? 'it is nested too deeply.'
    : undefined;

/** @throws AgentError AGENT_BAD_CONFIG naming each wrong key by its path. */
function parse<Schema extends z.ZodType>(value: unknown, schema: Schema, file: string): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`)
    .join('; ');
  throw new AgentError('AGENT_BAD_CONFIG', `${file}: ${problems}`, {
    file,
    problems: result.error.issues.length,
  });
}

/** Rules between keys that a schema of single keys cannot say. */
function checkAcross(config: AgentConfig, file: string) {
  const refuse = (message: string): never => {
    throw new AgentError('AGENT_BAD_CONFIG', `${file}: ${message}`, { file });
  };
  const ids = new Set<string>();
  for (const device of config.devices) {
    if (ids.has(device.id)) refuse(`devices: "${device.id}" is there twice`);
    ids.add(device.id);
    if (device.driver === 'profile' && device.profile === undefined) {
      refuse(`devices: "${device.id}" needs a profile, because its driver is "profile"`);
    }
  }
  if (config.roles.includes('prosumer') && !config.devices.some((device) => device.kind === 'meter')) {
    refuse('devices: a prosumer needs a meter');
  }
  for (const [index, { id, kind, driver }] of config.devices.entries()) {
    const twin = config.devices.slice(0, index).find((other) => other.kind === kind);
    if (twin !== undefined) refuse(`devices: "${twin.id}" and "${id}" are both ${kind}, and one is steered`);
    const known = kind === 'evse' || kind === 'hvac' ? 'profile' : 'sunspec';
    if (driver !== known) refuse(`devices: "${id}" needs the driver "${known}", because it is ${kind}`);
  }
  if (config.timing.baseTimeoutMs > config.timing.maxTimeoutMs) {
    refuse('timing: baseTimeoutMs is above maxTimeoutMs');
  }
  for (const [index, broker] of config.brokers.entries()) checkBroker(config, index, broker, refuse);
  if (config.battery && config.battery.energyKwhMin > config.battery.capacityKwh) {
    refuse('battery: energyKwhMin is above capacityKwh');
  }
  if (config.hvac && config.hvac.indoorCMin > config.hvac.indoorCMax)
    refuse('hvac: indoorCMin is above indoorCMax');
  const { ev } = config;
  if (ev?.energyKwhMin.some((kwh) => kwh > ev.capacityKwh)) refuse('ev: energyKwhMin is above capacityKwh');
}

function checkBroker(
  { brokers }: AgentConfig,
  index: number,
  { url, caFile, certFile, keyFile, reconnectMsMin, reconnectMsMax }: AgentConfig['brokers'][number],
  refuse: (message: string) => never,
) {
  const here = `brokers.${index}`;
  if (reconnectMsMin > reconnectMsMax) refuse(`${here}: reconnectMsMin is above reconnectMsMax`);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    refuse(`${here}: certFile and keyFile go together`);
  }
  if (!url.startsWith('mqtts:') && (caFile ?? certFile) !== undefined) {
    refuse(`${here}: certificates need a url that begins with mqtts`);
  }
  const { host } = new URL(url);
  if (brokers.slice(0, index).some((other) => new URL(other.url).host === host)) {
    refuse(`${here}: ${host} is there twice, and is no second broker`);
  }
}

/**
 * What the day's file, the configuration and the ledger must agree on before anything is started.
 *
 * @throws AgentError AGENT_BAD_CONFIG.
 */
export function checkDay({ dayFile, ev }: AgentConfig, day: DayAhead, ledger: { readonly slotMs: number }) {
  const refuse = (message: string): never => {
    throw new AgentError('AGENT_BAD_CONFIG', `${dayFile}: ${message}`, { file: dayFile });
  };
  const slots = day.importPricePerKwh.length;
  if (day.slotMs !== ledger.slotMs) {
    refuse(`slotMs is ${day.slotMs}, and the ledger settles slots of ${ledger.slotMs}`);
  }
  if (day.startMs % day.slotMs !== 0) refuse('startMs does not begin a slot of the ledger');
  for (const [name, series] of Object.entries(ev ?? {})) {
    if (Array.isArray(series) && series.length !== slots) {
      refuse(`it has ${slots} slots, and ev.${name} of the configuration ${series.length}`);
    }
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
