import type { Wait } from '../devices/capabilities.ts';
import { DriversError } from '../errors.ts';
import { planBlocks } from '../modbus/blocks.ts';
import type { ModbusLink } from '../modbus/link.ts';
import { readRegistersMax } from '../modbus/link-rules.ts';
import { baseAddresses, endOf, type Model, modelOf } from './models.ts';
import { encodeAt, type ModelImage } from './points.ts';

/** Where one instance of a model lies on a device. The same model may come more than once. */
export type ModelPlace = { readonly id: number; readonly address: number; readonly length: number };
export type SunSpecMap = {
  readonly unitId: number;
  readonly base: number;
  readonly places: readonly ModelPlace[];
};

const marker = [0x5375, 0x6e53] as const;
const endId = 0xffff;
/** More models than any device has: a walk that goes on longer walks in circles through garbage. */
const placesMax = 120;

/**
 * Finds the map and walks its models (SunSpec Device Information Model Specification, 6.2). Tolerates lengths
 * of 65 and 66 for the common model, an end without a length register or without end at all, and models unknown
 * here. Rejects with DRIVERS_NOT_SUNSPEC when no base address shows the marker, else as the link does.
 */
export async function discover(link: ModbusLink, unitId: number, wait?: Wait): Promise<SunSpecMap> {
  for (const base of baseAddresses) {
    const start = await readOrRefused(link, { unitId, address: base, count: 2 }, wait);
    if (!start || start[0] !== marker[0] || start[1] !== marker[1]) continue;
    const places = await walk(link, unitId, base + 2, wait);
    if (places[0]?.id === 1) return { unitId, base, places };
  }
  const details = { ...link.target, unitId, tried: baseAddresses.join(' ') };
  throw new DriversError('DRIVERS_NOT_SUNSPEC', `no SunSpec map on unit ${unitId}`, details);
}

async function walk(link: ModbusLink, unitId: number, first: number, wait?: Wait): Promise<ModelPlace[]> {
  const places: ModelPlace[] = [];
  let address = first;
  while (places.length < placesMax && address + 2 <= 0x10000) {
    const header = await readOrRefused(link, { unitId, address, count: 2 }, wait);
    const [id, length] = header ?? [endId, 0];
    if (id === endId || id === 0 || !id || !length || address + 2 + length > 0x10000) break;
    places.push({ id, address, length });
    address += 2 + length;
  }
  return places;
}

/** `undefined` when the device says that these registers are not there: an answer, while walking, not a failure. */
async function readOrRefused(
  link: ModbusLink,
  span: { unitId: number; address: number; count: number },
  wait?: Wait,
): Promise<readonly number[] | undefined> {
  try {
    return await link.read({ ...span, table: 'holding' }, wait);
  } catch (error) {
    if (error instanceof DriversError && error.code === 'DRIVERS_MODBUS_EXCEPTION') {
      if (Number(error.details.exception) <= 3) return undefined;
    }
    throw error;
  }
}

/** The first of the models named that the device has, in the order they are named. */
export function findModel(
  map: SunSpecMap,
  ids: readonly number[],
): { readonly model: Model; readonly place: ModelPlace } | undefined {
  for (const id of ids) {
    const place = map.places.find((candidate) => candidate.id === id);
    const model = modelOf(id);
    if (place && model) return { model, place };
  }
  return undefined;
}

/**
 * Reads a whole model, in one request where it fits, and checks that it is still the one that was found there: after a
 * firmware update or at another device behind the same address it may not be (DRIVERS_BAD_REPLY, `details.moved`).
 */
export async function readModel(
  link: ModbusLink,
  unitId: number,
  { model, place }: { readonly model: Model; readonly place: ModelPlace },
  wait?: Wait,
): Promise<ModelImage> {
  const total = 2 + Math.min(place.length, Math.max(model.length, 1));
  const spans = [
    { offset: 0, end: 2 },
    ...[...model.points.values()].map((point) => ({ offset: point.offset, end: endOf(point) })),
  ].filter(({ end }) => end <= total);
  const image: number[] = new Array<number>(total).fill(0);
  for (const { offset, count } of planBlocks(spans, readRegistersMax)) {
    const address = place.address + offset;
    const registers = await link.read({ unitId, table: 'holding', address, count }, wait);
    for (const [i, register] of registers.entries()) image[offset + i] = register;
  }
  if (image[0] !== place.id || image[1] !== place.length) {
    const details = {
      ...link.target,
      unitId,
      address: place.address,
      model: place.id,
      found: image[0]!,
      moved: 1,
    };
    throw new DriversError('DRIVERS_BAD_REPLY', `model ${place.id} is no longer where it was`, details);
  }
  return image;
}

/**
 * Writes neighbouring points in one request, so that a value never takes effect without its revert time. `image` is
 * the model as read before: its scale factors are used. Rejects with DRIVERS_SETPOINT_OUT_OF_RANGE when a point
 * cannot hold its value.
 */
export async function writePoints(
  link: ModbusLink,
  unitId: number,
  { model, place, image }: { readonly model: Model; readonly place: ModelPlace; readonly image: ModelImage },
  values: readonly (readonly [name: string, value: number])[],
  wait?: Wait,
): Promise<void> {
  const registers: number[] = [];
  const offset = model.points.get(values[0]?.[0] ?? '')?.offset ?? 0;
  for (const [name, value] of values) {
    const encoded = encodeAt(model, image, name, value);
    const at = model.points.get(name)?.offset;
    if (!encoded.ok || at !== offset + registers.length) {
      const reason = encoded.ok ? 'not a neighbour of the point before' : encoded.reason;
      const details = { ...link.target, unitId, model: model.id, point: name, value };
      throw new DriversError('DRIVERS_SETPOINT_OUT_OF_RANGE', `${name}: ${reason}`, details);
    }
    registers.push(...encoded.registers);
  }
  await link.write({ unitId, address: place.address + offset, values: registers }, wait);
}
