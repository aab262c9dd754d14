import { DriversError } from '../errors.ts';
import {
  discover,
  findModel,
  type ModelPlace,
  readModel,
  type SunSpecMap,
  writePoints,
} from '../sunspec/map.ts';
import { type Model, modelOf } from '../sunspec/models.ts';
import { type ModelImage, numberAt, symbolAt, textAt } from '../sunspec/points.ts';
import type { Wait } from './capabilities.ts';
import type { Wire } from './description.ts';

/** A model as it was read: values by name, in the point's unit. */
export type Snapshot = {
  readonly id: number;
  number(name: string): number | undefined;
  symbol(name: string): string | undefined;
  readonly model: Model;
  readonly place: ModelPlace;
  readonly image: ModelImage;
};

/** A device that speaks SunSpec: finds its models, reads and writes them, and finds them again after they moved. */
export type SunSpecDevice = {
  readonly make: { readonly manufacturer: string; readonly model: string; readonly serial: string };
  has(ids: readonly number[]): boolean;
  /** The first of the models named that the device has. Rejects with DRIVERS_MODEL_MISSING. */
  read(ids: readonly number[], wait?: Wait): Promise<Snapshot>;
  write(snapshot: Snapshot, values: readonly (readonly [string, number])[], wait?: Wait): Promise<void>;
};

export async function openSunSpec(wire: Wire, wait?: Wait): Promise<SunSpecDevice> {
  const { link, unitId } = wire;
  let map: SunSpecMap | undefined = await discover(link, unitId, wait);

  const read = async (ids: readonly number[], wait?: Wait): Promise<Snapshot> => {
    map ??= await discover(link, unitId, wait);
    const found = findModel(map, ids);
    if (!found) throw missing(wire, ids, map);
    try {
      const image = withoutBlank(await readModel(link, unitId, found, wait));
      return {
        ...found,
        image,
        id: found.model.id,
        number: (name) => numberAt(found.model, image, name),
        symbol: (name) => symbolAt(found.model, image, name),
      };
    } catch (error) {
      // The next read walks the map anew.
      if (error instanceof DriversError && error.details.moved) map = undefined;
      throw error;
    }
  };

  const common = await read([1], wait);
  const text = (name: string) => textAt(modelOf(1)!, common.image, name) ?? '';
  return {
    make: { manufacturer: text('Mn'), model: text('Md'), serial: text('SN') },
    has: (ids) => map !== undefined && findModel(map, ids) !== undefined,
    read,
    write: (snapshot, values, wait) => writePoints(link, unitId, snapshot, values, wait),
  };
}

/**
 * After a restart some devices fill whole models with one pattern for a while. In a signed register 0xFFFF alone would
 * read as -1: a model that says nothing else says nothing.
 */
function withoutBlank(image: ModelImage): ModelImage {
  const [first, ...rest] = image.slice(2);
  const blank = (first === 0xffff || first === 0x8000) && rest.every((register) => register === first);
  return blank ? image.slice(0, 2) : image;
}

function missing(wire: Wire, ids: readonly number[], map: SunSpecMap): DriversError {
  const details = {
    ...wire.link.target,
    unitId: wire.unitId,
    device: wire.description.id,
    wanted: ids.join(' '),
    found: map.places.map(({ id }) => id).join(' '),
  };
  return new DriversError(
    'DRIVERS_MODEL_MISSING',
    `${wire.description.id} has none of ${details.wanted}`,
    details,
  );
}

/** A rating a device must tell, or nothing can be judged or clamped by it. */
export function rating(wire: Wire, name: string, value: number | undefined): number {
  if (value !== undefined && value > 0) return value;
  const details = { ...wire.link.target, unitId: wire.unitId, device: wire.description.id, point: name };
  throw new DriversError(
    'DRIVERS_POINT_UNAVAILABLE',
    `${wire.description.id} does not tell ${name}`,
    details,
  );
}
